"""What ads have cost by vendor, and which of it belongs to no campaign of ours."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import func, select

from cms_ads.belonging import Belonging
from cms_ads.models import Cost
from cms_core import Services, from_micros


class Sum(NamedTuple):
    """All costs of a vendor in one currency, up to a day."""

    vendor: str
    currency: str
    spend: Decimal
    clicks: int
    impressions: int
    until: date


class Lost(NamedTuple):
    """What a vendor's campaign has cost that is none of ours yet."""

    vendor: str
    name: str
    currency: str
    spend: Decimal


def by_vendor(svc: Services) -> Sequence[Sum]:
    """The costs of each vendor and currency."""
    sums = [func.sum(each).label(each.key) for each in (Cost.cost_micros, Cost.clicks, Cost.impressions)]
    query: Any = select(Cost.vendor, Cost.currency, *sums, func.max(Cost.until).label("until")).group_by(
        Cost.vendor, Cost.currency
    )
    with svc.session() as session:
        rows = session.execute(query.order_by(Cost.vendor, Cost.currency)).all()
    return [Sum(row[0], row[1], from_micros(int(row[2])), int(row[3]), int(row[4]), row[5]) for row in rows]


def unmapped(svc: Services, found: Belonging) -> Sequence[Lost]:
    """What belongs to no campaign of ours."""
    lost: defaultdict[tuple[str, str, str], int] = defaultdict(int)
    with svc.session() as session:
        for row in session.scalars(select(Cost)):
            if found.of_row(row.vendor, row.name, row.utm, row.day) is None:
                lost[row.vendor, row.name, row.currency] += row.cost_micros
    return [Lost(*place, from_micros(micros)) for place, micros in sorted(lost.items())]
