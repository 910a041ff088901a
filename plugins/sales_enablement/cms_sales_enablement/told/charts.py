"""A chart as SVG in the colours of a theme: columns, bars, lines, a pie, below it what stands for what."""

import math
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from cms_core import nice_step
from cms_sales_enablement.told.fitting import cut

LARGEST, SMALLEST = 14.0, 6.0  # points of letters
LINES_HIGH = 24  # a chart is so many lines of letters high
LETTER, WIDE_LETTER = 0.58, 1.0  # widths in heights
LONGEST = 26  # characters of a name below the chart
MOST_ROWS = 4  # of names
SIDE = 0.34  # of the width: the most that names of bars take
MOST_WIDE = 9  # letters of the names below columns, where there are many
FULL = 0.7  # of its step: what columns take

Values = Sequence[float | None]


@dataclass(frozen=True)
class Figures:
    """What a chart shows."""

    kind: str
    categories: Sequence[str]
    series: Sequence[tuple[str, Values]]


@dataclass(frozen=True)
class Look:
    """The colours of its parts, those of its letters and lines, and the font."""

    colours: Sequence[str]
    ink: str
    font: str

    def colour(self, at: int) -> str:
        """That of a series, or of a part of a pie."""
        return self.colours[at % len(self.colours)]


@dataclass(frozen=True)
class Area:
    """Where it is drawn, in points, and how large letters are."""

    left: float
    top: float
    width: float
    height: float
    size: float

    @property
    def right(self) -> float:
        """Its right edge."""
        return self.left + self.width

    @property
    def bottom(self) -> float:
        """Its lower edge."""
        return self.top + self.height


def drawn(figures: Figures, look: Look, width: float, height: float) -> Markup:
    """The chart in a box of this size (in points)."""
    size = max(SMALLEST, min(LARGEST, height / LINES_HIGH, width / LINES_HIGH))
    names = list(figures.categories) if figures.kind == "pie" else [name for name, _ in figures.series]
    keyed = figures.kind == "pie" or len(names) > 1
    keys, high = _keys(names, look, width, height, size) if keyed else (Markup(""), 0.0)
    area = Area(0, size / 2, width, max(size, height - high - size), size)
    return Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" width="{0:.2f}pt" height="{1:.2f}pt" viewBox="0 0 {0:.2f} {1:.2f}" '
        'font-size="{2:.2f}" font-family="{3}" fill="{4}">{5}{6}</svg>'
    ).format(width, height, size, look.font, look.ink, KINDS[figures.kind](figures, look, area), keys)


# --- what all of them need ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Scale:
    """The values that an axis shows, from ``low`` in steps to ``high``, and where they are from 0 to 1."""

    low: float
    high: float
    step: float

    @classmethod
    def of(cls, series: Sequence[tuple[str, Values]]) -> "Scale":
        """The one that shows all of these, and 0."""
        known = [each for _, values in series for each in values if each is not None]
        low, high = min([0.0, *known]), max([0.0, *known])
        step = nice_step(high - low) if math.isfinite(high - low) else max(high, -low) / 2
        return cls(
            math.floor(low / step + 1e-9) * step, max(math.ceil(high / step - 1e-9), low == 0) * step, step
        )

    def at(self, value: float) -> float:
        """Where a value is; by halves, since the whole may be more than a number holds."""
        return (value / 2 - self.low / 2) / (self.high / 2 - self.low / 2)

    @property
    def ticks(self) -> Sequence[float]:
        """The values that are written on it."""
        return [
            self.low + at / 2 * self.step + at / 2 * self.step  # by halves, as above
            for at in range(round((self.high / 2 - self.low / 2) / self.step * 2) + 1)
        ]


def _number(value: float) -> str:
    return f"{value:.10g}".replace("-", "−") if value else "0"


def _width(text: str, size: float) -> float:
    """About how wide a text is."""
    wide = sum(unicodedata.east_asian_width(each) in "WF" for each in text)
    return size * (LETTER * (len(text) - wide) + WIDE_LETTER * wide)


def _shortened(text: str, size: float, width: float) -> str:
    return cut(text, max(2, int(width / (size * LETTER)))) if _width(text, size) > width else text


