"""Webhooks over REST, by command and in the app."""

import json
import re
from collections.abc import Callable
from pathlib import Path

from click.testing import Result

from cms_core.auth import tokens
from cms_core.auth.models import User
from cms_core.testing.client import FormClient
from cms_core.testing.pages import app_of
from cms_core.webhooks.sending import tell_webhooks
from cms_core.workspace import Workspace

from .conftest import Receiver


def test_rest_adds_tries_lists_changes_and_removes(
    workspace: Workspace, people: dict[str, User], receiver: Receiver, happen: Callable[..., None]
) -> None:
    with workspace.db.transaction() as session:
        admin = session.get_one(User, people["admin"].id)
        _, token = tokens.add(session, workspace.plugins, admin, admin)
    client = app_of(workspace).test_client()
    head = {"Authorization": f"Bearer {token}"}
    made = client.post("/api/v1/webhooks", json={"url": receiver.url, "kinds": ["clicked"]}, headers=head)
    assert made.status_code == 201
    assert made.json["secret"].startswith("whsec_")
    assert (
        client.post("/api/v1/webhooks", json={"url": receiver.url, "kinds": ["x"]}, headers=head).status_code
        == 422
    )
    one = f"/api/v1/webhooks/{made.json['id']}"
    assert "secret" not in client.get(one, headers=head).json
    ping = client.post(f"{one}/test", headers=head).json
    assert (ping["kind"], ping["state"], ping["status"]) == ("ping", "delivered", 200)
    happen("clicked")
    tell_webhooks(workspace)
    listed = client.get(f"{one}/messages?state=delivered", headers=head).json["items"]
    assert [each["kind"] for each in listed] == ["ping", "clicked"]
    again = client.post(f"{one}/messages/{listed[1]['id']}/resend", headers=head)
    assert again.json["state"] == "pending"
    tell_webhooks(workspace)
    assert [json.loads(body)["type"] for _, body in receiver.got] == ["ping", "clicked", "clicked"]
    version = {**head, "If-Match": client.get(one, headers=head).headers["ETag"]}
    off = client.patch(one, json={"disabled": True}, headers=version)
    assert (off.json["state"], off.status_code) == ("disabled", 200)
    assert client.post(f"{one}/messages/{listed[1]['id']}/resend", headers=head).status_code == 409
    assert client.delete(one, headers=version).status_code == 412
    assert client.delete(one, headers={**head, "If-Match": "*"}).status_code == 200
    assert client.get(one, headers=head).status_code == 404


def test_commands_add_try_list_and_remove(
    cms: Callable[..., Result], tmp_path: Path, receiver: Receiver
) -> None:
    cms("init", str(tmp_path / "ws"), "--admin-email", "a@example.com", "--admin-password", "long enough")
    made = json.loads(cms("webhooks", "add", receiver.url, "--kind", "clicked", "--json").stdout)
    assert set(made) >= {"id", "url", "kinds", "state", "secret"}
    assert json.loads(cms("webhooks", "test", made["id"], "--json").stdout)["state"] == "delivered"
    (listed,) = json.loads(cms("webhooks", "list", "--json").stdout)
    assert (listed["id"], listed["state"]) == (made["id"], "active")
    (message,) = json.loads(cms("webhooks", "messages", made["id"], "--json").stdout)
    assert (
        json.loads(cms("webhooks", "resend", made["id"], message["id"], "--json").stdout)["state"]
        == "pending"
    )
    assert json.loads(cms("webhooks", "enable", made["id"], "--json").stdout)["state"] == "active"
    assert cms("webhooks", "remove", made["id"]).exit_code == 0
    assert cms("webhooks", "test", made["id"], "--json").exit_code == 1
    refused = cms("webhooks", "add", "http://10.0.0.1/", "--json")
    assert (refused.exit_code, set(json.loads(refused.stdout)["error"])) == (1, {"message", "remedy"})


def test_pages_add_try_switch_and_delete(
    as_role: Callable[[str], FormClient],
    workspace: Workspace,
    receiver: Receiver,
    happen: Callable[..., None],
) -> None:
    browser = as_role("admin")
    page = browser.submit("/app/webhooks", {"url": receiver.url, "kinds": "clicked"})
    assert page.status_code == 200
    assert re.search(r'id="secret"[^>]*>whsec_', page.text)
    found = re.search(r"/app/webhooks/([0-9a-f-]{36})/test", page.text)
    assert found
    one = f"/app/webhooks/{found[1]}"
    assert browser.submit(f"{one}/test", {}, one).status_code == 303
    assert "The ping was taken" in browser.get(one).text
    happen("clicked")
    tell_webhooks(workspace)
    shown = browser.get(one).text
    assert "webhook-signature" in shown
    assert "Send again" in shown
    for what, state in (("disable", "Disabled"), ("enable", "Active")):
        assert browser.submit(f"{one}/{what}", {}, one).status_code == 303
        assert state in browser.get("/app/webhooks").text
    assert browser.submit(f"{one}/remove", {}, one).status_code == 303
    assert browser.get(one).status_code == 404
    bad = browser.submit("/app/webhooks", {"url": "http://10.0.0.1/<script>"})
    assert bad.status_code == 422
    assert "<script>" not in bad.text
