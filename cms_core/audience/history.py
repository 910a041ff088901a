"""What people did, read from the ledger for plugins: by the contact that somebody is now.

Events of a contact that was merged count for the one that it became, events of an anonymous visitor for the contact that the
visitor turned out to be; erased contacts have none. The ledger itself stays as it was written.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, CompoundSelect, Row, and_, func, select, union_all
from sqlalchemy.orm import Session

from cms_core import contract as c
from cms_core.audience.contacts import alive
from cms_core.audience.models import Contact, ContactChange, Visitor
from cms_core.db import now
from cms_core.dialect import among, insert_missing
from cms_core.events.models import Event, Reclassification

PAGE = 2_000
_FACTS = (
    Event.id,
    Event.public_id,
    Event.kind,
    Event.at,
    Event.source,
    Event.source_id,
    Event.visitor,
    Event.campaign,
    Event.url,
    Event.props,
)


def survivors(session: Session, public_ids: Collection[str]) -> dict[str, str]:
    """For each of these contacts the living one that it is now, after any number of merges; the erased are left out."""
    asked = sorted(set(public_ids))
    rows = session.execute(
        select(Contact.public_id, Contact.id).where(among(session, Contact.public_id, asked))
    ).all()
    heirs = _heirs(session)
    ends = {public_id: _end(row_id, heirs) for public_id, row_id in rows}
    living = _public_ids(session, set(ends.values()))
    return {public_id: living[end] for public_id, end in ends.items() if end in living}


def history(
    session: Session, public_ids: Collection[str] | None, kinds: Collection[str], until: datetime
) -> Iterator[tuple[str, c.Event]]:
    """What humans among these living contacts (None: all) did of some kinds up to an instant, each with whose it is now.

    In no particular order; with ids, one statement for the events, however many contacts.
    """
    wanted = and_(Event.kind.in_(sorted(kinds)), Event.agent_class == c.AgentClass.HUMAN, Event.at <= until)
    if public_ids is None:
        heirs = _heirs(session)
        for page in _pages(session, wanted):
            owners = {_end(row.contact_id, heirs) for row in page}
            yield from _told(page, heirs, _public_ids(session, owners))
        return
    asked = among(session, Contact.public_id, sorted(set(public_ids)))
    living = dict(session.execute(select(Contact.id, Contact.public_id).where(asked, alive())).all())
    heirs = _heirs(session)
    ids = sorted(living.keys() | {each for each in heirs if _end(each, heirs) in living})
    if ids and kinds:
        yield from _told(session.execute(_of(ids, wanted)).all(), heirs, living)


def _of(ids: Sequence[int], wanted: ColumnElement[bool]) -> CompoundSelect[*tuple[Any, ...]]:
    """The events of these contacts, and of visitors who turned out to be one of them; each half goes by an index of its own."""
    own = select(*_FACTS, Event.contact_id).where(Event.contact_id.in_(ids), wanted)
    joined = (
        select(*_FACTS, Visitor.contact_id)
        .join(Visitor, Visitor.visitor == Event.visitor)
        .where(Visitor.contact_id.in_(ids), Event.contact_id.is_(None), wanted)
    )
    return union_all(own, joined)


def _pages(session: Session, wanted: ColumnElement[bool]) -> Iterator[Sequence[Row[Any]]]:
    """What people did, of the whole ledger, in pages, so that its length needs no memory."""
    owner = func.coalesce(Event.contact_id, Visitor.contact_id)
    query = (
        select(*_FACTS, owner.label("contact_id"))
        .outerjoin(Visitor, and_(Visitor.visitor == Event.visitor, Event.contact_id.is_(None)))
        .where(wanted, owner.is_not(None))
        .order_by(Event.id)
        .limit(PAGE)
    )
    after = 0
    while rows := session.execute(query.where(Event.id > after)).all():
        yield rows
        after = rows[-1].id


def _told(
    rows: Iterable[Row[Any]], heirs: Mapping[int, int], living: Mapping[int, str]
) -> Iterator[tuple[str, c.Event]]:
    for row in rows:
        contact = living.get(_end(row.contact_id, heirs))
        if contact is not None:
            yield contact, _event(row, contact)


def _event(row: Row[Any], contact: str) -> c.Event:
    return c.Event(
        row.kind,
        row.at,
        row.source,
        row.source_id,
        c.AgentClass.HUMAN,
        contact,
        row.visitor,
        row.campaign,
        url=row.url,
        props=row.props,
        id=row.public_id,
    )


def reclassified(session: Session, since: datetime) -> list[str]:
    """The living contacts of whom an event was found to be a machine's at or after an instant."""
    query = (
        select(func.coalesce(Event.contact_id, Visitor.contact_id))
        .join(Reclassification, Reclassification.event_id == Event.id)
        .outerjoin(Visitor, (Visitor.visitor == Event.visitor) & Event.contact_id.is_(None))
        .where(Reclassification.at >= since)
    )
    heirs = _heirs(session)
    owners = {_end(owner, heirs) for owner in session.scalars(query)}
    return sorted(_public_ids(session, owners - {0}).values())


def identify(session: Session, visitor: str, public_id: str) -> bool:
    """Remember that an anonymous visitor is this contact, the first time it is known, and tell plugins; whether it was news."""
    contact_id = session.scalar(select(Contact.id).where(Contact.public_id == public_id, alive()))
    known = select(Visitor.contact_id).where(Visitor.visitor == visitor)
    if contact_id is None or session.scalar(known) is not None:
        return False
    insert_missing(session, Visitor, [{"visitor": visitor, "contact_id": contact_id, "at": now(session)}])
    if session.scalar(known) != contact_id:
        return False
    session.add(ContactChange(contact_id=contact_id, change="updated", fields=["visits"], at=now(session)))
    session.flush()
    return True


def identified(session: Session, visitors: Collection[str]) -> dict[str, str]:
    """The living contact that each of these visitors turned out to be, for those of whom that is known."""
    asked = sorted(set(visitors))
    query = select(Visitor.visitor, Visitor.contact_id).where(among(session, Visitor.visitor, asked))
    heirs = _heirs(session)
    ends = {visitor: _end(owner, heirs) for visitor, owner in session.execute(query)}
    living = _public_ids(session, set(ends.values()))
    return {visitor: living[end] for visitor, end in ends.items() if end in living}


def _heirs(session: Session) -> dict[int, int]:
    """Into whom each merged contact was merged; there are few of them."""
    query = select(Contact.id, Contact.merged_into_id).where(Contact.merged_into_id.is_not(None))
    return {row_id: heir for row_id, heir in session.execute(query) if heir is not None}


def _end(contact_id: int | None, heirs: Mapping[int, int]) -> int:
    found, seen = contact_id or 0, set[int]()
    while found in heirs and found not in seen:
        seen.add(found)
        found = heirs[found]
    return found


def _public_ids(session: Session, ids: Collection[int]) -> dict[int, str]:
    """The public ids of those of these contacts who live."""
    if not ids:
        return {}
    query = select(Contact.id, Contact.public_id).where(Contact.id.in_(sorted(ids)), alive())
    return dict(session.execute(query).all())
