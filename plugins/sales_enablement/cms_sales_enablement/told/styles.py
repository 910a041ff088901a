"""What a text on a slide looks like: what is said of it itself, of its place on the layout, on the master, and of all texts.

Later ones override earlier ones, property by property (ECMA-376 part 1, 21.1.2).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from cms_sales_enablement.told.numbers import part, points
from cms_sales_enablement.told.theme import Theme

TITLES = ("title", "ctrTitle")
FRAME = ("dt", "ftr", "sldNum", "hdr")
ALIGNED = {"l": "left", "r": "right", "ctr": "center", "just": "justify", "dist": "justify"}
DECENT = 1.2  # a line's height in heights of its letters
SYMBOLS = {"§": "▪", "Ø": "➢", "ü": "✓", "q": "❑", "v": "❖", "n": "■", "l": "●", "·": "•"}
SYMBOL_FONTS = ("wingdings", "symbol", "webdings")


@dataclass(frozen=True)
class Style:
    """How a paragraph and its letters look. Lengths are in points; ``before`` and ``after`` may be parts of the letters' height."""

    size: float = 18
    bold: bool = False
    italic: bool = False
    underline: bool = False
    capitals: bool = False
    colour: str = ""
    font: str = "+mn-lt"
    align: str = "left"
    rtl: bool = False
    margin: float = 0
    indent: float = 0
    line: float = DECENT
    exact: float = 0
    before: float = 0
    after: float = 0
    bullet: str = ""
    numbered: bool = False
    bullet_colour: str = ""

    def with_paragraph(self, element: Any, theme: Theme) -> "Style":
        """With what a ``pPr`` or ``lvl1pPr`` says, and its letters."""
        if element is None:
            return self
        found: dict[str, Any] = {}
        if (align := element.get("algn")) in ALIGNED:
            found["align"] = ALIGNED[align]
        if element.get("rtl") is not None:
            found["rtl"] = _truth(element.get("rtl"))
        for key, name in (("marL", "margin"), ("indent", "indent")):
            if element.get(key) is not None:
                found[name] = points(element.get(key))
        style = replace(self, **found).with_letters(element.find("{*}defRPr"), theme)
        return replace(style, **_spaces(element, style.size), **_bullet(element, theme))

    def with_letters(self, element: Any, theme: Theme) -> "Style":
        """With what an ``rPr`` or ``defRPr`` says."""
        if element is None:
            return self
        found: dict[str, Any] = {}
        if element.get("sz") is not None:
            found["size"] = _hundredths(element.get("sz"), self.size)
        for key, name in (("b", "bold"), ("i", "italic")):
            if element.get(key) is not None:
                found[name] = _truth(element.get(key))
        if element.get("u") is not None:
            found["underline"] = element.get("u") != "none"
        if element.get("cap") is not None:
            found["capitals"] = element.get("cap") == "all"
        if colour := theme.colour(element.find("{*}solidFill")):
            found["colour"] = colour
        latin = element.find("{*}latin")
        if latin is not None and latin.get("typeface"):
            found["font"] = latin.get("typeface")
        return replace(self, **found)


@dataclass(frozen=True)
class Body:
    """How a text lies in its box: how far from its edges (left, top, right, bottom, in points), and against which."""

    insets: tuple[float, float, float, float] = (7.2, 3.6, 7.2, 3.6)
    anchor: str = "top"

    def under(self, element: Any) -> "Body":
        """With what a ``bodyPr`` says."""
        if element is None:
            return self
        keys = ("lIns", "tIns", "rIns", "bIns")
        left, top, right, bottom = (
            points(element.get(key), kept) for key, kept in zip(keys, self.insets, strict=True)
        )
        anchors = {"t": "top", "ctr": "middle", "b": "bottom"}
        return Body((left, top, right, bottom), anchors.get(element.get("anchor", ""), self.anchor))


@dataclass(frozen=True)
class Texts:
    """The looks of the texts of one shape: what is said of them, the most general first."""

    theme: Theme
    lists: tuple[Any, ...]
    body: Body
    plain: Style = field(default_factory=Style)

    def style(self, level: int) -> Style:
        """That of a level, the first being 0."""
        style = self.plain
        for each in self.lists:
            found = each.find(f"{{*}}lvl{min(level, 8) + 1}pPr")
            style = style.with_paragraph(found if found is not None else each.find("{*}defPPr"), self.theme)
        return style


