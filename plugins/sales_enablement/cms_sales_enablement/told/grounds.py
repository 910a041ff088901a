"""What lies behind a slide: a filling, of a colour, a course of colours or a picture (ECMA-376 part 1, 20.1.8)."""

from typing import Any

from cms_sales_enablement.told.media import Media
from cms_sales_enablement.told.numbers import part
from cms_sales_enablement.told.theme import Theme, local

BACKGROUNDS = 1001  # from this number on a reference means the fillings for backgrounds (20.1.4.2.10)
SIXTIETHS = 60_000
EMBED = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}embed"


def filling(
    holder: Any, theme: Theme, media: Media, page: Any, size: tuple[float, float], instead: str = ""
) -> str:
    """The CSS background of an element that holds a filling, or ""; ``page`` has its pictures (None: they are not at hand)."""
    if holder is None:
        return ""
    for each in holder:
        match local(each):
            case "solidFill":
                return theme.colour(each, instead)
            case "gradFill":
                return _course(each, theme, instead)
            case "blipFill":
                return _picture(each, media, page, size)
            case "noFill":
                return "transparent"
    return ""


def background(
    pages: list[Any], theme: Theme, theme_root: Any, media: Media, size: tuple[float, float]
) -> str:
    """The CSS background of the first of these pages (a slide, its layout, its master) that has one."""
    for page in pages:
        found = page._element.find("{*}cSld/{*}bg")
        if found is None:
            continue
        own, reference = found.find("{*}bgPr"), found.find("{*}bgRef")
        if own is not None:
            return filling(own, theme, media, page, size) or "white"
        if reference is not None:
            return _referred(reference, theme, theme_root, media, size)
    return "white"


def _referred(reference: Any, theme: Theme, theme_root: Any, media: Media, size: tuple[float, float]) -> str:
    """One of the theme's fillings in this colour; where it is a picture, the colour."""
    colour = theme.colour(reference) or "white"
    number = int(reference.get("idx", "0")) - BACKGROUNDS
    path = "{*}themeElements/{*}fmtScheme/{*}bgFillStyleLst"
    known = theme_root.find(path) if theme_root is not None else None
    if known is None or not 0 <= number < len(known):
        return colour
    return filling([known[number]], theme, media, None, size, colour) or colour


def _course(element: Any, theme: Theme, instead: str) -> str:
    stops = sorted(
        (part(each.get("pos"), 0), theme.colour(each, instead)) for each in element.iterfind("{*}gsLst/{*}gs")
    )
    shown = [f"{colour} {at:.1%}" for at, colour in stops if colour]
    if len(shown) < 2:
        return stops[0][1] if stops else ""
    line = element.find("{*}lin")
    if line is None and element.find("{*}path") is not None:
        return f"radial-gradient({', '.join(shown)})"
    angle = int(line.get("ang", 0)) / SIXTIETHS if line is not None else 90
    return f"linear-gradient({angle + 90:.0f}deg, {', '.join(shown)})"


def _picture(element: Any, media: Media, page: Any, size: tuple[float, float]) -> str:
    blip = element.find("{*}blip") if page is not None else None
    part = page.part.related_part(blip.get(EMBED)) if blip is not None and blip.get(EMBED) else None
    address = media.keep(part.blob, *size) if part is not None else ""
    return f"url({address}) center / 100% 100% no-repeat" if address else ""
