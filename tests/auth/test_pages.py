"""Signing in, staying signed in and people, as a browser or an attacker sees them."""

import re
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from cms_core.auth import service
from cms_core.auth.models import AuditEntry, User
from cms_core.testing.client import FormClient
from cms_core.web.session import safe_next
from cms_core.workspace import Workspace

from .conftest import PASSWORD

PAGES = ["/app/me", "/app/users", "/app/audit"]


def row(workspace: Workspace, email: str) -> User:
    with workspace.db.session() as session:
        return service.find_user(session, email)


# --- in and out -----------------------------------------------------------------------------------------------------------


def test_a_script_signs_in_by_the_form_and_gets_where_it_wanted(browser: FormClient) -> None:
    asked = browser.get("/app/users?x=1")
    assert asked.status_code == 303
    assert asked.headers["Location"] == "/app/login?next=/app/users?x%3D1"
    page = browser.get(asked.headers["Location"])
    assert 'name="email"' in page.text
    assert 'name="password"' in page.text

    answer = browser.sign_in("Admin@Example.com", PASSWORD, next="/app/users?x=1")
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/app/users?x=1"
    assert browser.get("/app/users").status_code == 200


def test_who_is_signed_in_need_not_sign_in_again(as_admin: FormClient) -> None:
    assert as_admin.get("/app/login?next=/app/me").headers["Location"] == "/app/me"


@pytest.mark.parametrize(
    "email", ["admin@example.com", "nobody@example.com", "off@example.com", "<script>@x"]
)
def test_a_wrong_sign_in_gets_the_same_answer_whoever_it_is(
    browser: FormClient, workspace: Workspace, email: str
) -> None:
    with workspace.db.transaction() as session:
        off = service.create_user(session, "off@example.com", "", "viewer", PASSWORD)
        service.disable(session, off)
    expected = browser.sign_in("someone@example.com", "canary-typed")
    answer = browser.sign_in(email, "canary-typed")

    assert answer.status_code == expected.status_code == 401
    assert _without_address(answer.text) == _without_address(expected.text)
    assert "canary-typed" not in answer.text
    assert "<script>@x" not in answer.text


@pytest.mark.parametrize(
    "email", ["", "\0", "a\0b@example.com", "x" * 100_000, "\u202e@example.com", "' or 1=1 --", "\r\nx: y"]
)
def test_odd_input_is_a_wrong_sign_in_and_nothing_else(browser: FormClient, email: str) -> None:
    answer = browser.sign_in(email, email)
    assert answer.status_code == 401
    assert browser.get("/app/me").status_code == 303


def test_an_address_signs_in_however_it_is_typed(browser: FormClient, workspace: Workspace) -> None:
    with workspace.db.transaction() as session:
        service.create_user(session, "jörg@bücher.example", "", "rep", PASSWORD)
    assert browser.sign_in(" Jo\u0308RG@bücher.example", PASSWORD).status_code == 303


def _without_address(html: str) -> str:
    return re.sub(r'value="[^"]*"', "", html)


@pytest.mark.parametrize("path", ["/app/login", "/app/me", "/app/users", "/app/logout", "/app/theme"])
def test_a_change_without_token_is_refused(as_admin: FormClient, path: str) -> None:
    data = {"email": "admin@example.com", "password": PASSWORD}
    assert as_admin.post(path, data=data).status_code == 400
    assert as_admin.post(path, data={**data, "csrf_token": "forged"}).status_code == 400
    assert as_admin.post(path, json=data).status_code == 400


def test_the_token_of_another_session_is_refused(app: Flask, as_admin: FormClient) -> None:
    other = app.test_client()
    assert isinstance(other, FormClient)
    token = other.token("/app/login")
    assert as_admin.post("/app/logout", data={"csrf_token": token}).status_code == 400


def test_outside_the_app_there_is_neither_session_nor_token(as_admin: FormClient) -> None:
    cookie = as_admin.get_cookie("cms_session", path="/app")
    assert cookie is not None
    assert cookie.path == "/app"
    assert cookie.http_only
    assert as_admin.post("/outside").status_code == 200