def texts_of(shape: Any, page: Any, defaults: Any, theme: Theme) -> Texts:
    """The looks of the texts of a shape of a slide, a layout or a master; ``defaults`` are those of the presentation."""
    layers = layers_of(shape, page)
    master = _master_of(page)._element
    kind = _kind(shape)
    if kind is None:
        general = [defaults, master.find("{*}txStyles/{*}otherStyle")]
    else:
        name = "titleStyle" if kind in TITLES else "otherStyle" if kind in FRAME else "bodyStyle"
        general = [master.find(f"{{*}}txStyles/{{*}}{name}")]
    body = Body()
    for each in layers:
        body = body.under(each.find("{*}txBody/{*}bodyPr"))
    said = [each.find("{*}txBody/{*}lstStyle") for each in layers]
    plain = Style(colour=theme.named("tx1"))
    return Texts(theme, tuple(each for each in (*general, *said) if each is not None), body, plain)


def layers_of(shape: Any, page: Any) -> list[Any]:
    """The place on the master that a shape fills, that on the layout, and the shape itself."""
    layers, place = [shape._element], _place(shape._element)
    if place is not None and hasattr(page, "slide_layout"):
        number = place.get("idx", "0")
        page = page.slide_layout
        layers[:0] = _places(page, lambda other: other.get("idx", "0") == number)
        place = _place(layers[0])
    if place is not None and hasattr(page, "slide_master"):
        kind = _general(place.get("type", "obj"))
        layers[:0] = _places(page.slide_master, lambda other: _general(other.get("type", "obj")) == kind)
    return layers


def _places(page: Any, fits: Callable[[Any], bool]) -> list[Any]:
    """The first place of a layout or master that fits, if there is one."""
    shapes = page._element.iterfind("{*}cSld/{*}spTree/{*}sp")
    return list(islice((each for each in shapes if (place := _place(each)) is not None and fits(place)), 1))


def _general(kind: str) -> str:
    """A master has one title and one body, whatever its layouts make of them."""
    return "title" if kind in TITLES else kind if kind in FRAME else "body"


def _master_of(page: Any) -> Any:
    page = getattr(page, "slide_layout", page)
    return getattr(page, "slide_master", page)


def _place(element: Any) -> Any:
    return element.find("{*}nvSpPr/{*}nvPr/{*}ph")


def _kind(shape: Any) -> str | None:
    place = _place(shape._element)
    return None if place is None else place.get("type", "obj")


def _truth(said: str | None) -> bool:
    return said in ("1", "true")


def _spaces(element: Any, size: float) -> Mapping[str, Any]:
    found: dict[str, float] = {}
    for tag, name in (("spcBef", "before"), ("spcAft", "after")):
        each = element.find(f"{{*}}{tag}")
        if each is not None:
            found[name] = _length(each, size)
    line = element.find("{*}lnSpc")
    for each in line if line is not None else ():
        if each.tag.endswith("spcPct"):
            found |= {"line": DECENT * part(each.get("val")), "exact": 0}
        elif each.tag.endswith("spcPts"):
            found["exact"] = _hundredths(each.get("val"), 0)
    return found


def _length(element: Any, size: float) -> float:
    for each in element:
        said = each.get("val")
        return size * part(said, 0) if each.tag.endswith("spcPct") else _hundredths(said, 0)
    return 0


def _hundredths(said: str | None, instead: float) -> float:
    """Points, told in hundredths."""
    return int(said) / 100 if said and said.isdecimal() else instead


def _bullet(element: Any, theme: Theme) -> Mapping[str, Any]:
    found: dict[str, Any] = {}
    mark, font = element.find("{*}buChar"), element.find("{*}buFont")
    if element.find("{*}buNone") is not None:
        found |= {"bullet": "", "numbered": False}
    elif mark is not None:
        found |= {"bullet": _mark(mark.get("char", "•"), font), "numbered": False}
    elif element.find("{*}buAutoNum") is not None:
        found |= {"bullet": "1.", "numbered": True}
    elif element.find("{*}buBlip") is not None:
        found |= {"bullet": "•", "numbered": False}
    if colour := theme.colour(element.find("{*}buClr")):
        found["bullet_colour"] = colour
    return found


def _mark(char: str, font: Any) -> str:
    """A bullet of a font of symbols is another letter elsewhere."""
    named = font.get("typeface", "").casefold() if font is not None else ""
    private = any(0xE000 <= ord(each) <= 0xF8FF for each in char)
    if private:
        char = "".join(chr(ord(each) & 0xFF) for each in char)
    if private or any(each in named for each in SYMBOL_FONTS):
        return SYMBOLS.get(char, "•")
    return char[:2] or "•"
