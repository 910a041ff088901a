"""Slots: the times of the week at which a connection likes to post, and the next one that is free."""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, time, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from cms_core.campaigns import blackouts
from cms_core.campaigns.models import Entry, EntryState, Slot
from cms_core.campaigns.when import WhenError, resolve_wall, zone
from cms_core.connections.models import Connection
from cms_core.db import now
from cms_core.errors import Invalid

NAMES = "monday tuesday wednesday thursday friday saturday sunday".split()
DAYS = [name[:3] for name in NAMES]
GROUPS = {"daily": range(7), "weekdays": range(5), "weekend": range(5, 7)}
WEEKS = 53  # that are searched
MOST = 200
EXAMPLE = "write mon-fri 09:00 16:30, sat 11:00"

_TIME = re.compile(r"(\d\d?):(\d\d)", re.ASCII)


def of_connection(session: Session, connection_id: int) -> list[Slot]:
    """The slots of a connection, by weekday and time."""
    query = select(Slot).where(Slot.connection_id == connection_id).order_by(Slot.weekday, Slot.minute)
    return list(session.scalars(query))


def connections_of(session: Session) -> list[Connection]:
    """All connections, which may have slots, by channel and name."""
    return list(session.scalars(select(Connection).order_by(Connection.channel, Connection.name)))


def replace(session: Session, connection: Connection, text: str, tz: str) -> list[Slot]:
    """Give a connection these slots and no others ("mon-fri 09:00 16:30, sat 11:00"; "" for none); raises Invalid."""
    times, key = parse(text), zone(tz).key
    kept = {(each.weekday, each.minute): each for each in of_connection(session, connection.id)}
    for place in kept.keys() - set(times):
        session.delete(kept[place])
    for weekday, minute in times:
        slot = kept.get((weekday, minute)) or Slot(
            connection_id=connection.id, weekday=weekday, minute=minute
        )
        slot.tz = key
        session.add(slot)
    session.flush()
    return of_connection(session, connection.id)


def parse(text: str) -> list[tuple[int, int]]:
    """(weekday, minute of the day) of each time in a text, without doubles; WhenError says what cannot be read."""
    found: set[tuple[int, int]] = set()
    for part in filter(None, (each.strip() for each in re.split(r"[,;\n]", text.lower()))):
        days, *times = part.split()
        if not times:
            raise WhenError(f"{part[:40]!r} names no time", EXAMPLE)
        found |= {(day, _minute(each)) for day in _weekdays(days) for each in times}
    if len(found) > MOST:
        raise WhenError(f"{len(found)} slots are too many", f"give at most {MOST}")
    return sorted(found)


def show(slots: Sequence[Slot]) -> str:
    """The text from which these slots can be read again: days with the same times stand together."""
    times = {day: [_clock(each) for each in slots if each.weekday == day] for day in range(len(DAYS))}
    parts: list[tuple[int, int]] = []
    for day in (each for each in times if times[each]):
        if parts and parts[-1][1] == day - 1 and times[parts[-1][0]] == times[day]:
            parts[-1] = (parts[-1][0], day)
        else:
            parts.append((day, day))
    spans = (f"{DAYS[a]}-{DAYS[b]}" if a != b else DAYS[a] for a, b in parts)
    return ", ".join(f"{span} {' '.join(times[a])}" for span, (a, _) in zip(spans, parts, strict=True))


def next_free(
    session: Session, connection: Connection, after: datetime, campaign_id: int | None = None, own: int = 0
) -> tuple[datetime, str]:
    """The first slot after an instant at which nothing stands on this connection and no blackout is, with its zone.

    ``own`` is the row id of the entry that looks for one: what it holds counts as free. Raises Invalid when there is none.
    """
    slots = of_connection(session, connection.id)
    if not slots:
        remedy = (
            f'`cms calendar slots {connection.channel}:{connection.name} --set "mon-fri 09:00"` gives it some'
        )
        raise Invalid(f"connection {connection.name!r} has no slots", remedy, field="when")
    taken = _taken(session, connection.id, after, own)
    known = blackouts.applying(session, campaign_id, connection.id)
    for instant, tz in upcoming(slots, after):
        if instant not in taken and blackouts.closed(known, instant) is None:
            return instant, tz
    raise Invalid(
        f"connection {connection.name!r} has no free slot within a year", "give it more slots", field="when"
    )


def free(session: Session, connection: Connection, count: int) -> list[datetime]:
    """The next free slots of a connection as local times, at most ``count``."""
    found, after = list[datetime](), now(session)
    while len(found) < count:
        try:
            after, tz = next_free(session, connection, after)
        except Invalid:
            break
        found.append(after.astimezone(zone(tz)))
    return found


def upcoming(slots: Sequence[Slot], after: datetime) -> Iterator[tuple[datetime, str]]:
    """The instants of slots after an instant, in order, with their zones, for a year."""
    for week in range(WEEKS):
        found = {(_in_week(slot, after, week), slot.tz) for slot in slots}
        yield from sorted(each for each in found if each[0] > after)


def _in_week(slot: Slot, after: datetime, week: int) -> datetime:
    day = after.astimezone(zone(slot.tz)).date()
    days = (slot.weekday - day.weekday()) % 7 + 7 * week
    wall = datetime.combine(day + timedelta(days=days), time(*divmod(slot.minute, 60)))
    return resolve_wall(wall, slot.tz).instant


def _taken(session: Session, connection_id: int, after: datetime, own: int) -> set[datetime]:
    standing = Entry.connection_id == connection_id, Entry.state != EntryState.DROPPED, Entry.id != own
    return set(session.scalars(select(Entry.instant).where(*standing, Entry.instant > after)))


def _weekdays(text: str) -> list[int]:
    if text in GROUPS:
        return list(GROUPS[text])
    first, dash, last = text.partition("-")
    start, end = _weekday(first), _weekday(last if dash else first)
    return [(start + n) % len(DAYS) for n in range((end - start) % len(DAYS) + 1)]


def _weekday(name: str) -> int:
    for index, (short, full) in enumerate(zip(DAYS, NAMES, strict=True)):
        if name in (short, full):
            return index
    raise WhenError(f"{name[:40]!r} is not a weekday", EXAMPLE)


def _minute(text: str) -> int:
    found = _TIME.fullmatch(text)
    if found is None or int(found[1]) > 23 or int(found[2]) > 59:
        raise WhenError(f"{text[:40]!r} is not a time of day", EXAMPLE)
    return int(found[1]) * 60 + int(found[2])


def _clock(slot: Slot) -> str:
    return "{:02d}:{:02d}".format(*divmod(slot.minute, 60))
