"""Signing in as a browser or an attacker meets it: the way in, wrong tries, guessing, and who is led where."""

import re

import pytest
from flask import Flask

from cms_core.auth import service
from cms_core.testing.client import FormClient
from cms_core.web.session import safe_next
from cms_core.workspace import Workspace

from .conftest import PASSWORD


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
