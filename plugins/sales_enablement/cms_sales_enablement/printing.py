"""Decks as PDF, and the pages that pictures of slides are made of: each slide by the rung of the ladder that draws it here."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from cms_core import Invalid, Media, Services
from cms_sales_enablement import deck_files, material, office, pdf_copies, pictures, told, variants
from cms_sales_enablement.deck_files import Written
from cms_sales_enablement.ladder import Ladder, Rung
from cms_sales_enablement.material import Material
from cms_sales_enablement.models import Deck, Slide
from cms_sales_enablement.placing import placed


def require_writable(out: Path) -> None:
    """Raise Invalid for a file that ``write_as`` could not write: asked before anything is kept."""
    ending = out.suffix.lower()
    if ending not in (".pptx", ".pdf"):
        raise Invalid(f"{out.name!r:.80} is neither .pptx nor .pdf", "name the file so", field="out")
    if not out.absolute().parent.is_dir():
        raise Invalid(f"there is no folder {str(out.parent)!r:.200}", "make it first", field="out")


def write_as(svc: Services, deck: Deck, out: Path) -> Written:
    """Write a deck as .pptx or .pdf, whichever ``out`` is named; a PDF is without hidden slides.

    Raises Invalid for another ending, and where a slide cannot be drawn here; what ``deck_files.write`` raises.
    """
    require_writable(out)
    if out.suffix.lower() == ".pptx":
        return deck_files.write(svc, deck, out)
    made_of = material.of_deck(svc, deck)
    with tempfile.TemporaryDirectory(prefix="cms-deck-") as folder:
        pptx = Path(folder, "deck.pptx")
        written = deck_files.write(svc, deck, pptx, made_of)
        if Ladder(svc, deck.asset).office:
            office.to_pdf(pptx, out)
            return written
    shown = [slide for each in written.copied.slides if not (slide := made_of.by_ref[each.id]).hidden]
    if not shown:
        raise _all_hidden()
    write_pages(svc, made_of, shown, deck, out)
    return written


def ready(svc: Services, deck: Deck) -> Media | None:
    """The PDF of a deck as it is now, if it was made, else it is asked for; raises Invalid where it can never be."""
    slides = variants.leaving(svc, material.of_deck(svc, deck), deck)
    if not slides:
        raise _all_hidden()
    Ladder(svc, deck.asset).require(slides)
    row = pictures.ask_for_paper(svc, slides, deck)
    if row is None:
        raise Invalid("PDFs are kept by the extra “decks”, which is not installed", "install it", field="out")
    if row.failed:
        raise Invalid(f"the PDF could not be made: {row.reason}", "write a .pptx", field="out")
    return svc.file(row.wide) if row.wide else None


def _all_hidden() -> Invalid:
    return Invalid("all of its slides are hidden", "pick others too", field="out")


def write_pages(
    svc: Services, made_of: Material, slides: Sequence[Slide], deck: Deck | None, out: Path
) -> None:
    """Write a PDF with a page for each of these slides, hidden or not, in their order; a PDF that is not whole is not left behind.

    Raises Invalid for a slide that cannot be drawn here.
    """
    ladder = Ladder(svc, made_of.kept.asset.id)
    ladder.require(slides, in_deck=deck is not None)
    with tempfile.TemporaryDirectory(prefix="cms-deck-") as folder:
        if ladder.office:
            pptx = Path(folder, "deck.pptx")
            deck_files.write_slides(svc, made_of, [slide.uid for slide in slides], deck, pptx)
            office.to_pdf(pptx, out, hidden=True)
            return
        with placed(out) as partial:
            pdf_copies.gather(_pages(svc, ladder, made_of, slides, deck, Path(folder)), partial)


def _pages(
    svc: Services, ladder: Ladder, made_of: Material, slides: Sequence[Slide], deck: Deck | None, folder: Path
) -> list[tuple[Path, int]]:
    """For each slide the PDF that its page is in, and which it is."""
    ways = ladder.ways(slides, in_deck=deck is not None)
    ours = [uid for uid, way in ways.items() if way.rung is Rung.TOLD]
    brought = {uid: way for uid, way in ways.items() if way.rung is Rung.BROUGHT}
    found = {uid: (_sheet(svc, way.sheet), way.page) for uid, way in brought.items()}
    if ours:
        file = _ours(svc, made_of, ours, deck, folder)
        found |= {uid: (file, page) for page, uid in enumerate(ours, 1)}
    return [found[slide.uid] for slide in slides]


def _ours(svc: Services, made_of: Material, uids: Sequence[str], deck: Deck | None, folder: Path) -> Path:
    """The PDF of slides that were told, as the deck's file holds them, but for notes: those are for nobody who reads it."""
    pptx, out = folder / "told.pptx", folder / "told.pdf"
    deck_files.write_slides(svc, made_of, uids, deck, pptx, bare=True)
    told.to_pdf(pptx, out, [made_of.by_ref[uid].title for uid in uids])
    return out


def _sheet(svc: Services, sha256: str) -> Path:
    pdf = svc.file(sha256)
    if pdf is None:
        raise Invalid("the PDF that was brought along is gone", "bring it again", field=pdf_copies.FIELD)
    return Path(pdf.path)
