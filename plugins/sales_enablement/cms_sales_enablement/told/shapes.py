"""The shapes of a slide as HTML, each in its place: words, pictures, tables, charts, and the marks of the brand behind them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from markupsafe import Markup

from cms_sales_enablement.told import charts, tables, texts
from cms_sales_enablement.told.fitting import Fitter
from cms_sales_enablement.told.grounds import filling
from cms_sales_enablement.told.media import Media
from cms_sales_enablement.told.styles import EMU_OF_POINT, texts_of
from cms_sales_enablement.told.theme import ACCENTS, Theme

FOOT = 11 / 12  # of a slide's height: where what grows downwards ends
ROUNDED = {"rect": "0", "roundRect": "10%", "ellipse": "50%"}
CHARTS = {"BarPlot": "column", "LinePlot": "line", "PiePlot": "pie"}
FIELD = "{{"


@dataclass(frozen=True)
class Frame:
    """Where a shape lies, in points; ``turned`` by so many degrees."""

    left: float
    top: float
    width: float
    height: float
    turned: float = 0

    @classmethod
    def of(cls, shape: Any) -> "Frame | None":
        """None for a shape that has no place."""
        sides = (shape.left, shape.top, shape.width, shape.height)
        if any(each is None for each in sides):
            return None
        left, top, width, height = (each / EMU_OF_POINT for each in sides)
        return cls(left, top, width, height, float(getattr(shape, "rotation", 0) or 0))

    @property
    def css(self) -> str:
        """As a style."""
        turn = f";transform:rotate({self.turned:.1f}deg)" if self.turned else ""
        return (
            f"left:{self.left:.2f}pt;top:{self.top:.2f}pt;width:{max(0, self.width):.2f}pt;"
            f"height:{max(0, self.height):.2f}pt{turn}"
        )


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
            frame = Frame.of(shape)
            if hasattr(shape, "shapes") and frame is not None:
                yield from self._each(shape.shapes, partial(_within, moved, shape, frame))
            elif frame is not None:
                yield self._shape(shape, moved(frame))

    def _shape(self, shape: Any, frame: Frame) -> Markup:
        if getattr(shape, "has_chart", False):
            return self._chart(shape, frame)
        if getattr(shape, "has_table", False):
            return self._table(shape, frame)
        if hasattr(shape, "image") and shape._element.find("{*}blipFill") is not None:
            return self._picture(shape, frame)
        return self._filled(shape, frame) + self._words(shape, frame)

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
        drawn = self.fitter.fitted(
            lambda scale, most: texts.html_of(said, self.theme, scale, most),
            largest,
            frame.width - left - right,
            frame.height - top - bottom,
            longest,
        )
        box = Frame(
            frame.left + left,
            frame.top + top,
            frame.width - left - right,
            frame.height - top - bottom,
            frame.turned,
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

    def _filled(self, shape: Any, frame: Frame) -> Markup:
        """A plain shape with its filling; others are left out: a box would stand for none of them."""
        properties = shape._element.find("{*}spPr")
        if properties is None:
            return Markup("")
        form = properties.find("{*}prstGeom")
        kind = form.get("prst", "") if form is not None else ""
        if kind == "line" or shape._element.tag.endswith("cxnSp"):
            return self._line(shape, properties, frame)
        css = filling(properties, self.theme, self.media, self.page, (frame.width, frame.height))
        if not css:
            css = self.theme.colour(shape._element.find("{*}style/{*}fillRef[@idx!='0']"))
        if kind not in ROUNDED or not css or (shape.is_placeholder and css == "transparent"):
            return Markup("")
        made = Markup('<div class="box" style="{};background:{};border-radius:{}"></div>')
        return made.format(frame.css, css, ROUNDED[kind])

    def _line(self, shape: Any, properties: Any, frame: Frame) -> Markup:
        """A line along an edge of the slide."""
        line = properties.find("{*}ln")
        colour = self.theme.colour(line.find("{*}solidFill")) if line is not None else ""
        colour = colour or self.theme.colour(shape._element.find("{*}style/{*}lnRef"))
        wide = int(line.get("w", EMU_OF_POINT)) / EMU_OF_POINT if line is not None else 1
        if not colour or min(frame.width, frame.height) > wide:
            return Markup("")
        thick = replace(frame, width=max(frame.width, wide), height=max(frame.height, wide))
        return Markup('<div class="box" style="{};background:{}"></div>').format(thick.css, colour)


def _colours(theme: Theme) -> list[str]:
    """As many as a chart may have series: the accents, and lighter ones of them."""
    return [theme.mixed(name, part) for part in (1, 0.6, 0.35) for name in ACCENTS]


def _within(moved: Callable[[Frame], Frame], group: Any, frame: Frame, inner: Frame) -> Frame:
    """Where a shape of a group lies on the slide: a group may be drawn in another size than its shapes are."""
    place = group._element.find("{*}grpSpPr/{*}xfrm")
    begin, extent = (place.find("{*}chOff"), place.find("{*}chExt")) if place is not None else (None, None)
    if begin is None or extent is None:
        return moved(inner)
    left, top = int(begin.get("x", 0)) / EMU_OF_POINT, int(begin.get("y", 0)) / EMU_OF_POINT
    wide, high = int(extent.get("cx", 0)) / EMU_OF_POINT, int(extent.get("cy", 0)) / EMU_OF_POINT
    by_x, by_y = frame.width / wide if wide else 1, frame.height / high if high else 1
    return moved(
        Frame(
            frame.left + (inner.left - left) * by_x,
            frame.top + (inner.top - top) * by_y,
            inner.width * by_x,
            inner.height * by_y,
            inner.turned,
        )
    )