def _text(x: float, y: float, words: str, anchor: str = "middle") -> Markup:
    made = Markup('<text x="{:.2f}" y="{:.2f}" text-anchor="{}">{}</text>')
    return made.format(x, y, anchor, words)


def _line(x: float, y: float, to_x: float, to_y: float, look: Look, faint: bool) -> Markup:
    made = Markup(
        '<path d="M{:.2f} {:.2f}L{:.2f} {:.2f}" stroke="{}" stroke-width="0.75" stroke-opacity="{}"/>'
    )
    return made.format(x, y, to_x, to_y, look.ink, 0.25 if faint else 0.7)


def _box(x: float, y: float, width: float, height: float, colour: str) -> Markup:
    made = Markup('<rect x="{:.2f}" y="{:.2f}" width="{:.2f}" height="{:.2f}" fill="{}"/>')
    return made.format(x, y, max(0, width), max(0, height), colour)


def _keys(names: Sequence[str], look: Look, width: float, height: float, size: float) -> tuple[Markup, float]:
    """What stands for what, in rows at the foot of the chart, and how high they are together."""
    rows: list[list[tuple[int, str, float]]] = [[]]
    for at, name in enumerate(names):
        words = _shortened(name, size, min(width - 2 * size, LONGEST * size * LETTER))
        wide = _width(words, size) + 2.4 * size
        if rows[-1] and sum(each[2] for each in rows[-1]) + wide > width:
            rows.append([])
        rows[-1].append((at, words, wide))
    rows = rows[:MOST_ROWS]
    made = []
    for down, row in enumerate(rows):
        x = (width - sum(each[2] for each in row)) / 2
        y = height - (len(rows) - down - 0.7) * 1.4 * size
        for at, words, wide in row:
            made += [
                _box(x, y - 0.62 * size, 0.62 * size, 0.62 * size, look.colour(at)),
                _text(x + size, y, words, "start"),
            ]
            x += wide
    return Markup("").join(made), (len(rows) + 0.4) * 1.4 * size


# --- along two axes -----------------------------------------------------------------------------------------------------


def _upright(figures: Figures, look: Look, area: Area) -> tuple[Scale, Area, list[Markup]]:
    """The axes of values upwards and of categories to the right, and what is free between them."""
    scale, size = Scale.of(figures.series), area.size
    left = max(_width(_number(each), size) for each in scale.ticks) + size
    plot = Area(left, area.top, area.width - left - size / 2, area.height - 1.6 * size, size)
    made = []
    for each in scale.ticks:
        y = plot.bottom - scale.at(each) * plot.height
        made += [
            _line(plot.left, y, plot.right, y, look, each != 0),
            _text(left - size / 2, y + size * 0.35, _number(each), "end"),
        ]
    step = plot.width / len(figures.categories)
    widest = max(_width(each, size) for each in figures.categories) + size / 2
    every = math.ceil(min(widest, MOST_WIDE * size) / step) if widest > step else 1
    for at in range(0, len(figures.categories), every):
        words = _shortened(figures.categories[at], size, max(step * every - size / 2, 2 * size))
        half = _width(words, size) / 2
        x = min(max(plot.left + (at + 0.5) * step, half), area.right - half)
        made.append(_text(x, plot.bottom + 1.4 * size, words))
    return scale, plot, made


def _columns(figures: Figures, look: Look, area: Area) -> Markup:
    scale, plot, made = _upright(figures, look, area)
    step = plot.width / len(figures.categories)
    width, zero = step * FULL / len(figures.series), plot.bottom - scale.at(0) * plot.height
    for number, (_, values) in enumerate(figures.series):
        for at, value in enumerate(values):
            if value is not None:
                y = plot.bottom - scale.at(value) * plot.height
                x = plot.left + (at + (1 - FULL) / 2) * step + number * width
                made.append(_box(x, min(y, zero), width, abs(y - zero), look.colour(number)))
    return Markup("").join(made)


