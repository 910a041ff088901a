"""The report of a campaign, read from rollups: bring them up to date first (``rollups.keep_up``)."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from functools import cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Select, bindparam, func, select
from sqlalchemy.orm import Session, aliased

from cms_core.campaigns import service as campaigns
from cms_core.campaigns.models import Campaign
from cms_core.campaigns.money import show_money
from cms_core.content.models import Asset, Revision
from cms_core.contract import AgentClass
from cms_core.reports.figures import Figures
from cms_core.reports.gather import IDS, Cell, Cells, Costs, People, gather
from cms_core.reports.models import Rollup

MOST_DAYS = 366
DAILY = {"opened": "opened_total", "clicked": "clicked_total", "visited": "visits"}


@dataclass(frozen=True)
class Day:
    """What humans did on one day (UTC)."""

    day: date
    opened_total: int = 0
    clicked_total: int = 0
    visits: int = 0


@dataclass(frozen=True)
class CampaignReport:
    """All figures of a campaign.

    Sums of channels and of assets equal the totals, except for people: somebody may open two mails. "" stands for events without
    a channel or asset; ``titles`` are those of assets by their slug.
    """

    id: str
    key: str
    campaign: str
    currency: str
    totals: Figures
    by_channel: Sequence[tuple[str, Figures]]
    by_asset: Sequence[tuple[str, Figures]]
    by_day: Sequence[Day]
    notes: Sequence[str]
    titles: Mapping[str, str]

    def document(self) -> dict[str, Any]:
        """The report as JSON has it."""
        return {
            "campaign": self.campaign,
            "id": self.id,
            "key": self.key,
            "currency": self.currency,
            "totals": self.totals.document(),
            "by_channel": [{"channel": name, **row.document()} for name, row in self.by_channel],
            "by_asset": [
                {"asset": slug, "title": self.titles.get(slug, ""), **row.document()}
                for slug, row in self.by_asset
            ],
            "by_day": [asdict(day) for day in self.by_day],
            "notes": list(self.notes),
        }


def report(session: Session, campaign: Campaign) -> CampaignReport:
    """The figures of a campaign, as far as the rollups have come."""
    found = gather(session, [campaign])
    cells, people = found.cells, found.people
    currency, notes = _add_costs(cells, found.costs, campaign)
    assets = _assets(session, {asset_id for _, _, asset_id in cells})
    by_channel = _rows(cells, lambda cell: cell[1], "channel", people)
    by_asset = _rows(cells, lambda cell: cell[2], "asset", people)
    return CampaignReport(
        id=campaign.public_id,
        key=campaign.key,
        campaign=campaign.name,
        currency=currency,
        totals=_total(cells.values(), campaign, people),
        by_channel=sorted(by_channel, key=itemgetter(0)),
        by_asset=sorted(((assets.get(each, ("", ""))[0], row) for each, row in by_asset), key=itemgetter(0)),
        by_day=_days(session, campaign.key),
        notes=notes,
        titles=dict(assets.values()),
    )


def overview(session: Session) -> list[tuple[Campaign, str, Figures]]:
    """Every campaign with its currency and totals, the latest start first."""
    listed = campaigns.campaigns(session)
    found = gather(session, listed)
    currencies = {campaign.key: _add_costs(found.cells, found.costs, campaign)[0] for campaign in listed}
    counts: defaultdict[str, list[Counter[str]]] = defaultdict(list)
    for cell, counter in found.cells.items():
        counts[cell[0]].append(counter)
    return [
        (campaign, currencies[campaign.key], _total(counts[campaign.key], campaign, found.people))
        for campaign in listed
    ]


def _add_costs(cells: Cells, costs: Costs, campaign: Campaign) -> tuple[str, list[str]]:
    """Add what is in the campaign's currency (without one: the only one that occurs); the rest is told in words."""
    found = costs[campaign.key]
    named = {currency for currency, _ in found if currency}
    currency = campaign.currency or (named.pop() if len(named) == 1 else "")
    others: Counter[str] = Counter()
    for (given, cell), micros in found.items():
        if (given or currency) == currency:
            cells[cell]["cost"] += micros
        else:
            others[given] += micros
    notes = [
        f"Cost leaves out {show_money(micros, code)}: amounts of different currencies are not added"
        for code, micros in sorted(others.items())
    ]
    return currency, notes


def _total(counts: Iterable[Counter[str]], campaign: Campaign, people: People) -> Figures:
    return Figures.of(_sum(counts), people.get((campaign.key, "campaign", None), {}))


def _rows(
    cells: Cells, place_of: Callable[[Cell], Any], level: str, people: People
) -> list[tuple[Any, Figures]]:
    groups: defaultdict[tuple[str, Any], list[Counter[str]]] = defaultdict(list)
    for cell, counter in cells.items():
        groups[cell[0], place_of(cell)].append(counter)
    return [
        (place, Figures.of(_sum(counters), people.get((key, level, place), {})))
        for (key, place), counters in groups.items()
    ]


def _sum(counters: Iterable[Counter[str]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for counter in counters:
        total.update(counter)
    return total


def _assets(session: Session, ids: set[int]) -> dict[int, tuple[str, str]]:
    """Slug and newest title of each."""
    found = session.connection().execute(_newest_titles(), {"ids": list(ids)})
    return {asset_id: (slug, title) for asset_id, slug, title in found}


@cache
def _newest_titles() -> Select[int, str, str]:
    newest = aliased(Revision)
    later = select(newest.id).where(newest.asset_id == Asset.id, newest.n > Revision.n).exists()
    query = select(Asset.id, Asset.slug, Revision.title).join(Revision, Revision.asset_id == Asset.id)
    return query.where(Asset.id.in_(IDS), ~later)


def _days(session: Session, key: str) -> list[Day]:
    """Every day from the first to the last with something to show, at most the last 366."""
    found: defaultdict[date, dict[str, int]] = defaultdict(dict)
    for day, kind, total in session.connection().execute(_daily(), {"key": key}):
        found[day][DAILY[kind]] = int(total)
    if not found:
        return []
    last = max(found)
    first = max(min(found), last - timedelta(days=MOST_DAYS - 1))
    days = (first + timedelta(days=offset) for offset in range((last - first).days + 1))
    return [Day(day, **found.get(day, {})) for day in days]


@cache
def _daily() -> Select[date, str, int]:
    by_human = Rollup.agent_class == AgentClass.HUMAN
    return (
        select(Rollup.day, Rollup.kind, func.sum(Rollup.total))
        .where(Rollup.campaign == bindparam("key"), by_human, Rollup.kind.in_(tuple(DAILY)))
        .group_by(Rollup.day, Rollup.kind)
    )
