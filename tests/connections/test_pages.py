"""Pages of connections and plugins: generated forms round trip, secrets never come back, faults stand under their plugin."""

import logging
import re
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import text

from cms_core import NotConnected
from cms_core.connections import service
from cms_core.connections.models import Connection, PluginSettings
from cms_core.connections.settings import load_settings
from cms_core.testing.client import FormClient
from cms_core.workspace import Workspace

from .conftest import PASSWORD
from .formreader import shown_values
from .toys import ToyChannel

NEW = "/app/connections/new/toy"
PLUGIN = "/app/plugins/toy-box"


def stored(workspace: Workspace, name: str = "main") -> Connection:
    with workspace.db.session() as session:
        return service.find(session, "toy", name)


def test_an_account_is_added_by_the_generated_form(admin: FormClient, workspace: Workspace) -> None:
    page = admin.get(NEW).text
    for name in ("connection_name", "host", "port", "security", "retry", "domains", "token", "spare"):
        assert f'name="{name}"' in page
    data = {"connection_name": "main", "host": "h.example", "port": "26", "security": "tls", "retry": "1"}
    data |= {"domains": "a.example\r\nb.example", "token": "canary-1"}
    assert admin.submit(NEW, data).status_code == 303

    found = stored(workspace)
    assert found.settings == {
        "host": "h.example",
        "port": 26,
        "security": "tls",
        "retry": True,
        "domains": ["a.example", "b.example"],
    }
    assert service.credentials(workspace.vault, found) == {"token": "canary-1"}
    listed = admin.get("/app/connections").text
    assert "Not tested yet" in listed
    assert "canary" not in listed


def test_saving_the_form_as_it_is_shown_changes_nothing(
    admin: FormClient, workspace: Workspace, connection: Connection
) -> None:
    url = f"/app/connections/{connection.public_id}"
    page = admin.get(url).text
    assert "canary" not in page
    assert admin.submit(url, shown_values(page)).status_code == 303

    after = stored(workspace)
    assert (after.settings, after.secrets, after.row_version) == (
        connection.settings,
        connection.secrets,
        connection.row_version,
    )


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"port": "many"}, "Not a valid integer"),
        ({"host": ""}, "Fill this in."),
        ({"token": ""}, "Fill this in."),
        ({"connection_name": "a:b"}, "cannot be the name"),
        ({"connection_name": ""}, "cannot be the name"),
        ({"nonsense": "1"}, "nonsense: Unknown field"),
    ],
)
def test_what_cannot_be_used_is_shown_at_its_field_and_saves_nothing(
    admin: FormClient, workspace: Workspace, data: dict[str, str], words: str
) -> None:
    good = {"connection_name": "main", "host": "typed.example", "security": "none", "token": "canary-typed"}
    answer = admin.submit(NEW, good | data)

    assert answer.status_code == 422
    assert words in answer.text
    assert "canary" not in answer.text
    assert data.get("host") == "" or "typed.example" in answer.text
    with workspace.db.session() as session:
        assert service.listing(session) == []


def test_an_edit_that_cannot_be_used_changes_nothing(
    admin: FormClient, workspace: Workspace, connection: Connection
) -> None:
    url = f"/app/connections/{connection.public_id}"
    answer = admin.submit(url, {"host": "other.example", "port": "0", "security": "none"})
    assert answer.status_code == 422
    assert "canary" not in answer.text
    assert stored(workspace).settings["host"] == "mail.example"


def test_a_stored_secret_that_is_not_required_can_be_removed(admin: FormClient, workspace: Workspace) -> None:
    data = {"connection_name": "main", "host": "h", "security": "none", "token": "t-1", "spare": "canary-2"}
    admin.submit(NEW, data)
    url = f"/app/connections/{stored(workspace).public_id}"
    admin.submit(url, {"host": "h", "security": "none"})
    assert service.credentials(workspace.vault, stored(workspace)) == {"token": "t-1", "spare": "canary-2"}
    admin.submit(url, {"host": "h", "security": "none", "clear-spare": "1"})
    assert service.credentials(workspace.vault, stored(workspace)) == {"token": "t-1"}


