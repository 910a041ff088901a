"""Who draws a slide: LibreOffice, a PDF that was brought, or we ourselves; and that all doors keep to what can be drawn."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from click.testing import Result
from flask import Flask
from PIL import Image
from sqlalchemy import update

from cms_core.errors import Invalid
from cms_core.services import Services
from cms_core.testing.calls import caller_of
from cms_sales_enablement import (
    blocks,
    decks,
    drawing,
    material,
    office,
    pdf_copies,
    pdf_pages,
    pictures,
    presentations,
    printing,
    rooms,
)
from cms_sales_enablement.decks import Wanted
from cms_sales_enablement.ladder import Ladder, Rung, Way
from cms_sales_enablement.models import TRIES, Deck, Picture
from cms_sales_enablement.terms import Terms

from . import pdfs
from .decks import changed, make, swap, without_fields

SAID = {"title": "For {{ company.name }}", "lines": "What we heard\n  at night", "notes": "Between us"}
LAYOUT = {"ppt/slideLayouts/slideLayout2.xml": swap(b"<p:cSld ", b"<p:cSld  ")}  # other bytes, same meaning

pytestmark = pytest.mark.usefixtures("without_office")


@pytest.fixture
def pptx(tmp_path: Path) -> Path:
    """Three slides; the first and the last have no fields."""
    return without_fields(tmp_path / "Pitch.pptx", 0, 2)


@pytest.fixture
def add(desk: Any, pptx: Path) -> Callable[..., str]:
    """Takes a presentation in and approves it."""

    def added(path: Path = pptx, **more: Any) -> str:
        found = presentations.add(desk.services("marketer"), path.read_bytes(), path.name, **more)
        desk.approve(found.saved.slug)
        return found.saved.slug

    return added


def told(rep: Services, *picks: str, **said: str) -> Deck:
    """A deck of these slides, of which ``block-1`` is told."""
    kept = blocks.checked(rep, "bullets", SAID)
    return decks.make(rep, "pitch", Wanted(picks, {"company.name": "Acme", **said}, blocks={"block-1": kept}))


def pages_of(path: Path | bytes) -> list[tuple[str, tuple[int, ...]]]:
    """What each page of a PDF says, and its colour at the edge."""
    return [
        (
            " ".join(str(page.get_textpage().get_text_range()).split()),
            page.render(scale=0.2).to_pil().convert("RGB").getpixel((5, 5)),
        )
        for page in pypdfium2.PdfDocument(path)
    ]


def draw_all(svc: Services) -> None:
    while drawing.draw_next(svc):
        pass


def view_of(reader: Any, url: str) -> str:
    found: str = reader.get(url).text.partition('data-view="')[2].partition('"')[0]
    return found


# --- PDFs ---------------------------------------------------------------------------------------------------------------


def test_a_deck_of_both_kinds_is_printed_in_its_order(add: Any, rep: Services, tmp_path: Path) -> None:
    add(pdf=pdfs.plain(3))
    deck, out = told(rep, "258", "block-1", "256"), tmp_path / "deck.pdf"
    written = printing.write_as(rep, deck, out)
    assert [each.id for each in written.copied.slides] == ["258", "block-1", "256"]
    (_, last), (words, ground), (_, first) = pages_of(out)
    assert words == "For Acme • What we heard – at night"
    assert all(map(pdfs.near, (last, ground, first), (pdfs.colour_of(3), (255, 255, 255), pdfs.colour_of(1))))
    assert pypdfium2.PdfDocument(out).get_page_size(1) == (720, 540), "the size of the slides"
    assert not list(tmp_path.glob(".deck*"))


def test_told_slides_alone_need_neither_libreoffice_nor_a_pdf(
    add: Any, rep: Services, tmp_path: Path
) -> None:
    add()
    printing.write_as(rep, told(rep, "block-1"), tmp_path / "deck.pdf")
    assert [words for words, _ in pages_of(tmp_path / "deck.pdf")] == ["For Acme • What we heard – at night"]


def test_a_hidden_slide_is_not_in_the_way(add: Any, rep: Services, tmp_path: Path) -> None:
    path = changed(
        make(tmp_path / "x.pptx", 2),
        tmp_path / "Pitch2.pptx",
        {"ppt/slides/slide1.xml": swap(b"<p:sld ", b'<p:sld show="0" ')},
    )
    slug = add(path)
    kept = blocks.checked(rep, "bullets", SAID)
    wanted = Wanted(("256", "block-1"), blocks={"block-1": kept})
    decks.require_paper(rep, slug, wanted)
    printing.write_as(rep, decks.make(rep, slug, wanted), tmp_path / "deck.pdf")
    assert len(pages_of(tmp_path / "deck.pdf")) == 1
    with pytest.raises(Invalid, match="hidden"):
        printing.write_as(rep, decks.make(rep, slug, Wanted(("256",))), tmp_path / "none.pdf")


@pytest.mark.parametrize(
    ("pdf", "picks", "said"),
    [
        (False, ("block-1", "256"), r"slide 1 'Slide 1' is in no PDF"),
        (True, ("block-1", "257"), r"filled fields .* on slide 2"),
        (True, ("256", "prices:257"), r"filled fields .* on slide 'Slide 2'"),
        (True, ("256", "prices:256"), r"slide 'Slide 1' is in no PDF"),
    ],
)
def test_what_nobody_can_draw_is_named_with_a_remedy(
    add: Any, rep: Services, tmp_path: Path, pdf: bool, picks: tuple[str, ...], said: str
) -> None:
    add(without_fields(tmp_path / "Prices.pptx", 0, count=2))
    add(**({"pdf": pdfs.plain(3)} if pdf else {}))
    deck = told(rep, *picks)
    with pytest.raises(Invalid, match=said) as refused:
        printing.write_as(rep, deck, tmp_path / "deck.pdf")
    assert "libreoffice-impress" in refused.value.remedy
    assert refused.value.field == "out"
    assert not list(tmp_path.glob("*deck.pdf*"))
    with pytest.raises(Invalid, match=said):
        decks.require_paper(rep, deck.public_id, Wanted())


def test_a_slide_of_another_presentation_is_a_page_of_its_pdf_where_layouts_are_the_same(
    add: Any, rep: Services, tmp_path: Path
) -> None:
    add(pdf=pdfs.plain(3))
    add(without_fields(tmp_path / "Prices.pptx", 0, 1, count=2), pdf=pdfs.plain(2, 5))
    odd = changed(without_fields(tmp_path / "x.pptx", 0, count=1), tmp_path / "Odd.pptx", LAYOUT)
    add(odd, pdf=pdfs.plain(1, 4))
    printing.write_as(rep, decks.make(rep, "pitch", Wanted(("prices:257", "256"))), tmp_path / "deck.pdf")
    found = [colour for _, colour in pages_of(tmp_path / "deck.pdf")]
    assert all(map(pdfs.near, found, (pdfs.colour_of(6), pdfs.colour_of(1))))
    with pytest.raises(Invalid, match="in no PDF"):
        printing.write_as(rep, decks.make(rep, "pitch", Wanted(("odd:256",))), tmp_path / "odd.pdf")


@pytest.mark.parametrize(
    ("lacks", "remedy"),
    [("weasyprint", "the extra “decks”"), ("pango", "libpango-1.0-0"), ("pypdfium2", "the extra “decks”")],
)
def test_what_lacks_is_told_and_where_it_is_got(
    add: Any, rep: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lacks: str, remedy: str
) -> None:
    add()
    deck = told(rep, "block-1")
    if lacks == "weasyprint":
        monkeypatch.setattr(
            "cms_sales_enablement.told.find_spec", lambda name: None if name == lacks else name
        )
    elif lacks == "pypdfium2":
        monkeypatch.setattr(pdf_pages, "installed", lambda: False)
    else:
        monkeypatch.setattr("cms_sales_enablement.told.LIBRARIES", (("libno-such-pango.so.0",),))
    with pytest.raises(Invalid, match="not installed here") as refused:
        printing.write_as(rep, deck, tmp_path / "deck.pdf")
    assert not Ladder(rep, deck.asset).draws(material.of_deck(rep, deck).of(deck))
    assert remedy in refused.value.remedy
    assert "libreoffice-impress" in refused.value.remedy


# --- pictures -----------------------------------------------------------------------------------------------------------


def test_a_link_shows_the_picture_of_a_told_slide_and_gives_the_pdf(
    add: Any, desk: Any, rep: Services, reader: Any
) -> None:
    add(pdf=pdfs.plain(3))
    deck = told(rep, "258", "block-1")
    made = desk.share(deck.public_id, download=True)
    view = view_of(reader, made.url)
    at = f"{made.url}/slides/block-1/1600?view={view}"
    assert reader.get(at).status_code == 404, "it is not made yet"
    assert "What we heard" in reader.get(made.url).text, "its words stand there meanwhile"
    draw_all(rep)
    with reader.get(at) as answer:
        assert (answer.status_code, answer.mimetype) == (200, "image/webp")
        with Image.open(io.BytesIO(answer.data)) as picture:
            assert picture.size == (1600, 1200)
            dark = sum(picture.convert("L").histogram()[:100])
            assert 5_000 < dark < 200_000, "there are words on it"
    with reader.get(f"{made.url}/file/pdf?view={view}") as answer:
        assert (answer.status_code, answer.mimetype) == (200, "application/pdf")
        assert [words for words, _ in pages_of(answer.data)] == ["", "For Acme • What we heard – at night"]


def test_pictures_of_each_rung_are_others(add: Any, rep: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    add(pdf=pdfs.plain(3))
    deck = told(rep, "block-1", "256", "257")
    slides = material.of_deck(rep, deck).of(deck)
    ways = Ladder(rep, deck.asset).ways(slides)
    sheet = presentations.find(rep, "pitch").pdf
    assert sheet is not None
    assert ways == {"block-1": Way(Rung.TOLD), "256": Way(Rung.BROUGHT, sheet.sha256, 1)}
    here = pictures.keys_of(rep, deck.asset, slides, deck)
    pictures.ask_for(rep, deck.asset, slides, deck)
    draw_all(rep)
    assert pictures.of(rep, deck.asset, slides[0], deck, 480) is not None
    monkeypatch.setattr(office, "program", lambda: "/usr/bin/soffice")
    there = pictures.keys_of(rep, deck.asset, slides, deck)
    assert here.keys() == {"block-1", "256"}
    assert there.keys() == {"block-1", "256", "257"}
    assert not set(here.values()) & set(there.values())
    assert pictures.of(rep, deck.asset, slides[0], deck, 480) is None, "LibreOffice draws it anew"
    monkeypatch.setattr(office, "program", lambda: None)
    monkeypatch.setattr("cms_sales_enablement.told.LOOKS", "told 2")
    assert pictures.of(rep, deck.asset, slides[0], deck, 480) is None, "so do we, in another way"


def test_a_watermark_is_for_decks_of_which_all_is_drawn(add: Any, desk: Any, rep: Services) -> None:
    add(pdf=pdfs.plain(3))
    whole, part = told(rep, "256", "block-1"), told(rep, "256", "257")
    room = rooms.make(rep, rooms.Wanted("Ours", "Acme"))
    assert desk.share(whole.public_id, gate="email", watermark=True).id
    for named in (part.public_id, "pitch"):
        with pytest.raises(Invalid, match="not all of them can be made") as refused:
            desk.share(named, gate="email", watermark=True)
        assert refused.value.field == "watermark"
    marked = Terms(watermark=True)
    rooms.change_items(rep, room.public_id, add=[whole.public_id], given=marked)
    with pytest.raises(Invalid, match="not all of them can be made"):
        rooms.change_items(rep, room.public_id, add=[part.public_id], given=marked)


# --- doors --------------------------------------------------------------------------------------------------------------


def test_the_page_of_a_deck_offers_what_can_be_printed(add: Any, rep: Services, as_role: Any) -> None:
    add()
    browser, at = as_role("rep"), "/app/p/sales_enablement/decks"
    printed, not_printed = told(rep, "block-1"), told(rep, "block-1", "256")
    assert "/paper" in browser.get(f"{at}/{printed.public_id}").text
    assert "/paper" not in browser.get(f"{at}/{not_printed.public_id}").text
    assert "in no PDF" in browser.get(f"{at}/{not_printed.public_id}/paper").text
    assert browser.get(f"{at}/{printed.public_id}/paper").status_code == 303
    draw_all(rep)
    with browser.get(f"{at}/{printed.public_id}/paper") as answer:
        assert answer.mimetype == "application/pdf"
        assert "no-store" in answer.headers["Cache-Control"]


def test_calls_give_the_pdf_once_it_is_made(add: Any, rep: Services, app: Flask) -> None:
    add()
    call, at = caller_of(app, "rep"), "/sales_enablement/decks"
    printed, not_printed = told(rep, "block-1"), told(rep, "block-1", "256")
    early = call("GET", f"{at}/{printed.public_id}/paper")
    assert (early.status_code, "not made yet" in early.json["error"]["message"]) == (404, True)
    draw_all(rep)
    answer = call("GET", f"{at}/{printed.public_id}/paper")
    assert (answer.status_code, answer.mimetype) == (200, "application/pdf")
    assert len(pages_of(answer.data)) == 1
    refused = call("GET", f"{at}/{not_printed.public_id}/paper")
    assert refused.status_code == 422
    assert "libreoffice-impress" in refused.json["error"]["remedy"]
    assert caller_of(app, "viewer")("GET", f"{at}/{printed.public_id}/paper").status_code == 403


def test_a_call_for_what_never_comes_is_told_why(
    add: Any, rep: Services, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    add()
    call, at = caller_of(app, "rep"), "/sales_enablement/decks"

    def refused(deck: Deck) -> str:
        answer = call("GET", f"{at}/{deck.public_id}/paper")
        assert answer.status_code == 422
        return str(answer.json["error"]["message"])

    failing = told(rep, "block-1")
    call("GET", f"{at}/{failing.public_id}/paper")
    with rep.transaction() as session:
        session.execute(update(Picture).values(tries=TRIES, reason="too large"))
    assert "could not be made: too large" in refused(failing)
    monkeypatch.setattr(office, "program", lambda: "/usr/bin/soffice")
    monkeypatch.setattr(pdf_pages, "installed", lambda: False)
    assert "extra “decks”" in refused(told(rep, "block-1", "256"))


def test_more_pages_are_gathered_than_a_command_can_name(tmp_path: Path) -> None:
    sheet = tmp_path / f"{'long' * 40}.pdf"
    sheet.write_bytes(pdfs.plain(3))
    pdf_copies.gather([(sheet, 1 + at % 3) for at in range(900)], tmp_path / "out.pdf")
    assert len(pypdfium2.PdfDocument(tmp_path / "out.pdf")) == 900
    with pytest.raises(OSError, match="No space left"):  # PDFium itself does not tell
        pdf_copies.gather([(sheet, 1)], Path("/dev/full"))


def test_commands_write_it_or_say_why_not(cms: Callable[..., Result], tmp_path: Path, pptx: Path) -> None:
    cms(
        "init", str(tmp_path / "ws"), "--admin-email", "a@example.com", "--admin-password", "canary-pass-word"
    )

    def sales(*arguments: str) -> Result:
        return cms("sales", *arguments, "--json")

    assert sales("templates", "add", str(pptx)).exit_code == 0
    made = json.loads(sales("decks", "make", "pitch", "--pick", "256", "-o", str(tmp_path / "a.pptx")).stdout)
    telling = ("decks", "blocks", "add", made["id"], "bullets", "--set", "title=Ours", "--set", "lines=One")
    ref = json.loads(sales(*telling).stdout)["id"]
    before = len(json.loads(sales("decks", "list").stdout))
    refused = sales("decks", "make", made["id"], "-o", str(tmp_path / "deck.pdf"))
    assert refused.exit_code == 1
    error = json.loads(refused.stdout)["error"]
    assert "slide 1 'Slide 1' is in no PDF" in error["message"]
    assert "bring a PDF" in error["remedy"]
    assert len(json.loads(sales("decks", "list").stdout)) == before, "no deck was made for it"
    done = sales("decks", "make", made["id"], "--pick", ref, "-o", str(tmp_path / "deck.pdf"))
    assert done.exit_code == 0, done.output
    assert [words for words, _ in pages_of(tmp_path / "deck.pdf")] == ["Ours • One"]


def test_where_libreoffice_is_it_draws_all(add: Any, rep: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    add(pdf=pdfs.plain(3))
    deck = told(rep, "block-1", "256", "257")
    monkeypatch.setattr(office, "program", lambda: "/usr/bin/soffice")
    slides = material.of_deck(rep, deck).of(deck)
    assert set(Ladder(rep, deck.asset).ways(slides).values()) == {Way(Rung.OFFICE)}
    monkeypatch.setattr(pdf_pages, "installed", lambda: False)
    assert not Ladder(rep, deck.asset).draws(slides), "a PDF, but no pictures"
    Ladder(rep, deck.asset).require(slides)
