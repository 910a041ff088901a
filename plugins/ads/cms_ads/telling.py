"""Tells the reports what campaigns and flights have cost so far: cumulative, in the campaign's currency, and only what has changed.

What was told is kept, so that a number that falls to nothing (a mapping was changed) is told as 0.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any, NamedTuple

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from cms_ads.belonging import Belonging, Target
from cms_ads.models import Cost, Told
from cms_ads.rates import Rates
from cms_ads.settings import CHANNEL
from cms_core import JobContext, Measurement, Services, from_micros, insert_missing

COUNTS = ("clicks", "impressions")
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
INSTANT = timedelta(microseconds=1)


class Number(NamedTuple):
    """A number by what it is of."""

    target: Target
    metric: str
    currency: str


class Unrated(NamedTuple):
    """An amount for which no rate is known."""

    campaign: str
    base: str
    quote: str
    day: date


Sums = dict[Number, int]


def rates(svc: Services) -> Rates:
    """The rates that are known now."""
    with svc.session() as session:
        return Rates.of(session)


def run(ctx: JobContext) -> None:
    """As a job: what an interrupted import, a new mapping or a new rate has changed."""
    with ctx.services.session() as session:
        anything = session.scalar(select(or_(select(Cost).exists(), select(Told).exists())))
    if anything:
        tell(ctx.services)


def tell(svc: Services) -> int:
    """Tell what is new; returns how many numbers were told."""
    belonging = Belonging.of(svc)
    with svc.session() as session:
        sums, _ = summed(session, belonging)
        told = {_number(row): row for row in session.scalars(select(Told))}
    fresh = {
        number: value
        for number, value in sums.items()
        if number not in told or told[number].value_micros != value
    }
    gone = {number: 0 for number, row in told.items() if number not in sums and row.value_micros}
    for number, value in {**fresh, **gone}.items():
        _tell(svc, number, value, told.get(number))
    return len(fresh) + len(gone)


def pairs(session: Session, belonging: Belonging) -> Iterator[tuple[Any, Target]]:
    """Every cost that belongs to something of ours, with what it belongs to."""
    columns = [
        getattr(Cost, name)
        for name in ("vendor", "name", "utm", "day", "until", "currency", "cost_micros", *COUNTS)
    ]
    for row in session.execute(select(*columns)):
        target = belonging.of_row(row.vendor, row.name, row.utm, row.day)
        if target is not None:
            yield row, target


def summed(session: Session, belonging: Belonging) -> tuple[Sums, list[Unrated]]:
    """What everything has cost so far (micros; counts in millionths too), and what could not be converted."""
    known, exact, unrated = Rates.of(session), defaultdict[Number, Fraction](Fraction), set[Unrated]()
    for row, target in pairs(session, belonging):
        wanted = belonging.currencies.get(target.campaign) or row.currency
        amount = known.convert(row.cost_micros, row.currency, wanted, row.until)
        if amount is None:
            unrated.add(Unrated(target.campaign, row.currency, wanted, row.until))
        else:
            exact[Number(target, "cost", wanted)] += amount
        for metric in COUNTS:
            exact[Number(target, metric, "")] += getattr(row, metric) * 10**6
    return {number: round(value) for number, value in exact.items()}, sorted(unrated)


def _number(row: Told) -> Number:
    return Number(Target(row.campaign, row.publication), row.metric, row.currency)


def _tell(svc: Services, number: Number, value: int, before: Told | None) -> None:
    """The report and that it was told, together; whoever was told otherwise meanwhile is left alone, and looked at again."""
    target, at = number.target, svc.now() if before is None else max(svc.now(), before.at + INSTANT)
    measured = Measurement(
        target.publication,
        number.metric,
        from_micros(value),
        at,
        number.currency,
        campaign="" if target.publication else target.campaign,
        channel="" if target.publication else CHANNEL,
    )
    key = {**target._asdict(), "metric": number.metric, "currency": number.currency}
    with svc.transaction() as session:
        first = before.at if before else NEVER
        insert_missing(session, Told, [{**key, "value_micros": 0, "at": NEVER}])
        here = [getattr(Told, name) == part for name, part in key.items()]
        told = (
            update(Told).where(*here, Told.at == first).values(value_micros=value, at=at).returning(Told.at)
        )
        if session.scalar(told.execution_options(synchronize_session=False)) is not None:
            svc.store_measurements([measured])
