"""People, accounts and plugins in a real browser: sign in, press the buttons, nothing overflows, nothing breaks the policy."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from flask import Flask

import cms_core
from cms_core.connections.models import Connection
from tests import serving

from .conftest import PASSWORD

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

AXE = Path(cms_core.__file__).parents[1] / "node_modules/axe-core/axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PAGES = (
    "/app/me",
    "/app/me/tokens",
    "/app/api",
    "/app/webhooks",
    "/app/users",
    "/app/audit",
    "/app/connections",
    "/app/connections/new/toy",
    "/app/plugins",
    "/app/plugins/toy-box",
)


@pytest.fixture
def served(app: Flask) -> Iterator[str]:
    with serving.served(app) as address:
        yield address


def sign_in(page: "Page", served: str) -> None:
    page.goto(f"{served}/app/connections")
    page.fill("[name=email]", "admin@example.com")
    page.fill("[name=password]", PASSWORD)
    page.click("button:has-text('Sign in')")
    page.wait_for_url(f"{served}/app/connections")


@pytest.fixture
def signed_in(page: "Page", served: str) -> "Page":
    sign_in(page, served)
    return page


def test_an_account_is_added_tested_and_shown_under_its_plugin(signed_in: "Page", served: str) -> None:
    signed_in.click("text=Add Toy")
    signed_in.fill("[name=connection_name]", "main")
    signed_in.fill("[name=host]", "h.example")
    signed_in.select_option("[name=security]", "tls")
    signed_in.fill("[name=token]", "canary-1")
    signed_in.click("main button:has-text('Add')")
    signed_in.wait_for_selector("text=Not tested yet")
    signed_in.click("button:has-text('Test')")
    signed_in.wait_for_selector("text=main works: toy user")
    signed_in.goto(f"{served}/app/plugins/toy-box")

    assert signed_in.is_visible("text=Connected")
    assert "canary" not in signed_in.content()


@pytest.mark.parametrize("width", [1440, 320])
def test_pages_fit_their_screen_and_break_no_policy(
    signed_in: "Page", served: str, connection: Connection, width: int
) -> None:
    complaints: list[str] = []
    signed_in.on(
        "console", lambda message: complaints.append(message.text) if message.type == "error" else None
    )
    signed_in.on("pageerror", lambda error: complaints.append(str(error)))
    signed_in.set_viewport_size({"width": width, "height": 800})
    for page in (*PAGES, f"/app/connections/{connection.public_id}"):
        signed_in.goto(served + page)
        assert signed_in.evaluate("document.documentElement.scrollWidth <= innerWidth"), page
    assert complaints == []


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed: run make install")
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pages_are_accessible(browser: "Browser", served: str, connection: Connection, theme: str) -> None:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, bypass_csp=True)
    context.add_cookies([{"name": "cms_theme", "value": theme, "url": served}])
    page = context.new_page()
    sign_in(page, served)
    found = {}
    for path in (*PAGES, f"/app/connections/{connection.public_id}"):
        page.goto(served + path)
        page.evaluate(AXE.read_text("utf-8"))
        violations = page.evaluate(f"axe.run(document, {{runOnly: {json.dumps(RULES)}}})")["violations"]
        found[path] = [
            (each["id"], each["nodes"][0]["target"], each["nodes"][0]["failureSummary"])
            for each in violations
        ]
    context.close()

    assert not any(found.values()), found


def test_sign_out_by_the_button_ends_the_session(signed_in: "Page", served: str) -> None:
    signed_in.click("button[title='Sign out'], .me button")
    signed_in.wait_for_url(f"{served}/app/login")
    signed_in.goto(f"{served}/app/plugins")
    assert "/app/login" in signed_in.url
