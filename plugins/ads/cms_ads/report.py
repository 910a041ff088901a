"""A cost report of a vendor as rows of facts, with every fault at its place, and what does not add up.

Lines above the header, totals below it and the vendor's imprint are no data. How numbers and days are written is learnt from the
whole file before any row is read.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from babel.numbers import is_currency

from cms_ads import dates, numbers
from cms_ads.vendors import VENDORS, Columns, is_known, read_header
from cms_core import Invalid, read_csv, to_micros

PREAMBLE = 30
LONGEST = 300
MOST_ROWS = 500_000
_TOTAL = re.compile(
    r"(?:grand )?(?:total|totals|gesamt|insgesamt|summe|gesamtsumme|totaux|total général)\b", re.IGNORECASE
)
_IMPRINT = re.compile(r"[©(]|\W*(?:copyright|all rights|alle rechte|tous droits)", re.IGNORECASE)


class CellFault(ValueError):
    """What is wrong with a cell of this column."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(reason)
        self.column = column


@dataclass(frozen=True)
class Fact:
    """What one row says; ``currency`` is "" or numbers.DOLLAR where it does not tell which."""

    row: int
    account: str
    name: str
    utm: str
    day: date
    until: date
    currency: str
    cost_micros: int
    clicks: int
    impressions: int


@dataclass
class Report:
    """A file that was read. ``faulty`` are rows that say nothing usable, ``findings`` what a person should know."""

    vendor: str
    facts: list[Fact] = field(default_factory=list)
    faulty: list[dict[str, Any]] = field(default_factory=list)
    findings: list[dict[str, Any]] = field(default_factory=list)


def read_report(file: str | Path | bytes, vendor: str = "", name: str = "") -> Report:
    """Read a report; raises Invalid for a file that is none, or lacks a column without which no row means anything."""
    opened = read_csv(file, name, known=is_known, preamble=PREAMBLE)
    columns = read_header(opened.header, vendor)
    rows = [
        (row.number, row.cells, row.fault)
        for row, _ in zip(opened.rows(), range(MOST_ROWS + 1), strict=False)
    ]
    if len(rows) > MOST_ROWS:
        raise Invalid(
            f"{opened.name} has more than {MOST_ROWS:,} rows", "export a shorter time, or by campaign only"
        )
    reader = _Reader(columns, [cells for _, cells, _ in rows])
    _require_columns(opened.name, columns, reader, opened.preamble)
    report = Report(columns.vendor)
    totals: list[tuple[int, str, Decimal]] = []
    for number, cells, fault in rows:
        if reader.is_imprint(cells):
            continue
        if reader.is_total(cells):
            totals += reader.total(number, cells)
            continue
        try:
            if fault:
                raise CellFault("", fault)
            report.facts.append(reader.fact(number, cells))
        except CellFault as error:
            report.faulty.append({"row": number, "column": error.column, "reason": str(error)})
    report.findings += [*_unequal(report, totals), *reader.remarks()]
    return report


def _require_columns(name: str, columns: Columns, reader: "_Reader", preamble: tuple[str, ...]) -> None:
    known = " or ".join(VENDORS.values())
    for role, words in (("campaign", "the campaign"), ("cost", "the cost")):
        if role not in columns.places:
            raise Invalid(
                f"{name} has no column for {words}", f"export a campaign report of {known}, with its headers"
            )
    if columns.vendor not in VENDORS:
        raise Invalid(f"{name} does not tell whose report it is", "name it with --format")
    if not {"day", "starts", "ends"} & set(columns.places):
        reader.period = next(
            (found for line in preamble if (found := dates.period(line, reader.order))), None
        )
        if reader.period is None:
            raise Invalid(
                f"{name} does not say of which days it is",
                "add the column of the day and export it again",
            )


