"""Hits on tracked addresses: one insert each, and the patterns that give machines away.

More than five different deliveries opened or clicked from one address within ten seconds are the work of a machine: all hits of
that window are reclassified, and so are those that follow within it. A hit on the link that no person can see gives away the
machine that read this one mail: behind the same address sit the people of a whole company.
"""

from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from sqlalchemy import Dialect, bindparam, insert, select, update
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session

from cms_core.contract import AgentClass
from cms_core.dialect import insert_missing
from cms_core.events.models import Event, Reclassification
from cms_core.events.service import NewEvent, record
from cms_core.ids import new_id
from cms_core.quick import QuickStatement, cursor_of

WINDOW = timedelta(seconds=10)
MOST_DELIVERIES = 5
MOST_LOOKED_AT = 200
HONEYPOT = "honeypot"
SOURCE = "hit"
VISIT_WINDOW = timedelta(minutes=30)
REMEMBERED = timedelta(days=30)


class Place(NamedTuple):
    """What a tracked address belongs to."""

    delivery_id: int
    contact_id: int
    publication_id: int
    asset_id: int
    channel: str
    campaign: str | None


class Hit(NamedTuple):
    """What an earlier hit tells about the next one from the same address."""

    id: int
    agent_class: str
    delivery_id: int | None
    url: str | None


def record_hit(
    connection: Connection,
    kind: str,
    place: Place,
    url: str | None,
    agent: AgentClass,
    client: str,
    at: datetime,
) -> AgentClass:
    """Record one hit, in a writing transaction, and return the class that it got."""
    statements, cursor = _statements(connection.dialect), cursor_of(connection)
    if agent is AgentClass.HUMAN or url == HONEYPOT:  # only these look back
        recent = [Hit(*row) for row in statements.recent.rows(cursor, client, at - WINDOW)]
        agent = _judge(connection, recent, place.delivery_id, url, agent, at)
    identity = new_id()
    statements.insert.run(cursor, identity, identity, kind, at, at, agent, client, url, *place)
    return agent


def _judge(
    connection: Connection,
    recent: list[Hit],
    delivery_id: int,
    url: str | None,
    agent: AgentClass,
    at: datetime,
) -> AgentClass:
    """The class of a hit, given those before it from the same address; these may be found out with it."""
    of_it = [hit for hit in recent if hit.delivery_id == delivery_id]
    many = len({hit.delivery_id for hit in recent} | {delivery_id}) > MOST_DELIVERIES
    if agent is AgentClass.HUMAN and many:
        found_out = recent
    elif HONEYPOT in (url, *(hit.url for hit in of_it)):
        found_out = of_it
    else:
        return agent
    _reclassify(connection, [hit for hit in found_out if hit.agent_class == AgentClass.HUMAN], at)
    return AgentClass.SCANNER


def _reclassify(connection: Connection, hits: list[Hit], at: datetime) -> None:
    ids = [hit.id for hit in hits]
    if not ids:
        return
    found_out = [{"event_id": hit.id, "was": hit.agent_class, "at": at} for hit in hits]
    insert_missing(connection, Reclassification, found_out)
    connection.execute(update(Event).where(Event.id.in_(ids)).values(agent_class=AgentClass.SCANNER))


class _Statements(NamedTuple):
    recent: QuickStatement
    insert: QuickStatement


@lru_cache(maxsize=8)
def _statements(dialect: Dialect) -> _Statements:
    recent = (
        select(Event.id, Event.agent_class, Event.delivery_id, Event.url)
        .where(
            Event.client == bindparam("by"), Event.received_at > bindparam("after"), Event.source == SOURCE
        )
        .order_by(Event.received_at.desc(), Event.id.desc())
        .limit(MOST_LOOKED_AT)
    )
    given = (
        "public_id",
        "source_id",
        "kind",
        "at",
        "received_at",
        "agent_class",
        "client",
        "url",
        *Place._fields,
    )
    new = (
        insert(Event)
        .inline()
        .values({**{name: bindparam(name) for name in given}, "source": SOURCE, "props": {}})
    )
    return _Statements(QuickStatement(dialect, recent, ("by", "after")), QuickStatement(dialect, new, given))


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
