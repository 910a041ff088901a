"""The slides of a file that we wrote, as a PDF of the same size: one page for each, in their order."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lxml import etree
from markupsafe import Markup

from cms_sales_enablement.told.fitting import Fitter
from cms_sales_enablement.told.grounds import background
from cms_sales_enablement.told.media import Media
from cms_sales_enablement.told.numbers import EMU_OF_POINT
from cms_sales_enablement.told.press import Press
from cms_sales_enablement.told.shapes import Painter
from cms_sales_enablement.told.theme import Theme


class Undrawable(Exception):
    """A slide that cannot be drawn: the one after so many."""

    def __init__(self, before: int) -> None:
        super().__init__(f"slide {before + 1} cannot be drawn")
        self.before = before


def printed(pptx: Path) -> tuple[bytes, int]:
    """The PDF of a presentation's slides, and how many pages it has; raises Undrawable for the first one that cannot be drawn."""
    import pptx as python_pptx

    show: Any = python_pptx.Presentation(str(pptx))
    size = show.slide_width / EMU_OF_POINT, show.slide_height / EMU_OF_POINT
    media = Media()
    press = Press(media)
    pages = _Pages(show.element.find("{*}defaultTextStyle"), size, media, Fitter(press))
    sections = Markup("")
    for at, slide in enumerate(show.slides):
        try:
            sections += pages.section(slide)
        except Exception as fault:
            raise Undrawable(at) from fault
    document = press.document(sections, *size)
    return document.write_pdf(), len(document.pages)


@dataclass
class _Pages:
    """Slides of one presentation; what lies behind several of them is drawn once."""

    defaults: Any
    size: tuple[float, float]
    media: Media
    fitter: Fitter
    _behind: dict[str, Markup] = field(default_factory=dict)

    def section(self, slide: Any) -> Markup:
        """A slide before its layout and master."""
        layout = slide.slide_layout
        master = layout.slide_master
        root, theme = _theme_of(master)
        ground = background([slide, layout, master], theme, root, self.media, self.size)
        shown = [
            *([self._below(master, theme)] if _shows_master(layout) else []),
            self._below(layout, theme),
            self._painter(slide, theme).all(),
        ]
        css = f"width:{self.size[0]:.2f}pt;height:{self.size[1]:.2f}pt;background:{ground}"
        return Markup('<section style="{}">{}</section>').format(css, Markup("").join(shown))

    def _below(self, page: Any, theme: Theme) -> Markup:
        name = str(page.part.partname)
        if name not in self._behind:
            self._behind[name] = self._painter(page, theme, behind=True).all()
        return self._behind[name]

    def _painter(self, page: Any, theme: Theme, *, behind: bool = False) -> Painter:
        return Painter(page, theme, self.defaults, self.size, self.media, self.fitter, behind=behind)


def _shows_master(layout: Any) -> bool:
    return layout._element.get("showMasterSp", "1") not in ("0", "false")


def _theme_of(master: Any) -> tuple[Any, Theme]:
    parts = (each.target_part for each in master.part.rels.values() if each.reltype.endswith("/theme"))
    part = next(parts, None)
    plain = etree.XMLParser(resolve_entities=False, no_network=True)
    root = etree.fromstring(part.blob, plain) if part is not None else None
    called = master._element.find("{*}clrMap")
    return root, Theme.of(root, dict(called.attrib) if called is not None else {})
