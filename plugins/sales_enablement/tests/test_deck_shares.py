"""Links to decks: what the other side sees, which slide holds them, and what the rep is told."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from cms_core.errors import Invalid
from cms_core.notices.models import Notice
from cms_sales_enablement import decks, documents, opening, presentations, shares, views
from cms_sales_enablement.decks import Wanted
from cms_sales_enablement.models import Dwell

from .decks import make


@pytest.fixture
def deck(desk: Any, tmp_path: Path) -> str:
    """The id of a deck of three slides."""
    path = make(tmp_path / "Pitch.pptx", 4)
    found = presentations.add(desk.services("marketer"), path.read_bytes(), path.name)
    desk.approve(found.saved.slug)
    wanted = Wanted(("258", "256", "257"), {"client": "<b>Ann</b>"}, subject="Acme")
    return decks.make(desk.services(), found.saved.slug, wanted).public_id


def look_at(reader: Any, url: str, slides: str, seconds: int, *, slide: str = "", number: int = 1) -> int:
    """Open a link and tell of its slides; gives the answer's status."""
    view = reader.get(url).text.partition('data-view="')[2].partition('"')[0]
    reader.clock.at += timedelta(seconds=seconds)
    told = {"view": view, "n": str(number), "ms": str(seconds * 1000), "slides": slides, "slide": slide}
    status: int = reader.post(f"{url}/seen", **told).status_code
    return status


def told_of(desk: Any, public_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = documents.link_with_views(
        desk.services(), shares.find(desk.services(), public_id)
    )["views"]
    return found


def test_the_other_side_sees_the_slides_in_order_filled_and_no_notes(
    desk: Any, deck: str, reader: Any
) -> None:
    made = desk.share(deck, contact="dana@acme.test")
    page = reader.get(made.url)
    assert page.status_code == 200
    at = [page.text.index(f'data-slide="{uid}"') for uid in ("258", "256", "257")]
    assert at == sorted(at)
    assert "Dear Acme, and &lt;b&gt;Ann&lt;/b&gt;, we offer" in page.text
    assert "Tell" not in page.text, "notes are for reps"
    assert "Pitch for Acme" in page.text
    assert "<script" in page.text
    assert "script-src 'nonce-" in page.headers["Content-Security-Policy"]


def test_seconds_are_told_per_slide(desk: Any, deck: str, reader: Any) -> None:
    made = desk.share(deck, contact="dana@acme.test")
    assert look_at(reader, made.url, "258:4000 257:1500", 6, slide="257") == 204
    (seen,) = told_of(desk, made.id)
    assert (seen["visitor"], seen["counted"], seen["seconds"]) == ("dana@acme.test", True, 6)
    assert [(each["slide"], each["seconds"]) for each in seen["slides"]] == [("258", 4), ("257", 1)]


def test_messages_may_come_twice_late_or_false(desk: Any, deck: str, reader: Any) -> None:
    """Security rule 12: cumulative per view and slide, numbered, never more than can be."""
    made = desk.share(deck)
    view = reader.get(made.url).text.partition('data-view="')[2].partition('"')[0]
    reader.clock.at += timedelta(seconds=10)

    def tell(number: int, ms: int, slides: str) -> None:
        reader.post(f"{made.url}/seen", view=view, n=str(number), ms=str(ms), slides=slides)

    tell(2, 5_000, "258:3000 256:2000")
    tell(2, 5_000, "258:3000 256:2000")
    tell(1, 2_000, "258:2000")
    tell(3, 6_000, "258:99999999 259:5000 no:1 x: :3 256:-4 257:1e3")
    (seen,) = told_of(desk, made.id)
    assert seen["seconds"] == 6
    slides = {each["slide"]: each["seconds"] for each in seen["slides"]}
    assert slides == {"258": 6, "256": 2}, "no slide longer than the page, none that is not in the deck"


def test_what_machines_and_our_own_people_see_does_not_count(desk: Any, deck: str, new_reader: Any) -> None:
    made = desk.share(deck)
    robot = new_reader(agent="Mimecast")
    assert look_at(robot, made.url, "258:4000", 5) == 204
    (seen,) = told_of(desk, made.id)
    assert (seen["counted"], seen["slides"]) == (False, [])


def test_who_shared_it_hears_of_the_first_look(desk: Any, deck: str, reader: Any) -> None:
    made = desk.share(deck, contact="dana@acme.test")
    look_at(reader, made.url, "258:500", 0)

    def notices() -> list[str]:
        with desk.workspace.db.session() as session:
            return list(session.scalars(select(Notice.title)))

    assert notices() == []
    look_at(reader, made.url, "258:2000", 2)
    look_at(reader, made.url, "258:2000", 2)
    assert notices() == ["dana@acme.test looks at Pitch for Acme"]


def test_a_link_shows_the_deck_as_it_is_now_and_ends_with_its_presentation(
    desk: Any, deck: str, reader: Any
) -> None:
    made = desk.share(deck)
    decks.change(desk.services(), deck, Wanted(("259",)))
    assert 'data-slide="259"' in reader.get(made.url).text
    desk.archive("pitch")
    assert reader.get(made.url).status_code == 404


def test_a_presentation_that_is_shared_is_a_deck_of_all_its_slides(desk: Any, deck: str, reader: Any) -> None:
    made = desk.share("pitch")
    assert reader.get(made.url).text.count("data-slide=") == 4


def test_others_decks_cannot_be_shared(desk: Any, deck: str) -> None:
    other = decks.make(desk.services("admin"), "pitch", Wanted()).public_id
    with pytest.raises(Invalid, match="no approved content"):
        desk.share(other)


def test_many_messages_add_up(desk: Any, deck: str, reader: Any) -> None:
    """One row per view and slide, whatever the number of messages."""
    made = desk.share(deck)
    opened = opening.open_share(desk.services(), made.url.rpartition("/")[2])
    svc = desk.services()
    view = views.begin(svc, opened, "human", "v")
    desk.clock.at += timedelta(minutes=10)
    for number in range(1, 101):
        told = views.Told(number, number * 1000, {"258": number * 600, "256": number * 400}, "258")
        views.seen(svc, opened, view, told)
    with desk.workspace.db.session() as session:
        assert session.scalar(select(func.count()).select_from(Dwell)) == 2
        assert sorted(session.scalars(select(Dwell.milliseconds))) == [40_000, 60_000]
