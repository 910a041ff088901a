"""Reads what reports are made of: deliveries, rollups and measurements, by campaign, channel and asset.

What can be added up is added up per cell. People cannot: whoever opened two mails is one person of the campaign, so they are
kept counted at each level. The statements are made once: making them would cost more than running them.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import BindParameter, Select, bindparam, func, select
from sqlalchemy.orm import Session, aliased

from cms_core.campaigns.models import Campaign
from cms_core.campaigns.money import MICROS
from cms_core.contract import AgentClass
from cms_core.events.models import Event, Measurement
from cms_core.publishing.models import Delivery, DeliveryState, Publication
from cms_core.reports.models import ContactRollup, Rollup

Statement = Select[*tuple[Any, ...]]
Cell = tuple[str, str, int]  # key of the campaign, channel, row id of the asset
Cells = defaultdict[Cell, Counter[str]]
People = defaultdict[
    tuple[str, str, Any], dict[str, int]
]  # by campaign, level, and channel or asset (or None)
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
KEYS: BindParameter[Any] = bindparam("keys", expanding=True)
IDS: BindParameter[Any] = bindparam("ids", expanding=True)
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
    session.flush()
    _add_deliveries(session, campaigns, cells)
    _add_bounces(session, campaigns, cells)
    _add_events(session, campaigns, cells)
    _add_reactions(session, campaigns, cells)
    return cells


def _read(session: Session, statement: Statement, campaigns: Sequence[Campaign]) -> Sequence[Any]:
    """Core rows; a statement takes the campaigns by ``ids`` or by ``keys``."""
    bound = {"ids": [each.id for each in campaigns], "keys": [each.key for each in campaigns]}
    return session.connection().execute(statement, bound).all()


def _add_deliveries(session: Session, campaigns: Sequence[Campaign], cells: Cells) -> None:
    for key, channel, asset_id, state, count in _read(session, _deliveries(), campaigns):
        cell = cells[key, channel, asset_id]
        if state is not None:
            cell[BY_STATE[DeliveryState(state)]] += count
            cell["addressed"] += count


@cache
def _deliveries() -> Statement:
    return (
        select(*CELL, Delivery.state, func.count(Delivery.id))
        .join(Publication, Publication.campaign_id == Campaign.id)
        .outerjoin(Delivery, Delivery.publication_id == Publication.id)
        .where(Campaign.id.in_(IDS))
        .group_by(*CELL, Delivery.state)
    )


def _add_bounces(session: Session, campaigns: Sequence[Campaign], cells: Cells) -> None:
    for key, channel, asset_id, count in _read(session, _bounces(), campaigns):
        cells[key, channel, asset_id]["bounced"] += count


@cache
def _bounces() -> Statement:
    """A bounce that does not say which delivery it is of belongs to the one of its contact (below zero, so that no two are one)."""
    delivery = func.coalesce(Event.delivery_id, -Event.contact_id)
    return (
        select(*CELL, func.count(delivery.distinct()))
        .join(Publication, Publication.campaign_id == Campaign.id)
        .join(Event, Event.publication_id == Publication.id)
        .where(Campaign.id.in_(IDS), Event.kind == "bounced")
        .group_by(*CELL, Publication.id)
    )


def _add_events(session: Session, campaigns: Sequence[Campaign], cells: Cells) -> None:
    for key, channel, asset_id, kind, agent_class, total in _read(session, _events(), campaigns):
        cell = cells[key, channel, asset_id]
        if figure := figure_of(kind, agent_class):
            cell[figure] += int(total)


@cache
def _events() -> Statement:
    """By publication first, as the key is: so nothing need be sorted."""
    key = (
        Rollup.campaign,
        Rollup.publication_id,
        Rollup.channel,
        Rollup.asset_id,
        Rollup.kind,
        Rollup.agent_class,
    )
    what = [column for column in key if column is not Rollup.publication_id]
    return select(*what, func.sum(Rollup.total)).where(Rollup.campaign.in_(KEYS)).group_by(*key)


def _add_reactions(session: Session, campaigns: Sequence[Campaign], cells: Cells) -> None:
    for key, channel, asset_id, metric, micros in _read(session, _reactions(), campaigns):
        cells[key, channel, asset_id][metric] += micros // MICROS


@cache
def _reactions() -> Statement:
    """What readers did on a network, as it reported it; an updated post is one post, so only the head of a chain counts."""
    return (
        _newest_measurements()
        .add_columns(Measurement.metric, Measurement.value_micros)
        .where(Measurement.metric.in_(REACTIONS), Publication.superseded_by_id.is_(None))
    )


def costs_of(session: Session, campaigns: Sequence[Campaign]) -> Costs:
    """The newest cost of each publication; they are cumulative. And what was reported for campaigns as a whole."""
    costs: Costs = defaultdict(Counter)
    session.flush()
    for key, channel, asset_id, currency, micros in _read(session, _costs(), campaigns):
        costs[key][currency, (key, channel, asset_id)] += micros
    for key, channel, currency, micros in _read(session, _campaign_costs(), campaigns):
        costs[key][currency, (key, channel, 0)] += micros
    return costs


@cache
def _costs() -> Statement:
    return (
        _newest_measurements()
        .add_columns(Measurement.currency, Measurement.value_micros)
        .where(Measurement.metric == "cost")
    )


def _newest_measurements() -> Select[str, str, int]:
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
        .where(Campaign.id.in_(IDS), Measurement.at == newest)
    )


@cache
def _campaign_costs() -> Statement:
    """The newest number of each channel and currency."""
    other, same = aliased(Measurement), ("publication_id", "campaign", "channel", "metric", "currency")
    newest = (
        select(func.max(other.at))
        .where(*(getattr(other, name) == getattr(Measurement, name) for name in same))
        .scalar_subquery()
    )
    return select(
        Measurement.campaign, Measurement.channel, Measurement.currency, Measurement.value_micros
    ).where(
        Measurement.publication_id == 0,
        Measurement.campaign.in_(KEYS),
        Measurement.metric == "cost",
        Measurement.at == newest,
        Measurement.value_micros != 0,
    )


def people_of(session: Session, campaigns: Sequence[Campaign]) -> People:
    """How many different contacts opened and clicked: by campaign, level and what the level names."""
    people: People = defaultdict(dict)
    for campaign, level, channel, asset_id, kind, count in _read(session, _contacts(), campaigns):
        people[campaign, level, {"channel": channel, "asset": asset_id}.get(level)][kind] = count
    return people


@cache
def _contacts() -> Statement:
    place = (ContactRollup.campaign, ContactRollup.level, ContactRollup.channel, ContactRollup.asset_id)
    what = (ContactRollup.kind, ContactRollup.contacts)
    return select(*place, *what).where(ContactRollup.campaign.in_(KEYS))
