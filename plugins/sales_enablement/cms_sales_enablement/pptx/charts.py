"""Charts that take new figures: what is shown is patched in place, and so is the workbook behind it.

A chart keeps its figures twice: in its own part, as it was last drawn, and in a workbook that opens for "edit data". Both are
written, in the format that they have; what the figures do not touch stays.
"""

import math
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from xml.sax.saxutils import escape

from lxml import etree

from cms_core import Invalid
from cms_sales_enablement.pptx.archive import Packed
from cms_sales_enablement.pptx.data import Chart
from cms_sales_enablement.pptx.fields import one_line, serialised
from cms_sales_enablement.pptx.package import Element

C = "http://schemas.openxmlformats.org/drawingml/2006/chart"
SPAN = re.compile(
    r"((?:'(?:[^']|'')+'|[^!'\[\]]+))!\$?([A-Z]{1,3})\$?([0-9]{1,7})(?::\$?([A-Z]{1,3})\$?([0-9]{1,7}))?"
)
Cells = dict[tuple[int, int], str | float | None]  # by row and column, from 1; None empties a cell


class Unfillable(ValueError):
    """A chart that cannot take figures, and why."""


@dataclass(frozen=True)
class Span:
    """Cells of a sheet in one row or one column."""

    sheet: str
    row: int
    column: int
    count: int
    across: bool

    def __str__(self) -> str:
        first = (self.row, self.column)
        steps = self.count - 1
        last = (self.row, self.column + steps) if self.across else (self.row + steps, self.column)
        end = "" if first == last else f":{_address(*last)}"
        return f"{self.sheet}!{_address(*first)}{end}"

    def cells(self) -> Iterator[tuple[int, int]]:
        """Row and column of each."""
        for at in range(self.count):
            yield (self.row, self.column + at) if self.across else (self.row + at, self.column)

    @classmethod
    def read(cls, text: str) -> "Span":
        """Raises Unfillable for what is more than one row or column, or names no cells."""
        found = SPAN.fullmatch(text.strip())
        if found is None:
            raise Unfillable(f"its figures lie in {text!r:.80}")
        sheet, column, row, last_column, last_row = found.groups()
        left, top = column_number(column), int(row)
        wide = column_number(last_column or column) - left
        high = int(last_row or row) - top
        if (wide and high) or wide < 0 or high < 0:
            raise Unfillable(f"its figures lie in more than one row or column: {text:.80}")
        return cls(sheet, top, left, wide + high + 1, across=wide > 0)


@dataclass(frozen=True)
class Content:
    """Where a series keeps its title, categories or values: in which cells, and how it is written."""

    name: str
    span: Span | None
    numbers: bool
    format: str  # of numbers, as an element
    prefix: str  # of the names of elements

    def write(self, values: Sequence[str | float | None], cells: Cells, across: bool) -> bytes:
        """The element's content, and what stands in the cells."""
        numbers = self.numbers and not any(isinstance(each, str) for each in values)
        if self.name == "tx" and self.span is None:
            return self._element("v", escape(str(values[0]))).encode()
        count = self._element("ptCount", "", f' val="{len(values)}"')
        points = "".join(
            self._element("pt", self._element("v", _said(value)), f' idx="{at}"')
            for at, value in enumerate(values)
            if value is not None and value != ""  # what is empty is no point
        )
        kept = (self.format if numbers else "") + count + points
        kind = "num" if numbers else "str"
        if self.span is None:
            return self._element(f"{kind}Lit", kept).encode()
        span = replace(self.span, count=len(values), across=across)
        cells.update(zip(span.cells(), (None if each == "" else each for each in values), strict=True))
        formula = self._element("f", escape(str(span)))
        return self._element(f"{kind}Ref", formula + self._element(f"{kind}Cache", kept)).encode()

    def _element(self, name: str, content: str, attributes: str = "") -> str:
        return f"<{self.prefix}{name}{attributes}>{content}</{self.prefix}{name}>"


class ChartPart:
    """A chart that takes figures, compiled once. ``sheet`` is the name of the sheet where they lie, or ""."""

    def __init__(self, root: Element) -> None:
        """Raises Unfillable for a chart that is of another kind; the tree is used up."""
        found = _series(root)
        if not found or any(each.find(f"{{{C}}}val") is None for each in found):
            raise Unfillable("it is of a kind that has no categories")
        if root.find(f".//{{{C}}}multiLvlStrRef") is not None:
            raise Unfillable("its categories have more than one level")
        self._spans = [span for each in found for span in _spans(each)]
        sheets = {span.sheet for span in self._spans}
        if len(sheets) > 1:
            raise Unfillable("its figures lie in more than one sheet")
        self.sheet = next((each.strip("'").replace("''", "'") for each in sheets), "")
        self.series = len(found)
        self._across = [_is_across(each) for each in found]
        nonce = secrets.token_hex(12)
        self._contents = [_mark(each, at, nonce) for at, each in enumerate(found)]
        self._pieces = _split(serialised(root), nonce)

    def fill(self, chart: Chart, field: str) -> tuple[list[bytes], Cells]:
        """The part with new figures, and the cells of its workbook; raises Invalid for more series than it has formats for."""
        if len(chart.series) > self.series:
            raise Invalid(
                f"the chart {field} has {self.series} series, its data {len(chart.series)}",
                "leave series out, or add them to the chart of the template",
                field=field,
            )
        cells: Cells = {cell: None for span in self._spans for cell in span.cells()}
        written: dict[tuple[str, int], bytes] = {}
        for at, (name, values) in enumerate(chart.series):
            title, categories, numbers = self._contents[at]
            across = self._across[at]
            written["tx", at] = title.write([one_line(name)], cells, across)
            written["cat", at] = categories.write(_told(categories, chart.categories), cells, across)
            written["val", at] = numbers.write(values, cells, across)
        kept = {"series": len(chart.series), "point": len(chart.categories)}
        return list(_join(self._pieces, kept, written)), cells


