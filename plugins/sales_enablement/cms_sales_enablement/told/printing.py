"""The slides of a file that we wrote, as a PDF of the same size: one page for each, in their order."""

from pathlib import Path
from typing import Any

from lxml import etree
from markupsafe import Markup

from cms_sales_enablement.told.fitting import Fitter
from cms_sales_enablement.told.grounds import background
from cms_sales_enablement.told.media import Media
from cms_sales_enablement.told.press import Press
from cms_sales_enablement.told.shapes import Painter
from cms_sales_enablement.told.styles import EMU_OF_POINT
from cms_sales_enablement.told.theme import Theme


def printed(pptx: Path, out: Path) -> int:
    """Write the PDF of a presentation's slides and say how many pages it has."""
    import pptx as python_pptx

    show: Any = python_pptx.Presentation(str(pptx))
    size = show.slide_width / EMU_OF_POINT, show.slide_height / EMU_OF_POINT
    media = Media()
    press = Press(media)
    fitter = Fitter(press)
    defaults = show.element.find("{*}defaultTextStyle")
    slides = [_section(slide, defaults, size, media, fitter) for slide in show.slides]
    document = press.document(Markup("").join(slides), *size)
    document.write_pdf(str(out))
    return len(document.pages)


def _section(slide: Any, defaults: Any, size: tuple[float, float], media: Media, fitter: Fitter) -> Markup:
    layout = slide.slide_layout
    master = layout.slide_master
    root, theme = _theme_of(master)
    pages = [slide, layout, master]
    css = f"width:{size[0]:.2f}pt;height:{size[1]:.2f}pt;background:{background(pages, theme, root, media, size)}"
    shown = [
        Painter(page, theme, defaults, size, media, fitter, behind=page is not slide).all()
        for page in (master, layout, slide)
        if page is not master or _shows_master(layout)
    ]
    return Markup('<section style="{}">{}</section>').format(css, Markup("").join(shown))


def _shows_master(layout: Any) -> bool:
    return layout._element.get("showMasterSp", "1") not in ("0", "false")


def _theme_of(master: Any) -> tuple[Any, Theme]:
    parts = (each.target_part for each in master.part.rels.values() if each.reltype.endswith("/theme"))
    part = next(parts, None)
    plain = etree.XMLParser(resolve_entities=False, no_network=True)
    root = etree.fromstring(part.blob, plain) if part is not None else None
    called = master._element.find("{*}clrMap")
    return root, Theme.of(root, dict(called.attrib) if called is not None else {})
