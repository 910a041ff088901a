"""The shell in a real browser: accessible in both themes and sizes, moved by keyboard and mouse, alive without scripts."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import cms_core

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

pytestmark = pytest.mark.browser

AXE = Path(cms_core.__file__).parents[1] / "node_modules/axe-core/axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture
def context(browser: "Browser") -> Iterator["BrowserContext"]:
    opened = browser.new_context(viewport={"width": 1440, "height": 900})
    yield opened
    opened.close()


@pytest.fixture
def gallery(context: "BrowserContext", served: str) -> "Page":
    page = context.new_page()
    page.goto(f"{served}/app/dev/ui")
    return page


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed: run make install")
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("path", ["/app/dev/ui", "/app/login", "/app/refuse"])
def test_pages_are_accessible_and_fit_the_screen(
    browser: "Browser", served: str, path: str, width: int, theme: str
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, bypass_csp=True)
    context.add_cookies([{"name": "cms_theme", "value": theme, "url": served}])
    page = context.new_page()
    page.goto(f"{served}{path}")
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate(f"axe.run(document, {{runOnly: {json.dumps(RULES)}}})")["violations"]
    fits = page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    context.close()

    assert [
        (each["id"], each["nodes"][0]["target"], each["nodes"][0]["failureSummary"]) for each in found
    ] == []
    assert fits


def test_nothing_breaks_the_content_security_policy(context: "BrowserContext", served: str) -> None:
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    for path in ("/app/dev/ui", "/app/login"):
        page.goto(f"{served}{path}")
        page.wait_for_load_state("networkidle")

    assert [line for line in said if "Content Security" in line or "Error" in line] == []


def test_an_entry_is_moved_by_keyboard_alone(gallery: "Page") -> None:
    gallery.locator("#entry-sample-4").focus()
    gallery.keyboard.press("m")
    gallery.keyboard.press("ArrowRight")
    gallery.keyboard.press("ArrowDown")
    gallery.locator("#live").filter(has_text=re.compile("^Thursday 26 November$")).wait_for(state="attached")
    with gallery.expect_request(lambda request: request.method == "POST") as sent:
        gallery.keyboard.press("Enter")

    assert sent.value.url.endswith("/app/dev/ui/move")
    assert "day=2026-11-26" in (sent.value.post_data or "")
    assert "csrf_token=" in (sent.value.post_data or "")


def test_escape_leaves_the_entry_where_it_was(gallery: "Page") -> None:
    gallery.locator("#entry-sample-4").focus()
    for key in ("m", "ArrowRight", "Escape"):
        gallery.keyboard.press(key)

    assert gallery.locator(".items.drop, .it.drag").count() == 0


def test_single_keys_stay_out_of_inputs_and_can_be_switched_off(gallery: "Page", served: str) -> None:
    gallery.locator("#reply_to").focus()
    gallery.keyboard.type("gc?")
    assert gallery.locator("#reply_to").input_value() == "gc?"
    assert not gallery.locator("#keys").is_visible()

    gallery.locator("h1").click()
    gallery.keyboard.press("?")
    assert gallery.locator("#keys").is_visible()
    gallery.locator("#keys-on").uncheck()
    gallery.keyboard.press("Escape")
    gallery.keyboard.press("g")
    gallery.keyboard.press("c")
    gallery.reload()
    gallery.keyboard.press("?")

    assert gallery.url == f"{served}/app/dev/ui"
    assert not gallery.locator("#keys").is_visible()


def test_keys_go_to_pages(gallery: "Page", served: str) -> None:
    gallery.keyboard.press("g")
    gallery.keyboard.press("c")
    gallery.wait_for_url(f"{served}/app/calendar")


def test_the_theme_changes_at_once_and_stays(gallery: "Page") -> None:
    gallery.locator("button[name=theme][value=dark]").click()
    assert gallery.evaluate("document.documentElement.dataset.theme") == "dark"
    gallery.reload()

    assert gallery.evaluate("document.documentElement.dataset.theme") == "dark"


def test_a_dialog_opens_and_closes(gallery: "Page") -> None:
    gallery.get_by_text("Open dialog").click()
    assert gallery.locator("#sample").is_visible()
    gallery.locator("#sample [data-close]").click()

    assert not gallery.locator("#sample").is_visible()


def test_forms_and_menus_work_without_scripts(browser: "Browser", served: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{served}/app/dev/ui")
    page.locator(".tabbar a[href='#side']").click()
    assert page.locator("#side").is_visible()
    page.locator("button[name=theme][value=dark]").click()
    page.wait_for_url("**/app/dev/ui**")
    theme = page.locator("html").get_attribute("data-theme")
    context.close()

    assert theme == "dark"
