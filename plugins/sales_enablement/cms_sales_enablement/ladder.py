"""Who draws a slide here: the rungs of one ladder, tried from the top.

LibreOffice draws all of them. Where it is not, a page of the PDF that was brought along with a presentation is what a slide of it
looks like, unless a field of it is filled; slides that were told are drawn by ourselves. What no rung reaches has no picture and
stands in no PDF. All who show, print or promise pictures ask here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from cms_core import Invalid, NotFound, Services
from cms_sales_enablement import office, pdf_pages, presentations, ready_files, told
from cms_sales_enablement.models import BLOCK, Slide, is_own
from cms_sales_enablement.presentations import Kept


class Rung(StrEnum):
    """Who draws."""

    OFFICE = "LibreOffice"
    BROUGHT = "a PDF that was brought"
    TOLD = "ourselves"


@dataclass(frozen=True)
class Way:
    """How one slide is drawn: by whom, and of a PDF that was brought its hash and which page."""

    rung: Rung
    sheet: str = ""
    page: int = 0

    @property
    def mark(self) -> str:
        """What tells pictures that were drawn so from others of the same slide."""
        return told.LOOKS if self.rung is Rung.TOLD else self.sheet


@dataclass
class Ladder:
    """The rungs as they are here and now for the slides of a presentation (by the id of its asset), and of decks of it."""

    svc: Services
    asset: str
    office: bool = field(init=False)
    _kept: dict[str, Kept | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.office = office.program() is not None

    def ways(self, slides: Iterable[Slide], *, in_deck: bool = True) -> Mapping[str, Way]:
        """By slide how its picture is drawn; those that are not in it have none here. Not ``in_deck``: no field is filled."""
        if not pdf_pages.installed():
            return {}
        found = {slide.uid: self._way(slide, in_deck) for slide in slides}
        return {uid: way for uid, way in found.items() if way is not None}

    def draws(self, slides: Iterable[Slide]) -> bool:
        """Whether there are slides, and each of them can be drawn in a deck."""
        slides = list(slides)
        return bool(slides) and self.ways(slides).keys() == {slide.uid for slide in slides}

    def require(self, slides: Iterable[Slide], *, in_deck: bool = True) -> None:
        """Raise Invalid where no PDF of these slides can be made, for the first one that is in the way, with what to do."""
        if self.office:
            return
        for slide in slides:
            if not self.ways([slide], in_deck=in_deck):
                raise self._refusal(slide)

    def _way(self, slide: Slide, in_deck: bool) -> Way | None:
        if self.office:
            return Way(Rung.OFFICE)
        if slide.uid.startswith(BLOCK):
            return None if told.lacks() else Way(Rung.TOLD)
        if in_deck and _filled(slide):
            return None
        return self._page(slide)

    def _page(self, slide: Slide) -> Way | None:
        """The page of a PDF that is what a slide looks like."""
        asset, _, uid = slide.uid.rpartition(":")
        kept = self._find(asset or self.asset)
        there = kept.find_slide_or_none(uid) if kept else None
        if kept is None or kept.pdf is None or there is None or (asset and not self._is_alike(kept, uid)):
            return None
        return Way(Rung.BROUGHT, kept.pdf.sha256, there.number)

    def _find(self, asset: str) -> Kept | None:
        if asset not in self._kept:
            try:
                self._kept[asset] = presentations.find(self.svc, asset)
            except NotFound:
                self._kept[asset] = None
        return self._kept[asset]

    def _is_alike(self, other: Kept, uid: str) -> bool:
        """Whether a slide of another presentation looks in this one as it does there: its layout is the same, byte by byte."""
        own = self._find(self.asset)
        if own is None:
            return False
        specs = ready_files.specs_of(self.svc)
        base, template = (ready_files.opened(each.file.path, specs) for each in (own, other))
        return base.ground(template.layout(uid)) == template.ground_of(uid)

    def _refusal(self, slide: Slide) -> Invalid:
        """What is to be said of a slide that no rung reaches, and what to do."""
        if not pdf_pages.installed():
            extra = "the extra “decks” of cms-core"
            return _refused("a PDF", f"to make one without, {extra} lacks", f"install {extra}")
        if slide.uid.startswith(BLOCK):
            lacks = told.lacks()
            return _refused(
                f"a PDF with the told slide {slide.title[:80]!r}",
                f"to draw it without, {lacks} lacks",
                f"install {lacks}",
            )
        if _filled(slide):
            name = next(iter(slide.fields), "{{")
            stands = f"{name!r} stands on {_named(slide)}"
            return _refused("a PDF with filled fields", stands, "pick slides without fields")
        whose = "the presentation" if is_own(slide.uid) else "its presentation, with the layouts of this one,"
        stands = f"{_named(slide)} is in no PDF that was brought along"
        return _refused("a PDF of it", stands, f"bring a PDF of {whose} along (`cms sales templates pdf`)")


def _refused(what: str, why: str, otherwise: str) -> Invalid:
    said = f"{what} is made by LibreOffice, which is not installed here: {why}"
    return Invalid(said, f"install libreoffice-impress, write a .pptx, or {otherwise}", field="out")


def _named(slide: Slide) -> str:
    number = f" {slide.number}" if is_own(slide.uid) else ""
    return f"slide{number} {slide.title[:80]!r}"


def _filled(slide: Slide) -> bool:
    """Whether a field of it can be seen: one in its notes cannot."""
    seen = f"{slide.title}\n{slide.text}"
    return "{{" in seen or any(each["kind"] != "text" for each in slide.slots)
