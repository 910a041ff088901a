"""A PDF that was brought along: what it may hold, whose looks its pages are, and the decks that are printed of it."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from PIL import Image
from pptx import Presentation

from cms_core.errors import Conflict, Forbidden, Invalid
from cms_core.services import Services
from cms_core.testing.calls import caller_of
from cms_sales_enablement import (
    children,
    decks,
    drawing,
    office,
    pdf_copies,
    pictures,
    presentations,
    printing,
)
from cms_sales_enablement.decks import Wanted
from cms_sales_enablement.ladder import Ladder
from cms_sales_enablement.models import Deck

from . import pdfs
from .decks import without_fields

LIVE = (
    b"JavaScript",
    b"OpenAction",
    b"Launch",
    b"/AA",
    b"/Annots",
    b"/URI",
    b"EmbeddedFile",
    b"EVIL",
    b"cmd.exe",
)


@pytest.fixture
def pptx(tmp_path: Path) -> Path:
    """Three slides; the first and the last have no fields."""
    return without_fields(tmp_path / "Pitch.pptx", 0, 2)


@pytest.fixture
def add(desk: Any, pptx: Path) -> Callable[..., presentations.Added]:
    def added(**more: Any) -> presentations.Added:
        found = presentations.add(desk.services("marketer"), pptx.read_bytes(), pptx.name, **more)
        desk.approve(found.saved.slug)
        return found

    return added


def text_of(data: bytes) -> str:
    page = pypdfium2.PdfDocument(data)[0]
    return str(page.get_textpage().get_text_range())


def pixels(data: bytes, number: int = 0) -> bytes:
    return bytes(pypdfium2.PdfDocument(data)[number].render().to_pil().convert("RGB").tobytes())


def colours(path: Path) -> list[tuple[int, ...]]:
    pages = pypdfium2.PdfDocument(path)
    return [page.render(scale=0.2).to_pil().convert("RGB").getpixel((5, 5)) for page in pages]


def draw_all(svc: Services) -> None:
    while drawing.draw_next(svc):
        pass


# --- what comes in ----------------------------------------------------------------------------------------------------


def test_what_a_page_draws_is_kept_and_nothing_that_it_could_do() -> None:
    evil = pdfs.trapped()
    assert all(word in evil for word in LIVE)
    clean, count = pdf_copies.cleaned(evil)
    assert count == 1
    assert [word for word in LIVE if word in clean] == []
    assert "Hello page" in text_of(clean)
    assert "Drawn note" in text_of(clean), "what a note shows is drawn"
    assert pypdfium2.PdfDocument(clean).get_page_size(0) == (400, 300), "turned as it was"
    assert pixels(clean) == pixels(evil)


def test_pages_that_share_a_picture_share_it_still() -> None:
    picture = pdfs.stream(bytes(range(256)) * 1200, b"/Type/XObject/Subtype/Image/Width 640/Height 160"
                          b"/ColorSpace/DeviceRGB/BitsPerComponent 8")  # fmt: skip
    page = (
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 640 360]/Contents 7 0 R/Resources<</XObject<</P 8 0 R>>>>>>"
    )
    kids = b" ".join(b"%d 0 R" % number for number in range(3, 7))
    drawn = pdfs.stream(b"640 0 0 160 0 0 cm /P Do")
    many = pdfs.of_objects(
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[%s]/Count 4>>" % kids,
        *[page] * 4,
        drawn,
        picture,
    )
    clean, count = pdf_copies.cleaned(many)
    assert count == 4
    assert len(clean) < 1.2 * len(many)
    assert all(pixels(clean, at) == pixels(many, at) for at in range(4))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no PDF"),
        (b"PK\3\4", "no PDF"),
        (b"%PDF-1.7\nbroken", "broken"),
        (pdfs.trapped()[:200], "broken|pages"),
        (pdfs.encrypted(), "encrypted"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_field(data: bytes, why: str) -> None:
    with pytest.raises(Invalid, match=why) as refused:
        pdf_copies.cleaned(data)
    assert refused.value.field == "pdf"
    assert refused.value.remedy


def test_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf_copies, "LARGEST", 1 << 20)
    with pytest.raises(Invalid, match="over 1 MB"):
        pdf_copies.cleaned(b"%PDF-" + bytes(2 << 20))
    monkeypatch.setattr(children, "SECONDS", 0.01)
    with pytest.raises(Invalid, match="seconds to read"):
        pdf_copies.cleaned(pdfs.plain(2))


def test_the_pages_are_the_slides_or_it_is_refused_and_nothing_kept(add: Any, desk: Any) -> None:
    with pytest.raises(Invalid, match="2 pages, the presentation 3 slides") as refused:
        add(pdf=pdfs.plain(2))
    assert "hidden slides" in refused.value.remedy
    assert not presentations.listed(desk.services())
    add()
    with pytest.raises(Invalid, match="4 pages"):
        presentations.bring(desk.services("marketer"), "pitch", pdfs.plain(4))
    with pytest.raises(Forbidden):
        presentations.bring(desk.services("rep"), "pitch", pdfs.plain(3))


def test_it_belongs_to_a_revision_and_is_approved_with_it(add: Any, desk: Any, pptx: Path) -> None:
    marketer = desk.services("marketer")
    add()
    saved = presentations.bring(marketer, "pitch", pdfs.plain(3))
    assert (saved.revision, saved.state) == (2, "in_review")
    assert presentations.find(marketer, "pitch").pdf is None, "nobody has approved it"
    with pytest.raises(Conflict, match="newer version"):
        presentations.bring(marketer, "pitch", pdfs.plain(3))
    desk.approve("pitch")
    kept = presentations.find(marketer, "pitch")
    assert kept.pdf is not None
    assert kept.pdf.url == "", "it has no address"
    assert kept.file.sha256 == presentations.find(marketer, "pitch").presentation.sha256
    Presentation(str(pptx)).save(str(pptx))
    add(replaces="pitch")
    assert presentations.find(marketer, "pitch").pdf is None, (
        "another file is another presentation to look at"
    )


def test_its_file_has_no_address(add: Any, desk: Any, as_role: Any) -> None:
    add(pdf=pdfs.plain(3))
    kept = presentations.find(desk.services(), "pitch")
    assert as_role("admin").get(kept.asset.body["pdf"]).status_code == 404


def test_the_same_file_with_a_pdf_is_the_same_presentation_with_one(add: Any, desk: Any) -> None:
    first = add()
    desk.found()
    again = add(pdf=pdfs.plain(3))
    assert (again.saved.id, again.saved.revision) == (first.saved.id, 2)
    assert presentations.find(desk.services(), "pitch").pdf is not None


# --- what it is for ---------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("without_office")
def test_its_pages_are_the_looks_of_slides_without_fields(add: Any, rep: Services) -> None:
    add(pdf=pdfs.plain(3))
    kept = presentations.find(rep, "pitch")
    deck = decks.make(rep, "pitch", Wanted(("258", "257", "256")))
    by_uid = {slide.uid: slide for slide in kept.slides}
    asked = pictures.ask_for(rep, kept.asset.id, kept.slides, deck)
    assert set(asked) == {"256", "258"}, "what stands in a field is nowhere in a PDF"
    pictures.ask_for(rep, kept.asset.id, kept.slides, None)
    draw_all(rep)

    def colour(uid: str, of: Deck | None) -> Any:
        found = pictures.of(rep, kept.asset.id, by_uid[uid], of, 1600)
        if found is None:
            return None
        with Image.open(found.path) as picture:
            return picture.convert("RGB").getpixel((5, 5))

    assert pdfs.near(colour("256", deck), pdfs.colour_of(1))
    assert pdfs.near(colour("258", deck), pdfs.colour_of(3))
    assert colour("257", deck) is None
    assert pdfs.near(colour("257", None), pdfs.colour_of(2)), (
        "in the presentation a field is shown as it stands there"
    )


@pytest.mark.usefixtures("without_office")
def test_another_pdf_brings_other_pictures(add: Any, desk: Any, rep: Services) -> None:
    add(pdf=pdfs.plain(3))
    kept = presentations.find(rep, "pitch")
    pictures.ask_for(rep, kept.asset.id, kept.slides, None)
    draw_all(rep)
    assert pictures.of(rep, kept.asset.id, kept.slides[0], None, 480) is not None
    desk.found()
    presentations.bring(desk.services("marketer"), "pitch", pdfs.plain(3, 7))
    desk.approve("pitch")
    assert pictures.of(rep, kept.asset.id, kept.slides[0], None, 480) is None, "it is drawn anew"


@pytest.mark.usefixtures("without_office")
def test_a_deck_without_fields_is_printed_from_its_pages(add: Any, rep: Services, tmp_path: Path) -> None:
    add(pdf=pdfs.plain(3))
    out = tmp_path / "deck.pdf"
    decks.require_paper(rep, "pitch", Wanted(("258", "256")))
    deck = decks.make(rep, "pitch", Wanted(("258", "256")))
    written = printing.write_as(rep, deck, out)
    assert [each.id for each in written.copied.slides] == ["258", "256"]
    found = colours(out)
    assert all(map(pdfs.near, found, (pdfs.colour_of(3), pdfs.colour_of(1))))
    assert Ladder(rep, deck.asset).draws(presentations.find(rep, "pitch").slides[:1])


@pytest.mark.usefixtures("without_office")
def test_a_deck_with_fields_says_that_its_pdf_needs_libreoffice(
    add: Any, rep: Services, tmp_path: Path, as_role: Any
) -> None:
    add(pdf=pdfs.plain(3))
    with pytest.raises(Invalid, match=r"made by LibreOffice.*on slide 2") as refused:
        decks.require_paper(rep, "pitch", Wanted())
    assert refused.value.field == "out"
    deck = decks.make(rep, "pitch", Wanted(("257",)))
    with pytest.raises(Invalid, match="made by LibreOffice"):
        printing.write_as(rep, deck, tmp_path / "deck.pdf")
    assert not list(tmp_path.glob("*deck.pdf*"))
    browser = as_role("rep")
    at = f"/app/p/sales_enablement/decks/{deck.public_id}"
    assert "/paper" not in browser.get(at).text
    assert "made by LibreOffice" in browser.get(f"{at}/paper").text


def test_where_libreoffice_is_the_pdf_stands_aside(
    add: Any, rep: Services, by_hand: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(office, "program", lambda: "/usr/bin/soffice")
    add(pdf=pdfs.plain(3))
    kept = presentations.find(rep, "pitch")
    pictures.ask_for(rep, kept.asset.id, kept.slides, None)
    draw_all(rep)
    assert by_hand == [["256", "257", "258"]]


def test_the_page_brings_it(add: Any, desk: Any, as_role: Any) -> None:
    add()
    browser = as_role("admin")
    at = "/app/p/sales_enablement/presentations/pitch"
    assert "The same presentation as PDF" in browser.get(at).text
    refused = browser.submit(f"{at}/pdf", {"pdf": (io.BytesIO(pdfs.plain(2)), "p.pdf")}, at)
    assert refused.status_code == 422
    assert "2 pages" in refused.text
    done = browser.submit(f"{at}/pdf", {"pdf": (io.BytesIO(pdfs.plain(3)), "p.pdf")}, at)
    assert done.status_code == 303
    desk.approve("pitch")
    assert presentations.find(desk.services(), "pitch").pdf is not None
    assert "One was brought" in browser.get(at).text


def test_it_is_sent_with_the_file_or_later(add: Any, app: Any, desk: Any, pptx: Path) -> None:
    call = caller_of(app, "admin")
    at = "/sales_enablement/templates"

    def form(**files: bytes) -> dict[str, Any]:
        return {name: (io.BytesIO(data), f"Pitch.{name}") for name, data in files.items()}

    both = form(pptx=pptx.read_bytes(), pdf=pdfs.plain(3))
    made = call("POST", at, data=both, content_type="multipart/form-data")
    assert (made.status_code, made.json["slug"], made.json["state"]) == (201, "pitch", "in_review")
    desk.approve("pitch")
    assert call("GET", f"{at}/pitch").json["pdf"] is True
    later = call("POST", f"{at}/pitch/pdf", data=pdfs.plain(3, 5))
    assert (later.status_code, later.json["revision"]) == (201, 2)
    assert call("POST", f"{at}/pitch/pdf", data=pdfs.plain(1)).status_code == 422
    alone = call("POST", at, data=form(pdf=pdfs.plain(3)), content_type="multipart/form-data")
    assert alone.status_code == 422
    assert caller_of(app, "rep")("POST", f"{at}/pitch/pdf", data=pdfs.plain(3)).status_code == 403


def test_it_is_brought_by_a_command(cms: Any, tmp_path: Path, pptx: Path) -> None:
    cms(
        "init", str(tmp_path / "ws"), "--admin-email", "a@example.com", "--admin-password", "canary-pass-word"
    )
    pdf = tmp_path / "Pitch.pdf"
    pdf.write_bytes(pdfs.plain(2))
    refused = cms("sales", "templates", "add", str(pptx), "--pdf", str(pdf), "--json")
    assert refused.exit_code == 1
    assert "2 pages" in json.loads(refused.stdout)["error"]["message"]
    pdf.write_bytes(pdfs.plain(3))
    added = json.loads(cms("sales", "templates", "add", str(pptx), "--pdf", str(pdf), "--json").stdout)
    assert added["revision"] == 1
    pdf.write_bytes(pdfs.plain(3, 5))
    brought = json.loads(cms("sales", "templates", "pdf", "pitch", str(pdf), "--json").stdout)
    assert (brought["slug"], brought["revision"], brought["state"]) == ("pitch", 2, "approved")
    assert json.loads(cms("sales", "templates", "show", "pitch", "--json").stdout)["pdf"] is True