def _join(
    pieces: Sequence[bytes | tuple[str, int]],
    kept: Mapping[str, int],
    written: Mapping[tuple[str, int], bytes],
) -> Iterator[bytes]:
    """The pieces in order, without the series and points that there are too many of."""
    gone = 0  # how many elements around are left out
    for piece in pieces:
        if isinstance(piece, bytes):
            if not gone:
                yield piece
        elif piece[0] == "end":
            gone = max(0, gone - 1)
        elif piece[0] in kept:
            gone += bool(gone or piece[1] >= kept[piece[0]])
        elif not gone:
            yield written[piece]


def _mark(series: Element, number: int, nonce: str) -> list[Content]:
    """Put marks where a series takes figures, and around it and the formats of its points."""
    contents = []
    for name in ("tx", "cat", "val"):
        place = _place(series, name)
        contents.append(_content(place, name))
        place[:] = []
        place.text = f"-{nonce}.{name}.{number}-"
    for point in [*series.iter(f"{{{C}}}dPt"), *series.iter(f"{{{C}}}dLbl")]:
        index = point.find(f"{{{C}}}idx")
        told = index.get("val", "") if index is not None else ""
        _around(point, f"{nonce}.point.{told if told.isdecimal() else 0}", nonce)
    _around(series, f"{nonce}.series.{number}", nonce)
    return contents


def _around(element: Element, word: str, nonce: str) -> None:
    element.addprevious(etree.Comment(word))
    element.addnext(etree.Comment(f"{nonce}.end.0"))


def _split(data: bytes, nonce: str) -> list[bytes | tuple[str, int]]:
    tokens = re.split(rb"(?:<!--|-)%b\.(\w+)\.(\d+)-(?:->)?" % nonce.encode(), data)
    found: list[bytes | tuple[str, int]] = []
    for at in range(0, len(tokens), 3):
        found.append(Packed(tokens[at]))
        if at + 2 < len(tokens):
            found.append((tokens[at + 1].decode(), int(tokens[at + 2])))
    return found


def _content(place: Element, name: str) -> Content:
    old = place[0] if len(place) else None
    formula = old.find(f"{{{C}}}f") if old is not None else None
    span = Span.read(formula.text or "") if formula is not None else None
    prefix = f"{place.prefix}:" if place.prefix else ""
    numbers = name == "val" or (old is not None and old.tag in (f"{{{C}}}numRef", f"{{{C}}}numLit"))
    code = place.find(f".//{{{C}}}formatCode")
    format_ = (
        f"<{prefix}formatCode>{escape(code.text or '')}</{prefix}formatCode>" if code is not None else ""
    )
    return Content(name, span, numbers, format_, prefix)


def _told(content: Content, categories: Sequence[str]) -> Sequence[str | float | None]:
    """Categories stay numbers (years, dates) where the template has numbers and all of the new ones are some."""
    if content.numbers:
        try:
            found = [float(each) for each in categories]
        except ValueError:
            found = []
        if found and all(map(math.isfinite, found)):
            return found
    return [one_line(each) for each in categories]


def _said(value: str | float) -> str:
    return escape(value) if isinstance(value, str) else number_text(value)


def _series(root: Element) -> list[Element]:
    """The series of all plots, in the order in which they are told."""
    found = root.findall(f"{{{C}}}chart/{{{C}}}plotArea/*/{{{C}}}ser")
    return sorted(found, key=_order)


def _order(series: Element) -> int:
    told = series.find(f"{{{C}}}order")
    value = told.get("val", "") if told is not None else ""
    return int(value) if value.isdecimal() else 0


def _spans(series: Element) -> Iterator[Span]:
    for name in ("tx", "cat", "val"):
        formula = series.find(f"{{{C}}}{name}/*/{{{C}}}f")
        if formula is not None:
            yield Span.read(formula.text or "")


def _is_across(series: Element) -> bool:
    """Whether its figures lie side by side; a single one lies below its title unless it stands beside it."""
    formulas = {name: series.find(f"{{{C}}}{name}/*/{{{C}}}f") for name in ("tx", "val")}
    title, value = (Span.read(each.text or "") if each is not None else None for each in formulas.values())
    if value is None or value.count > 1:
        return value is not None and value.across
    return title is not None and title.row == value.row and title.column != value.column


def _place(series: Element, name: str) -> Element:
    """Where a series keeps its title, categories or values."""
    found = series.find(f"{{{C}}}{name}")
    if found is not None:
        return found
    new = series.makeelement(f"{{{C}}}{name}")
    before = series.find(f"{{{C}}}{'order' if name == 'tx' else 'val'}")
    if before is None:
        series.insert(0, new)
    elif name == "tx":
        before.addnext(new)
    else:
        before.addprevious(new)
    return new


def number_text(value: float) -> str:
    """A number as both files write it: the shortest that is the same again."""
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))


def column_number(name: str) -> int:
    """A column by what spreadsheets call it, from 1."""
    value = 0
    for letter in name:
        value = value * 26 + ord(letter) - 64
    return value


def letters(column: int) -> str:
    """A column as spreadsheets call it: A, Z, AA."""
    found = ""
    while column:
        column, rest = divmod(column - 1, 26)
        found = chr(65 + rest) + found
    return found


def _address(row: int, column: int) -> str:
    return f"${letters(column)}${row}"
