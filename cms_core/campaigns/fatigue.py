"""Who would get too much: people to whom the calendar sends more than so many items within seven days.

The overlap is real: members of the segments as of now who agreed and are not suppressed, counted by one statement for the whole
range, whatever the number of people.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CTE, BigInteger, String, Subquery, cast, extract, func, literal, select, union_all
from sqlalchemy.orm import Session

from cms_core.audience import segments
from cms_core.audience.consent import may_address
from cms_core.audience.models import Contact, Segment
from cms_core.audience.suppression import is_suppressed
from cms_core.campaigns.models import Entry, EntryKind, EntryState
from cms_core.db import now
from cms_core.errors import Invalid

SPAN = timedelta(days=7)
LIMIT = 3
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Overlap:
    """With this entry, so many ``people`` have got more than the limit within seven days; one of them ``most`` items."""

    entry_id: int
    public_id: str
    title: str
    instant: datetime
    tz: str
    people: int
    most: int


@dataclass(frozen=True)
class Fatigue:
    """All overlaps of a range by time; ``people`` counts each person once. ``unread``: segments whose rule does not hold."""

    limit: int
    people: int = 0
    overlaps: Sequence[Overlap] = ()
    unread: Sequence[str] = field(default=())


def between(
    session: Session, channels: Collection[str], start: datetime, end: datetime, limit: int = LIMIT
) -> Fatigue:
    """The overlaps that come about between two instants; ``channels`` are those that address people."""
    sends = _sends(session, channels, start - SPAN, end)
    return _count(session, sends, start, limit, None)


def of_entry(session: Session, channels: Collection[str], entry: Entry, limit: int = LIMIT) -> Fatigue:
    """The overlaps to which this entry adds, of those who get it: with what comes up to seven days before or after."""
    sends = _sends(session, channels, entry.instant - SPAN, entry.instant + SPAN)
    if entry.id not in {each.id for each in sends}:
        return Fatigue(limit)
    return _count(session, sends, entry.instant, limit, entry.id)


def _sends(session: Session, channels: Collection[str], start: datetime, end: datetime) -> Sequence[Any]:
    query = select(
        Entry.id, Entry.public_id, Entry.title, Entry.instant, Entry.tz, Entry.segment_id, Entry.channel
    ).where(
        Entry.kind == EntryKind.PUBLISH,
        Entry.state != EntryState.DROPPED,
        Entry.segment_id.is_not(None),
        Entry.channel.in_(sorted(channels)),
        Entry.instant > start,
        Entry.instant < end,
    )
    return session.execute(query.order_by(Entry.instant, Entry.id)).all()


def _count(session: Session, sends: Sequence[Any], start: datetime, limit: int, only: int | None) -> Fatigue:
    if not _possible(sends, limit):
        return Fatigue(limit)
    reach, unread = _reach(session, sends)
    if reach is None:
        return Fatigue(limit, unread=unread)
    found = session.execute(_statement(sends, reach, start, limit, only)).all()
    by_id = {each.id: each for each in sends}
    people = next(row.people for row in found if row.entry_id is None)
    overlaps = [_overlap(by_id[row.entry_id], row) for row in found if row.entry_id is not None]
    return Fatigue(limit, people, sorted(overlaps, key=lambda each: (each.instant, each.entry_id)), unread)


def _overlap(send: Any, row: Any) -> Overlap:
    return Overlap(send.id, send.public_id, send.title, send.instant, send.tz, row.people, row.most)


def _possible(sends: Sequence[Any], limit: int) -> bool:
    """Whether there are more than ``limit`` within some seven days at all; mostly there are not, and nobody needs counting."""
    pairs = zip(sends, sends[limit:], strict=False)
    return any(later.instant - earlier.instant < SPAN for earlier, later in pairs)


def _reach(session: Session, sends: Sequence[Any]) -> tuple[CTE | None, list[str]]:
    """Who would get what goes to a segment on a channel; and the names of segments that cannot be read."""
    parts, unread, present = [], set(), now(session)
    for segment_id, channel in sorted({(each.segment_id, each.channel) for each in sends}):
        segment = session.get_one(Segment, segment_id)
        try:
            members = segments.member_ids(session, segment)
        except Invalid:
            unread.add(segment.name)
            continue
        agreed = may_address(Contact.id, channel), ~is_suppressed(Contact.address_hash, channel, present)
        key = literal(segment_id).label("segment_id"), literal(channel, String).label("channel")
        parts.append(members.where(*agreed).add_columns(*key))
    return (union_all(*parts).cte("reach") if parts else None), sorted(unread)


def _statement(sends: Sequence[Any], reach: CTE, start: datetime, limit: int, only: int | None) -> Any:
    first, last = sends[0].instant, sends[-1].instant
    seconds = cast(extract("epoch", Entry.instant), BigInteger)
    hits = (
        select(
            Entry.id.label("entry_id"),
            Entry.instant,
            seconds.label("seconds"),
            reach.c.id.label("contact_id"),
        )
        .join(reach, (reach.c.segment_id == Entry.segment_id) & (reach.c.channel == Entry.channel))
        .where(
            Entry.kind == EntryKind.PUBLISH,
            Entry.state != EntryState.DROPPED,
            Entry.instant >= first,
            Entry.instant <= last,
        )
        .cte("hits")
    )
    within = func.count().over(
        partition_by=hits.c.contact_id,
        order_by=hits.c.seconds,
        range_=(-int((SPAN - _SECOND).total_seconds()), 0),
    )
    counted: Subquery = select(hits, within.label("n")).subquery()
    over = select(counted.c.entry_id, counted.c.contact_id, counted.c.n).where(
        counted.c.n > limit, counted.c.instant >= start
    )
    if only is not None:
        mine = select(hits.c.contact_id).where(hits.c.entry_id == only)
        over = over.where(counted.c.contact_id.in_(mine))
    crowded = over.cte("crowded")
    total = select(
        literal(None, BigInteger).label("entry_id"),
        func.count(crowded.c.contact_id.distinct()).label("people"),
        func.coalesce(func.max(crowded.c.n), 0).label("most"),
    )
    each = select(crowded.c.entry_id, func.count(), func.max(crowded.c.n)).group_by(crowded.c.entry_id)
    return union_all(total, each)