def test_a_test_says_who_we_are_and_a_no_says_why(
    admin: FormClient, workspace: Workspace, connection: Connection, channel: ToyChannel
) -> None:
    url = f"/app/connections/{connection.public_id}/test"
    answer = admin.submit(url, {"next": PLUGIN}, "/app/connections")
    assert answer.headers["Location"] == PLUGIN
    assert "main works: toy user" in admin.get(PLUGIN).text

    def wrong(_link: object) -> None:
        raise NotConnected("the <token> expired")

    channel.answer = wrong
    assert (
        admin.submit(url, {"next": "//evil.example"}, "/app/connections").headers["Location"]
        == "/app/connections"
    )
    page = admin.get("/app/connections").text
    assert "Needs reconnecting" in page
    assert "the &lt;token&gt; expired" in page
    assert "has to be connected again" in admin.get(PLUGIN).text


def test_the_remote_is_asked_outside_any_transaction_of_the_page(
    admin: FormClient, workspace: Workspace, connection: Connection, channel: ToyChannel
) -> None:
    def answer(_link: object) -> object:
        with workspace.db.transaction() as session:
            session.execute(text("update core_user set name = 'written meanwhile'"))
        return ToyChannel().answer(None)  # type: ignore[arg-type]

    channel.answer = answer
    admin.submit(f"/app/connections/{connection.public_id}/test", {}, "/app/connections")
    assert stored(workspace).state == "ok"


def test_an_account_whose_channel_is_gone_is_still_listed(
    admin: FormClient, workspace: Workspace, connection: Connection
) -> None:
    with workspace.db.transaction() as session:
        session.get_one(Connection, connection.id).channel = "gone"
    page = admin.get("/app/connections")
    assert page.status_code == 200
    assert "Package missing" in page.text
    assert admin.get(f"/app/connections/{connection.public_id}").status_code == 404


def test_the_page_of_a_plugin_shows_state_accounts_settings_and_what_it_adds(
    admin: FormClient, connection: Connection
) -> None:
    page = admin.get(PLUGIN).text

    assert "1.2.3" in page
    assert "main" in page
    assert "Posts an hour" in page
    assert 'value="12"' in page
    assert "register_channels, register_settings" in page
    assert "cms plugins check toy-box" in page
    assert "Toy panel" in page
    assert "Broken panel" not in page
    assert "TemplateNotFound" in admin.get(PLUGIN).text


def test_settings_are_saved_by_the_generated_form_and_round_trip(
    admin: FormClient, workspace: Workspace
) -> None:
    data = {
        "per_hour": "20",
        "quiet_from": "20:00",
        "domains": "a\r\nb",
        "api_secret": "canary-3",
        "site": "https://e.example",
    }
    assert admin.submit(PLUGIN, data).status_code == 303
    page = admin.get(PLUGIN).text
    assert "canary" not in page

    def loaded() -> dict[str, object]:
        with workspace.db.session() as session:
            return load_settings(session, workspace.vault, workspace.plugins, {}, "toy-box")

    first = loaded()
    assert (first["per_hour"], first["utm"], first["api_secret"]) == (20, False, "canary-3")
    again = shown_values(page)
    assert (again["per_hour"], again["api_secret"]) == ("20", "")
    assert "utm" not in again
    assert admin.submit(PLUGIN, again).status_code == 303
    assert loaded() == first


def test_settings_that_cannot_be_used_are_shown_again_with_the_reason(
    admin: FormClient, workspace: Workspace
) -> None:
    answer = admin.submit(PLUGIN, {"per_hour": "0", "site": "https://e.example", "api_secret": "canary-4"})
    assert answer.status_code == 422
    assert "Must be greater than or equal to 1" in answer.text
    assert "canary" not in answer.text
    with workspace.db.session() as session:
        assert session.get(PluginSettings, "toy-box") is None


