"""What leaves the house: slides that may not be used any more are in nothing that others see."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cms_core.errors import Conflict, Forbidden, Invalid, NotFound
from cms_core.services import Services
from cms_sales_enablement import (
    decks,
    feedback,
    material,
    own_slides,
    pictures,
    presentations,
    rooms,
    rules,
    slide_facets,
    training,
    translating,
    variants,
)
from cms_sales_enablement.decks import Wanted
from cms_sales_enablement.models import Slide

from .decks import changed, make, swap

TRAINING = {
    "name": "Prices", "lessons": ["lesson"], "pass_percent": 80, "valid_days": None, "due_on": None,
    "questions": [{"question": "?", "options": ["*a", "b"]}],
}  # fmt: skip


@pytest.fixture
def add(desk: Any, tmp_path: Path) -> Callable[..., str]:
    """Takes a presentation of so many slides in; gives its slug."""

    def added(name: str, count: int) -> str:
        path = make(tmp_path / f"{name}.pptx", count)
        found = presentations.add(desk.services("marketer"), path.read_bytes(), path.name)
        desk.approve(found.saved.slug)
        return found.saved.slug

    return added


def forbid(desk: Any, slug: str, uid: str) -> None:
    marketer = desk.services("marketer")
    rules.set_rule(marketer, presentations.find(marketer, slug), uid, {"forbidden": True})


def test_a_link_shows_no_slide_that_may_not_be_used_any_more(
    desk: Any, rep: Services, add: Callable[..., str], reader: Any
) -> None:
    add("Pitch", 3)
    deck = decks.make(rep, "pitch", Wanted(("256", "257")))
    link = desk.share(deck.public_id)
    assert "Slide 1" in reader.get(link.url).text
    before = pictures.paper_key(variants.leaving(rep, material.of_deck(rep, deck), deck), deck)
    forbid(desk, "pitch", "256")
    page = reader.get(link.url).text
    assert "Slide 1" not in page
    assert "Slide 2" in page
    left = variants.leaving(rep, material.of_deck(rep, deck), deck)
    assert [slide.uid for slide in left] == ["257"]
    assert pictures.paper_key(left, deck) != before, "a PDF of before is not given any more"
    view = page.partition('data-view="')[2].partition('"')[0]
    assert reader.get(f"{link.url}/slides/256/480?view={view}").status_code == 404


def test_a_translation_of_a_slide_that_is_barred_is_barred_elsewhere_too(
    desk: Any, rep: Services, add: Callable[..., str]
) -> None:
    add("Pitch", 2), add("Prices", 3)
    marketer = desk.services("marketer")
    kept = presentations.find(marketer, "prices")
    slide_facets.say(marketer, kept, {"256": {"locale": ["en"]}})
    translating.set_variant(marketer, kept, "257", "256", "de")
    forbid(desk, "prices", "256")
    with pytest.raises(Invalid, match="forbidden"):
        decks.make(rep, "pitch", Wanted(("256", "prices:257")))


def test_slides_of_a_presentation_that_is_over_leave_decks_of_others(
    desk: Any, rep: Services, add: Callable[..., str]
) -> None:
    add("Pitch", 2), add("Prices", 3)
    deck = decks.make(rep, "pitch", Wanted(("256", "prices:257")))
    until = rep.now().date() - timedelta(days=1)
    feedback.set_until(desk.services("marketer"), rep.asset("prices").id, until)
    assert [slide.uid for slide in material.of_deck(rep, deck).of(deck)] == ["256"]
    with pytest.raises(Invalid, match="no longer"):
        decks.make(rep, "pitch", Wanted(("prices:257",)))


def test_a_slide_of_a_presentation_that_is_gone_is_none_of_the_decks_own(
    desk: Any, rep: Services, add: Callable[..., str]
) -> None:
    add("Pitch", 2), add("Prices", 3)
    deck = decks.make(rep, "pitch", Wanted(("256", "prices:257")))
    desk.archive("prices")
    assert material.of_deck(rep, deck).source(deck.slides[1].uid) is None


def test_what_nobody_touched_stands_in_no_way(desk: Any, rep: Services, add: Callable[..., str]) -> None:
    add("Pitch", 4)
    deck = decks.make(rep, "pitch", Wanted(("256", "257")))
    marketer = desk.services("marketer")
    kept = presentations.find(marketer, "pitch")
    rules.set_limits(marketer, kept, 2, 9)
    rules.set_rule(marketer, kept, "259", {"required": True})
    forbid(desk, "pitch", "256")
    assert decks.change(rep, deck.public_id, Wanted(name="Ours")).name == "Ours"
    found, ref = own_slides.add_block(rep, deck.public_id, "title", {"title": "Hello"}, "257")
    assert [each.uid for each in found.slides] == ["257", ref, "259"], (
        "what is barred is out, what must be in is in"
    )


def test_a_copy_of_a_deck_whose_slides_are_all_barred_is_refused(
    desk: Any, rep: Services, add: Callable[..., str]
) -> None:
    add("Pitch", 3)
    deck = decks.make(rep, "pitch", Wanted(("256",)))
    forbid(desk, "pitch", "256")
    with pytest.raises(Invalid, match="none of its slides"):
        decks.make(rep, deck.public_id, Wanted(name="Again"))


def test_two_who_add_slides_at_once_lose_none(
    rep: Services, add: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    add("Pitch", 2), add("Prices", 3)
    deck = decks.make(rep, "pitch", Wanted(("256",)))
    change = decks.change

    def slower(*given: Any) -> Any:
        monkeypatch.setattr(decks, "change", change)
        own_slides.add_slides(rep, deck.public_id, ["prices:256"])
        return change(*given)

    monkeypatch.setattr(decks, "change", slower)
    with pytest.raises(Conflict):
        own_slides.add_slides(rep, deck.public_id, ["prices:257"])
    assert len(decks.find(rep, deck.public_id).slides) == 2


def test_a_new_link_to_a_room_asks_for_the_certificates_of_what_is_in_it(
    desk: Any, rep: Services, add: Callable[..., str]
) -> None:
    add("Pitch", 1)
    room = rooms.make(rep, rooms.Wanted("Acme", "Acme", pieces=["pitch"]))
    assert rooms.share(rep, room.public_id, {}).url
    desk.write("lesson")
    training.create(desk.services("marketer"), {**TRAINING, "guards": ["pitch"]})
    with pytest.raises(Forbidden, match="Prices"):
        rooms.share(rep, room.public_id, {})
    with pytest.raises(Forbidden):
        rooms.make(rep, rooms.Wanted("Late", "Nobody Ltd", pieces=["pitch"]))
    assert rep.find_company("Nobody Ltd") is None


def test_slides_that_look_the_same_all_have_their_picture(
    desk: Any, rep: Services, slides: list[Slide], by_hand: list[list[str]]
) -> None:
    twin = Slide(
        uid="999",
        number=9,
        title="x",
        text="",
        notes="",
        slots=[],
        jumps=[],
        hidden=False,
        digest=slides[0].digest,
    )
    twin.slots = slides[0].slots
    asset = presentations.find(rep, "pitch").asset.id
    asked = pictures.ask_for(rep, asset, [slides[0], twin], None)
    assert set(asked) == {slides[0].uid, "999"}


def test_a_presentation_that_was_put_away_is_not_found(
    desk: Any, rep: Services, add: Callable[..., str]
) -> None:
    add("Pitch", 1)
    desk.archive("pitch")
    with pytest.raises(NotFound):
        decks.make(rep, "pitch", Wanted())


def test_who_sees_their_own_decks_reads_no_names_of_others(
    desk: Any, rep: Services, add: Callable[..., str], as_role: Callable[[str], Any], tmp_path: Path
) -> None:
    add("Pitch", 2)
    decks.make(desk.services("marketer"), "pitch", Wanted(name="For Secret Ltd"))
    other = {"ppt/slides/slide1.xml": swap(b"Slide 1", b"Slide I")}
    path = changed(make(tmp_path / "two.pptx", 2), tmp_path / "b.pptx", other)
    presentations.add(desk.services("marketer"), path.read_bytes(), path.name, replaces="pitch")
    desk.approve("pitch")
    at = "/app/p/sales_enablement/presentations/pitch"
    assert "Secret Ltd" in as_role("marketer").get(at).text
    assert "Secret Ltd" not in as_role("rep").get(at).text
