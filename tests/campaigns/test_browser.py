"""The calendar in a real browser: an entry is moved by dragging, by keyboard and by form, with one way back."""

import json
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import cms_core
from cms_core.campaigns import service
from cms_core.campaigns.service import Plan
from cms_core.campaigns.when import parse_when
from cms_core.testing.pages import PASSWORD, add_people, app_of
from cms_core.workspace import Workspace
from tests import serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

AXE = Path(cms_core.__file__).parents[1] / "node_modules/axe-core/axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PAGES = (
    "/app/calendar?month=2026-05",
    "/app/calendar?view=week&week=2026-05-06",
    "/app/calendar?view=list&month=2026-05",
    "/app/calendar/rules",
    "/app/me/feed",
    "/app/calendar/new",
    "/app/calendar/import",
    "/app/campaigns",
    "/app/publications",
)


@pytest.fixture
def entry_id(workspace: Workspace) -> str:
    add_people(workspace)
    with workspace.db.transaction() as session:
        task = service.EntryKind.TASK
        return service.plan(
            session, Plan(parse_when("2026-05-06 09:00", "UTC"), "Print the flyers", task)
        ).public_id


@pytest.fixture
def served(workspace: Workspace, entry_id: str) -> Iterator[str]:
    with serving.served(app_of(workspace)) as address:
        yield address


def open_calendar(page: "Page", served: str) -> None:
    page.goto(f"{served}/app/login?next=/app/calendar")
    page.fill("[name=email]", "marketer@example.com")
    page.fill("[name=password]", PASSWORD)
    page.click("main button")
    page.goto(f"{served}/app/calendar?month=2026-05")


def instant(workspace: Workspace, entry_id: str) -> datetime:
    with workspace.db.session() as session:
        return service.find_entry(session, entry_id).instant


def test_keyboard_moves_an_entry_and_undo_brings_it_back(
    page: "Page", served: str, workspace: Workspace, entry_id: str
) -> None:
    open_calendar(page, served)
    page.focus(f"[data-entry='{entry_id}']")
    for key in ("m", "ArrowRight", "ArrowDown"):
        page.keyboard.press(key)
    # Words are said one frame later.
    page.locator("#live").filter(has_text=re.compile("^Thursday 14 May")).wait_for(state="attached")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert instant(workspace, entry_id) == datetime.fromisoformat("2026-05-14T09:00+00:00")
    assert page.evaluate("document.activeElement.dataset.entry") == entry_id, (
        "the focus stays with what was moved"
    )
    with page.expect_navigation():
        page.click("[data-toast] button:has-text('Undo')")
    assert instant(workspace, entry_id) == datetime.fromisoformat("2026-05-06T09:00+00:00")


def test_dragging_moves_an_entry(page: "Page", served: str, workspace: Workspace, entry_id: str) -> None:
    open_calendar(page, served)
    if not page.evaluate("Boolean(window.Sortable)"):
        pytest.skip("the front-end packages are not built: dragging left out")
    chip = page.locator(f"[data-entry='{entry_id}']").bounding_box()
    goal = page.locator("[data-day='2026-05-08']").bounding_box()
    assert chip is not None
    assert goal is not None
    page.mouse.move(chip["x"] + 20, chip["y"] + 8)
    page.mouse.down()
    with page.expect_navigation():
        for step in range(1, 11):
            x = chip["x"] + 20 + (goal["x"] + 20 - chip["x"] - 20) * step / 10
            page.mouse.move(x, goal["y"] + 10, steps=3)
        page.mouse.up()
    assert instant(workspace, entry_id) == datetime.fromisoformat("2026-05-08T09:00+00:00")


@pytest.fixture
def flight_id(workspace: Workspace, entry_id: str) -> str:
    """A flight of a week, from Tuesday on."""
    with workspace.db.transaction() as session:
        ends = datetime.fromisoformat("2026-05-18T18:00+00:00")
        kind = service.EntryKind.FLIGHT
        wanted = Plan(parse_when("2026-05-12 09:00", "UTC"), "Search ads", kind, ends_at=ends)
        return service.plan(session, wanted).public_id


def test_a_bar_is_moved_by_keyboard_and_by_dragging_its_beginning(
    page: "Page", workspace: Workspace, flight_id: str, served: str
) -> None:
    open_calendar(page, served)
    page.focus(f"[data-entry='{flight_id}']")
    for key in ("m", "ArrowRight"):
        page.keyboard.press(key)
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert instant(workspace, flight_id) == datetime.fromisoformat("2026-05-13T09:00+00:00")
    if not page.evaluate("Boolean(window.Sortable)"):
        pytest.skip("the front-end packages are not built: dragging left out")
    bar = page.locator(f"[data-entry='{flight_id}']").bounding_box()
    goal = page.locator("[data-day='2026-05-22']").bounding_box()
    assert bar is not None
    assert goal is not None
    page.mouse.move(bar["x"] + 20, bar["y"] + 8)
    page.mouse.down()
    with page.expect_navigation():
        for step in range(1, 11):
            x = bar["x"] + 20 + (goal["x"] + 20 - bar["x"] - 20) * step / 10
            y = bar["y"] + 8 + (goal["y"] + 20 - bar["y"] - 8) * step / 10
            page.mouse.move(x, y, steps=3)
        page.mouse.up()
    assert instant(workspace, flight_id) == datetime.fromisoformat("2026-05-22T09:00+00:00")
    with workspace.db.session() as session:
        moved = service.find_entry(session, flight_id)
        assert moved.ends_at == datetime.fromisoformat("2026-05-28T18:00+00:00"), "its end goes with it"


def test_form_moves_without_scripts(
    browser: "Browser", served: str, workspace: Workspace, entry_id: str
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    open_calendar(page, served)
    page.click("text=Print the flyers")
    page.fill("[name=when]", "2026-05-09 10:30 Europe/Paris")
    page.click("button:has-text('Move')")
    assert "moved to Sat 9 May 2026, 10:30 (Europe/Paris)" in page.inner_text(".toasts")
    assert instant(workspace, entry_id) == datetime.fromisoformat("2026-05-09T10:30+02:00")
    context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_pages_are_accessible_and_keep_the_policy(
    browser: "Browser", flight_id: str, served: str, theme: str, width: int
) -> None:
    context = browser.new_context(
        color_scheme=theme, viewport={"width": width, "height": 900}, bypass_csp=True
    )  # type: ignore[arg-type]
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    open_calendar(page, served)
    for path in PAGES:
        page.goto(served + path)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{path} scrolls sideways"
        if AXE.is_file():
            page.add_script_tag(content=AXE.read_text(encoding="utf-8"))
            found = page.evaluate("tags => axe.run({runOnly: tags})", RULES)
            broken = [(each["id"], [node["html"] for node in each["nodes"]]) for each in found["violations"]]
            assert broken == [], f"{path}: {json.dumps(broken)[:2000]}"
    assert complaints == []
    context.close()
