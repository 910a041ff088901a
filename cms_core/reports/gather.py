"""Reads what reports are made of: deliveries, rollups and measurements, by campaign, channel and asset.

What can be added up is added up per cell. People cannot: whoever opened two mails is one person of the campaign, so they are
counted anew at each level.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, String, cast, func, literal, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from cms_core.campaigns.models import Campaign
from cms_core.campaigns.money import MICROS
from cms_core.contract import AgentClass
from cms_core.events.models import Event, Measurement
from cms_core.publishing.models import Delivery, DeliveryState, Publication
from cms_core.reports.models import PersonRollup, Rollup

Cell = tuple[str, str, int]  # key of the campaign, channel, row id of the asset
Cells = defaultdict[Cell, Counter[str]]
Costs = defaultdict[str, Counter[tuple[str, Cell]]]  # by campaign: micros by (currency, cell)

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
CELL = (Campaign.key, Publication.channel, Publication.asset_id)


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


def cells_of(session: Session, campaigns: Sequence[Campaign]) -> Cells:
    """What can be added up, except cost; a channel or asset without figures has an empty cell."""
    cells: Cells = defaultdict(Counter)
    ids = [campaign.id for campaign in campaigns]
    _add_deliveries(session, ids, cells)
    _add_bounces(session, ids, cells)
    _add_events(session, [campaign.key for campaign in campaigns], cells)
    _add_reactions(session, ids, cells)
    return cells


def _add_deliveries(session: Session, ids: Sequence[int], cells: Cells) -> None:
    query = (
        select(*CELL, Delivery.state, func.count(Delivery.id))
        .join(Publication, Publication.campaign_id == Campaign.id)
        .outerjoin(Delivery, Delivery.publication_id == Publication.id)
        .where(Campaign.id.in_(ids))
        .group_by(*CELL, Delivery.state)
    )
    for key, channel, asset_id, state, count in session.execute(query):
        cell = cells[key, channel, asset_id]
        if state is not None:
            cell[BY_STATE[DeliveryState(state)]] += count
            cell["addressed"] += count


def _add_bounces(session: Session, ids: Sequence[int], cells: Cells) -> None:
    """A bounce that does not say which delivery it is of belongs to the one of its contact."""
    delivery = func.coalesce(
        cast(Event.delivery_id, String), literal("c").concat(cast(Event.contact_id, String))
    )
    query = (
        select(*CELL, func.count(delivery.distinct()))
        .join(Publication, Publication.campaign_id == Campaign.id)
        .join(Event, Event.publication_id == Publication.id)
        .where(Campaign.id.in_(ids), Event.kind == "bounced")
        .group_by(*CELL, Publication.id)
    )
    for key, channel, asset_id, count in session.execute(query):
        cells[key, channel, asset_id]["bounced"] += count


def _add_events(session: Session, keys: Sequence[str], cells: Cells) -> None:
    place = (Rollup.campaign, Rollup.channel, Rollup.asset_id)
    what = (Rollup.kind, Rollup.agent_class)
    query = (
        select(*place, *what, func.sum(Rollup.total)).where(Rollup.campaign.in_(keys)).group_by(*place, *what)
    )
    for key, channel, asset_id, kind, agent_class, total in session.execute(query):
        cell = cells[key, channel, asset_id]
        if figure := figure_of(kind, agent_class):
            cell[figure] += int(total)


def _add_reactions(session: Session, ids: Sequence[int], cells: Cells) -> None:
    """What readers did on a network, as it reported it; an updated post is one post, so only the head of a chain counts."""
    query = (
        _newest_measurements(ids)
        .add_columns(Measurement.metric, Measurement.value_micros)
        .where(Measurement.metric.in_(REACTIONS), Publication.superseded_by_id.is_(None))
    )
    for key, channel, asset_id, metric, micros in session.execute(query):
        cells[key, channel, asset_id][metric] += micros // MICROS


def costs_of(session: Session, campaigns: Sequence[Campaign]) -> Costs:
    """The newest cost of each publication; they are cumulative."""
    query = (
        _newest_measurements([campaign.id for campaign in campaigns])
        .add_columns(Measurement.currency, Measurement.value_micros)
        .where(Measurement.metric == "cost")
    )
    costs: Costs = defaultdict(Counter)
    for key, channel, asset_id, currency, micros in session.execute(query):
        costs[key][currency, (key, channel, asset_id)] += micros
    _add_campaign_costs(session, [campaign.key for campaign in campaigns], costs)
    return costs


def _newest_measurements(ids: Sequence[int]) -> Select[str, str, int]:
    """The cell of each publication's newest measurement of each metric."""
    other = aliased(Measurement)
    newest = (
        select(func.max(other.at))
        .where(other.publication_id == Measurement.publication_id, other.metric == Measurement.metric)
        .scalar_subquery()
    )
    return (
        select(*CELL)
        .join(Publication, Publication.campaign_id == Campaign.id)
        .join(Measurement, Measurement.publication_id == Publication.id)
        .where(Campaign.id.in_(ids), Measurement.at == newest)
    )


def _add_campaign_costs(session: Session, keys: Sequence[str], costs: Costs) -> None:
    """What was reported for campaigns as a whole: the newest number of each channel and currency."""
    other, same = aliased(Measurement), ("publication_id", "campaign", "channel", "metric", "currency")
    newest = (
        select(func.max(other.at))
        .where(*(getattr(other, name) == getattr(Measurement, name) for name in same))
        .scalar_subquery()
    )
    query = select(Measurement).where(
        Measurement.publication_id == 0,
        Measurement.campaign.in_(keys),
        Measurement.metric == "cost",
        Measurement.at == newest,
    )
    for row in session.scalars(query):
        if row.value_micros:
            costs[row.campaign][row.currency, (row.campaign, row.channel, 0)] += row.value_micros


def people_of(
    session: Session, keys: Sequence[str], level: InstrumentedAttribute[Any] | None = None
) -> dict[tuple[str, Any], dict[str, int]]:
    """How many different contacts opened and clicked: by (campaign, None), or by campaign and channel or asset."""
    place = [PersonRollup.campaign, *([] if level is None else [level])]
    query = (
        select(*place, PersonRollup.kind, func.count(PersonRollup.person.distinct()))
        .where(PersonRollup.campaign.in_(keys), PersonRollup.kind.in_(("opened", "clicked")))
        .where(PersonRollup.person.like("c%"))
        .group_by(*place, PersonRollup.kind)
    )
    people: defaultdict[tuple[str, Any], dict[str, int]] = defaultdict(dict)
    for row in session.execute(query):
        people[row[0], None if level is None else row[1]][row[-2]] = row[-1]
    return people