def test_a_session_planted_before_the_sign_in_is_worth_nothing_after_it(
    app: Flask, browser: FormClient
) -> None:
    planted_token = browser.token("/app/login")
    planted = browser.get_cookie("cms_session", path="/app")
    assert planted is not None
    browser.sign_in("admin@example.com", PASSWORD)

    attacker = app.test_client()
    attacker.set_cookie("cms_session", planted.value, path="/app")
    assert attacker.get("/app/me").status_code == 303
    assert browser.post("/app/logout", data={"csrf_token": planted_token}).status_code == 400
    after = browser.get_cookie("cms_session", path="/app")
    assert after is not None
    assert after.value != planted.value


def test_a_copied_cookie_dies_with_the_sign_out(app: Flask, as_admin: FormClient) -> None:
    cookie = as_admin.get_cookie("cms_session", path="/app")
    assert cookie is not None
    thief = app.test_client()
    thief.set_cookie("cms_session", cookie.value, path="/app")
    assert thief.get("/app/me").status_code == 200

    assert as_admin.submit("/app/logout", {}, "/app/me").headers["Location"] == "/app/login"
    assert as_admin.get("/app/me").status_code == 303
    thief.set_cookie("cms_session", cookie.value, path="/app")
    assert thief.get("/app/me").status_code == 303


@pytest.mark.parametrize(
    "change",
    [
        lambda session, user: service.set_password(session, user, "another password"),
        lambda session, user: service.change_role(session, user, "rep"),
        service.disable,
    ],
    ids=["password", "role", "disabled"],
)
def test_sessions_end_when_password_role_or_state_change(
    browser: FormClient, workspace: Workspace, change: object
) -> None:
    browser.sign_in("viewer@example.com", PASSWORD)
    assert browser.get("/app/me").status_code == 200
    with workspace.db.transaction() as session:
        change(session, service.find_user(session, "viewer@example.com"))  # type: ignore[operator]

    assert browser.get("/app/me").status_code == 303
    assert browser.submit("/app/me", {}, "/app/login").status_code == 303


def test_a_session_ends_after_twelve_idle_hours_and_lives_on_by_use(browser: FormClient) -> None:
    with time_machine.travel("2026-05-04T07:00:00Z", tick=False) as traveller:
        browser.sign_in("viewer@example.com", PASSWORD)
        for _ in range(3):
            traveller.shift(timedelta(hours=11))
            assert browser.get("/app/me").status_code == 200
        cookie = browser.get_cookie("cms_session", path="/app")
        assert cookie is not None
        traveller.shift(timedelta(hours=12, minutes=1))
        browser.set_cookie("cms_session", cookie.value, path="/app")
        assert browser.get("/app/me").status_code == 303


EVIL = [
    "//evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "https:evil.example",
    "https://evil.example/app/",
    "/%09/evil.example",
    "\t//evil.example",
    "/\t/evil.example",
    "javascript:alert(1)",
    "http://host@evil.example",
    "/app/..//evil.example\\",
    "/application",
    "@evil.example",
    "/app\r\nSet-Cookie: a=b",
    "",
]


@pytest.mark.parametrize("target", EVIL)
def test_nobody_is_led_away_by_next(browser: FormClient, target: str) -> None:
    assert safe_next(target) == "/app/"
    assert browser.sign_in("viewer@example.com", PASSWORD, next=target).headers["Location"] == "/app/"
    assert browser.get("/app/login", query_string={"next": target}).headers["Location"] == "/app/"


def test_a_host_header_leads_nobody_away(browser: FormClient) -> None:
    answer = browser.get("/app/users", headers={"Host": "evil.example"})
    assert answer.headers["Location"].startswith("/app/login")


def test_guessing_one_account_is_slowed_down_and_others_still_get_in(browser: FormClient) -> None:
    for _ in range(5):
        assert browser.sign_in("admin@example.com", "a guess").status_code == 401
    refused = browser.sign_in("ADMIN@example.com ", PASSWORD)

    assert refused.status_code == 429
    assert "Too many tries" in refused.text
    assert browser.sign_in("viewer@example.com", PASSWORD).status_code == 303


def test_guessing_many_accounts_from_one_address_is_slowed_down(browser: FormClient) -> None:
    answers = [browser.sign_in(f"user{n}@example.com", "a guess").status_code for n in range(21)]

    assert answers == [401] * 20 + [429]


