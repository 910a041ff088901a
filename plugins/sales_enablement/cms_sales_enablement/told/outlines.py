"""Shapes without words: boxes, discs, lines and drawn outlines with their filling, as brands put them behind their slides.

Of the forms that have a name only those are drawn that are boxes or discs: another form would be none of the brand's.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from markupsafe import Markup

from cms_sales_enablement.told.frames import Frame
from cms_sales_enablement.told.grounds import filling
from cms_sales_enablement.told.media import Media
from cms_sales_enablement.told.numbers import points
from cms_sales_enablement.told.theme import Theme, local

ROUNDED = {"rect": "0", "roundRect": "10%", "ellipse": "50%"}
STEPS = {"moveTo": "M", "lnTo": "L", "cubicBezTo": "C", "quadBezTo": "Q", "close": "Z"}


def html_of(layers: Sequence[Any], frame: Frame, theme: Theme, media: Media, page: Any) -> Markup:
    """A shape as it is filled: itself the last of ``layers``, before it the places below it whose filling it may inherit."""
    shape = layers[-1]
    properties = [each.find("{*}spPr") for each in layers]
    if properties[-1] is None:
        return Markup("")
    forms = (each.find("{*}prstGeom") for each in reversed(properties) if each is not None)
    named = next((form for form in forms if form is not None), None)
    kind = named.get("prst", "rect") if named is not None else "rect"
    if kind == "line" or str(shape.tag).endswith("cxnSp"):
        return _line(shape, properties[-1], frame, theme)
    own, size = properties[-1], (frame.width, frame.height)
    given = (
        filling(each, theme, media, page if each is own else None, size) for each in reversed(properties)
    )
    css = next(filter(None, given), "")
    css = css or _of_style(shape, "fillRef", theme)
    drawn = properties[-1].find("{*}custGeom")
    if not css or css == "transparent":
        return Markup("")
    if drawn is not None:
        return _outline(drawn, frame, css)
    if kind not in ROUNDED:
        return Markup("")
    made = Markup('<div class="box" style="{};background:{};border-radius:{}"></div>')
    return made.format(frame.css, css, ROUNDED[kind])


def _of_style(shape: Any, name: str, theme: Theme) -> str:
    """The colour of a style of the theme that a shape refers to; its first one is none."""
    found = shape.find(f"{{*}}style/{{*}}{name}")
    return theme.colour(found) if found is not None and found.get("idx", "0") != "0" else ""


def _line(shape: Any, properties: Any, frame: Frame, theme: Theme) -> Markup:
    """A line along an edge of the slide."""
    line = properties.find("{*}ln")
    colour = theme.colour(line.find("{*}solidFill")) if line is not None else ""
    colour = colour or _of_style(shape, "lnRef", theme)
    wide = points(line.get("w"), 1) if line is not None else 1
    if not colour or min(frame.width, frame.height) > wide:
        return Markup("")
    thick = replace(frame, width=max(frame.width, wide), height=max(frame.height, wide))
    return Markup('<div class="box" style="{};background:{}"></div>').format(thick.css, colour)


def _outline(drawn: Any, frame: Frame, css: str) -> Markup:
    """What somebody drew point by point; left out are arcs, points that are reckoned, and courses of colours."""
    if "(" in css and not css.startswith("rgba("):
        return Markup("")
    paths = []
    for path in drawn.iterfind("{*}pathLst/{*}path"):
        wide, high = int(path.get("w", 0)), int(path.get("h", 0))
        steps = list(_steps(path))
        if wide <= 0 or high <= 0 or None in steps:
            return Markup("")
        made = Markup(
            '<svg class="box" style="{}" viewBox="0 0 {} {}" preserveAspectRatio="none"><path fill="{}" d="{}"/></svg>'
        )
        paths.append(made.format(frame.css, wide, high, css, " ".join(map(str, steps))))
    return Markup("").join(paths)


def _steps(path: Any) -> Iterator[str | None]:
    """The steps of a path as SVG says them; None for one that it cannot say."""
    for step in path:
        letter = STEPS.get(local(step))
        points = [
            number for each in step.iterfind("{*}pt") for number in (each.get("x", ""), each.get("y", ""))
        ]
        plain = all(each.removeprefix("-").isdecimal() for each in points)
        yield f"{letter}{' '.join(points)}" if letter and plain else None
