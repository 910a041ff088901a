"""Rollups are kept from the ledger by a cursor, batch by batch, and a rebuild from the whole ledger gives the same rows.

What is counted and how far the reader has come are written in one transaction, so that nothing is counted twice or left out. Two
cursors: one over the events, one over what was found later about their class. The events are read up to the highest id that this
transaction sees; that is right on SQLite, which has one writer at a time. On PostgreSQL ids commit out of order, so there the
upper end must be the commit horizon.
"""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    and_,
    case,
    cast,
    delete,
    func,
    literal,
    or_,
    select,
    tuple_,
)
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import InstrumentedAttribute, Session

from cms_core.contract import AgentClass
from cms_core.db import Database
from cms_core.dialect import insert_for, utc_day
from cms_core.errors import TryLater
from cms_core.events.models import Event, Reclassification
from cms_core.events.service import advance, position
from cms_core.reports.models import PersonRollup, Rollup

EVENTS, CLASSES = "reports", "reports:classes"
BATCH = 20_000
COUNT_KEY = tuple(column.name for column in Rollup.__table__.primary_key)
PERSON_KEY = tuple(column.name for column in PersonRollup.__table__.primary_key)

Chosen = Select[int]


def catch_up(session: Session) -> int:
    """Count what is new, within this writing transaction; returns how many events were read."""
    total = 0
    while count := _step(session):
        total += count
    return total


def keep_up(db: Database) -> int:
    """The same in one short transaction per batch, and in none when nothing is new; raises TryLater while somebody else writes."""
    total = 0
    try:
        while _behind(db):
            with db.transaction() as session:
                total += _step(session)
    except OperationalError as error:
        if "locked" not in str(error):
            raise
        raise TryLater("the figures could not be brought up to date: the database is locked") from None
    return total


def rebuild(session: Session) -> int:
    """Forget all rollups and count the whole ledger again; returns how many events were read. Writers wait meanwhile."""
    session.execute(delete(Rollup))
    session.execute(delete(PersonRollup))
    newest = session.scalar(select(func.max(Reclassification.id))) or 0
    for cursor, to in ((CLASSES, newest), (EVENTS, 0)):
        if not advance(session, cursor, position(session, cursor), to):
            raise TryLater("another process is counting the same events", "rebuild again in a moment")
    return catch_up(session)


def _behind(db: Database) -> bool:
    with db.session() as session:
        events = session.scalar(select(func.max(Event.id))) or 0
        classes = session.scalar(select(func.max(Reclassification.id))) or 0
        return events > position(session, EVENTS) or classes > position(session, CLASSES)


def _step(session: Session) -> int:
    """Count one batch of events. What was reclassified comes first and whole: a later event is counted by its class of now."""
    start = position(session, EVENTS)
    _move_reclassified(session, start)
    page = select(Event.id).where(Event.id > start).order_by(Event.id).limit(BATCH).subquery()
    end, size = session.execute(select(func.max(page.c.id), func.count()).select_from(page)).one()
    if not size or not advance(session, EVENTS, start, end):
        return 0
    fresh = and_(Event.id > start, Event.id <= end)
    _count(session, _facts(session, Event.agent_class).where(fresh), 1)
    _add_people(session, fresh)
    return int(size)


def _move_reclassified(session: Session, counted_to: int) -> None:
    """Take events that are counted already out of the class that they had, into the one that they have."""
    start = position(session, CLASSES)
    end = session.scalar(select(func.max(Reclassification.id)).where(Reclassification.id > start))
    if end is None or not advance(session, CLASSES, start, end):
        return
    moved = and_(Reclassification.id > start, Reclassification.id <= end, Event.id <= counted_to)
    joined = Reclassification.event_id == Event.id
    _count(session, _facts(session, Reclassification.was).join(Reclassification, joined).where(moved), -1)
    _count(session, _facts(session, Event.agent_class).join(Reclassification, joined).where(moved), 1)
    campaigns = select(func.coalesce(Event.campaign, "")).join(Reclassification, joined).where(moved)
    session.execute(delete(Rollup).where(Rollup.total == 0, Rollup.campaign.in_(campaigns)))
    _count_people_again(session, select(Event.id).join(Reclassification, joined).where(moved), counted_to)


def _facts(session: Session, agent_class: InstrumentedAttribute[str]) -> Select[Any]:
    """One row per event: what it is counted under, and its value."""
    return select(
        *_place(),
        utc_day(session, Event.at).label("day"),
        agent_class.label("agent_class"),
        func.coalesce(Event.value_micros, 0).label("value_micros"),
    ).select_from(Event)


def _place() -> tuple[ColumnElement[Any], ...]:
    return (
        func.coalesce(Event.campaign, "").label("campaign"),
        func.coalesce(Event.publication_id, 0).label("publication_id"),
        Event.kind.label("kind"),
        func.coalesce(Event.channel, "").label("channel"),
        func.coalesce(Event.asset_id, 0).label("asset_id"),
    )


def _count(session: Session, facts: Select[Any], sign: int) -> None:
    """Add (or take away) these events."""
    fact = facts.subquery().c
    key = [fact[name] for name in COUNT_KEY]
    query = select(*key, sign * func.count(), sign * func.sum(fact.value_micros)).group_by(*key)
    insert: Any = insert_for(session, Rollup)
    added = insert.from_select([*COUNT_KEY, "total", "value_micros"], query)
    sums = {
        "total": Rollup.total + added.excluded.total,
        "value_micros": Rollup.value_micros + added.excluded.value_micros,
    }
    session.execute(added.on_conflict_do_update(index_elements=COUNT_KEY, set_=sums))


def _people() -> Select[Any]:
    """One row per human event of somebody: the person and what they did."""
    person = case(
        (Event.contact_id.is_not(None), literal("c").concat(cast(Event.contact_id, String))),
        else_=literal("v:").concat(Event.visitor),
    )
    known = or_(Event.contact_id.is_not(None), Event.visitor.is_not(None))
    return select(*_place(), person.label("person"), Event.at.label("at")).where(known)


def _add_people(session: Session, chosen: ColumnElement[bool]) -> None:
    """Add the people of these events; who is there already keeps the earlier instant."""
    fact = _people().where(Event.agent_class == AgentClass.HUMAN, chosen).subquery().c
    key = [fact[name] for name in PERSON_KEY]
    query = select(*key, func.min(fact.at)).group_by(*key)
    insert: Any = insert_for(session, PersonRollup)
    added = insert.from_select([*PERSON_KEY, "first_at"], query)
    newer = added.excluded.first_at
    first = case((newer < PersonRollup.first_at, newer), else_=PersonRollup.first_at)
    session.execute(added.on_conflict_do_update(index_elements=PERSON_KEY, set_={"first_at": first}))


def _count_people_again(session: Session, moved: Chosen, counted_to: int) -> None:
    """Forget the people whose events were reclassified, as far as those go, and find them again in the ledger."""
    affected = _people().where(Event.id.in_(moved)).subquery().c
    key = tuple_(*(getattr(PersonRollup, name) for name in PERSON_KEY))
    session.execute(delete(PersonRollup).where(key.in_(select(*(affected[name] for name in PERSON_KEY)))))
    for who in (Event.contact_id, Event.visitor):
        named = moved.with_only_columns(who)
        _add_people(session, and_(Event.id <= counted_to, who.in_(named)))