def test_sign_ins_that_succeed_are_not_limited(app: Flask) -> None:
    for _ in range(25):
        client = app.test_client()
        assert isinstance(client, FormClient)
        assert client.sign_in("viewer@example.com", PASSWORD).status_code == 303


@pytest.mark.parametrize("header", ["X-Requested-With", "HX-Request"])
def test_a_script_of_a_page_is_told_that_the_session_ended(browser: FormClient, header: str) -> None:
    assert browser.get("/app/me", headers={header: "poll"}).status_code == 401
    assert browser.get("/app/me", headers={"Accept": "application/json"}).status_code == 401


def test_pages_that_do_not_exist_tell_nothing_to_strangers(browser: FormClient) -> None:
    assert browser.get("/app/no/such/page").status_code == 303
    assert browser.get("/app").status_code in (303, 308)
    with browser.get("/app/static/app.css") as style:
        assert style.status_code == 200


# --- people ---------------------------------------------------------------------------------------------------------------


def test_an_admin_adds_somebody_who_can_sign_in(app: Flask, as_admin: FormClient) -> None:
    data = {"email": "New@example.com", "name": "<b>New</b>", "role": "approver", "password": "canary-new-1"}
    assert as_admin.submit("/app/users", data, "/app/users").status_code == 303
    page = as_admin.get("/app/users").text
    assert "new@example.com" in page
    assert "<b>New</b>" not in page

    other = app.test_client()
    assert isinstance(other, FormClient)
    assert other.sign_in("new@example.com", "canary-new-1").status_code == 303


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"email": "nonsense", "role": "rep", "password": PASSWORD}, "is not an e-mail address"),
        ({"email": "rep@example.com", "role": "rep", "password": PASSWORD}, "already"),
        ({"email": "a@example.com", "role": "root", "password": PASSWORD}, "Must be one of"),
        ({"email": "a@example.com", "role": "rep", "password": "canary1"}, "between 8 and 256"),
        (
            {"email": "a@example.com", "role": "rep", "password": PASSWORD, "session_epoch": "7"},
            "Unknown field",
        ),
    ],
)
def test_a_form_that_cannot_be_used_saves_nothing_and_says_why(
    as_admin: FormClient, workspace: Workspace, data: dict[str, str], words: str
) -> None:
    answer = as_admin.submit("/app/users", data, "/app/users")

    assert answer.status_code in (409, 422)
    assert words in answer.text
    assert "canary" not in answer.text
    with workspace.db.session() as session:
        assert len(service.users(session)) == 5


def test_an_admin_changes_role_state_and_password_of_others(
    as_admin: FormClient, workspace: Workspace
) -> None:
    found = row(workspace, "rep@example.com")
    base = f"/app/users/{found.public_id}"
    assert as_admin.submit(f"{base}/role", {"role": "viewer"}, "/app/users").status_code == 303
    assert as_admin.submit(f"{base}/password", {"password": "canary-reset"}, "/app/users").status_code == 303
    assert as_admin.submit(f"{base}/disable", {}, "/app/users").status_code == 303
    changed = row(workspace, "rep@example.com")
    assert (changed.role, changed.disabled_at is None, changed.session_epoch) == ("viewer", False, 4)
    assert as_admin.submit(f"{base}/enable", {}, "/app/users").status_code == 303
    assert row(workspace, "rep@example.com").disabled_at is None
    assert as_admin.submit("/app/users/unknown/role", {"role": "viewer"}, "/app/users").status_code == 404


def test_the_only_admin_cannot_shut_themselves_out(as_admin: FormClient, workspace: Workspace) -> None:
    base = f"/app/users/{row(workspace, 'admin@example.com').public_id}"
    assert as_admin.submit(f"{base}/disable", {}, "/app/users").status_code == 422
    assert as_admin.get("/app/me").status_code == 200


@pytest.mark.parametrize("role", ["marketer", "approver", "rep", "viewer"])
def test_only_admins_see_people_and_the_log(browser: FormClient, workspace: Workspace, role: str) -> None:
    browser.sign_in(f"{role}@example.com", PASSWORD)
    found = row(workspace, "rep@example.com")

    assert browser.get("/app/me").status_code == 200
    for page in ("/app/users", "/app/audit"):
        assert browser.get(page).status_code == 403
    for action in ("role", "disable", "enable", "password"):
        answer = browser.submit(f"/app/users/{found.public_id}/{action}", {"role": "admin"}, "/app/me")
        assert answer.status_code == 403
    assert row(workspace, "rep@example.com").session_epoch == 1


