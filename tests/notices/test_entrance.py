"""Invitations and new passwords, as those meet them who cannot sign in (yet), and those who try to."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from cms_core.auth import service as auth
from cms_core.auth.models import AuditEntry, User
from cms_core.clock import FrozenClock
from cms_core.errors import CmsError
from cms_core.notices import invitations, links, resets
from cms_core.notices.models import AccessLink, Mail, MailState, Purpose, ResetRequest
from cms_core.testing.client import FormClient
from cms_core.testing.pages import PASSWORD, app_of, harm_in
from cms_core.workspace import Workspace
from tests.harm import NAUGHTY

from .conftest import Mailbox

Tell = Callable[[], int]
NEW = "a quite new password"
ODD_NAMES = [
    NAUGHTY,
    "Ann\r\nBcc: all@example.com\r\n\r\nbody",
    "\u2028Bcc: x@example.com\u2029",
    "\u202eecila\u202c",
    "{link}\n{link}",
    "=?utf-8?q?=0d=0aBcc:x?=",
    "Jörg 株式会社 \x1b[31m",
    "%s%n{0}{{7*7}}\ud800",
    "x" * 5_000,
]


def row(workspace: Workspace, email: str) -> User:
    with workspace.db.session() as session:
        return auth.find_user(session, email)


def count(workspace: Workspace, model: type) -> int:
    with workspace.db.session() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def invite(
    workspace: Workspace, email: str = "new@example.com", role: str = "marketer"
) -> invitations.Invited:
    with workspace.db.transaction() as session:
        admin = auth.find_user(session, "admin@example.com")
        return invitations.invite(session, workspace, admin, email, role)


def admin_of(visitor: FormClient) -> FormClient:
    assert visitor.sign_in("admin@example.com", PASSWORD).status_code == 303
    return visitor


# --- invitations ------------------------------------------------------------------------------------------------------


def test_who_is_invited_gets_a_mail_chooses_a_password_and_is_in(
    mailing: Workspace, visitor: FormClient, mailbox: Mailbox, tell: Tell
) -> None:
    admin_of(visitor)
    data = {"email": " New@Example.com ", "role": "marketer", "name": "Nora"}
    assert visitor.submit("/app/users/invite", data, "/app/users").status_code == 303
    page = visitor.get("/app/users").text
    assert "new@example.com" in page
    assert "Waiting" in page
    assert tell() == 1
    (mail,) = mailbox.to("new@example.com")
    assert mail["Subject"] == "Admin invites you to cms-core"
    assert str(mail["From"]) == "Acme <cms@acme.test>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content_type() == "text/plain"
    path = mailbox.link("new@example.com")

    visitor.submit("/app/logout", {}, "/app/me")
    door = visitor.get(path)
    assert door.status_code == 200
    assert 'value="Nora"' in door.text
    assert door.headers["Referrer-Policy"] == "no-referrer"
    assert "no-store" in door.headers["Cache-Control"]
    assert visitor.submit(path, {"name": "Nora", "password": "short"}).status_code == 422
    joined = visitor.submit(path, {"name": "Nora N", "password": NEW})
    assert (joined.status_code, joined.headers["Location"]) == (303, "/app/")
    assert visitor.get("/app/me").status_code == 200
    added = row(mailing, "new@example.com")
    assert (added.name, added.role) == ("Nora N", "marketer")
    again = visitor.get(path)
    assert again.status_code == 410
    assert "used already" in again.text
    with mailing.db.session() as session:
        assert session.scalar(select(AuditEntry.user_id).where(AuditEntry.action == "join")) == added.id


def test_an_invitation_is_good_for_seven_days_and_says_so(
    mailing: Workspace, people: dict[str, User], visitor: FormClient, clock: FrozenClock
) -> None:
    with mailing.db.transaction() as session:
        link = session.get_one(AccessLink, invite(mailing).link.id)
        path = links.url_of(mailing, link).removeprefix(mailing.config.base_url)
    clock.at += timedelta(days=7) - timedelta(seconds=1)
    token = visitor.token(path)
    clock.at += timedelta(seconds=1)
    gone = visitor.post(path, data={"name": "", "password": NEW, "csrf_token": token})
    assert gone.status_code == 410
    assert "was good until" in gone.text
    assert "ask whoever invited you" in gone.text.lower()
    assert count(mailing, User) == len(people)


def test_sent_again_only_the_newest_link_is_good_and_taken_back_none_is(
    mailing: Workspace, visitor: FormClient, mailbox: Mailbox, tell: Tell
) -> None:
    admin_of(visitor)
    first = invite(mailing).link
    tell()
    old = mailbox.link("new@example.com")
    assert (
        visitor.submit(f"/app/users/invitations/{first.public_id}/again", {}, "/app/users").status_code == 303
    )
    tell()
    newest = mailbox.link("new@example.com")
    assert visitor.get(old).status_code == 410
    assert visitor.get(newest).status_code == 200
    with mailing.db.session() as session:
        (waiting,) = invitations.waiting(session)
    visitor.submit(f"/app/users/invitations/{waiting.public_id}/revoke", {}, "/app/users")
    assert "taken back" in visitor.get(newest).text
    assert "Waiting" not in visitor.get("/app/users").text


def test_an_invitation_taken_back_before_it_was_sent_is_not_sent(
    mailing: Workspace, people: dict[str, User], mailbox: Mailbox, tell: Tell
) -> None:
    link = invite(mailing).link
    with mailing.db.transaction() as session:
        invitations.revoke(session, session.get_one(AccessLink, link.id))
    assert tell() == 0
    assert mailbox.mails == []
    with mailing.db.session() as session:
        mail = session.scalars(select(Mail)).one()
        assert (mail.state, mail.tries) == (MailState.VOID, 1)


def test_who_is_no_admin_any_more_leaves_no_door_open(
    mailing: Workspace, people: dict[str, User], visitor: FormClient
) -> None:
    with mailing.db.transaction() as session:
        auth.create_user(session, "second@example.com", "", "admin", PASSWORD)
    made = invite(mailing)
    path = links.url_of(mailing, made.link).removeprefix(mailing.config.base_url)
    assert visitor.get(path).status_code == 200
    with mailing.db.transaction() as session:
        auth.disable(session, auth.find_user(session, "admin@example.com"))
    assert visitor.get(path).status_code == 410


def test_without_a_transport_the_link_is_shown_once(workspace: Workspace, people: dict[str, User]) -> None:
    client = app_of(workspace).test_client()
    assert isinstance(client, FormClient)
    admin_of(client)
    page = client.submit("/app/users/invite", {"email": "new@example.com", "role": "rep"}, "/app/users")
    assert page.status_code == 200
    assert "CMS_MAIL_URL" in page.text
    found = re.search(r"http://127\.0\.0\.1:8000(/app/join/[\w-]+)", page.text)
    assert found
    assert "/app/join/" not in client.get("/app/users").text
    assert count(workspace, Mail) == 0
    assert client.submit(found[1], {"name": "", "password": NEW}).status_code == 303
    assert row(workspace, "new@example.com").role == "rep"


@pytest.mark.parametrize(("email", "role", "said"), [
    ("admin@example.com", "rep", "signs in here already"),
    ("no address", "rep", "is not an e-mail address"),
    ("new@example.com", "owner", "there is no role"),
    ("a@b.c\r\nBcc: x@y.z", "rep", "address"),
])  # fmt: skip
def test_what_cannot_be_invited_is_said_and_keeps_what_was_typed(
    mailing: Workspace, visitor: FormClient, email: str, role: str, said: str
) -> None:
    admin_of(visitor)
    answer = visitor.submit("/app/users/invite", {"email": email, "role": role}, "/app/users")
    assert answer.status_code in (409, 422)
    assert said in answer.text
    assert count(mailing, AccessLink) == count(mailing, Mail) == 0


def test_naughty_names_are_names_and_no_headers_and_no_markup(
    mailing: Workspace, visitor: FormClient, mailbox: Mailbox, tell: Tell
) -> None:
    admin_of(visitor)
    for n, text in enumerate(ODD_NAMES):
        with mailing.db.transaction() as session:
            user = auth.find_user(session, "admin@example.com")
            user.name = text.replace("\0", "").encode("utf-8", "replace").decode()[:150]
        invite(mailing, f"new{n}@example.com")
        assert tell() == 1
        (mail,) = mailbox.to(f"new{n}@example.com")
        assert set(mail.keys()) == {
            "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "Content-Type",
            "Content-Transfer-Encoding", "MIME-Version",
        }  # fmt: skip
        assert mail["Subject"].endswith("invites you to cms-core")
        assert len(mail["Subject"].splitlines()) == 1
        page = visitor.get(mailbox.link(f"new{n}@example.com"))
        assert page.status_code == 200
        assert harm_in(page.text) == []


# --- forgotten passwords ----------------------------------------------------------------------------------------------


def test_who_forgot_the_password_gets_a_link_and_all_sessions_end(
    mailing: Workspace, visitor: FormClient, mailbox: Mailbox, tell: Tell
) -> None:
    elsewhere = visitor.application.test_client()
    assert isinstance(elsewhere, FormClient)
    assert elsewhere.sign_in("rep@example.com", PASSWORD).status_code == 303
    assert 'href="/app/forgot"' in visitor.get("/app/login").text
    assert visitor.submit("/app/forgot", {"email": " REP@example.com"}).status_code == 200
    assert tell() == 1
    path = mailbox.link("rep@example.com")
    assert "rep@example.com" in visitor.get(path).text
    done = visitor.submit(path, {"password": NEW})
    assert (done.status_code, done.headers["Location"]) == (303, "/app/login")
    assert elsewhere.get("/app/me").status_code == 303, "sessions of before have ended"
    assert visitor.sign_in("rep@example.com", PASSWORD).status_code == 401
    assert visitor.sign_in("rep@example.com", NEW).status_code == 303
    assert "used already" in visitor.get(path).text
    assert tell() == 1
    assert mailbox.to("rep@example.com")[-1]["Subject"] == "Your password was changed"
    with mailing.db.session() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "reset")).one()
        assert (entry.user_id, entry.subject) == (
            people_id(mailing, "rep"),
            row(mailing, "rep@example.com").public_id,
        )


def people_id(workspace: Workspace, role: str) -> int:
    return row(workspace, f"{role}@example.com").id


def test_known_and_unknown_addresses_get_the_same_answer_by_the_same_statements(
    mailing: Workspace, visitor: FormClient, mailbox: Mailbox, tell: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy import event

    with mailing.db.transaction() as session:
        auth.disable(session, auth.find_user(session, "viewer@example.com"))
    said: list[str] = []
    listening = event.listen(
        mailing.db.engine, "before_cursor_execute", lambda _c, _u, statement, *_: said.append(statement)
    )
    del listening
    hashed: list[str] = []
    monkeypatch.setattr(type(auth.hasher), "hash", lambda _self, secret, **_: hashed.append(secret) or "x")
    seen = []
    token = visitor.token("/app/forgot")
    for email in ("rep@example.com", "viewer@example.com", "nobody@example.com", "no address", "x" * 900):
        said.clear()
        answer = visitor.post("/app/forgot", data={"email": email, "csrf_token": token})
        seen.append(
            (
                answer.status_code,
                re.sub(r'csrf_token" value="[^"]+"', "", answer.text),
                tuple(said),
                len(hashed),
            )
        )
        assert not any("core_user" in each for each in said), "the page knows nothing of users"
        with mailing.db.transaction() as session:
            session.execute(ResetRequest.__table__.delete().where(ResetRequest.address != "rep@example.com"))
    assert len(set(seen)) == 1
    assert tell() == 1
    assert [address for address, _ in mailbox.mails] == ["rep@example.com"]
    assert count(mailing, ResetRequest) == 0


def test_the_link_is_built_from_the_configured_address_whatever_the_browser_says(
    visitor: FormClient, mailbox: Mailbox, tell: Tell
) -> None:
    token = visitor.token("/app/forgot")
    cookie = visitor.get_cookie("cms_session", path="/app")
    assert cookie is not None
    evil = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}
    evil["Cookie"] = f"cms_session={cookie.value}"
    data = {"email": "rep@example.com", "csrf_token": token}
    assert (
        visitor.application.test_client(use_cookies=False)
        .post("/app/forgot", data=data, headers=evil)
        .status_code
        == 200
    )
    tell()
    (mail,) = mailbox.mails
    assert "evil.example" not in mail[1].as_string()
    assert mailbox.link("rep@example.com").startswith("/app/reset/")


def test_asking_is_limited_for_each_address_and_each_browser_and_each_user(
    mailing: Workspace, visitor: FormClient, mailbox: Mailbox, tell: Tell, clock: FrozenClock
) -> None:
    token = visitor.token("/app/forgot")

    def ask(email: str) -> int:
        return visitor.post("/app/forgot", data={"email": email, "csrf_token": token}).status_code

    for known in ("rep@example.com", "nobody@example.com"):
        assert [ask(known) for _ in range(6)] == [200] * 5 + [429], known
    assert [ask(f"u{n}@example.com") for n in range(12)][-1] == 429
    for _ in range(6):  # by other browsers, or after a restart
        with mailing.db.transaction() as session:
            resets.ask(session, "rep@example.com")
        tell()
    assert len(mailbox.to("rep@example.com")) == resets.MOST_LINKS
    clock.at += timedelta(hours=1)
    with mailing.db.transaction() as session:
        resets.ask(session, "rep@example.com")
    assert tell() == 1


def test_a_flood_of_addresses_fills_no_table(
    mailing: Workspace, people: dict[str, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resets, "MOST_WAITING", 10)
    with mailing.db.transaction() as session:
        for n in range(50):
            resets.ask(session, f"u{n}@example.com")
        resets.ask(session, "\0")
    assert count(mailing, ResetRequest) == 10


def test_a_link_for_a_password_ends_after_an_hour_with_a_newer_one_and_with_the_account(
    mailing: Workspace, people: dict[str, User], clock: FrozenClock
) -> None:
    def link() -> AccessLink:
        with mailing.db.transaction() as session:
            return resets.make_link(session, auth.find_user(session, "rep@example.com"), None)

    def trouble(made: AccessLink) -> str:
        with mailing.db.session() as session:
            token = links.url_of(mailing, made).rpartition("/")[2]
            try:
                links.open_link(session, mailing, Purpose.RESET, token)
            except CmsError as error:
                return error.message
        return ""

    first = link()
    second = link()
    assert "replaced by a newer one" in trouble(first)
    assert trouble(second) == ""
    clock.at += timedelta(hours=1)
    assert "was good until" in trouble(second)
    third = link()
    with mailing.db.transaction() as session:
        auth.disable(session, auth.find_user(session, "rep@example.com"))
    assert "disabled" in trouble(third)


def test_a_token_that_was_altered_or_made_for_something_else_opens_nothing(
    mailing: Workspace, people: dict[str, User], visitor: FormClient
) -> None:
    made = invite(mailing).link
    with mailing.db.transaction() as session:
        reset = resets.make_link(session, auth.find_user(session, "rep@example.com"), None)
    join_token = links.url_of(mailing, made).rpartition("/")[2]
    reset_token = links.url_of(mailing, reset).rpartition("/")[2]
    assert visitor.get(f"/app/join/{join_token}").status_code == 200
    bad = [join_token, "", "x", reset_token[:-1], reset_token + "A", "A" * 43, reset_token.swapcase()]
    bad += [
        reset_token[:n] + ("A" if reset_token[n] != "A" else "B") + reset_token[n + 1 :]
        for n in range(0, 43, 5)
    ]
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    bad += [reset_token[:-1] + sign for sign in last if sign != reset_token[-1]]
    with mailing.db.session() as session:
        for token in bad:
            with pytest.raises(CmsError, match="not one of ours"):
                links.open_link(session, mailing, Purpose.RESET, token)
    assert visitor.get(f"/app/reset/{join_token}").status_code == 410


def test_guessing_links_is_slowed_down(visitor: FormClient) -> None:
    answers = [visitor.get(f"/app/reset/{'A' * 40}{n:03}").status_code for n in range(31)]
    assert answers == [410] * 30 + [429]


def test_of_two_who_use_a_link_at_once_one_does(mailing: Workspace, people: dict[str, User]) -> None:
    with mailing.db.transaction() as session:
        link = resets.make_link(session, auth.find_user(session, "rep@example.com"), None)
    with mailing.db.session() as reading:
        seen = reading.get_one(AccessLink, link.id)
        with mailing.db.transaction() as session:
            links.use(session, session.get_one(AccessLink, link.id))
    with mailing.db.transaction() as session, pytest.raises(CmsError, match="used already"):
        links.use(session, seen)


def test_without_a_transport_the_page_says_so_to_everybody_and_admins_are_told(
    workspace: Workspace, people: dict[str, User]
) -> None:
    from cms_core.notices.telling import tell_people

    client = app_of(workspace).test_client()
    assert isinstance(client, FormClient)
    for email in ("rep@example.com", "nobody@example.com"):
        answer = client.submit("/app/forgot", {"email": email})
        assert "Ask an administrator" in answer.text
        assert "on its way" not in answer.text
    tell_people(workspace)
    admin_of(client)
    page = client.get("/app/notices").text
    assert "rep@example.com asked for a new password" in page
    assert "nobody@example.com" not in page
    shown = client.submit(f"/app/users/{people['rep'].public_id}/link", {}, "/app/users")
    found = re.search(r"http://127\.0\.0\.1:8000(/app/reset/[\w-]+)", shown.text)
    assert found
    assert "asked for a new password" not in client.get("/app/notices").text
    assert client.submit(found[1], {"password": NEW}).status_code == 303


def test_the_posts_need_a_token_of_the_form(
    mailing: Workspace, people: dict[str, User], visitor: FormClient
) -> None:
    path = links.url_of(mailing, invite(mailing).link).removeprefix(mailing.config.base_url)
    for address in ("/app/forgot", path):
        assert visitor.post(address, data={"email": "a@b.c", "password": NEW}).status_code == 400
    assert count(mailing, ResetRequest) == 0
    assert count(mailing, User) == len(people)


def test_no_table_holds_what_opens_a_door(mailing: Workspace, people: dict[str, User]) -> None:
    made = invite(mailing).link
    token = links.url_of(mailing, made).rpartition("/")[2]
    with mailing.db.session() as session:
        for model in (AccessLink, Mail, AuditEntry):
            for found in session.execute(select(model.__table__)).mappings():
                assert token not in str(dict(found))
