"""Charts as SVG drawn on the server: they print, follow the theme through CSS classes, and need no script.

Colour is never the only sign: lines carry a dash pattern and their name at the end. A table with the same numbers belongs beside
every chart; the SVG itself is one image with a label for assistive technology.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

DASHES = ("", "8 4", "2 4", "10 3 2 3", "5 2", "1 3")
WIDTH, HEIGHT = 720, 330
LEFT, RIGHT, TOP, BOTTOM = 48, 92, 16, 28
LABEL_GAP = 15


@dataclass(frozen=True)
class Series:
    """One line: its name, the channel group that gives its colour, and a value (or None: not known) per label."""

    name: str
    group: str
    values: Sequence[float | None]


@dataclass(frozen=True)
class Row:
    """One bar: label, value, words for the value, last period's value, whether it wants attention."""

    label: str
    value: float
    shown: str = ""
    before: float | None = None
    group: str = ""
    low: bool = False


def nice_step(top: float, lines: int = 5) -> float:
    """The step (1, 2 or 5 × 10ⁿ) that reaches ``top`` in about ``lines`` steps; whole numbers for counts."""
    rough = top / lines  # 0 also for numbers so small that their share is none
    if not math.isfinite(rough) or rough <= 0:
        return 1
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    return max(1.0, step) if top > 1 else step


def _runs(values: Sequence[float | None]) -> list[list[tuple[int, float]]]:
    """Stretches of known values: a gap in the data is a gap in the line."""
    runs: list[list[tuple[int, float]]] = [[]]
    for index, value in enumerate(values):
        if value is None:
            runs.append([])
        else:
            runs[-1].append((index, value))
    return [run for run in runs if run]


def _spread(wanted: list[float], low: float, high: float) -> list[float]:
    """Heights for the names at the line ends, moved apart so that they do not overlap."""
    order = sorted(range(len(wanted)), key=wanted.__getitem__)
    placed = list(wanted)
    for before, here in pairwise(order):
        placed[here] = max(placed[here], placed[before] + LABEL_GAP)
    shift = max(0.0, max(placed, default=low) - high)
    return [max(low, height - shift) for height in placed]


class _Plane:
    """Turns an index and a value into a point."""

    def __init__(self, count: int, series: Sequence[Series]) -> None:
        top = max((value for line in series for value in line.values if value is not None), default=0)
        self.step = nice_step(top)
        self.top = self.step * max(1, math.ceil(top / self.step - 1e-9))
        self.count = count

    def x(self, index: int) -> float:
        return LEFT + index * (WIDTH - LEFT - RIGHT) / max(1, self.count - 1)

    def y(self, value: float) -> float:
        return TOP + (1 - value / self.top) * (HEIGHT - TOP - BOTTOM)


def _grid(plane: _Plane, labels: Sequence[str]) -> list[Markup]:
    out = []
    for tick in range(round(plane.top / plane.step) + 1):
        value = tick * plane.step
        y = plane.y(value)
        out.append(Markup('<path class="g" d="M{} {:.1f}H{}"/>').format(LEFT, y, WIDTH - RIGHT))
        out.append(
            Markup('<text x="{}" y="{:.1f}" text-anchor="end">{:g}</text>').format(LEFT - 8, y + 4, value)
        )
    every = max(1, math.ceil(len(labels) / 7))
    for index in range(0, len(labels), every):
        text = Markup('<text x="{:.1f}" y="{}" text-anchor="middle">{}</text>')
        out.append(text.format(plane.x(index), HEIGHT - 6, labels[index]))
    return out


def _note(plane: _Plane, index: int, words: str) -> Markup:
    x = plane.x(index)
    right = x > WIDTH * 0.6
    mark = Markup(
        '<path class="n" d="M{:.1f} {}V{}"/><text class="n" x="{:.1f}" y="{}" text-anchor="{}">{}</text>'
    )
    return mark.format(
        x, TOP, HEIGHT - BOTTOM, x - 7 if right else x + 7, TOP + 11, "end" if right else "start", words
    )


def _line(plane: _Plane, line: Series, dash: str) -> Markup:
    out = [Markup("<title>{}</title>").format(line.name)]
    for run in _runs(line.values):
        points = " ".join(f"{plane.x(index):.1f},{plane.y(value):.1f}" for index, value in run)
        if len(run) == 1:
            out.append(
                Markup('<circle cx="{:.1f}" cy="{:.1f}" r="2.6"/>').format(*map(float, points.split(",")))
            )
        else:
            out.append(Markup('<polyline points="{}" stroke-dasharray="{}"/>').format(points, dash or "none"))
    return Markup('<g class="s {}">{}</g>').format(line.group, Markup("").join(out))


