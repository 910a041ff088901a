"""Colours and fonts of a presentation's theme, as CSS says them.

How a colour is changed (``lumMod``, ``tint``, …) is said in ECMA-376 part 1, 20.1.2.3.
"""

import colorsys
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from PIL import ImageColor

from cms_sales_enablement.fonts import AS_WIDE
from cms_sales_enablement.told.numbers import part

Rgb = tuple[float, float, float]  # each from 0 to 1

LIGHT = ("lt1", "lt2", "bg1", "bg2")
ACCENTS = tuple(f"accent{number}" for number in range(1, 7))
SERIFS = ("serif", "tinos", "caladea", "gelasio", "roman")
MONOS = ("mono", "cousine", "courier")
SHORT = (
    ("dk", "dark"),
    ("lt", "light"),
    ("med", "medium"),
)  # as preset colours are called, and as CSS calls them
ODD = re.compile(r"[^\w .\-]")  # what no name of a font needs, and a stylesheet could take for its own


@dataclass(frozen=True)
class Theme:
    """What is said by name on slides: ``colours`` of the scheme, what a master calls them, and the fonts."""

    colours: Mapping[str, Rgb]
    called: Mapping[str, str]
    fonts: Mapping[str, str]

    @classmethod
    def of(cls, root: Any, called: Mapping[str, str]) -> "Theme":
        """That of a theme's root (None: it has none) as a master names its colours."""
        scheme = () if root is None else root.iterfind("{*}themeElements/{*}clrScheme/*")
        plain = cls({}, {}, {})
        colours = {local(each): found for each in scheme if (found := plain._first(each, None))}
        fonts = {}
        for kind, short in (("major", "mj"), ("minor", "mn")):
            for tag, script in (("latin", "lt"), ("ea", "ea"), ("cs", "cs")):
                path = f"{{*}}themeElements/{{*}}fontScheme/{{*}}{kind}Font/{{*}}{tag}"
                found = None if root is None else root.find(path)
                fonts[f"+{short}-{script}"] = found.get("typeface", "") if found is not None else ""
        return cls(colours, called, fonts)

    def named(self, name: str) -> str:
        """A colour of the scheme: ``tx1``, ``accent2``; where there is none, black, or white for light ones."""
        return _css(self._scheme(name) or ((1.0, 1.0, 1.0) if name in LIGHT else (0.0, 0.0, 0.0)))

    def mixed(self, name: str, part: float) -> str:
        """So much of a colour of the scheme, and the rest of white."""
        return _css(_towards(self._scheme(name) or (0.0, 0.0, 0.0), part, 1))

    def colour(self, holder: Any, instead: str = "") -> str:
        """What an element that holds a colour says, or ""; ``instead`` is what it may call ``phClr``."""
        found = None if holder is None else self._first(holder, _parsed(instead) if instead else None)
        if found is None:
            return ""
        alpha = holder.find("{*}*/{*}alpha")
        return _css(found, part(alpha.get("val")) if alpha is not None else 1)

    def family(self, typeface: str) -> str:
        """The fonts that stand for this one, in the order of their likeness."""
        script = typeface[:4]
        named = [self.fonts.get(typeface, "") if typeface.startswith("+") else typeface]
        if script in ("+mj-", "+mn-"):  # what the theme says of other scripts
            named += [self.fonts.get(f"{script}{each}", "") for each in ("ea", "cs")]
        named = [ODD.sub("", each).strip() for each in named]
        found = [name for each in named if each for name in (each, *AS_WIDE.get(each.casefold(), ()))]
        words = " ".join(found).casefold()
        serif = any(each in words.replace("sans serif", "") for each in SERIFS)
        general = "monospace" if any(each in words for each in MONOS) else "serif" if serif else "sans-serif"
        return ", ".join([*(f"'{each}'" for each in dict.fromkeys(found)), general])

    def _scheme(self, name: str) -> Rgb | None:
        return self.colours.get(self.called.get(name, name))

    def _rgb(self, element: Any, instead: Rgb | None) -> Rgb | None:
        found = self._base(element, instead)
        for change in element if found is not None else ():
            alter = CHANGES.get(local(change))
            if alter is not None and found is not None:
                found = alter(found, part(change.get("val")))
        return found

    def _base(self, element: Any, instead: Rgb | None) -> Rgb | None:
        said = element.get("val", "")
        match local(element):
            case "srgbClr":
                return _parsed(f"#{said}")
            case "sysClr":
                return _parsed(f"#{element.get('lastClr', '000000')}")
            case "schemeClr":
                return instead if said == "phClr" else self._scheme(said)
            case "prstClr":
                return _parsed(_preset(said))
            case "scrgbClr":
                return _curved(*(part(element.get(each), 0) for each in "rgb"))
        return None

    def _first(self, holder: Any, instead: Rgb | None) -> Rgb | None:
        return next((found for each in holder if (found := self._rgb(each, instead))), None)


def local(element: Any) -> str:
    """The name of an element without its namespace."""
    return str(element.tag).rpartition("}")[2]


def _preset(name: str) -> str:
    for short, long in SHORT:
        if name.startswith(short) and name[len(short) :][:1].isupper():
            return (long + name[len(short) :]).lower()
    return name.lower()


def _parsed(colour: str) -> Rgb | None:
    try:
        red, green, blue, *_ = ImageColor.getrgb(colour)
    except ValueError:
        return None
    return red / 255, green / 255, blue / 255


def _css(colour: Rgb, alpha: float = 1) -> str:
    red, green, blue = (round(255 * min(1, max(0, each))) for each in colour)
    if alpha < 1:
        return f"rgba({red}, {green}, {blue}, {max(0, alpha):.3g})"
    return f"#{red:02x}{green:02x}{blue:02x}"


# --- changes of a colour ------------------------------------------------------------------------------------------------


def _lit(colour: Rgb, change: Callable[[float], float]) -> Rgb:
    hue, light, full = colorsys.rgb_to_hls(*colour)
    return colorsys.hls_to_rgb(hue, min(1, max(0, change(light))), full)


def _full(colour: Rgb, part: float) -> Rgb:
    hue, light, full = colorsys.rgb_to_hls(*colour)
    return colorsys.hls_to_rgb(hue, light, min(1, full * part))


def _linear(value: float) -> float:
    return float(value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4)


def _curve(value: float) -> float:
    value = min(1, max(0, value))
    return float(value * 12.92 if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055)


def _curved(red: float, green: float, blue: float) -> Rgb:
    return _curve(red), _curve(green), _curve(blue)


def _towards(colour: Rgb, part: float, end: float) -> Rgb:
    """So much of the colour and the rest of black (0) or white (1), as light mixes."""
    return _curved(*(_linear(each) * part + end * (1 - part) for each in colour))


CHANGES: Mapping[str, Callable[[Rgb, float], Rgb]] = {
    "lumMod": lambda colour, part: _lit(colour, lambda light: light * part),
    "lumOff": lambda colour, part: _lit(colour, lambda light: light + part),
    "satMod": _full,
    "shade": lambda colour, part: _towards(colour, part, 0),
    "tint": lambda colour, part: _towards(colour, part, 1),
}
