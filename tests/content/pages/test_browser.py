"""Content and people in a real browser: accessible in both themes and sizes, checked while typing, decided by keyboard."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import cms_core
from cms_core.audience import segments
from cms_core.audience.imports import import_contacts
from cms_core.auth.models import User
from cms_core.content import review, service
from cms_core.content.drafts import Draft
from cms_core.testing.pages import PASSWORD, app_of
from cms_core.workspace import Workspace
from tests import serving

from .editor import head

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

AXE = Path(cms_core.__file__).parents[1] / "node_modules/axe-core/axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PAGES = (
    "content", "content?view=table", "content?state=in_review", "content/waiting-1", "content/waiting-1/edit", "content/new",
    "content/import", "content/waiting-1/compare?a=1&b=2", "content/waiting-1/compare?a=1&b=2&view=beside", "content/media",
    "content/redirects", "content/case/edit", "content/case",
    "contacts", "contacts/import", "segments", "segments/new",
)  # fmt: skip


@pytest.fixture
def served(workspace: Workspace, people: dict[str, User]) -> Iterator[str]:
    """The address of the app with some content and people in it."""
    with workspace.db.transaction() as session:
        for n in (1, 2, 3):
            draft = Draft(
                "article", f"Waiting {n}", body={"text": "Words."}, tags=("year-end",), funnel_stage="intent"
            )
            revision = service.save(session, workspace.plugins, None, draft, people["marketer"])
            review.request_review(session, revision, people["marketer"])
        newer = Draft("article", "Waiting 1", body={"text": "Other words."}, slug="was-1")
        asset = service.find(session, "waiting-1")
        service.save(session, workspace.plugins, asset, newer, people["marketer"])
        service.save(session, workspace.plugins, asset, replace(newer, slug="waiting-1"), people["marketer"])
        review.request_review(session, asset.revisions[-1], people["marketer"])
        case = Draft("case-study", "Case", body={"results": [{"label": "Days", "value": "4"}]}, slug="case")
        service.save(session, workspace.plugins, None, case, people["marketer"])
        import_contacts(session, b"email,first_name,consent\nann@a.example,Ann,yes\n", name="people.csv")
        segments.create(session, "Everybody", 'email != ""')
    with serving.served(app_of(workspace)) as address:
        yield address


def sign_in(page: "Page", served: str, role: str) -> None:
    page.goto(f"{served}/app/login")
    page.locator("[name=email]").fill(f"{role}@example.com")
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("[name=password]").press("Enter")
    page.wait_for_url(lambda url: "/login" not in url)


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed: run make install")
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_pages_are_accessible_and_fit_the_screen(
    browser: "Browser", served: str, width: int, theme: str
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, bypass_csp=True)
    context.add_cookies([{"name": "cms_theme", "value": theme, "url": served}])
    page = context.new_page()
    sign_in(page, served, "admin")
    found = []
    for path in PAGES:
        page.goto(f"{served}/app/{path}")
        page.evaluate(AXE.read_text("utf-8"))
        faults = page.evaluate(f"axe.run(document, {{runOnly: {json.dumps(RULES)}}})")["violations"]
        found += [(path, fault["id"], fault["nodes"][0]["target"]) for fault in faults]
        if not page.evaluate("document.documentElement.scrollWidth <= innerWidth"):
            found.append((path, "wider than the screen", []))
    context.close()
    assert found == []


@pytest.mark.parametrize("scripts", [True, False])
def test_enter_in_the_title_saves_and_tab_meets_one_button_to_save(
    browser: "Browser", served: str, workspace: Workspace, scripts: bool
) -> None:
    context = browser.new_context(java_script_enabled=scripts)
    page = context.new_page()
    sign_in(page, served, "marketer")
    page.goto(f"{served}/app/content/new")
    reached = "button[name=do][value=save]:not([tabindex='-1'])"
    assert page.locator(reached).count() == 1
    page.locator("#title").fill("By Enter")
    page.locator("#title").press("Enter")
    page.wait_for_url("**/content/by-enter")
    context.close()
    assert head(workspace, "by-enter").title == "By Enter"


def test_checks_and_previews_follow_what_is_typed(page: "Page", served: str, workspace: Workspace) -> None:
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("dialog", lambda dialog: dialog.accept())
    sign_in(page, served, "marketer")
    page.goto(f"{served}/app/content/waiting-1/edit")
    page.locator("#text").fill("Words that are new. {{ contact.nope( }}")
    page.get_by_text("1 to fix").or_(page.get_by_text("2 to fix")).wait_for()
    page.locator("#text").fill("Words that are new.")
    page.get_by_text("nothing to fix").wait_for()
    page.frame_locator("iframe[title='E-mail preview']").get_by_text("Words that are new.").wait_for()
    page.locator("#text").press("Control+Enter")
    page.wait_for_url(f"{served}/app/content/waiting-1")

    assert head(workspace, "waiting-1").state == "draft"
    assert [line for line in said if "Content Security" in line or "Error" in line] == []


def test_the_queue_is_decided_by_keyboard_alone(page: "Page", served: str, workspace: Workspace) -> None:
    sign_in(page, served, "approver")
    page.keyboard.press("g")
    page.keyboard.press("a")
    page.wait_for_url("**/app/content?state=in_review")
    page.keyboard.press("j")
    page.keyboard.press("a")
    page.get_by_text("Waiting 2: approved.").first.wait_for()
    assert [head(workspace, f"waiting-{n}").state for n in (1, 2, 3)] == [
        "in_review",
        "approved",
        "in_review",
    ]
    page.keyboard.press("r")
    page.keyboard.type("Say why")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_text("Waiting 3: sent back").first.wait_for()
    assert head(workspace, "waiting-3").state == "changes_requested"


def test_a_rule_is_counted_while_it_is_typed(page: "Page", served: str) -> None:
    sign_in(page, served, "marketer")
    page.goto(f"{served}/app/segments/new")
    page.locator("#rule").fill('first_name = "Ann"')
    page.locator("#live-count").get_by_role("link", name="Ann").wait_for()
    page.locator("#rule").fill("first_name = Ann")
    page.get_by_text("column 14").wait_for()
