"""Charts that take new figures: what is shown is patched in place, and so is the workbook behind it.

A chart keeps its figures twice: in its own part, as it was last drawn, and in a workbook that opens for "edit data". Both are
written, in the format that they have; what the figures do not touch stays.
"""

import copy
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from cms_core import Invalid
from cms_sales_enablement.pptx.data import Chart
from cms_sales_enablement.pptx.fields import one_line, serialised
from cms_sales_enablement.pptx.package import Element

C = "http://schemas.openxmlformats.org/drawingml/2006/chart"
TEXTS, NUMBERS = ("strRef", "strCache"), ("numRef", "numCache")
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


class ChartPart:
    """A chart that takes figures, compiled once. ``sheet`` is the name of the sheet where they lie, or ""."""

    def __init__(self, root: Element) -> None:
        """Raises Unfillable for a chart that is of another kind."""
        self._root = root
        found = _series(root)
        if not found or any(each.find(f"{{{C}}}val") is None for each in found):
            raise Unfillable("it is of a kind that has no categories")
        if root.find(f".//{{{C}}}multiLvlStrRef") is not None:
            raise Unfillable("its categories have more than one level")
        sheets = {span.sheet for each in found for span in _spans(each)}
        if len(sheets) > 1:
            raise Unfillable("its figures lie in more than one sheet")
        self.sheet = next((each.strip("'").replace("''", "'") for each in sheets), "")
        self.series = len(found)

    def fill(self, chart: Chart, field: str) -> tuple[bytes, Cells]:
        """The part with new figures, and the cells of its workbook; raises Invalid for more series than it has formats for."""
        if len(chart.series) > self.series:
            raise Invalid(
                f"the chart {field} has {self.series} series, its data {len(chart.series)}",
                "leave series out, or add them to the chart of the template",
                field=field,
            )
        root = copy.deepcopy(self._root)
        found = _series(root)
        cells: Cells = {cell: None for each in found for span in _spans(each) for cell in span.cells()}
        for element, (name, values) in zip(found, chart.series, strict=False):
            _fill_series(element, name, chart.categories, values, cells)
        for element in found[len(chart.series) :]:
            _remove(element)
        return serialised(root), cells


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


def _fill_series(
    series: Element, name: str, categories: Sequence[str], values: Sequence[float | None], cells: Cells
) -> None:
    across = _is_across(series)
    title = one_line(name)
    _put(_place(series, "tx"), [title], TEXTS, across, cells)
    place = _place(series, "cat")
    numbers = _as_numbers(place, categories)
    if numbers:
        _put(place, numbers, NUMBERS, across, cells)
    else:
        _put(place, [one_line(each) for each in categories], TEXTS, across, cells)
    _put(_place(series, "val"), list(values), NUMBERS, across, cells)
    _drop_points(series, len(categories))


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


def _as_numbers(place: Element, categories: Sequence[str]) -> list[float | None]:
    """Categories stay numbers (years, dates) where the template has numbers and all of the new ones are some."""
    if place.find(f"{{{C}}}numRef") is None and place.find(f"{{{C}}}numLit") is None:
        return []
    try:
        found = [float(each) for each in categories]
    except ValueError:
        return []
    return [*found] if all(abs(each) < 1e300 for each in found) else []


def _put(
    place: Element,
    values: Sequence[str | float | None],
    kind: tuple[str, str],
    across: bool,
    cells: Cells,
) -> None:
    """Write values where a chart reads them, and into the cells that it names."""
    reference, cache_name = kind
    old = place[0] if len(place) else None
    formula = old.find(f"{{{C}}}f") if old is not None else None
    if formula is None:
        _points(_literal(place, old, kind), values)
        return
    span = replace(Span.read(formula.text or ""), count=len(values), across=across)
    if old is None or old.tag != f"{{{C}}}{reference}":  # other than what it was: texts for numbers
        old = _anew(place, reference)
        formula = old.makeelement(f"{{{C}}}f")
        old.append(formula)
    formula.text = str(span)
    cache = old.find(f"{{{C}}}{cache_name}")
    if cache is None:
        cache = old.makeelement(f"{{{C}}}{cache_name}")
        formula.addnext(cache)
    _points(cache, values)
    cells.update(zip(span.cells(), (None if each == "" else each for each in values), strict=True))


def _literal(place: Element, old: Element | None, kind: tuple[str, str]) -> Element:
    """Values that no cell holds stand in the chart itself."""
    if place.tag == f"{{{C}}}tx":
        return old if old is not None and old.tag == f"{{{C}}}v" else _anew(place, "v")
    name = "numLit" if kind is NUMBERS else "strLit"
    return old if old is not None and old.tag == f"{{{C}}}{name}" else _anew(place, name)


def _anew(place: Element, name: str) -> Element:
    new = place.makeelement(f"{{{C}}}{name}")
    place[:] = [new]
    return new


def _points(cache: Element, values: Sequence[str | float | None]) -> None:
    if cache.tag == f"{{{C}}}v":
        cache.text = str(values[0])
        return
    for point in cache.findall(f"{{{C}}}pt"):
        cache.remove(point)
    count = cache.find(f"{{{C}}}ptCount")
    if count is None:
        count = cache.makeelement(f"{{{C}}}ptCount")
        cache.insert(len(cache.findall(f"{{{C}}}formatCode")), count)
    count.set("val", str(len(values)))
    at = cache.index(count) + 1
    for index, value in enumerate(values):
        if value is not None and value != "":  # what is empty is no point
            point = cache.makeelement(f"{{{C}}}pt", {"idx": str(index)})
            said = point.makeelement(f"{{{C}}}v")
            said.text = value if isinstance(value, str) else number_text(value)
            point.append(said)
            cache.insert(at, point)
            at += 1


def number_text(value: float) -> str:
    """A number as both files write it: the shortest that is the same again."""
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))


def _drop_points(series: Element, count: int) -> None:
    """Formats and labels of points that are no more."""
    for point in [*series.iter(f"{{{C}}}dPt"), *series.iter(f"{{{C}}}dLbl")]:
        index = point.find(f"{{{C}}}idx")
        if index is not None and int(index.get("val", "0")) >= count:
            _remove(point)


def _remove(element: Element) -> None:
    parent = element.getparent()
    if parent is not None:
        parent.remove(element)


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
