"""The same by command and over REST."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from cms_core.auth import tokens
from cms_core.auth.models import User
from cms_core.notices import gathering
from cms_core.testing.client import FormClient
from cms_core.testing.pages import PASSWORD, app_of
from cms_core.testing.smtp import Answer, FaultySmtp
from cms_core.workspace import Workspace

from . import raised
from .conftest import Mailbox

Cms = Callable[..., Result]


@pytest.fixture
def started(cms: Cms, tmp_path: Path) -> Cms:
    cms("init", str(tmp_path / "ws"), "--admin-email", "boss@example.com", "--admin-password", "long enough")
    return cms


def test_commands_invite_list_take_back_and_make_links_without_mail(started: Cms) -> None:
    made = json.loads(started("users", "invite", "Ann@Example.com", "--role", "marketer", "--json").stdout)
    assert (made["email"], made["role"], made["state"], made["mailed"]) == (
        "ann@example.com",
        "marketer",
        "open",
        False,
    )
    assert made["link"].startswith("http://127.0.0.1:8000/app/join/")
    shown = started("users", "invite", "ann@example.com", "--role", "rep")
    assert shown.stdout.startswith("http://127.0.0.1:8000/app/join/")
    assert "CMS_MAIL_URL" in shown.stderr
    (waiting,) = json.loads(started("users", "invitations", "--json").stdout)
    assert (waiting["role"], waiting["invited_by"]) == ("rep", "boss@example.com")
    assert "link" not in waiting
    assert started("users", "uninvite", "ann@example.com").exit_code == 0
    assert json.loads(started("users", "invitations", "--json").stdout) == []
    assert started("users", "uninvite", "ann@example.com").exit_code == 1
    link = started("users", "reset-link", "boss@example.com")
    assert link.stdout.startswith("http://127.0.0.1:8000/app/reset/")
    assert started("users", "reset-link", "nobody@example.com").exit_code == 1
    assert json.loads(started("mail", "status", "--json").stdout)["configured"] is False
    assert "CMS_MAIL_URL" in started("mail", "status").stdout
    assert started("mail", "test", "a@example.com").exit_code == 3


def test_commands_send_and_list_mail(started: Cms, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CMS_MAIL_URL", f"smtp://127.0.0.1:{mailbox.port}?security=none")
    monkeypatch.setenv("CMS_MAIL_FROM", "cms@acme.test")
    assert started("mail", "test", "ann@example.com").exit_code == 0
    made = json.loads(started("users", "invite", "new@example.com", "--role", "rep", "--json").stdout)
    assert (made["mailed"], made["link"]) == (True, None)
    assert started("worker", "--until-idle").exit_code == 0
    assert [address for address, _ in mailbox.mails] == ["ann@example.com", "new@example.com"]
    rows = json.loads(started("mail", "list", "--json").stdout)
    assert [(row["purpose"], row["state"]) for row in rows] == [("invitation", "sent"), ("test", "sent")]
    assert "body" not in rows[0]
    assert started("mail", "again", rows[0]["id"]).exit_code == 1
    assert json.loads(started("notices", "list", "--json").stdout) == []
    assert started("notices", "read", "--all").stdout == "0 marked as read\n"
    assert started("notices", "read").exit_code == 1
    monkeypatch.setenv("CMS_MAIL_URL", "smtp://u:secret@")
    refused = started("mail", "status", "--json")
    assert refused.exit_code == 3
    assert "secret" not in refused.output


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        ("451 4.7.1 later", 75, "tried again: 4.7.1 later"),
        ("550 5.1.1 nobody", 6, "was not sent: 5.1.1 nobody"),
    ],
)
def test_a_test_that_waits_for_the_server_says_that_it_is_tried_again(
    started: Cms, monkeypatch: pytest.MonkeyPatch, answer: str, code: int, words: str
) -> None:
    monkeypatch.setenv("CMS_MAIL_FROM", "cms@acme.test")
    with FaultySmtp(answers={"RCPT": [Answer(answer)]}) as server:
        monkeypatch.setenv("CMS_MAIL_URL", f"smtp://127.0.0.1:{server.port}?security=none")
        result = started("mail", "test", "ann@example.com")
    assert result.exit_code == code
    assert words in result.output


def test_rest_invites_and_tells(mailing: Workspace, people: dict[str, User], mailbox: Mailbox) -> None:
    client = app_of(mailing).test_client()

    def head(role: str) -> dict[str, str]:
        with mailing.db.transaction() as session:
            user = session.get_one(User, people[role].id)
            return {"Authorization": f"Bearer {tokens.add(session, mailing.plugins, user, user)[1]}"}

    admin, marketer = head("admin"), head("marketer")
    invitation = {"email": "new@example.com", "role": "rep"}
    assert client.post("/api/v1/users/invitations", json=invitation, headers=marketer).status_code == 403
    made = client.post("/api/v1/users/invitations", json=invitation, headers=admin)
    assert made.status_code == 201
    assert (made.json["mailed"], made.json["link"]) == (True, None)
    assert (
        client.post("/api/v1/users/invitations", json={**invitation, "id": 1}, headers=admin).status_code
        == 422
    )
    gone = client.post(f"/api/v1/users/invitations/{made.json['id']}/revoke", headers=admin)
    assert gone.json["state"] == "revoked"
    link = client.post("/api/v1/users/reset-links", json={"email": "rep@example.com"}, headers=admin)
    assert link.json["link"].startswith("http://127.0.0.1:8000/app/reset/")
    assert (
        client.post("/api/v1/mail/test", json={"email": "a@example.com"}, headers=admin).json["state"]
        == "sent"
    )
    assert client.get("/api/v1/mail", headers=admin).json["configured"] is True
    assert len(client.get("/api/v1/mail/log", headers=admin).json["items"]) == 2
    raised.publication(mailing)
    raised.review(mailing)
    gathering.gather(mailing)
    (mine,) = client.get("/api/v1/notices", headers=marketer).json["items"]
    assert (mine["kind"], mine["read"]) == ("failed", False)
    assert client.post(f"/api/v1/notices/{mine['id']}/read", headers=marketer).json["read"] is True
    assert client.post("/api/v1/notices/read", headers=marketer).json == {"read": 0}
    assert client.post("/api/v1/notices/read", headers=admin).json == {"read": 2}


def test_a_token_sees_the_notices_that_its_scopes_reach(mailing: Workspace, people: dict[str, User]) -> None:
    client = app_of(mailing).test_client()
    raised.publication(mailing)
    gathering.gather(mailing)

    def head(*scopes: str) -> dict[str, str]:
        with mailing.db.transaction() as session:
            user = session.get_one(User, people["marketer"].id)
            made = tokens.add(session, mailing.plugins, user, user, scopes=scopes)
            return {"Authorization": f"Bearer {made[1]}"}

    (shown,) = client.get("/api/v1/notices", headers=head("publishing:write")).json["items"]
    narrow = head("content:read")
    assert client.get("/api/v1/notices", headers=narrow).json["items"] == []
    assert client.post(f"/api/v1/notices/{shown['id']}/read", headers=narrow).status_code == 404
    assert client.post("/api/v1/notices/read", headers=narrow).json == {"read": 0}
    assert client.post("/api/v1/notices/read", headers=head("publishing:write")).json == {"read": 1}


def test_the_page_of_mail_shows_the_log_and_sends_a_test(
    mailing: Workspace, visitor: FormClient, mailbox: Mailbox
) -> None:
    assert visitor.sign_in("admin@example.com", PASSWORD).status_code == 303
    assert "Nothing was sent yet" in visitor.get("/app/mail").text
    assert visitor.submit("/app/mail/test", {}, "/app/mail").status_code == 303
    page = visitor.get("/app/mail").text
    assert "The mail server took a mail" in page
    assert "A test of cms-core" in page
    assert [address for address, _ in mailbox.mails] == ["admin@example.com"]


def test_the_page_of_mail_says_what_to_do_where_there_is_none(
    workspace: Workspace, people: dict[str, User]
) -> None:
    client = app_of(workspace).test_client()
    assert isinstance(client, FormClient)
    assert client.sign_in("admin@example.com", PASSWORD).status_code == 303
    assert "CMS_MAIL_URL=smtp://" in client.get("/app/mail").text
    assert client.submit("/app/mail/test", {}, "/app/mail").status_code == 409
