"""Slides that nobody drew: what they are to say is poured into the layouts of a presentation, as its own slides are.

A block has words, and at most one thing beside them. What comes out can be edited in PowerPoint like any other slide.
"""

import contextlib
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pptx import Presentation
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE, XL_LEGEND_POSITION
from pptx.enum.shapes import PP_PLACEHOLDER
from pptx.enum.text import MSO_AUTO_SIZE
from pptx.util import Emu, Pt

from cms_sales_enablement.pptx import pictures
from cms_sales_enablement.pptx.block import Block
from cms_sales_enablement.pptx.charts import ChartPart
from cms_sales_enablement.pptx.composing import Foreign
from cms_sales_enablement.pptx.data import Chart
from cms_sales_enablement.pptx.fields import A, one_line
from cms_sales_enablement.pptx.strip import SafePackage
from cms_sales_enablement.pptx.workbooks import Workbook

CHARTS = {
    "column": XL_CHART_TYPE.COLUMN_CLUSTERED,
    "bar": XL_CHART_TYPE.BAR_CLUSTERED,
    "line": XL_CHART_TYPE.LINE_MARKERS,
    "pie": XL_CHART_TYPE.PIE,
}
OPENING = ("title", "secHead")  # kinds of layouts (ECMA-376 part 1, 19.7.15)
PLAIN = ("obj", "tx", "twoObj", "objTx", "txAndObj", "twoColTx")
TITLES = (PP_PLACEHOLDER.TITLE, PP_PLACEHOLDER.CENTER_TITLE)
FRAME = (PP_PLACEHOLDER.DATE, PP_PLACEHOLDER.FOOTER, PP_PLACEHOLDER.SLIDE_NUMBER, PP_PLACEHOLDER.HEADER)
LARGE = 0.12  # of a slide: a place for content; smaller ones are for marks of the brand
DEEPEST = 4
QUOTES = '“”"'
GAP = 0.02  # of a slide's width
LARGEST, SMALLEST = 18, 8  # points of the words in a table
HIGH = 1.9  # a row of a table, in heights of its words


@contextlib.contextmanager
def authored(stub: Path, blocks: Mapping[str, Block], out: Path) -> Iterator[list[Foreign]]:
    """The blocks as slides, called as they are named, on the layouts of the presentation ``stub``; open while the context is."""
    presentation = Presentation(str(stub))
    parts = [_Author(presentation, block).slide.part.partname.lstrip("/") for block in blocks.values()]
    presentation.save(str(out))
    package = SafePackage(out)
    try:
        yield [
            Foreign(name, package, part, _figures(package, part, block.chart))
            for (name, block), part in zip(blocks.items(), parts, strict=True)
        ]
    finally:
        package.close()


def _figures(package: SafePackage, slide: str, chart: Chart | None) -> Mapping[str, bytes]:
    """The parts of its chart with the figures: written as words and numbers, where a spreadsheet would see formulas."""
    if chart is None:
        return {}
    name = next(each.target for each in package.relationships(slide) if each.kind == "chart")
    book = next(each.target for each in package.relationships(name) if each.kind == "package")
    part = ChartPart(package.xml(name))
    shown, cells = part.fill(chart, "chart")
    return {name: b"".join(shown), book: Workbook(package.read(book), part.sheet).fill(cells)}


@dataclass
class _Place:
    """A place for content on a slide, and the placeholder that it is, if any."""

    left: int
    top: int
    width: int
    height: int
    holder: Any = None

    def halves(self, gap: int) -> tuple["_Place", "_Place"]:
        """Itself on the left, and what is free then."""
        width = (self.width - gap) // 2
        right = _Place(self.left + width + gap, self.top, width, self.height)
        return _Place(self.left, self.top, width, self.height, self.holder), right


