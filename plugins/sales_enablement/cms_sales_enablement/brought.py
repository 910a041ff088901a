"""A PDF that was brought along with a presentation: what its slides look like where no LibreOffice is.

Page n is slide n. What stands in a field only LibreOffice draws, so its pages stand for slides without fields; who looks at the
presentation itself sees them all.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from cms_core import Asset, Invalid, Media, Services
from cms_sales_enablement import office, pdf_copies, pdf_pages
from cms_sales_enablement.models import Deck, Slide, is_own
from cms_sales_enablement.pdf_copies import FIELD

MIME = "application/pdf"


def keep(svc: Services, data: bytes, slides: int, filename: str) -> Media:
    """Keep what the pages of somebody's PDF draw; raises Invalid unless it has a page for each slide."""
    clean, pages = pdf_copies.cleaned(data)
    if pages != slides:
        raise Invalid(
            f"the PDF has {pages} pages, the presentation {slides} slides: page by page it has to be the same",
            "save the same presentation as PDF, with its hidden slides",
            field=FIELD,
        )
    return svc.keep_file(clean, f"{Path(filename).stem}.pdf", MIME)


def pdf_of(asset: Asset) -> Media | None:
    """The PDF beside the file of an asset, if one was brought."""
    return next((each for each in asset.media if each.mime == MIME), None)


def stand_in(svc: Services, asset: str) -> str:
    """The hash of the PDF whose pages are the looks of an approved presentation: "" where LibreOffice is, or none was brought."""
    if office.program() is not None or not pdf_pages.installed():
        return ""
    found = next(iter(svc.assets([asset])), None)
    pdf = pdf_of(found) if found else None
    return pdf.sha256 if pdf else ""


def shows(slide: Slide, deck: Deck | None) -> bool:
    """Whether its page is what a slide looks like in a deck (None: in the presentation)."""
    return deck is None or (is_own(slide.uid) and not _filled(slide))


def _filled(slide: Slide) -> bool:
    """Whether a field of it can be seen: one in its notes cannot."""
    seen = f"{slide.title}\n{slide.text}"
    return "{{" in seen or any(each["kind"] != "text" for each in slide.slots)


def require(pdf: Media | None, slides: Iterable[Slide]) -> None:
    """Raise Invalid where neither LibreOffice nor the pages of a PDF can make the PDF of a deck of these slides."""
    if office.program() is not None:
        return
    if pdf is None or not pdf_pages.installed():
        office.require()
        return
    slides = list(slides)
    if added := [slide for slide in slides if not is_own(slide.uid)]:
        raise Invalid(
            f"a PDF with slides that are not of the presentation is made by LibreOffice, which is not installed here: "
            f"{added[0].title[:80]!r}",
            "install libreoffice-impress, write a .pptx, or leave them out",
            field="out",
        )
    if filled := [slide for slide in slides if _filled(slide)]:
        raise Invalid(
            f"a PDF with filled fields is made by LibreOffice, which is not installed here: {filled[0].fields[0]!r} "
            f"stands on slide {filled[0].number}",
            "install libreoffice-impress, write a .pptx, or pick slides without fields",
            field="out",
        )


def pages(svc: Services, sha256: str, slides: Sequence[Slide], out: Path) -> None:
    """Write the pages of these slides."""
    pdf = svc.file(sha256)
    if pdf is None:
        raise Invalid("the PDF is gone", "bring it again", field=FIELD)
    pdf_copies.copy(Path(pdf.path), out, [slide.number for slide in slides])


def write(svc: Services, pdf: Media | None, slides: Sequence[Slide], out: Path) -> None:
    """Write the PDF of a deck of these slides, without the hidden ones; raises what ``require`` does."""
    require(pdf, slides)
    shown = [slide for slide in slides if not slide.hidden]
    if not shown or pdf is None:
        raise Invalid("all of its slides are hidden", "pick others too", field="out")
    partial = out.with_name(f".{out.name}.part")
    try:
        pages(svc, pdf.sha256, shown, partial)
        partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)
