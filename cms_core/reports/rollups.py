"""Rollups are kept from the ledger by a cursor, batch by batch, and a rebuild from the whole ledger gives the same rows.

What is counted and how far the reader has come are written in one transaction, so that nothing is counted twice or left out, and
one process counts at a time. Two cursors: one over the events, one over what was found later about their class (``ledger.py`` says
in which order). An event is counted by the class that it had until the cursor over the classes has come by.
"""

from collections.abc import Iterator
from contextlib import contextmanager
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
    union_all,
)
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from cms_core.contract import AgentClass
from cms_core.db import Database
from cms_core.dialect import insert_for, utc_day
from cms_core.errors import TryLater
from cms_core.events import ledger
from cms_core.events.ledger import START, Place, Reader
from cms_core.events.models import Event, Reclassification
from cms_core.reports.models import ContactRollup, PersonRollup, Rollup

EVENTS = Reader("reports", Event)
CLASSES = Reader("reports:classes", Reclassification)
BATCH = 20_000
COUNT_KEY = tuple(column.name for column in Rollup.__table__.primary_key)
PERSON_KEY = tuple(column.name for column in PersonRollup.__table__.primary_key)
CONTACTS_KEY = tuple(column.name for column in ContactRollup.__table__.primary_key)
PEOPLE = ("opened", "clicked")  # what reports count people of

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
                count = _step(session)
            total += count
            if count < BATCH:  # at the end, as it was a moment ago: others may write faster than is counted
                break
    except OperationalError as error:
        if "locked" not in str(error):
            raise
        raise TryLater("the figures could not be brought up to date: the database is locked") from None
    return total


def rebuild(session: Session) -> int:
    """Forget all rollups and count the whole ledger again; returns how many events were read. Writers wait meanwhile."""
    events, classes = _lock(session)
    session.execute(delete(Rollup))
    session.execute(delete(PersonRollup))
    session.execute(delete(ContactRollup))
    ledger.advance(session, CLASSES, classes, ledger.end(session, Reclassification))
    ledger.advance(session, EVENTS, events, START)
    return catch_up(session)


def _behind(db: Database) -> bool:
    with db.session() as session:
        return ledger.is_behind(session, EVENTS) or ledger.is_behind(session, CLASSES)


def _lock(session: Session) -> tuple[Place, Place]:
    """How far the events and their classes were counted; nobody else counts until this transaction ends."""
    return ledger.locked_position(session, EVENTS), ledger.locked_position(session, CLASSES)


def _step(session: Session) -> int:
    """Count one batch of events; what was reclassified before is moved first."""
    start, classes = _lock(session)
    classes = _move_reclassified(session, start, classes)
    end = _batch_end(session, start)
    if end <= start:
        return 0
    ledger.advance(session, EVENTS, start, end)
    fresh = and_(ledger.after(session, Event, start), ledger.up_to(session, Event, end))
    _count(session, _facts(session, classes).where(fresh), 1)
    with _counting_contacts(session, fresh):
        _add_people(session, classes, fresh)
    return session.scalar(select(func.count()).select_from(Event).where(fresh)) or 0


def _batch_end(session: Session, start: Place) -> Place:
    """The place of the last event of the batch that begins behind this place."""
    end = ledger.end(session, Event)
    behind = ledger.after(session, Event, start), ledger.up_to(session, Event, end)
    query = select(Event.xid, Event.id).where(*behind).order_by(*ledger.order(session, Event))
    full = session.execute(query.offset(BATCH - 1).limit(1)).first()
    return Place(*full) if full else end


def _move_reclassified(session: Session, counted: Place, start: Place) -> Place:
    """Take events that are counted already out of the class that they had, into the one that they have; returns the new place."""
    end = ledger.end(session, Reclassification)
    if end <= start:
        return start
    ledger.advance(session, CLASSES, start, end)
    moved = and_(
        ledger.after(session, Reclassification, start),
        ledger.up_to(session, Reclassification, end),
        ledger.up_to(session, Event, counted),
    )
    joined = Reclassification.event_id == Event.id
    _count(session, _facts(session, start).where(moved), -1)
    _count(session, _facts(session, end).where(moved), 1)
    campaigns = select(func.coalesce(Event.campaign, "")).join(Reclassification, joined).where(moved)
    session.execute(delete(Rollup).where(Rollup.total == 0, Rollup.campaign.in_(campaigns)))
    again = select(Event.id).join(Reclassification, joined).where(moved)
    with _counting_contacts(session, Event.id.in_(again)):
        _count_people_again(session, again, end, counted)
    session.execute(delete(ContactRollup).where(ContactRollup.contacts == 0))
    return end


