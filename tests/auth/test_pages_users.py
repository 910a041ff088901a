"""The page of people, for admins alone, and the page of oneself."""

import re

import pytest
from flask import Flask

from cms_core.auth import service
from cms_core.testing.client import FormClient
from cms_core.workspace import Workspace

from .conftest import PASSWORD, row


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


PAGES = ["/app/me", "/app/users", "/app/audit"]


@pytest.mark.parametrize("page", PAGES)
def test_pages_answer_and_carry_no_inline_style_or_script(as_admin: FormClient, page: str) -> None:
    answer = as_admin.get(page)
    assert answer.status_code == 200
    assert not re.search(r"<script(?![^>]*src=)|\sstyle=|\son\w+=", answer.text)
