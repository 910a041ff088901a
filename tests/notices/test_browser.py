"""The pages of notices, mail and the entrance in a real browser: nothing overflows, the policy holds, axe is content."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from flask import Flask

import cms_core
from cms_core.auth import service as auth
from cms_core.notices import gathering, invitations, links, outbox, resets
from cms_core.notices.models import Purpose
from cms_core.testing.pages import PASSWORD
from cms_core.workspace import Workspace
from tests import serving

from . import raised

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

pytestmark = pytest.mark.browser

AXE = Path(cms_core.__file__).parents[1] / "node_modules/axe-core/axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
INSIDE = ["/app/notices", "/app/notices?show=all&kind=failed", "/app/mail", "/app/users", "/app/me"]


@pytest.fixture
def outside(app: Flask, mailing: Workspace) -> list[str]:
    """Things that are wrong, mails in all states; the pages before the sign-in."""
    raised.publication(mailing, "A long title that goes on and on, " * 4, reason="word" * 200)
    raised.publication(mailing, "Held", state="held", reason="not connected: the token was revoked")
    raised.review(mailing)
    gathering.gather(mailing)
    with mailing.db.transaction() as session:
        admin = auth.find_user(session, "admin@example.com")
        made = invitations.invite(session, mailing, admin, "new@example.com", "rep", "Nora").link
        again = resets.make_link(session, auth.find_user(session, "rep@example.com"), admin)
        for state in ("sent", "failed", "unknown", "void"):
            mail = outbox.put(session, mailing, Purpose.TEST, "ann@example.com", "A test", "words")
            assert mail is not None
            mail.state, mail.reason, mail.next_at = state, "550 5.1.1 no such user here" * 4, None
        doors = [links.url_of(mailing, each).partition(":8000")[2] for each in (made, again)]
    return ["/app/login", "/app/forgot", *doors, "/app/reset/nothing"]


@pytest.fixture
def served(app: Flask, outside: list[str]) -> Iterator[str]:
    with serving.served(app) as address:
        yield address


def sign_in(page: "Page", served: str) -> None:
    page.goto(f"{served}/app/notices")
    page.fill("[name=email]", "admin@example.com")
    page.fill("[name=password]", PASSWORD)
    page.click("button:has-text('Sign in')")
    page.wait_for_url(f"{served}/app/notices")


@pytest.mark.parametrize("width", [1440, 390])
def test_pages_fit_and_keep_to_the_policy(page: "Page", served: str, outside: list[str], width: int) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.set_viewport_size({"width": width, "height": 800})
    for paths in (outside, INSIDE):
        for path in paths:
            page.goto(served + path)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        if paths is outside:
            sign_in(page, served)
    assert [each for each in complaints if "410" not in each] == []


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed: run make install")
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pages_are_accessible(browser: "Browser", served: str, outside: list[str], theme: str) -> None:
    context: BrowserContext = browser.new_context(viewport={"width": 1440, "height": 900}, bypass_csp=True)
    context.add_cookies([{"name": "cms_theme", "value": theme, "url": served}])
    page = context.new_page()
    found = {}
    for paths in (outside, INSIDE):
        for path in paths:
            page.goto(served + path)
            page.evaluate(AXE.read_text("utf-8"))
            violations = page.evaluate(f"axe.run(document, {{runOnly: {json.dumps(RULES)}}})")["violations"]
            found[path] = [(each["id"], each["nodes"][0]["failureSummary"]) for each in violations]
        if paths is outside:
            sign_in(page, served)
    context.close()
    assert not any(found.values()), {path: each for path, each in found.items() if each}


def test_a_forgotten_password_is_changed_in_the_browser(
    page: "Page", served: str, outside: list[str]
) -> None:
    page.goto(served + outside[3])
    page.fill("[name=password]", "a quite new password")
    page.click("button:has-text('Change password')")
    page.wait_for_url(f"{served}/app/login")
    assert "Your password is changed" in page.inner_text("main")
    page.fill("[name=email]", "rep@example.com")
    page.fill("[name=password]", "a quite new password")
    page.click("button:has-text('Sign in')")
    page.wait_for_url(lambda url: "/app/login" not in url)


def test_a_notice_is_read_by_its_button(page: "Page", served: str) -> None:
    sign_in(page, served)
    before = page.inner_text("nav.side .count.hot")
    page.click(".told li:first-child button")
    page.wait_for_load_state()
    assert int(page.inner_text("nav.side .count.hot")) == int(before) - 1
