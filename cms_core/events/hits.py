"""Hits on tracked addresses: one insert each, and the patterns that give machines away.

More than five different deliveries opened or clicked from one address within ten seconds, or a hit on the link that no person can
see, are the work of a machine: the hits of that window are reclassified, and so are those that follow within it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Row, insert, select, update
from sqlalchemy.orm import Session

from cms_core.contract import AgentClass
from cms_core.dialect import insert_missing
from cms_core.events.models import Event, Reclassification
from cms_core.events.service import NewEvent, record
from cms_core.ids import new_id

WINDOW = timedelta(seconds=10)
MOST_DELIVERIES = 5
HONEYPOT = "honeypot"
SOURCE = "hit"
VISIT_WINDOW = timedelta(minutes=30)
REMEMBERED = timedelta(days=30)


@dataclass(frozen=True)
class Place:
    """What a tracked address belongs to."""

    delivery_id: int
    contact_id: int
    publication_id: int
    asset_id: int
    channel: str
    campaign: str | None


def record_hit(
    session: Session, kind: str, place: Place, url: str | None, agent: AgentClass, client: str, at: datetime
) -> AgentClass:
    """Record one hit and return the class that it got."""
    recent = _recent(session, client, at)
    if agent is AgentClass.HUMAN and _is_machine(recent, place.delivery_id):
        agent = AgentClass.SCANNER
        _reclassify(session, [row for row in recent if row.agent_class == AgentClass.HUMAN], at)
    if url == HONEYPOT:
        agent = AgentClass.SCANNER
        same = [
            row
            for row in recent
            if row.delivery_id == place.delivery_id and row.agent_class == AgentClass.HUMAN
        ]
        _reclassify(session, same, at)
    session.execute(
        insert(Event).values(
            public_id=(identity := new_id()),
            source=SOURCE,
            source_id=identity,
            kind=kind,
            at=at,
            received_at=at,
            agent_class=agent,
            contact_id=place.contact_id,
            client=client,
            campaign=place.campaign,
            publication_id=place.publication_id,
            delivery_id=place.delivery_id,
            asset_id=place.asset_id,
            channel=place.channel,
            url=url,
            props={},
        )
    )
    return agent


def _recent(session: Session, client: str, at: datetime) -> list[Row[int, str, int | None, str | None]]:
    query = (
        select(Event.id, Event.agent_class, Event.delivery_id, Event.url)
        .where(Event.client == client, Event.received_at > at - WINDOW, Event.source == SOURCE)
        .order_by(Event.id.desc())
        .limit(200)
    )
    return list(session.execute(query).all())


def _is_machine(recent: list[Row[int, str, int | None, str | None]], delivery_id: int) -> bool:
    if any(row.url == HONEYPOT for row in recent):
        return True
    return len({row.delivery_id for row in recent} | {delivery_id}) > MOST_DELIVERIES


def _reclassify(session: Session, rows: list[Row[int, str, int | None, str | None]], at: datetime) -> None:
    ids = [row.id for row in rows]
    if not ids:
        return
    insert_missing(
        session, Reclassification, [{"event_id": row.id, "was": row.agent_class, "at": at} for row in rows]
    )
    session.execute(
        update(Event)
        .where(Event.id.in_(ids))
        .values(agent_class=AgentClass.SCANNER)
        .execution_options(synchronize_session=False)
    )


def record_visit(session: Session, event: NewEvent) -> bool:
    """Record a page load as a visit, unless the same visitor's last visit of the page is less than 30 minutes old."""
    last = session.scalar(
        select(Event.id)
        .where(
            Event.visitor == event.visitor,
            Event.kind == event.kind,
            Event.at > event.at - VISIT_WINDOW,
            Event.publication_id == event.publication_id,
        )
        .limit(1)
    )
    if last is not None:
        return False
    return record(session, [event]) == 1


def last_campaign_of(session: Session, visitor: str, at: datetime) -> str | None:
    """The campaign of the visitor's newest visit that belongs to one, not older than 30 days."""
    query = (
        select(Event.campaign)
        .where(
            Event.visitor == visitor,
            Event.kind == "visited",
            Event.at > at - REMEMBERED,
            Event.campaign.is_not(None),
        )
        .order_by(Event.at.desc(), Event.id.desc())
    )
    return session.scalar(query.limit(1))
