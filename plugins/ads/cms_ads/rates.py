"""What currencies were worth in each other, by day: imported, never guessed.

A day without a rate of its own (a weekend) has the last one of the seven days before. The other way round counts too. Sums are
exact fractions, rounded once, half to even, to micros.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from babel.numbers import is_currency
from sqlalchemy import select
from sqlalchemy.orm import Session

from cms_ads import dates, numbers
from cms_ads.models import Rate
from cms_core import Invalid, Services, read_csv

LIFE = timedelta(days=7)
COLUMNS = {
    "date": "day",
    "day": "day",
    "from": "base",
    "base": "base",
    "to": "quote",
    "quote": "quote",
    "rate": "value",
}


class Rates:
    """All rates that are known, to convert by."""

    def __init__(self, rows: Mapping[tuple[str, str], Mapping[date, Fraction]]) -> None:
        self._rows = rows

    @classmethod
    def of(cls, session: Session) -> "Rates":
        """Those of the database."""
        rows: dict[tuple[str, str], dict[date, Fraction]] = {}
        for rate in session.scalars(select(Rate)):
            rows.setdefault((rate.base, rate.quote), {})[rate.day] = Fraction(rate.value)
        return cls(rows)

    def convert(self, micros: int, base: str, quote: str, day: date) -> Fraction | None:
        """An amount of one currency in another on a day, in micros; None where no rate is known."""
        if base == quote:
            return Fraction(micros)
        rate = self._at((base, quote), day)
        if rate is None and (inverse := self._at((quote, base), day)) is not None:
            rate = 1 / inverse
        return None if rate is None else micros * rate

    def _at(self, pair: tuple[str, str], day: date) -> Fraction | None:
        known = self._rows.get(pair, {})
        return next(
            (known[at] for n in range(LIFE.days + 1) if (at := day - timedelta(days=n)) in known), None
        )


def import_rates(svc: Services, file: str | Path | bytes, name: str = "") -> dict[str, Any]:
    """Read rates (columns date, from, to, rate: one unit of "from" in "to"); the newest import of a day counts."""
    opened = read_csv(file, name, known=lambda cell: cell.strip().casefold() in COLUMNS)
    places = {
        COLUMNS[name.casefold()]: n for n, name in enumerate(opened.header) if name.casefold() in COLUMNS
    }
    missing = sorted(set(COLUMNS.values()) - set(places))
    if missing:
        raise Invalid(f"{opened.name} lacks a column", "name the columns date, from, to and rate")
    saved, faulty = 0, []
    with svc.transaction() as session:
        for row in opened.rows():
            try:
                if row.fault:
                    raise ValueError(row.fault)  # told like any other fault of the row
                session.merge(_rate({name: row.cells[n].strip() for name, n in places.items()}))
                saved += 1
            except ValueError as error:
                faulty.append({"row": row.number, "reason": str(error)})
    return {"saved": saved, "faulty": faulty}


def _rate(cells: Mapping[str, str]) -> Rate:
    base, quote = cells["base"].upper(), cells["quote"].upper()
    for code in (base, quote):
        if not is_currency(code):
            raise ValueError(f"{code[:20]!r} is no currency")
    if base == quote:
        raise ValueError("a currency is worth itself")
    value = numbers.parse(cells["value"], "," if "," in cells["value"] and "." not in cells["value"] else ".")
    if value is None or not 0 < value < Decimal(10) ** 9:
        raise ValueError(f"{cells['value'][:40]!r} is no rate")
    return Rate(base=base, quote=quote, day=dates.parse(cells["day"], "dmy"), value=str(value)[:40])
