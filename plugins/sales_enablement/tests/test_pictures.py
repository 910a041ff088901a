"""Pictures of slides: shared by all decks in which a slide looks the same, made beside the pages, seen by who has the deck open."""

import io
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import func, select, update

from cms_core.contract import Media
from cms_core.errors import Invalid
from cms_core.services import Services
from cms_core.testing.client import FormClient
from cms_sales_enablement import (
    decks,
    drawing,
    office,
    pdf_pages,
    pictures,
    presentations,
    printing,
    shares,
)
from cms_sales_enablement.decks import Wanted
from cms_sales_enablement.models import Deck, Picture, Slide
from cms_sales_enablement.views import LONGEST

from .decks import make

AT = "/app/p/sales_enablement"
needs_office = pytest.mark.skipif(
    not (office.program() and pdf_pages.installed()), reason="LibreOffice is not installed here"
)


def deck_of(rep: Services, *picks: str, **said: str) -> Deck:
    return decks.make(rep, "pitch", Wanted(picks, said))


def width_of(source: Any) -> int:
    with Image.open(source) as picture:
        return picture.width


def picture_of(rep: Services, slide: Slide, deck: Deck | None, width: int = 1600) -> Media | None:
    return pictures.of(rep, deck.asset if deck else "", slide, deck, width)


def test_the_key_is_all_that_the_looks_depend_on(rep: Services, slides: list[Slide]) -> None:
    slide = slides[0]
    plain = pictures.key_of(slide, None)
    first, same = deck_of(rep, "256", client="Ann"), deck_of(rep, "257", "256", client="Ann", unused="x")
    other = deck_of(rep, "256", client="Ben")
    assert pictures.key_of(slide, first) == pictures.key_of(slide, same)
    assert len({plain, pictures.key_of(slide, first), pictures.key_of(slide, other)}) == 3
    before = pictures.key_of(slide, first)
    first.pictures = {"logo": "0" * 64}
    assert pictures.key_of(slide, first) == before, "it shows no logo"
    slide.slots = [*slide.slots, {"name": "company.logo", "kind": "picture"}]
    assert pictures.key_of(slide, first) != pictures.key_of(slide, same)
    assert pictures.key_of(slides[1], same) != pictures.key_of(slide, same)


def test_what_was_asked_for_is_drawn_once_for_all_decks(
    rep: Services, slides: list[Slide], by_hand: list[list[str]]
) -> None:
    first, second = deck_of(rep, "258", "256", client="Ann"), deck_of(rep, "256", client="Ann")
    asset = first.asset
    pictures.ask_for(rep, asset, [slides[2], slides[0]], first)
    pictures.ask_for(rep, asset, [slides[0]], second)
    assert picture_of(rep, slides[0], first) is None
    while drawing.draw_next(rep):
        pass
    assert [sorted(each) for each in by_hand] == [["256", "258"]]
    wide, small = (picture_of(rep, slides[0], second, width) for width in (1600, 480))
    assert wide is not None
    assert small is not None
    assert (width_of(wide.path), width_of(small.path)) == (160, 48)
    assert (wide.url, wide.mime) == ("", "image/webp")
    assert pictures.ask_for(rep, asset, [slides[0]], second)["256"].wide == wide.sha256


def test_a_deck_that_was_changed_meanwhile_is_drawn_as_it_is_now(
    rep: Services, slides: list[Slide], by_hand: list[list[str]]
) -> None:
    deck = deck_of(rep, "256", client="Ann")
    pictures.ask_for(rep, deck.asset, [slides[0]], deck)
    deck = decks.change(rep, deck.public_id, Wanted(said={"client": "Ben"}))
    assert drawing.draw_next(rep)
    assert by_hand == []
    pictures.ask_for(rep, deck.asset, [slides[0]], deck)
    assert drawing.draw_next(rep)
    assert picture_of(rep, slides[0], deck) is not None
    with rep.session() as session:
        assert session.scalar(select(func.count()).select_from(Picture)) == 1, "the old one is forgotten"


