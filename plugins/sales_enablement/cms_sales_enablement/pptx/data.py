"""Figures for a chart and rows for a table, as people hand them in: JSON, or CSV as a spreadsheet saves it."""

import csv
import io
import json
import math
from dataclasses import dataclass
from typing import Any

from cms_core import Invalid

Rows = tuple[tuple[str, ...], ...]
LONGEST = 2_000  # characters of a category or a name
MOST = 5_000  # categories of a chart, rows of a table
CHART_REMEDY = (
    'give {"categories": ["Q1", …], "series": [{"name": "Cost", "values": [1, …]}]}, '
    "or CSV with a header row: a column of categories, then one for each series"
)
ROWS_REMEDY = 'give [["a", "b"], …], or CSV without a header: one line for each row'


@dataclass(frozen=True)
class Chart:
    """What a chart shows: for each series its name and a number, or nothing, for each category."""

    categories: tuple[str, ...]
    series: tuple[tuple[str, tuple[float | None, ...]], ...]

    def __post_init__(self) -> None:
        if not self.categories or not self.series:
            raise Invalid("a chart needs a category and a series at least", CHART_REMEDY)
        if len(self.categories) > MOST:
            raise Invalid(f"a chart takes no more than {MOST} categories", "summarise them")
        if any(len(each) > LONGEST for each in (*self.categories, *(name for name, _ in self.series))):
            raise Invalid(f"names in a chart have no more than {LONGEST} characters", "shorten them")
        for name, values in self.series:
            if len(values) != len(self.categories):
                said = f"the series {name!r} has {len(values)} values for {len(self.categories)} categories"
                raise Invalid(said, "give one for each; an empty one is null, or an empty cell")
            if any(each is not None and not math.isfinite(each) for each in values):
                raise Invalid(f"the series {name!r} has a value that is no finite number", CHART_REMEDY)

    @classmethod
    def parse(cls, text: str) -> "Chart":
        """Read JSON or CSV; raises Invalid that says what is wrong and where."""
        text = text.removeprefix("\ufeff")
        return _chart_from_json(text) if text.lstrip().startswith("{") else _chart_from_csv(text)


def parse_rows(text: str) -> Rows:
    """Rows of a table, from a JSON list of lists or CSV; raises Invalid that says what is wrong and where."""
    text = text.removeprefix("\ufeff")
    if not text.lstrip().startswith("["):
        return _checked(_csv(text))
    found = _json(text, ROWS_REMEDY)
    if not all(isinstance(row, list) and all(map(_is_plain, row)) for row in found):
        raise Invalid("the rows of a table are lists of texts or numbers", ROWS_REMEDY)
    return _checked(tuple(tuple("" if each is None else str(each) for each in row) for row in found))


def _checked(rows: Rows) -> Rows:
    if len(rows) > MOST:
        raise Invalid(f"a table takes no more than {MOST} rows", "summarise them")
    return rows


def _is_plain(value: Any) -> bool:
    return value is None or (isinstance(value, str | int | float) and not isinstance(value, bool))


def _json(text: str, remedy: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as fault:
        raise Invalid(f"this is no JSON: {fault}", remedy) from fault


def _chart_from_json(text: str) -> Chart:
    found = _json(text, CHART_REMEDY)
    categories, series = found.get("categories"), found.get("series")
    if not isinstance(categories, list) or not isinstance(series, list):
        raise Invalid("a chart needs a list of categories and a list of series", CHART_REMEDY)
    if not all(map(_is_plain, categories)):
        raise Invalid("the categories of a chart are texts or numbers", CHART_REMEDY)
    named = tuple(_series(at, each) for at, each in enumerate(series, 1))
    return Chart(tuple("" if each is None else str(each) for each in categories), named)


def _series(at: int, found: Any) -> tuple[str, tuple[float | None, ...]]:
    if not isinstance(found, dict) or not isinstance(found.get("values"), list):
        raise Invalid(f"series {at} has no list of values", CHART_REMEDY)
    if wrong := [each for each in found["values"] if not _is_plain(each) or isinstance(each, str)]:
        raise Invalid(f"series {at} has a value that is no number: {wrong[0]!r:.80}", CHART_REMEDY)
    try:
        values = tuple(None if each is None else float(each) for each in found["values"])
    except OverflowError as fault:
        raise Invalid(f"series {at} has a number that is too large", CHART_REMEDY) from fault
    return str(found.get("name", f"Series {at}")), values


def _chart_from_csv(text: str) -> Chart:
    rows = _csv(text)
    if len(rows) < 2 or len(rows[0]) < 2:
        raise Invalid("a chart needs a header row, and rows of a category and a number", CHART_REMEDY)
    header, *lines = rows
    for at, line in enumerate(lines, 2):
        if len(line) != len(header):
            raise Invalid(f"line {at} has {len(line)} cells, the header {len(header)}", CHART_REMEDY)
    columns = tuple(
        (name, tuple(_number(line[at], row, name) for row, line in enumerate(lines, 2)))
        for at, name in enumerate(header[1:], 1)
    )
    return Chart(tuple(line[0] for line in lines), columns)


def _number(cell: str, line: int, column: str) -> float | None:
    if not cell.strip():
        return None
    try:
        return float(cell)
    except ValueError as fault:
        said = f"line {line}, column {column}: {cell!r:.80} is no number"
        raise Invalid(said, "write it as 1234.5, without a unit") from fault


def _csv(text: str) -> Rows:
    first = text.partition("\n")[0]
    delimiter = max("\t;,", key=first.count)
    try:
        found = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        return tuple(tuple(row) for row in found if row)
    except csv.Error as fault:
        raise Invalid(f"this is no CSV: {fault}", "save it anew as CSV") from fault