# --- oneself, and the log -------------------------------------------------------------------------------------------------


def test_people_change_their_name_zone_and_password_and_stay_signed_in(
    as_admin: FormClient, workspace: Workspace
) -> None:
    form = {"name": "Inès", "timezone": "America/New_York"}
    assert as_admin.submit("/app/me", form, "/app/me").status_code == 303
    assert "America/New_York" in as_admin.get("/app/me").text
    words = {"current": PASSWORD, "password": "another password"}
    assert as_admin.submit("/app/me/password", words, "/app/me").status_code == 303
    assert as_admin.get("/app/me").status_code == 200
    assert row(workspace, "admin@example.com").session_epoch == 2


def test_a_wrong_present_password_and_an_unknown_zone_change_nothing(
    as_admin: FormClient, workspace: Workspace
) -> None:
    wrong = {"current": "a guess", "password": "canary-another"}
    answer = as_admin.submit("/app/me/password", wrong, "/app/me")
    assert answer.status_code == 422
    assert "present password is wrong" in answer.text
    assert "canary-another" not in answer.text
    assert as_admin.submit("/app/me", {"name": "", "timezone": "Mars/Base"}, "/app/me").status_code == 422
    assert row(workspace, "admin@example.com").session_epoch == 1


def test_the_log_shows_who_did_what_without_secrets(as_admin: FormClient, workspace: Workspace) -> None:
    data = {"email": "new@example.com", "name": "", "role": "rep", "password": "canary-new-1"}
    as_admin.submit("/app/users", data, "/app/users")
    page = as_admin.get("/app/audit?kind=user").text

    assert "admin@example.com" in page
    assert "sign-in user" in page
    assert "new@example.com" in page
    assert "canary" not in page
    assert "argon2" not in page
    with workspace.db.session() as session:
        last = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
        assert last is not None
        assert (last.action, last.via, last.user_id) == ("create", "web", 1)


def test_the_log_is_read_page_by_page(as_admin: FormClient, workspace: Workspace) -> None:
    from cms_core.auth import audit, listing

    with workspace.db.transaction() as session:
        for n in range(60):
            audit.note(session, "import", "thing", f"subject-{n}", {"n": n})
    with workspace.db.session() as session:
        first = listing.audit_page(session, kind="thing")
        rest = listing.audit_page(session, kind="thing", before=first.next)
        assert [line.subject for line in [*first.lines, *rest.lines]] == [
            f"subject-{n}" for n in range(59, -1, -1)
        ]
        assert rest.next is None
        assert len(listing.audit_page(session, subject="subject-7").lines) == 1
    assert "Older" in as_admin.get("/app/audit").text


@pytest.mark.parametrize("page", PAGES)
def test_pages_answer_and_carry_no_inline_style_or_script(as_admin: FormClient, page: str) -> None:
    answer = as_admin.get(page)
    assert answer.status_code == 200
    assert not re.search(r"<script(?![^>]*src=)|\sstyle=|\son\w+=", answer.text)


def test_the_log_calls_things_by_their_present_names(as_admin: FormClient, workspace: Workspace) -> None:
    from cms_core.auth import audit, listing

    found = row(workspace, "rep@example.com")
    with workspace.db.transaction() as session:
        audit.note(session, "import", "nothing_of_the_core", "subject-1", {})
    with workspace.db.session() as session:
        lines = listing.audit_page(session).lines
    assert [line.label for line in lines if line.subject == found.public_id] == ["rep@example.com"]
    assert lines[0].label == "subject-1"


def test_signing_in_and_out_is_in_the_log(as_admin: FormClient, workspace: Workspace) -> None:
    as_admin.submit("/app/logout", {}, "/app/me")
    with workspace.db.session() as session:
        actions = list(session.scalars(select(AuditEntry.action).order_by(AuditEntry.id.desc()).limit(2)))
    assert actions == ["sign-out", "sign-in"]