class _Reader:
    """Reads the cells of one file; what is usual in it was learnt from all of its rows."""

    def __init__(self, columns: Columns, rows: list[list[str]]) -> None:
        self._columns = columns
        self.period: tuple[date, date] | None = None
        amounts = [columns.cell(cells, "cost") for cells in rows]
        counts = [columns.cell(cells, role) for cells in rows for role in ("clicks", "impressions")]
        self._decimal = numbers.learn(amounts, counts, "." if columns.language == "en" else ",")
        self._days = [columns.cell(cells, role) for cells in rows for role in ("day", "starts", "ends")]
        self.order = dates.learn(self._days, "mdy" if columns.language == "en" else "dmy")

    def remarks(self) -> Iterator[dict[str, Any]]:
        """What was taken one way and could be meant the other."""
        if dates.is_ambiguous(self._days):
            read = "month first" if self.order == "mdy" else "day first"
            words = "no date of the file tells whether day or month comes first; they were read "
            yield {"row": None, "message": words + read}

    def is_imprint(self, cells: list[str]) -> bool:
        """Whether this is a line of words, not of columns."""
        filled = [cell for cell in cells if cell.strip()]
        return not filled or (len(filled) == 1 and bool(_IMPRINT.match(filled[0].strip())))

    def is_total(self, cells: list[str]) -> bool:
        """Whether this row sums up others: it says so, or names neither a campaign nor a day of its own."""
        first = next((cell.strip() for cell in cells if cell.strip() not in numbers.NOTHING), "")
        campaign, day, starts = (self._columns.cell(cells, role) for role in ("campaign", "day", "starts"))
        undated = day in numbers.NOTHING and starts in numbers.NOTHING
        by_word = bool(_TOTAL.match(first) or _TOTAL.match(campaign)) and undated
        spoken = bool(_TOTAL.match(day))
        unnamed = (
            campaign in numbers.NOTHING and day in numbers.NOTHING and bool(self._columns.cell(cells, "cost"))
        )
        return by_word or spoken or unnamed

    def total(self, number: int, cells: list[str]) -> Iterator[tuple[int, str, Decimal]]:
        """The label and cost of a totals row, as far as it has a cost that can be read."""
        label = next((cell.strip() for cell in cells if _TOTAL.match(cell.strip())), "the totals row")
        try:
            amount = numbers.parse(self._columns.cell(cells, "cost"), self._decimal)
        except ValueError:
            return
        if amount is not None:
            yield number, label, amount / (10**6 if self._columns.micros else 1)

    def fact(self, number: int, cells: list[str]) -> Fact:
        """What a row says; raises CellFault."""
        name = " ".join(self._columns.cell(cells, "campaign").split())
        account = " ".join(self._columns.cell(cells, "account").split())[:200]
        if name in numbers.NOTHING:
            raise CellFault("campaign", "the row names no campaign")
        if len(name) > LONGEST:
            raise CellFault("campaign", f"the name is longer than {LONGEST} characters")
        day, until = self._span(cells)
        amount = self._number(cells, "cost") or Decimal(0)
        micros = int(amount) if self._columns.micros else to_micros(amount)
        if micros < 0:
            raise CellFault("cost", "the cost is negative; credits are not costs of a campaign")
        return Fact(
            number, account, name, self._utm(cells), day, until, self._currency(cells), micros, self._count(cells, "clicks"),
            self._count(cells, "impressions"),
        )  # fmt: skip

    def _span(self, cells: list[str]) -> tuple[date, date]:
        day = self._columns.cell(cells, "day")
        if day not in numbers.NOTHING:
            found = self._day("day", day)
            return found, found
        starts, ends = (self._columns.cell(cells, role) for role in ("starts", "ends"))
        if starts not in numbers.NOTHING:
            first = self._day("starts", starts)
            last = self._day("ends", ends) if ends not in numbers.NOTHING else first
            if last < first:
                raise CellFault("ends", f"the last day ({last}) is before the first ({first})")
            return first, last
        if self.period is not None:
            return self.period
        raise CellFault("day", "the row names no day")

    def _day(self, role: str, text: str) -> date:
        try:
            found = dates.parse(text, self.order)
        except ValueError:
            raise CellFault(role, f"{text[:40]!r} is not a day") from None
        if not 2000 <= found.year < 2100:
            raise CellFault(role, f"{found} cannot be meant")
        return found

    def _number(self, cells: list[str], role: str) -> Decimal | None:
        try:
            return numbers.parse(self._columns.cell(cells, role), self._decimal)
        except ValueError as error:
            raise CellFault(role, str(error)) from None

    def _count(self, cells: list[str], role: str) -> int:
        found = self._number(cells, role) or Decimal(0)
        if found < 0 or found != found.to_integral_value():
            raise CellFault(role, f"{self._columns.cell(cells, role)[:40]!r} is not a count")
        return int(found)

    def _currency(self, cells: list[str]) -> str:
        own = self._columns.cell(cells, "currency").upper()
        code = own or self._columns.cost_in or numbers.currency_in(self._columns.cell(cells, "cost"))
        if code not in ("", numbers.DOLLAR) and not is_currency(code):
            raise CellFault("currency", f"{code[:20]!r} is no currency")
        return code

    def _utm(self, cells: list[str]) -> str:
        text = self._columns.cell(cells, "url")
        try:
            query = urlsplit(text).query or text.lstrip("?&")
            return parse_qs(query, max_num_fields=100).get("utm_campaign", [""])[0][:120].replace("\0", "")
        except ValueError:
            return ""


def _unequal(report: Report, totals: list[tuple[int, str, Decimal]]) -> Iterator[dict[str, Any]]:
    """Totals that are not the sum of the rows; of several currencies no sum can be told."""
    if len({fact.currency for fact in report.facts}) > 1:
        return
    summed = Decimal(sum(fact.cost_micros for fact in report.facts)) / 10**6
    for number, label, amount in totals:
        if amount != summed:
            yield {
                "row": number,
                "message": f"{label[:60]!r} says {amount}, the rows that could be read add up to {summed}",
            }