@dataclass
class _Author:
    """Makes one slide."""

    presentation: Any
    block: Block
    slide: Any = field(init=False)

    def __post_init__(self) -> None:
        self.slide = self.presentation.slides.add_slide(self._layout())
        places = self._places()
        self._name_it(places)
        words, thing = self._shared(places)
        if words is not None:
            self._speak(words)
        if thing is not None:
            self._show(thing)
        self._sweep()
        if self.block.notes:
            self.slide.notes_slide.notes_text_frame.text = _clean(self.block.notes, "\n")

    # --- where things go --------------------------------------------------------------------------------------------------

    def _layout(self) -> Any:
        """The first layout that fits: of the wanted kind, with a title and as many places as are needed."""
        found = [layout for master in self.presentation.slide_masters for layout in master.slide_layouts]
        wanted = 0 if self.block.opening else self.block.speaks + self.block.shows
        kinds = OPENING if self.block.opening else PLAIN
        return min(found, key=lambda layout: self._misfit(layout, kinds, wanted))

    def _misfit(self, layout: Any, kinds: Sequence[str], wanted: int) -> tuple[int, ...]:
        kind = layout._element.get("type", "")
        there = len(self._large(layout.placeholders))
        titled = any(each.placeholder_format.type in TITLES for each in layout.placeholders)
        fits = there == wanted or self.block.opening
        return (
            not titled,
            not fits,
            kind not in kinds,
            kinds.index(kind) if kind in kinds else 0,
            abs(there - wanted),
        )

    def _large(self, holders: Any) -> list[Any]:
        """The placeholders for content, the left ones first."""
        whole = self.presentation.slide_width * self.presentation.slide_height
        found = [
            each
            for each in holders
            if each.placeholder_format.type not in (*TITLES, *FRAME, PP_PLACEHOLDER.SUBTITLE)
            and (each.width or 0) * (each.height or 0) >= LARGE * whole
        ]
        return sorted(found, key=lambda each: (each.left or 0, each.top or 0))

    def _places(self) -> list[_Place]:
        found = [
            _Place(each.left, each.top, each.width, each.height, each)
            for each in self._large(self.slide.placeholders)
        ]
        return found or [self._free()]

    def _free(self) -> _Place:
        """What a layout without places leaves: all below the title."""
        wide, high = self.presentation.slide_width, self.presentation.slide_height
        title = self.slide.shapes.title
        below = (title.top or 0) + (title.height or 0) if title is not None else 0
        top = below if 0 < below < high // 2 else high // 5
        return _Place(wide // 20, top, wide - wide // 10, high - top - high // 12)

    def _shared(self, places: list[_Place]) -> tuple[_Place | None, _Place | None]:
        """The places of the words and of the thing."""
        speaks, shows = self.block.speaks and not self.block.opening, self.block.shows
        if not (speaks and shows):
            return (places[0] if speaks else None), (places[0] if shows else None)
        if len(places) > 1:
            return places[0], places[1]
        return places[0].halves(round(GAP * self.presentation.slide_width))

    def _sweep(self) -> None:
        """Take away what was left empty: it would ask for a click where there is nobody."""
        for holder in list(self.slide.placeholders):
            if holder.has_text_frame and not holder.text_frame.text.strip():
                holder._element.getparent().remove(holder._element)

    # --- what it says -----------------------------------------------------------------------------------------------------

    def _name_it(self, places: list[_Place]) -> None:
        title = self.slide.shapes.title
        if title is None and self.block.title:
            title = self.slide.shapes.add_textbox(*self._above(places[0]))
        if title is not None:
            title.text_frame.text = _clean(self.block.title)
        if self.block.opening and self.block.subtitle:
            self._subtitle().text = _clean(self.block.subtitle)

    def _above(self, place: _Place) -> tuple[Emu, Emu, Emu, Emu]:
        high = self.presentation.slide_height // 9
        return Emu(place.left), Emu(max(0, place.top - high)), Emu(place.width), Emu(high)

    def _subtitle(self) -> Any:
        holders = [each for each in self.slide.placeholders if each.placeholder_format.type not in TITLES]
        kinds = (PP_PLACEHOLDER.SUBTITLE, PP_PLACEHOLDER.BODY)
        fitting = [each for kind in kinds for each in holders if each.placeholder_format.type == kind]
        if fitting:
            return fitting[0].text_frame
        free = self._free()
        return self.slide.shapes.add_textbox(
            *map(Emu, (free.left, free.top, free.width, free.height))
        ).text_frame

    def _speak(self, place: _Place) -> None:
        holder = place.holder
        box = tuple(map(Emu, (place.left, place.top, place.width, place.height)))
        if holder is None or not holder.has_text_frame:
            holder = self.slide.shapes.add_textbox(*box)
        elif holder.width != place.width:
            holder.left, holder.top, holder.width, holder.height = box
        words = holder.text_frame
        words.word_wrap, words.auto_size = True, MSO_AUTO_SIZE.TEXT_TO_FIT_SHAPE
        for number, (line, level, bulleted, slanted) in enumerate(self._lines()):
            paragraph = words.add_paragraph() if number else words.paragraphs[0]
            paragraph.level = level
            run = paragraph.add_run()
            run.text, run.font.italic = line, slanted or None
            if not bulleted:
                _without_bullet(paragraph)

    def _lines(self) -> Iterator[tuple[str, int, bool, bool]]:
        """Each with its level, whether it has a bullet, and whether it is slanted."""
        if self.block.subtitle:
            yield _clean(self.block.subtitle), 0, False, False
        if self.block.quote:
            yield "“" + _clean(self.block.quote).strip(QUOTES) + "”", 0, False, True
        if self.block.by:
            yield f"— {_clean(self.block.by)}", 0, False, False
        for line in self.block.lines:
            words = line.lstrip("\t")
            yield _clean(words), min(len(line) - len(words), DEEPEST), True, False

    # --- what it shows ----------------------------------------------------------------------------------------------------

    def _show(self, place: _Place) -> None:
        if place.holder is not None:
            place.holder._element.getparent().remove(place.holder._element)
        if self.block.picture:
            self._picture(place)
        elif self.block.chart is not None:
            self._chart(place, self.block.chart)
        else:
            self._table(place)

    def _picture(self, place: _Place) -> None:
        read = pictures.read_picture("picture", self.block.picture)
        box = pictures.Box(place.left, place.top, place.width, place.height).fit(read)
        shape = self.slide.shapes.add_picture(
            io.BytesIO(read.data), *map(Emu, (box.x, box.y, box.width, box.height))
        )
        shape._element.nvPicPr.cNvPr.set("descr", _clean(self.block.alt))

    def _chart(self, place: _Place, chart: Chart) -> None:
        """Drawn with figures that say nothing: ``_figures`` puts in those that are meant."""
        data = CategoryChartData()
        data.categories = [str(at) for at in range(len(chart.categories))]
        for at, (_, values) in enumerate(chart.series):
            data.add_series(f"Series {at}", [0] * len(values))
        frame = self.slide.shapes.add_chart(
            CHARTS[self.block.chart_kind],
            *map(Emu, (place.left, place.top, place.width, place.height)),
            data,
        )
        frame._element.nvGraphicFramePr.cNvPr.set("descr", _clean(self.block.alt or self.block.title))
        drawn = frame.chart
        drawn.has_legend = len(chart.series) > 1 or self.block.chart_kind == "pie"
        drawn.has_title = False
        if drawn.has_legend:
            drawn.legend.position, drawn.legend.include_in_layout = XL_LEGEND_POSITION.BOTTOM, False

    def _table(self, place: _Place) -> None:
        rows = self.block.rows
        columns = max(map(len, rows), default=1) or 1
        points = max(SMALLEST, min(LARGEST, int(Emu(place.height).pt / len(rows) / HIGH)))
        high = min(place.height, round(len(rows) * Pt(points) * HIGH))
        frame = self.slide.shapes.add_table(
            len(rows), columns, *map(Emu, (place.left, place.top, place.width, high))
        )
        for row, said in zip(frame.table.rows, rows, strict=True):
            for cell, words in zip(row.cells, (*said, *[""] * (columns - len(said))), strict=True):
                run = cell.text_frame.paragraphs[0].add_run()
                run.text, run.font.size = _clean(words), Pt(points)


def _without_bullet(paragraph: Any) -> None:
    properties = paragraph._p.get_or_add_pPr()
    properties.set("marL", "0")
    properties.set("indent", "0")
    properties.insert(0, properties.makeelement(f"{{{A}}}buNone"))


def _clean(text: str, between: str = " ") -> str:
    """Words as a slide can hold them."""
    return between.join(one_line(line) for line in text.splitlines()).strip()
