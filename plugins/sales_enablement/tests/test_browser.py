"""Decks in a real browser: accessible in both themes and sizes; with a phone a rep makes and shares one in four steps."""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest

import cms_core
from cms_core.testing.pages import PASSWORD, app_of
from cms_sales_enablement import (
    decks,
    office,
    presentations,
    ratings,
    rules,
    slide_facets,
    translating,
    values,
)
from cms_sales_enablement.decks import Wanted
from tests import serving

from .conftest import FIREFOX, path_of
from .decks import make
from .test_deck_shares import look_at

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

AXE = Path(cms_core.__file__).parents[1] / "node_modules/axe-core/axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
AT = "/app/p/sales_enablement"


@pytest.fixture
def deck(desk: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A presentation and a deck of it, in a place where nobody draws slides."""
    monkeypatch.setattr(office, "program", lambda: None)
    path = make(tmp_path / "Pitch.pptx", 4)
    found = presentations.add(desk.services("marketer"), path.read_bytes(), path.name)
    desk.approve(found.saved.slug)
    say_of_slides(desk)
    return decks.make(desk.services(), "pitch", Wanted(("258", "256", "257"), subject="Acme")).public_id


def say_of_slides(desk: Any) -> None:
    """Facets, a translation, a rule, stars: so that the pages have something to show."""
    svc = desk.services("marketer")
    kept = presentations.find(svc, "pitch")
    slide_facets.say(svc, kept, {"257": {"industry": ["clinics"], "funnel_stage": ["intent"]}})
    translating.set_variant(svc, kept, "259", "256", "de")
    rules.set_rule(svc, kept, "257", {"until": date(2030, 1, 1)})
    ratings.give(desk.services(), "pitch", 4)


@pytest.fixture
def served(desk: Any, deck: str) -> Iterator[str]:
    with serving.served(app_of(desk.workspace)) as address:
        yield address


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_pages_are_accessible_and_keep_the_policy(
    browser: "Browser", served: str, desk: Any, deck: str, reader: Any, theme: str, width: int
) -> None:
    made = desk.share(deck, contact="dana@acme.test")
    shown = path_of(made.url)
    assert look_at(reader, made.url, "258:9000 256:1000", 10) == 204
    context = browser.new_context(
        color_scheme=theme, viewport={"width": width, "height": 900}, bypass_csp=True
    )  # type: ignore[arg-type]
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    sign_in(page, served, "marketer")
    ends = ("/decks/", f"/decks/{deck}", "/presentations/new", "/presentations/pitch")
    ends = (*ends, "/?words=dear", "/?industry=clinics")
    for path in (*(AT + end for end in ends), shown):
        page.goto(served + path)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{path} scrolls sideways"
        fitting = "[...document.querySelectorAll('.dwell ol')].map(e => e.scrollWidth <= e.clientWidth)"
        assert page.evaluate(fitting) == ([True] if path.endswith(deck) else []), path
        if AXE.is_file():
            page.add_script_tag(content=AXE.read_text(encoding="utf-8"))
            found = page.evaluate("tags => axe.run({runOnly: tags})", RULES)
            broken = [(each["id"], [node["html"] for node in each["nodes"]]) for each in found["violations"]]
            assert broken == [], f"{path}: {json.dumps(broken)[:2000]}"
    assert complaints == []
    context.close()


def test_a_rep_makes_and_shares_a_filled_deck_in_four_steps_on_a_phone(
    browser: "Browser", served: str, desk: Any
) -> None:
    phone = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    page = phone.new_page()
    sign_in(page, served, "rep")
    page.goto(f"{served}{AT}/decks/")
    page.fill("[name=for]", "Brightwell Health")
    page.click("text=Make a deck")  # 1: for whom
    page.fill("[name='v:deal.amount']", "48,000")  # 2: what is missing
    page.fill("[name=contact]", "dana@brightwell.test")  # 3: who gets it
    page.click("text=Save and share")  # 4
    url = page.input_value("[data-copied]")
    phone.close()

    reader = browser.new_context(viewport={"width": 390, "height": 844}, user_agent=FIREFOX)
    page = reader.new_page()
    page.goto(served + path_of(url))
    assert "Dear Brightwell Health, and you, we offer 48,000" in page.inner_text("main")
    with page.expect_request(lambda request: request.url.endswith("/seen")):
        pass
    page.locator("[data-slide='257']").scroll_into_view_if_needed()
    with page.expect_request(lambda request: request.url.endswith("/seen"), timeout=15_000) as told:
        pass
    assert "slides=" in (told.value.post_data or "")
    reader.close()
    made = decks.listed(desk.services())[0]
    assert values.restored(made.values)["deal.amount"].value == "48,000"


def test_a_slide_that_grows_while_it_is_looked_at_is_the_one_in_front(
    browser: "Browser", served: str, desk: Any, deck: str
) -> None:
    page = browser.new_page(viewport={"width": 1440, "height": 900}, bypass_csp=True)
    small = "document.head.append(Object.assign(document.createElement('style'), {textContent: '[data-slide] {height: 60px}'}))"
    page.add_init_script(f"addEventListener('DOMContentLoaded', () => {small})")
    page.goto(served + path_of(desk.share(deck).url))
    page.wait_for_timeout(100)
    page.add_style_tag(content="[data-slide] {height: 440px !important}")  # as when pictures come
    with page.expect_request("**/seen") as sent:
        pass
    told = parse_qs(sent.value.post_data or "")
    seconds = dict(each.split(":") for each in told["slides"][0].split())
    assert told["slide"] == ["258"]
    assert max(seconds, key=lambda uid: int(seconds[uid])) == "258"
    page.close()


def test_without_scripts_a_slide_is_found_by_a_facet_and_put_into_a_deck(
    browser: "Browser", served: str, desk: Any
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    sign_in(page, served, "marketer")
    page.goto(f"{served}{AT}/presentations/pitch")
    page.check("#s258 [name=slide]")
    page.fill("#many [name=persona]", "CFO")
    page.click("text=Say it of the ticked slides")
    page.goto(f"{served}{AT}/")
    page.click("#filters >> text=CFO")
    page.click("button:has-text('New deck')")
    page.wait_for_url("**/decks/*")
    context.close()
    made = decks.listed(desk.services("admin"))[0]
    assert [each.uid for each in made.slides] == ["258"]


def test_without_scripts_a_slide_is_moved_and_taken_out(
    browser: "Browser", served: str, desk: Any, deck: str
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    sign_in(page, served, "rep")
    page.goto(f"{served}{AT}/decks/{deck}")
    page.click("button:has-text('Earlier: Slide 1')")
    page.uncheck("[name=pick][value='257']")
    page.click("button:has-text('Save') >> nth=0")
    context.close()
    assert [each.uid for each in decks.find(desk.services(), deck).slides] == ["256", "258"]


def sign_in(page: "Page", served: str, role: str) -> None:
    page.goto(f"{served}/app/login")
    page.fill("[name=email]", f"{role}@example.com")
    page.fill("[name=password]", PASSWORD)
    page.click("main button")
    page.wait_for_url("**/app/**")