def test_a_page_says_what_cannot_be_drawn(
    rep: Services,
    slides: list[Slide],
    by_hand: list[list[str]],
    as_role: Callable[[str], FormClient],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise Invalid("LibreOffice could not make a PDF of it")

    monkeypatch.setattr(office, "to_pdf", broken)
    monkeypatch.setattr(drawing, "PAUSE", timedelta(0))
    deck, browser = deck_of(rep, "256"), as_role("rep")
    at = [f"{AT}/decks/{deck.public_id}", f"{AT}/presentations/pitch"]
    pages = [browser.get(each).text for each in at]
    assert all("data-await" in page and "not be drawn" not in page for page in pages)
    while drawing.draw_next(rep):
        pass
    pages = [browser.get(each).text for each in at]
    assert all("could not be drawn" in page and "data-await" not in page for page in pages)
    assert "and you, we offer" in pages[0], "its words stand for it"


def test_what_cannot_be_drawn_is_tried_three_times(
    rep: Services, slides: list[Slide], by_hand: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise Invalid("LibreOffice could not make a PDF of it")

    monkeypatch.setattr(office, "to_pdf", broken)
    deck = deck_of(rep, "256")
    pictures.ask_for(rep, deck.asset, [slides[0]], deck)
    assert [drawing.draw_next(rep) for _ in range(2)] == [True, False], (
        "what failed is not tried again at once"
    )
    with rep.session() as session:
        pause = session.scalars(select(Picture.asked_at)).one() - rep.now()
    assert timedelta(seconds=50) < pause <= timedelta(minutes=1)
    monkeypatch.setattr(drawing, "PAUSE", timedelta(0))
    with rep.transaction() as session:
        session.execute(update(Picture).values(asked_at=rep.now()))
    assert [drawing.draw_next(rep) for _ in range(3)] == [True, True, False]
    with rep.session() as session:
        assert session.scalars(select(Picture.reason)).one() == "LibreOffice could not make a PDF of it"


def test_a_slide_that_cannot_be_drawn_costs_no_other_its_picture(
    rep: Services, slides: list[Slide], by_hand: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    written = printing.write_pages

    def odd(svc: Services, made_of: Any, wanted: list[Slide], *more: Any) -> None:
        if slides[2].uid in {slide.uid for slide in wanted}:
            raise Invalid("this one cannot be drawn")
        written(svc, made_of, wanted, *more)

    monkeypatch.setattr(printing, "write_pages", odd)
    asset = presentations.find(rep, "pitch").asset.id
    pictures.ask_for(rep, asset, [slides[0], slides[2]], None)
    while drawing.draw_next(rep):
        pass
    assert picture_of(rep, slides[0], None) is not None
    with rep.session() as session:
        failed = session.execute(select(Picture.slide, Picture.tries).where(Picture.wide.is_(None))).all()
    assert failed == [(slides[2].uid, 1)]
    with rep.transaction() as session:  # its second try comes together with the first of another slide
        session.execute(update(Picture).where(Picture.wide.is_(None)).values(asked_at=rep.now()))
    pictures.ask_for(rep, asset, [slides[1]], None)
    while drawing.draw_next(rep):
        pass
    assert picture_of(rep, slides[1], None) is not None


def test_where_there_is_no_room_nothing_is_tried_in_vain(
    rep: Services, slides: list[Slide], by_hand: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(office, "to_pdf", full)
    deck = deck_of(rep, "256")
    pictures.ask_for(rep, deck.asset, [slides[0]], deck)
    assert [drawing.draw_next(rep) for _ in range(2)] == [True, False]
    with rep.session() as session:
        assert session.scalars(select(Picture.tries)).all() == [0]


def test_pages_that_are_not_the_slides_are_not_kept(
    rep: Services, slides: list[Slide], by_hand: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pdf_pages, "render", lambda *_: [])
    deck = deck_of(rep, "256")
    pictures.ask_for(rep, deck.asset, [slides[0]], deck)
    assert drawing.draw_next(rep)
    assert picture_of(rep, slides[0], deck) is None


def test_where_nothing_draws_nothing_is_asked_for(
    rep: Services, slides: list[Slide], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(office, "program", lambda: None)
    deck = deck_of(rep, "256")
    assert pictures.ask_for(rep, deck.asset, slides, deck) == {}


def test_a_picture_is_for_who_has_the_deck_open(
    rep: Services, desk: Any, slides: list[Slide], by_hand: list[list[str]], reader: Any
) -> None:
    deck = deck_of(rep, "256")
    made, other = desk.share(deck.public_id), desk.share(deck.public_id)

    def view_of(url: str) -> str:
        found: str = reader.get(url).text.partition('data-view="')[2].partition('"')[0]
        return found

    view = view_of(made.url)
    at = f"{made.url}/slides/256/1600"
    assert reader.get(f"{at}?view={view}").status_code == 404, "it is not made yet"
    drawing.draw_next(rep)
    with reader.get(f"{at}?view={view}") as shown:
        assert (shown.status_code, shown.mimetype) == (200, "image/webp")
        assert "no-store" in shown.headers["Cache-Control"]
        assert width_of(io.BytesIO(shown.data)) == 160
    assert f"/slides/256/1600?view={view_of(made.url)[:8]}" in reader.get(made.url).text
    assert reader.get(at).status_code == 404
    assert reader.get(f"{at}?view={view_of(other.url)}").status_code == 404
    assert reader.get(f"{made.url}/slides/257/1600?view={view}").status_code == 404, "not a slide of the deck"
    desk.clock.at += LONGEST + timedelta(seconds=1)
    assert reader.get(f"{at}?view={view}").status_code == 404
    late = view_of(made.url)
    shares.revoke(rep, made.id)
    assert reader.get(f"{at}?view={late}").status_code == 404, "taken back is taken back"


@needs_office
def test_libreoffice_draws_hidden_slides_too(rep: Services, slides: list[Slide], tmp_path: Path) -> None:
    from pptx import Presentation

    path = tmp_path / "hidden.pptx"
    deck = Presentation(str(make(tmp_path / "x.pptx", 2)))
    deck.slides[0]._element.set("show", "0")
    deck.save(str(path))
    office.to_pdf(path, tmp_path / "all.pdf", hidden=True)
    assert len(pdf_pages.render(tmp_path / "all.pdf", tmp_path, (1600, 480))) == 2
    office.to_pdf(path, tmp_path / "shown.pdf")
    (page,) = pdf_pages.render(tmp_path / "shown.pdf", tmp_path, (480,))
    with Image.open(page[480]) as picture:
        assert (picture.width, picture.height, picture.format) == (480, 360, "WEBP")


@needs_office
def test_a_deck_is_written_as_pdf(rep: Services, slides: list[Slide], tmp_path: Path) -> None:
    out = tmp_path / "deck.PDF"
    written = printing.write_as(rep, deck_of(rep, "258", "256"), out)
    assert out.read_bytes().startswith(b"%PDF")
    assert len(pdf_pages.render(out, tmp_path, (480,))) == len(written.copied.slides) == 2


def test_without_libreoffice_a_pdf_is_refused_with_a_remedy(
    rep: Services, slides: list[Slide], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(office, "program", lambda: None)
    with pytest.raises(Invalid, match="not installed") as refused:
        printing.write_as(rep, deck_of(rep, "256"), tmp_path / "deck.pdf")
    assert "libreoffice-impress" in refused.value.remedy
    assert not list(tmp_path.glob("deck.pdf*"))


@pytest.mark.parametrize("data", [b"", b"no pdf", b"%PDF-1.4\nbroken"])
def test_a_pdf_that_cannot_be_drawn_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.pdf"
    path.write_bytes(data)
    with pytest.raises(Invalid, match="cannot be drawn"):
        pdf_pages.render(path, tmp_path, (480,))
