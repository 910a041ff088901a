"""Rooms in a real browser: a buyer with a phone, a rep at a desk; accessible in both themes and sizes, with scripts and without."""

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from cms_core.testing.pages import app_of
from cms_sales_enablement import decks, office, room_looks, room_questions, room_steps, rooms
from cms_sales_enablement.decks import Wanted
from cms_sales_enablement.models import Slide
from tests import serving

from .conftest import FIREFOX, path_of
from .rooms import Kept, keep
from .test_browser import sign_in
from .test_gate_browser import PHONE, check

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

WELCOME = "Dear Dana,\nhere is all that we talked about."


@pytest.fixture
def kept(desk: Any, slides: list[Slide], monkeypatch: pytest.MonkeyPatch) -> Kept:
    """A room with an article, a deck and steps, in a place where nobody draws slides."""
    monkeypatch.setattr(office, "program", lambda: None)
    desk.write("calm", title="Elmside closed four days faster", summary="A clinic of your size, in numbers.")
    deck = decks.make(desk.services(), "pitch", Wanted(subject="Acme")).public_id
    kept = keep(desk, deck, "calm", welcome=WELCOME)
    svc, today = desk.services(), desk.clock.now().date()
    done = room_steps.add(svc, kept.id, "Send the security answers", "us", today - timedelta(3))
    room_steps.change(svc, kept.id, done.public_id, {"done": True})
    room_steps.add(svc, kept.id, "Bring in the works council", "them", today - timedelta(1))
    room_steps.add(svc, kept.id, "Agree on a day to begin", "them", today + timedelta(9))
    return kept


@pytest.fixture
def served(desk: Any, kept: Kept) -> Iterator[str]:
    with serving.served(app_of(desk.workspace)) as address:
        yield address


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_pages_of_rooms_are_accessible(
    browser: "Browser", served: str, kept: Kept, reader: Any, theme: str, width: int
) -> None:
    url = kept.share(gate="email")
    ask(kept, reader, url, "Does the price hold for three years?", "It does: it is written into the offer.")
    ask(kept, reader, url, "Who will be our contact?", "")
    context = browser.new_context(
        color_scheme=theme,  # type: ignore[arg-type]
        viewport={"width": width, "height": 900},
        user_agent=FIREFOX,
        bypass_csp=True,  # for axe alone: the next test keeps it
    )
    page = context.new_page()
    page.goto(served + path_of(url))
    page.fill("[name=email]", "dana@acme.test")
    page.click("text=Continue")
    page.wait_for_selector(".room")
    check(page, "room")
    page.click("text=Pitch for Acme")
    page.wait_for_selector(".slides")
    check(page, "deck in a room")
    page.click("text=Acme and us")
    page.click("text=Elmside")
    page.wait_for_selector(".prose")
    check(page, "article in a room")
    sign_in(page, served, "rep")
    for path in (f"{rooms.AT}/", f"{rooms.AT}/{kept.id}"):
        page.goto(served + path)
        check(page, path)
    context.close()


def ask(kept: Kept, reader: Any, url: str, words: str, answer: str) -> None:
    """A question from outside, and the answer to it."""
    reader.post(url, email="ben@acme.test")
    view = reader.get(url).text.partition('data-view="')[2].partition('"')[0]
    assert reader.post(f"{url}/questions", view=view, words=words).status_code == 303
    svc = kept.desk.services()
    question = room_questions.listed(svc, [kept.room])[kept.room.id][-1]
    if answer:
        room_questions.answer(svc, kept.id, question.public_id, answer)


@pytest.mark.parametrize("scripts", [True, False])
def test_a_buyer_with_a_phone_asks_and_the_rep_answers(
    browser: "Browser", served: str, desk: Any, kept: Kept, scripts: bool
) -> None:
    phone = browser.new_context(
        viewport=PHONE,  # type: ignore[arg-type]
        has_touch=True,
        user_agent=FIREFOX,
        java_script_enabled=scripts,
    )
    buyer, complaints = phone.new_page(), list[str]()
    buyer.on("console", lambda each: complaints.append(each.text) if each.type == "error" else None)
    buyer.goto(served + path_of(kept.share(password="open sesame", contact="dana@acme.test")))
    buyer.fill("[name=password]", "open sesame")
    buyer.click("text=Open")
    look_at_the_deck(buyer, scripts)
    buyer.click("text=Ask about it")
    buyer.fill("[name=words]", "Is SSO in it?")
    buyer.click("main button:text('Ask')")
    buyer.wait_for_selector(".question")
    assert "No answer yet." in buyer.inner_text("main")
    assert "about Pitch for Acme" in buyer.inner_text("main")
    buyer.click("[aria-pressed=false] >> nth=0")
    buyer.wait_for_selector(".steps li:nth-child(2).done")
    assert "1 left" in buyer.inner_text("main")

    desktop = browser.new_context(viewport={"width": 1440, "height": 900}, java_script_enabled=scripts)
    rep = desktop.new_page()
    sign_in(rep, served, "rep")
    rep.goto(f"{served}{rooms.AT}/")
    rep.click("text=1 question waits >> xpath=ancestor::li >> a")
    rep.fill("[name=answer]", "It is, for every plan.")
    rep.click("button:text('Answer')")
    rep.wait_for_selector(".room-answer")
    assert "dana@acme.test" in rep.inner_text("#questions")
    rep.click("button:has-text('Later: Pitch for Acme')")
    rep.wait_for_selector(".room-items li:first-child >> text=Elmside")
    desktop.close()

    buyer.reload()
    assert "It is, for every plan." in buyer.inner_text("main")
    assert [each.title for each in kept.items] == ["Elmside closed four days faster", "Pitch for Acme"]
    phone.close()
    assert complaints == []
    looks = [each for each in room_looks.of(desk.services(), kept.room) if each.piece]
    assert [(each.who, each.view.counted) for each in looks] == [("dana@acme.test", scripts)]


def look_at_the_deck(page: "Page", scripts: bool) -> None:
    """Open the deck in the room; with scripts the page tells that it is looked at."""
    deck = page.get_by_text("Pitch for Acme").first
    if not scripts:
        deck.click()
    else:
        with page.expect_request(lambda each: each.url.endswith("/seen") and each.url.count("/") == 6):
            deck.click()
    page.wait_for_selector(".slides")
    assert "Dear Acme" in page.inner_text("main")