def test_what_the_environment_fixes_is_locked_and_named(
    app: Flask, admin: FormClient, workspace: Workspace
) -> None:
    environ = {"CMS_TOY_BOX_PER_HOUR": "33", "CMS_TOY_BOX_API_SECRET": "canary-env"}
    app.extensions["cms"] = replace(workspace, config=replace(workspace.config, environ=environ))
    page = admin.get(PLUGIN).text
    assert "Set by CMS_TOY_BOX_PER_HOUR" in page
    assert "Set by CMS_TOY_BOX_API_SECRET" in page
    assert 'value="33"' in page
    assert "canary" not in page

    assert admin.submit(PLUGIN, {"per_hour": "7", "site": "https://e.example"}).status_code == 303
    with workspace.db.session() as session:
        row = session.get_one(PluginSettings, "toy-box")
        assert "per_hour" not in row.data
        assert row.secrets == ""


def test_a_wrong_value_of_the_environment_is_shown_and_loses_nothing(
    app: Flask, admin: FormClient, workspace: Workspace
) -> None:
    admin.submit(PLUGIN, {"per_hour": "20", "site": "https://e.example", "api_secret": "canary-5"})
    app.extensions["cms"] = replace(
        workspace, config=replace(workspace.config, environ={"CMS_TOY_BOX_PER_HOUR": "0"})
    )
    page = admin.get(PLUGIN)
    assert page.status_code == 200
    assert "Must be greater than or equal to 1" in page.text
    assert "A value is stored" in page.text


def test_a_fault_of_a_plugin_is_shown_under_its_name_with_its_trace(
    admin: FormClient, workspace: Workspace
) -> None:
    workspace.plugins.review_content(None, [])  # type: ignore[arg-type]
    page = admin.get(PLUGIN).text
    assert "What went wrong lately" in page
    assert "RuntimeError: the review is broken" in page
    assert "Traceback" in page


def test_an_unknown_plugin_or_account_is_not_there(admin: FormClient) -> None:
    assert admin.get("/app/plugins/nothing").status_code == 404
    assert admin.get("/app/plugins/core").status_code == 404
    assert admin.get("/app/connections/nothing").status_code == 404
    assert admin.get("/app/connections/new/nothing").status_code == 404


def test_only_admins_see_accounts_and_plugins(app: Flask, connection: Connection) -> None:
    client = app.test_client()
    assert isinstance(client, FormClient)
    client.sign_in("marketer@example.com", PASSWORD)
    one = f"/app/connections/{connection.public_id}"
    for url in ("/app/connections", one, NEW, "/app/plugins", PLUGIN):
        assert client.get(url).status_code == 403
    for url in (one, f"{one}/test", NEW, PLUGIN):
        assert client.submit(url, {}, "/app/me").status_code == 403


@pytest.mark.parametrize("url", ["/app/connections", NEW, "/app/plugins", PLUGIN])
def test_pages_carry_no_inline_style_or_script(admin: FormClient, connection: Connection, url: str) -> None:
    answer = admin.get(url)
    assert answer.status_code == 200
    assert not re.search(r"<script(?![^>]*src=)|\sstyle=|\son\w+=", answer.text)


def test_no_secret_and_no_password_gets_into_a_log(
    app: Flask, workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    client = app.test_client()
    assert isinstance(client, FormClient)
    with caplog.at_level(logging.DEBUG):
        client.sign_in("admin@example.com", "canary-wrong-password")
        client.sign_in("admin@example.com", PASSWORD)
        client.submit(NEW, {"connection_name": "main", "host": "h", "security": "none", "token": "canary-1"})
        client.submit(NEW, {"connection_name": "main", "host": "h", "security": "none", "token": "canary-2"})
        client.submit(f"/app/connections/{stored(workspace).public_id}/test", {}, "/app/connections")
        client.submit(PLUGIN, {"site": "no address", "api_secret": "canary-3"})
        client.submit(PLUGIN, {"site": "https://e.example", "api_secret": "canary-4"})

    assert "canary" not in caplog.text
    assert PASSWORD not in caplog.text
    assert "canary" not in repr(workspace)
    with workspace.db.session() as session:
        rows = session.execute(text("select changes from core_audit")).all()
    assert len(rows) >= 4
    assert "canary" not in str(rows)