def _class_at(session: Session, classes: Place) -> ColumnElement[str]:
    """SQL, with the reclassification joined: the class of an event as far as the classes were read, whatever was found since."""
    found_later = ledger.after(session, Reclassification, classes)
    return case((found_later, Reclassification.was), else_=Event.agent_class)


def _with_class(query: Select[Any]) -> Select[Any]:
    return query.select_from(Event).outerjoin(Reclassification, Reclassification.event_id == Event.id)


def _facts(session: Session, classes: Place) -> Select[Any]:
    """One row per event: what it is counted under, and its value."""
    query = select(
        *_place(),
        utc_day(session, Event.at).label("day"),
        _class_at(session, classes).label("agent_class"),
        func.coalesce(Event.value_micros, 0).label("value_micros"),
    )
    return _with_class(query)


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
    return _with_class(select(*_place(), person.label("person"), Event.at.label("at"))).where(known)


def _add_people(session: Session, classes: Place, chosen: ColumnElement[bool]) -> None:
    """Add the people of these events; who is there already keeps the earlier instant."""
    fact = _people().where(_class_at(session, classes) == AgentClass.HUMAN, chosen).subquery().c
    key = [fact[name] for name in PERSON_KEY]
    query = select(*key, func.min(fact.at)).group_by(*key)
    insert: Any = insert_for(session, PersonRollup)
    added = insert.from_select([*PERSON_KEY, "first_at"], query)
    newer = added.excluded.first_at
    first = case((newer < PersonRollup.first_at, newer), else_=PersonRollup.first_at)
    session.execute(added.on_conflict_do_update(index_elements=PERSON_KEY, set_={"first_at": first}))


@contextmanager
def _counting_contacts(session: Session, chosen: ColumnElement[bool]) -> Iterator[None]:
    """Whatever becomes of the people of these events within: the numbers of contacts follow."""
    who = _people().where(chosen, Event.kind.in_(PEOPLE), Event.contact_id.is_not(None)).subquery().c
    touched = select(who.campaign, who.kind, who.person)
    _count_contacts(session, touched, -1)
    yield
    _count_contacts(session, touched, 1)


def _count_contacts(session: Session, touched: Select[Any], sign: int) -> None:
    """Add (or take away) what these people are counted as now, at each level."""
    known = tuple_(PersonRollup.campaign, PersonRollup.kind, PersonRollup.person)
    names = "campaign", "kind", "person", "channel", "asset_id"
    found = select(*(getattr(PersonRollup, name) for name in names)).where(known.in_(touched)).cte("found").c
    levels = {"campaign": {}, "channel": {"channel": found.channel}, "asset": {"asset_id": found.asset_id}}
    counts = []
    for level, place in levels.items():
        values = {"level": literal(level), "channel": literal(""), "asset_id": literal(0)} | place
        people = sign * func.count(found.person.distinct())
        columns: list[Any] = [found.campaign, found.kind, *values.values(), people]
        counts.append(select(*columns).group_by(found.campaign, found.kind, *place.values()))
    insert: Any = insert_for(session, ContactRollup)
    added = insert.from_select([*CONTACTS_KEY, "contacts"], union_all(*counts))
    total = {"contacts": ContactRollup.contacts + added.excluded.contacts}
    session.execute(added.on_conflict_do_update(index_elements=CONTACTS_KEY, set_=total))


def _count_people_again(session: Session, moved: Chosen, classes: Place, counted: Place) -> None:
    """Forget the people whose events were reclassified, as far as those go, and find them again in the ledger."""
    affected = _people().where(Event.id.in_(moved)).subquery().c
    key = tuple_(*(getattr(PersonRollup, name) for name in PERSON_KEY))
    session.execute(delete(PersonRollup).where(key.in_(select(*(affected[name] for name in PERSON_KEY)))))
    for who in (Event.contact_id, Event.visitor):
        named = moved.with_only_columns(who)
        _add_people(session, classes, and_(ledger.up_to(session, Event, counted), who.in_(named)))