def _names(plane: _Plane, series: Sequence[Series]) -> list[Markup]:
    ends = [(line, run[-1][-1]) for line in series if (run := _runs(line.values))]
    heights = _spread([plane.y(value) for _, (_, value) in ends], TOP, HEIGHT - BOTTOM)
    text = Markup('<text class="e {}" x="{}" y="{:.1f}">{}</text>')
    return [
        text.format(line.group, WIDTH - RIGHT + 8, height + 4, line.name)
        for (line, _), height in zip(ends, heights, strict=True)
    ]


def line_chart(
    labels: Sequence[str], series: Sequence[Series], label: str, notes: Sequence[tuple[int, str]] = ()
) -> Markup:
    """Lines over labelled steps (days); values are ≥ 0, ``notes`` mark an index with words."""
    for line in series:
        if len(line.values) != len(labels):
            raise ValueError(f"series {line.name!r} has {len(line.values)} values for {len(labels)} labels")
    plane = _Plane(len(labels), series)
    parts = _grid(plane, labels)
    parts += [_note(plane, index, words) for index, words in notes]
    parts += [_line(plane, line, DASHES[index % len(DASHES)]) for index, line in enumerate(series)]
    parts += _names(plane, series)
    return Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        WIDTH, HEIGHT, label, Markup("").join(parts)
    )


def share(value: float, top: float) -> float:
    """``value`` of ``top`` in percent, held between 0 and 100; 0 of nothing is 0."""
    if top <= 0 or not math.isfinite(value):
        return 0.0
    return min(100.0, max(0.0, value / top * 100))


def meter(value: float, top: float, label: str, group: str = "", before: float | None = None) -> Markup:
    """A bar from 0 to ``top``, with a tick where it stood before; ``label`` says it in words."""
    tick = Markup("")
    if before is not None:
        tick = Markup('<rect class="k" x="{:.1f}%" y="-3" width="2.5" height="13" rx="1"/>').format(
            share(before, top)
        )
    return Markup(
        '<svg class="meter {}" role="img" aria-label="{}"><rect class="t" width="100%" height="100%" rx="3.5"/>'
        '<rect class="v" width="{:.1f}%" height="100%" rx="3.5"/>{}</svg>'
    ).format(group, label, share(value, top), tick)


def bar_rows(rows: Sequence[Row], label: str, top: float | None = None) -> Markup:
    """A list of labelled bars on one scale (the largest value, unless ``top`` is given)."""
    scale = top if top is not None else max((max(row.value, row.before or 0) for row in rows), default=0)
    out = []
    for row in rows:
        shown = row.shown or f"{row.value:g}"
        words = f"{row.label}: {shown}" + (f", before {row.before:g}" if row.before is not None else "")
        bar = meter(row.value, scale, words, "low" if row.low else row.group, row.before)
        css = Markup(' class="low"') if row.low else Markup("")
        item = Markup('<li{}><span>{}</span>{}<b class="num">{}</b></li>')
        out.append(item.format(css, row.label, bar, shown))
    return Markup('<ul class="bars" aria-label="{}">{}</ul>').format(label, Markup("").join(out))


def sparkline(values: Sequence[float], label: str, width: int = 70, height: int = 26) -> Markup:
    """A small line without axes, for a row or a card."""
    low, high = min(values, default=0), max(values, default=0)
    span = (high - low) or 1
    step = (width - 4) / max(1, len(values) - 1)
    points = " ".join(
        f"{2 + i * step:.1f},{height - 3 - (v - low) / span * (height - 6):.1f}" for i, v in enumerate(values)
    )
    return Markup(
        '<svg class="sparkline" viewBox="0 0 {0} {1}" width="{0}" height="{1}" role="img" aria-label="{2}">'
        '<polyline points="{3}"/></svg>'
    ).format(width, height, label, points)


def columns(values: Sequence[float], label: str, marked: frozenset[int] = frozenset()) -> Markup:
    """Small columns (runs per hour); the marked ones want attention, which ``label`` must say in words too."""
    top = max(values, default=0) or 1
    width = 100 / max(1, len(values))
    bar = Markup('<rect class="{}" x="{:.2f}%" y="{:.1f}%" width="{:.2f}%" height="{:.1f}%"/>')
    bars = []
    for index, value in enumerate(values):
        high = max(4.0, share(value, top))
        bars.append(
            bar.format("x" if index in marked else "v", index * width, 100 - high, width * 0.86, high)
        )
    return Markup('<svg class="columns" role="img" aria-label="{}">{}</svg>').format(
        label, Markup("").join(bars)
    )
