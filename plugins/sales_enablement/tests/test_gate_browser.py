"""The doors of a link on a phone: address, code, deck, with scripts and without; accessible at each step, and within the policy."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cms_core.testing.pages import app_of
from cms_core.workspace import Workspace
from cms_sales_enablement import decks, drawing, office, presentations, shares, views
from cms_sales_enablement.decks import Wanted
from tests import serving

from .conftest import FIREFOX, path_of
from .decks import make
from .doors import mailing
from .test_browser import AT, AXE, RULES, sign_in

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

PHONE = {"width": 390, "height": 844}


@pytest.fixture
def workspace(workspace: Workspace) -> Workspace:
    return mailing(workspace)


@pytest.fixture
def deck(desk: Any, tmp_path: Path) -> str:
    path = make(tmp_path / "Pitch.pptx", 3)
    found = presentations.add(desk.services("marketer"), path.read_bytes(), path.name)
    desk.approve(found.saved.slug)
    return decks.make(desk.services(), "pitch", Wanted(("256", "257"), subject="Acme")).public_id


@pytest.fixture
def nobody_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(office, "program", lambda: None)


@pytest.fixture
def served(desk: Any, deck: str) -> Iterator[str]:
    with serving.served(app_of(desk.workspace)) as address:
        yield address


def check(page: "Page", where: str) -> None:
    """Nothing scrolls sideways, and axe finds nothing."""
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{where} scrolls sideways"
    if AXE.is_file():
        page.add_script_tag(content=AXE.read_text(encoding="utf-8"))
        found = page.evaluate("tags => axe.run({runOnly: tags})", RULES)
        broken = [(each["id"], [node["html"] for node in each["nodes"]]) for each in found["violations"]]
        assert broken == [], f"{where}: {json.dumps(broken)[:2000]}"


@pytest.mark.usefixtures("nobody_draws")
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_address_code_and_deck_on_a_phone(
    browser: "Browser", served: str, desk: Any, deck: str, theme: str
) -> None:
    made = desk.share(deck, gate="verified", password="open sesame", download=True)
    context = browser.new_context(
        color_scheme=theme,  # type: ignore[arg-type]
        viewport=PHONE,  # type: ignore[arg-type]
        has_touch=True,
        user_agent=FIREFOX,
        bypass_csp=True,  # for axe alone: the next test keeps it
    )
    page = context.new_page()
    page.goto(served + path_of(made.url))
    check(page, "address")
    page.fill("[name=email]", "dana@acme.test")
    page.click("text=Continue")
    assert "dana@acme.test" in page.inner_text("main")
    check(page, "code")
    page.fill("[name=code]", "abc")
    page.click("text=Open")
    page.wait_for_selector("[aria-invalid]")
    check(page, "wrong code")
    page.click("text=No mail, or another address?")
    check(page, "again")
    page.fill("[name=code]", desk.codes("dana@acme.test")[-1])
    page.click("text=Open")
    page.fill("[name=password]", "open sesame")
    check(page, "password")
    page.click("text=Open")
    assert "Dear Acme" in page.inner_text("main")
    check(page, "deck")
    with page.expect_download() as taken:
        page.click("text=Download as PowerPoint")
    assert taken.value.suggested_filename == "Pitch for Acme.pptx"
    context.close()
    (look,) = views.of_share(desk.services(), shares.find(desk.services(), made.id))
    assert (look.email, look.verified, look.downloaded) == ("dana@acme.test", True, True)


@pytest.mark.usefixtures("nobody_draws")
@pytest.mark.parametrize("scripts", [True, False])
def test_the_doors_need_no_script_and_break_no_policy(
    browser: "Browser", served: str, desk: Any, deck: str, scripts: bool
) -> None:
    made = desk.share(deck, gate="verified")
    context = browser.new_context(viewport=PHONE, user_agent=FIREFOX, java_script_enabled=scripts)  # type: ignore[arg-type]
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.goto(served + path_of(made.url))
    page.fill("[name=email]", "dana@acme.test")
    page.click("text=Continue")
    page.fill("[name=code]", desk.codes("dana@acme.test")[-1])
    page.click("text=Open")
    assert "Dear Acme" in page.inner_text("main")
    if scripts:
        with page.expect_request(lambda request: request.url.endswith("/seen")):
            pass
    assert complaints == []
    context.close()


def test_a_marked_slide_is_a_picture_without_words(
    browser: "Browser", served: str, desk: Any, deck: str, by_hand: list[list[str]]
) -> None:
    made = desk.share(deck, gate="email", watermark=True)
    context = browser.new_context(viewport=PHONE, user_agent=FIREFOX)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(served + path_of(made.url))
    page.fill("[name=email]", "dana@acme.test")
    page.click("text=Continue")
    assert page.inner_text("main").count("This slide is being prepared.") == 2
    while drawing.draw_next(desk.services()):
        pass
    page.reload()
    page.wait_for_function("[...document.images].every(each => each.complete && each.naturalWidth > 0)")
    assert page.locator("main img").count() == 2
    assert "Dear" not in page.content()
    context.close()


@pytest.mark.usefixtures("nobody_draws")
def test_a_rep_asks_for_an_address_on_a_phone(browser: "Browser", served: str, desk: Any, deck: str) -> None:
    context = browser.new_context(viewport=PHONE, has_touch=True, bypass_csp=True)  # type: ignore[arg-type]
    page = context.new_page()
    sign_in(page, served, "rep")
    page.goto(f"{served}{AT}/decks/{deck}")
    page.click("text=Who may open it, and what they get")
    check(page, "deck")
    page.select_option("[name=gate]", "verified")
    page.fill("[name=allow]", "@acme.test")
    page.check("[name=download]")
    page.click("text=Save and share")
    url = page.input_value("[data-copied]")
    page.goto(served + path_of(url))
    assert "Who is reading?" in page.inner_text("main")
    context.close()
    (share,) = shares.listed(desk.services())
    assert (share.gate, share.download) == ("verified", True)