def _lines(figures: Figures, look: Look, area: Area) -> Markup:
    scale, plot, made = _upright(figures, look, area)
    step, dot = plot.width / len(figures.categories), area.size / 4
    for number, (_, values) in enumerate(figures.series):
        points = [
            None
            if value is None
            else (plot.left + (at + 0.5) * step, plot.bottom - scale.at(value) * plot.height)
            for at, value in enumerate(values)
        ]
        path = " ".join(
            f"M{one[0]:.2f} {one[1]:.2f}L{other[0]:.2f} {other[1]:.2f}"
            for one, other in pairwise(points)
            if one and other
        )
        made.append(
            Markup(
                '<path d="{}" fill="none" stroke="{}" stroke-width="{:.2f}" stroke-linecap="round"/>'
            ).format(path or "M0 0", look.colour(number), area.size / 6)
        )
        made += [
            Markup('<circle cx="{:.2f}" cy="{:.2f}" r="{:.2f}" fill="{}"/>').format(
                *each, dot, look.colour(number)
            )
            for each in points
            if each and dot * 3 < step
        ]
    return Markup("").join(made)


def _bars(figures: Figures, look: Look, area: Area) -> Markup:
    """Lying columns; the first category is the lowest, as in PowerPoint."""
    scale, size = Scale.of(figures.series), area.size
    widest = min(max(_width(each, size) for each in figures.categories), SIDE * area.width)
    plot = Area(widest + size, area.top, area.width - widest - 2 * size, area.height - 1.6 * size, size)
    made = []
    for each in scale.ticks:
        x = plot.left + scale.at(each) * plot.width
        made += [
            _line(x, plot.top, x, plot.bottom, look, each != 0),
            _text(x, plot.bottom + 1.4 * size, _number(each)),
        ]
    step, zero = plot.height / len(figures.categories), plot.left + scale.at(0) * plot.width
    every = math.ceil(1.2 * size / step)
    for at in range(0, len(figures.categories), every):
        words = _shortened(figures.categories[at], size, widest)
        made.append(_text(plot.left - size / 2, plot.bottom - (at + 0.5) * step + size * 0.35, words, "end"))
    high = step * FULL / len(figures.series)
    for number, (_, values) in enumerate(figures.series):
        for at, value in enumerate(values):
            if value is not None:
                x = plot.left + scale.at(value) * plot.width
                y = plot.bottom - (at + (1 - FULL) / 2) * step - (number + 1) * high
                made.append(_box(min(x, zero), y, abs(x - zero), high, look.colour(number)))
    return Markup("").join(made)


# --- a whole ------------------------------------------------------------------------------------------------------------


def _pie(figures: Figures, look: Look, area: Area) -> Markup:
    values = [max(0.0, each or 0.0) for each in figures.series[0][1]]
    largest = max(values, default=0)
    parts = [each / largest for each in values] if largest else []
    whole, radius = sum(parts), min(area.width, area.height) / 2 - 2
    middle = area.left + area.width / 2, area.top + area.height / 2
    made, turned = [], 0.0
    for at, part in enumerate(parts):
        if part == whole:
            made.append(
                Markup('<circle cx="{:.2f}" cy="{:.2f}" r="{:.2f}" fill="{}"/>').format(
                    *middle, radius, look.colour(at)
                )
            )
        elif part:
            made.append(_slice(middle, radius, turned, turned + part / whole, look.colour(at)))
        turned += part / whole
    return Markup("").join(made)


def _slice(middle: tuple[float, float], radius: float, begin: float, end: float, colour: str) -> Markup:
    (x, y), (to_x, to_y) = (
        (middle[0] + radius * math.sin(math.tau * each), middle[1] - radius * math.cos(math.tau * each))
        for each in (begin, end)
    )
    return Markup(
        '<path d="M{:.2f} {:.2f}L{:.2f} {:.2f}A{r:.2f} {r:.2f} 0 {} 1 {:.2f} {:.2f}Z" fill="{}"/>'
    ).format(*middle, x, y, int(end - begin > 0.5), to_x, to_y, colour, r=radius)


KINDS: Mapping[str, Callable[[Figures, Look, Area], Markup]] = {
    "column": _columns,
    "bar": _bars,
    "line": _lines,
    "pie": _pie,
}
