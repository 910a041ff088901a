"""Reads what reports are made of: deliveries, rollups and measurements, by campaign, channel and asset.

What can be added up is added up per cell. People cannot: whoever opened two mails is one person of the campaign, so they are
kept counted at each level. All is one statement that is made once: six of them took longer on their way than in the database.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    BindParameter,
    CompoundSelect,
    Select,
    String,
    and_,
    bindparam,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import Session, aliased

from cms_core.campaigns.models import Campaign
from cms_core.campaigns.money import MICROS
from cms_core.contract import AgentClass
from cms_core.events.models import Event, Measurement
from cms_core.publishing.models import Delivery, DeliveryState, Publication
from cms_core.reports.models import ContactRollup, Rollup

Cell = tuple[str, str, int]  # key of the campaign, channel, row id of the asset
Cells = defaultdict[Cell, Counter[str]]
Costs = defaultdict[str, Counter[tuple[str, Cell]]]  # by campaign: micros by (currency, cell)
People = defaultdict[
    tuple[str, str, Any], dict[str, int]
]  # by campaign, level, and channel or asset (or None)
Statement = Select[*tuple[Any, ...]]

BY_STATE = {
    DeliveryState.ACCEPTED: "sent",
    DeliveryState.FAILED: "failed",
    DeliveryState.UNKNOWN: "unknown",
    DeliveryState.SKIPPED: "skipped",
    DeliveryState.CANCELLED: "skipped",
    DeliveryState.PENDING: "pending",
    DeliveryState.CLAIMED: "pending",
    DeliveryState.RETRY_WAIT: "pending",
}
REACTIONS = ("likes", "reposts", "replies", "quotes")
IDS: BindParameter[Any] = bindparam("ids", expanding=True)
CELL = (Publication.channel, Publication.asset_id)
NONE = literal("", String)


class Source(StrEnum):
    """What a row of the statement counts, and so what its text, its detail and its number are."""

    DELIVERIES = "deliveries"  # of a state ("": a publication without any)
    BOUNCES = "bounces"
    EVENTS = "events"  # of a kind and an agent class
    REACTIONS = "reactions"  # of a metric, in micros
    COSTS = "costs"  # in a currency, in micros
    PEOPLE = "people"  # who did something, at a level


@dataclass
class Gathered:
    """What can be added up, except cost; a channel or asset without figures has an empty cell. Then the costs, and the people."""

    cells: Cells = field(default_factory=lambda: defaultdict(Counter))
    costs: Costs = field(default_factory=lambda: defaultdict(Counter))
    people: People = field(default_factory=lambda: defaultdict(dict))

    def add(self, source: str, cell: Cell, text: str, detail: str, number: int) -> None:
        """Take up one row of the statement."""
        match source:
            case Source.EVENTS:
                counts = self.cells[cell]
                if figure := figure_of(text, detail):
                    counts[figure] += number
            case Source.PEOPLE:
                campaign, channel, asset_id = cell
                place = {"channel": channel, "asset": asset_id}.get(detail)
                self.people[campaign, detail, place][text] = number
            case Source.DELIVERIES:
                counts = self.cells[cell]
                if text:
                    counts[BY_STATE[DeliveryState(text)]] += number
                    counts["addressed"] += number
            case Source.BOUNCES:
                self.cells[cell]["bounced"] += number
            case Source.REACTIONS:
                self.cells[cell][text] += number // MICROS
            case Source.COSTS:
                self.costs[cell[0]][detail, cell] += number


def figure_of(kind: str, agent_class: str) -> str:
    """The figure that an event of this kind and class is counted in, or ""."""
    human = agent_class == AgentClass.HUMAN
    match kind:
        case "opened":
            return "opened_total" if human else "machine_opens"
        case "clicked":
            return "clicked_total" if human else "machine_clicks"
        case "visited":
            return "visits" if human else ""
        case "converted":
            return "conversions" if human or agent_class == AgentClass.INTERNAL else ""
    return ""


def gather(session: Session, campaigns: Sequence[Campaign]) -> Gathered:
    """Everything that the figures of these campaigns are made of."""
    session.flush()
    gathered = Gathered()
    found = session.connection().execute(_everything(), {"ids": [each.id for each in campaigns]})
    for source, campaign, channel, asset_id, text, detail, number in found.all():
        gathered.add(source, (campaign, channel, asset_id), text, detail, number)
    return gathered


@cache
def _everything() -> CompoundSelect[*tuple[Any, ...]]:
    chosen = select(Campaign.id, Campaign.key).where(Campaign.id.in_(IDS)).cte("chosen")
    parts = (_deliveries, _bounces, _events, _measurements, _campaign_costs, _people)
    return union_all(*(part(chosen) for part in parts))


def _deliveries(chosen: CTE) -> Statement:
    state = func.coalesce(Delivery.state, "")
    return (
        _row(Source.DELIVERIES, chosen.c.key, *CELL, state, NONE, func.count(Delivery.id))
        .join(Publication, Publication.campaign_id == chosen.c.id)
        .outerjoin(Delivery, Delivery.publication_id == Publication.id)
        .group_by(chosen.c.key, *CELL, Delivery.state)
    )


def _bounces(chosen: CTE) -> Statement:
    """Each delivery once; a bounce that does not say which one it is of belongs to the one of its contact."""
    nameless = case((Event.delivery_id.is_(None), Event.contact_id))
    count = (
        select(func.count(Event.delivery_id.distinct()) + func.count(nameless.distinct()))
        .where(Event.publication_id == Publication.id, Event.kind == "bounced")
        .scalar_subquery()
    )
    row = _row(Source.BOUNCES, chosen.c.key, *CELL, NONE, NONE, count)
    return row.join(Publication, Publication.campaign_id == chosen.c.id)


def _events(chosen: CTE) -> Statement:
    """By publication first, as the key is: so nothing need be sorted."""
    what = (Rollup.channel, Rollup.asset_id, Rollup.kind, Rollup.agent_class)
    return (
        _row(Source.EVENTS, Rollup.campaign, *what, cast(func.sum(Rollup.total), BigInteger))
        .where(Rollup.campaign.in_(select(chosen.c.key)))
        .group_by(Rollup.campaign, Rollup.publication_id, *what)
    )


def _measurements(chosen: CTE) -> Statement:
    """The newest of each publication, for they are cumulative: its cost, and what readers did on a network as it reported it.

    An updated post is one post, so only the head of a chain counts.
    """
    other = aliased(Measurement)
    newest = (
        select(func.max(other.at))
        .where(other.publication_id == Measurement.publication_id, other.metric == Measurement.metric)
        .scalar_subquery()
    )
    is_cost = Measurement.metric == "cost"
    is_reaction = and_(Measurement.metric.in_(REACTIONS), Publication.superseded_by_id.is_(None))
    source = case((is_cost, Source.COSTS.value), else_=Source.REACTIONS.value)
    what = (Measurement.metric, Measurement.currency, Measurement.value_micros)
    return (
        select(source, chosen.c.key, *CELL, *what)
        .join(Publication, Publication.campaign_id == chosen.c.id)
        .join(Measurement, Measurement.publication_id == Publication.id)
        .where(or_(is_cost, is_reaction), Measurement.at == newest)
    )


def _campaign_costs(chosen: CTE) -> Statement:
    """What was reported for campaigns as a whole: the newest number of each channel and currency."""
    other, same = aliased(Measurement), ("publication_id", "campaign", "channel", "metric", "currency")
    newest = (
        select(func.max(other.at))
        .where(*(getattr(other, name) == getattr(Measurement, name) for name in same))
        .scalar_subquery()
    )
    place = (Measurement.campaign, Measurement.channel, literal(0))
    what = (Measurement.metric, Measurement.currency, Measurement.value_micros)
    return _row(Source.COSTS, *place, *what).where(
        Measurement.publication_id == 0,
        Measurement.campaign.in_(select(chosen.c.key)),
        Measurement.metric == "cost",
        Measurement.at == newest,
        Measurement.value_micros != 0,
    )


def _people(chosen: CTE) -> Statement:
    place = (ContactRollup.campaign, ContactRollup.channel, ContactRollup.asset_id)
    what = (ContactRollup.kind, ContactRollup.level, ContactRollup.contacts)
    return _row(Source.PEOPLE, *place, *what).where(ContactRollup.campaign.in_(select(chosen.c.key)))


def _row(source: Source, *columns: Any) -> Statement:
    return select(literal(source.value, String).label("source"), *columns)
