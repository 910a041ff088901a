"""The shapes of a slide as HTML, each in its place: words, pictures, tables, charts, and the marks of the brand behind them."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from markupsafe import Markup

from cms_sales_enablement.told import charts, outlines, tables, texts
from cms_sales_enablement.told.fitting import Fitter
from cms_sales_enablement.told.frames import Frame, within
from cms_sales_enablement.told.media import Media
from cms_sales_enablement.told.styles import layers_of, texts_of
from cms_sales_enablement.told.theme import ACCENTS, Theme

log = logging.getLogger(__name__)

FOOT = 11 / 12  # of a slide's height: where what grows downwards ends
CHARTS = {"BarPlot": "column", "LinePlot": "line", "PiePlot": "pie"}
FIELD = "{{"


@dataclass(frozen=True)
class Painter:
    """Draws shapes of one page: a slide, or the layout or master below it (``behind``: where nothing is told, only shown)."""

    page: Any
    theme: Theme
    defaults: Any
    size: tuple[float, float]
    media: Media
    fitter: Fitter
    behind: bool = False

    def all(self) -> Markup:
        """All of its shapes, the hindmost first."""
        return Markup("").join(self._each(self.page.shapes, lambda frame: frame))

    def _each(self, shapes: Any, moved: Callable[[Frame], Frame]) -> Iterator[Markup]:
        for shape in shapes:
            if self.behind and shape.is_placeholder:
                continue  # what a slide may fill, and has filled or not
            frame = None if _is_hidden(shape) else Frame.of(shape)
            if hasattr(shape, "shapes") and frame is not None:
                yield from self._each(shape.shapes, partial(_moved, moved, shape, frame))
            elif frame is not None:
                yield self._mark(shape, moved(frame)) if self.behind else self._shape(shape, moved(frame))

    def _mark(self, shape: Any, frame: Frame) -> Markup:
        """A mark of the brand; an odd one is left out, for the slide is not about it."""
        try:
            return self._shape(shape, frame)
        except (AttributeError, KeyError, TypeError, ValueError):
            log.warning("a mark of the brand cannot be drawn: %.80s", shape.name, exc_info=True)
            return Markup("")

    def _shape(self, shape: Any, frame: Frame) -> Markup:
        if getattr(shape, "has_chart", False):
            return self._chart(shape, frame)
        if getattr(shape, "has_table", False):
            return self._table(shape, frame)
        if shape._element.find("{*}blipFill") is not None:
            return self._picture(shape, frame)
        layers = layers_of(shape, self.page)
        filled = outlines.html_of(layers, frame, self.theme, self.media, self.page)
        return filled + self._words(shape, frame)

    def _words(self, shape: Any, frame: Frame) -> Markup:
        body = shape._element.find("{*}txBody")
        if body is None:
            return Markup("")
        looks = texts_of(shape, self.page, self.defaults, self.theme)
        if ink := self.theme.colour(shape._element.find("{*}style/{*}fontRef")):
            looks = replace(looks, plain=replace(looks.plain, colour=ink))
        said = texts.paragraphs_of(body, looks)
        longest = sum(len(each.text) for each in said)
        if not longest or (self.behind and any(FIELD in each.text for each in said)):
            return Markup("")  # fields of layouts are filled by nobody
        left, top, right, bottom = looks.body.insets
        largest = max(each.style.size for each in said)
        wide, high = frame.width - left - right, frame.height - top - bottom
        box = Frame(frame.left + left, frame.top + top, wide, high, frame.turned)
        drawn = self.fitter.fitted(
            lambda scale, most: texts.html_of(said, self.theme, scale, most), largest, wide, high, longest
        )
        return Markup(
            '<div class="box" style="{}"><div class="rows"><div class="cell" style="height:{:.2f}pt;vertical-align:{}">{}</div>'
            "</div></div>"
        ).format(box.css, max(0, box.height), looks.body.anchor, drawn)

    def _table(self, shape: Any, frame: Frame) -> Markup:
        high = max(frame.height, FOOT * self.size[1] - frame.top)
        drawn = self.fitter.fitted(
            lambda scale, most: tables.html_of(shape, self.theme, scale, most),
            tables.letters_of(shape),
            frame.width,
            high,
            tables.longest_of(shape),
        )
        return Markup('<div class="box" style="{}">{}</div>').format(replace(frame, height=high).css, drawn)

    def _picture(self, shape: Any, frame: Frame) -> Markup:
        crop = (shape.crop_left, shape.crop_top, shape.crop_right, shape.crop_bottom)
        within = tuple(min(0.99, max(0.0, each)) for each in crop)
        address = self.media.keep(shape.image.blob, frame.width, frame.height, within)
        alt = shape._element.find("{*}nvPicPr/{*}cNvPr").get("descr", "")
        made = Markup('<img class="box" style="{}" src="{}" alt="{}">')
        return made.format(frame.css, address, alt) if address else Markup("")

    def _chart(self, shape: Any, frame: Frame) -> Markup:
        plot = next(iter(shape.chart.plots), None)
        kind = CHARTS.get(type(plot).__name__, "")
        if plot is None or not kind:
            return Markup("")
        if kind == "column" and plot._element.find("{*}barDir").get("val") == "bar":
            kind = "bar"
        series = [(each.name or "", tuple(each.values)) for each in plot.series]
        figures = charts.Figures(kind, [str(each) for each in plot.categories], series)
        look = charts.Look(_colours(self.theme), self.theme.named("tx1"), self.theme.family("+mn-lt"))
        return Markup('<div class="box" style="{}">{}</div>').format(
            frame.css, charts.drawn(figures, look, frame.width, frame.height)
        )


def _colours(theme: Theme) -> list[str]:
    """As many as a chart may have series: the accents, and lighter ones of them."""
    return [theme.mixed(name, part) for part in (1, 0.6, 0.35) for name in ACCENTS]


def _is_hidden(shape: Any) -> bool:
    named = shape._element.find("*/{*}cNvPr")
    return named is not None and named.get("hidden") in ("1", "true")


def _moved(moved: Callable[[Frame], Frame], group: Any, frame: Frame, inner: Frame) -> Frame:
    """Where a shape of a group lies, wherever the group itself does."""
    return moved(within(group, frame, inner))
