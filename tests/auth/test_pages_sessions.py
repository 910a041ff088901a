"""Staying signed in: tokens of forms, cookies that were planted or copied, what ends a session, and what strangers see."""

from datetime import timedelta

import pytest
import time_machine
from flask import Flask

from cms_core.auth import service
from cms_core.testing.client import FormClient
from cms_core.workspace import Workspace

from .conftest import PASSWORD


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


@pytest.mark.parametrize("header", ["X-Requested-With", "HX-Request"])
def test_a_script_of_a_page_is_told_that_the_session_ended(browser: FormClient, header: str) -> None:
    assert browser.get("/app/me", headers={header: "poll"}).status_code == 401
    assert browser.get("/app/me", headers={"Accept": "application/json"}).status_code == 401


def test_pages_that_do_not_exist_tell_nothing_to_strangers(browser: FormClient) -> None:
    assert browser.get("/app/no/such/page").status_code == 303
    assert browser.get("/app").status_code in (303, 308)
    with browser.get("/app/static/app.css") as style:
        assert style.status_code == 200
