"""Gives entries their times: what blackouts allow, a slot that nobody else has, and what follows them.

A slot is taken by a unique key (connection, instant): who loses the race for it takes the next one.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cms_core.campaigns import blackouts, slots
from cms_core.campaigns.models import Entry, EntryKind, EntryState
from cms_core.campaigns.when import (
    Mode,
    When,
    describe,
    parse_offset,
    resolve,
    resolve_wall,
    rules_version,
    zone,
)
from cms_core.connections.models import Connection
from cms_core.db import now
from cms_core.errors import Invalid, TryLater

RACES = 100
MOVABLE = (EntryState.PLANNED, EntryState.ARMED)


def place(session: Session, entry: Entry, when: When, after: Entry | None = None) -> None:
    """Give an entry this time, new or not; ``after`` is the entry that a time of mode "after" counts from.

    Raises Invalid for a time that a blackout refuses, and names its window; the entry is as it was then.
    """
    if when.mode is Mode.SLOT:
        _take_slot(session, entry, when)
        return
    if when.mode is Mode.RECIPIENT_LOCAL and entry.kind != EntryKind.PUBLISH:
        raise Invalid(
            f"{entry.title!r} goes to nobody who had a time of their own",
            "write the time without local",
            field="when",
        )
    instant = resolve(when, after.instant if after else None).instant
    _write(entry, when, fitted_to(session, entry, instant, when.tz or "UTC"), after)
    session.add(entry)
    session.flush()


def place_anyway(session: Session, entry: Entry, when: When) -> None:
    """Give an entry this time though a blackout refuses it: it stands there planned, and cannot be armed."""
    instant = resolve(when).instant
    _write(entry, when, blackouts.of_entry(session, entry, instant, when.tz or "UTC"))
    session.add(entry)
    session.flush()


def put(session: Session, entry: Entry, when: When, after: Entry | None = None) -> list[Entry]:
    """Give an entry another time, its end along with it, and pull what follows it; returns all that moved."""
    before = entry.instant
    place(session, entry, when, after)
    _move_end(entry, before)
    session.flush()
    return [entry, *pull_followers(session, entry)]


def put_at(session: Session, entry: Entry, wall: datetime) -> list[Entry]:
    """Move an entry to a wall clock of its own zone."""
    return put(session, entry, at_wall(entry, wall))


def at_wall(entry: Entry, wall: datetime) -> When:
    """An entry's kind of time at another wall clock: each recipient's own stays so, others are of the entry's zone."""
    mode = Mode.RECIPIENT_LOCAL if entry.mode == Mode.RECIPIENT_LOCAL else Mode.ZONED
    return When(mode, wall=wall, tz=entry.tz)


def shown(entry: Entry) -> datetime:
    """An entry's time as documents show it: an instant in its zone, or a wall clock (naive) where it is each recipient's own."""
    return wall_of(entry) if entry.mode == Mode.RECIPIENT_LOCAL else entry.instant.astimezone(zone(entry.tz))


def wall_of(entry: Entry) -> datetime:
    """The wall clock of an entry's time in its own zone (naive); what a gap of the clocks changed is as it was meant."""
    kept = entry.mode == Mode.RECIPIENT_LOCAL or (entry.mode == Mode.ZONED and not entry.deferred)
    if kept and entry.wall is not None:
        return entry.wall
    return entry.instant.astimezone(zone(entry.tz)).replace(tzinfo=None)


def meant(entry: Entry, anchor: Entry | None) -> When:
    """The time of an entry as it was meant; a slot as the wall clock at which it stands."""
    if entry.mode == Mode.AFTER and anchor is not None:
        offset = parse_offset(entry.offset or "+0d")
        return When(Mode.AFTER, tz=entry.tz, offset=offset, after=anchor.public_id, condition=entry.condition)
    if entry.mode == Mode.ABSOLUTE:
        return When(Mode.ABSOLUTE, instant=entry.instant, tz=entry.tz)
    return at_wall(entry, wall_of(entry))


def pull_followers(session: Session, entry: Entry) -> list[Entry]:
    """Give what follows an entry its time anew, and what follows that; returns all that moved."""
    moved: list[Entry] = []
    following = Entry.after_id == entry.id, Entry.state.in_(MOVABLE)
    for follower in session.scalars(select(Entry).where(*following).order_by(Entry.id)).all():
        moved += put(session, follower, meant(follower, entry), entry)
    return moved


def release(session: Session, entry: Entry, instant: datetime) -> list[Entry]:
    """Give an entry the instant that events have brought, as far as blackouts allow, and keep what it was meant to be.

    Returns all that moved, this one first.
    """
    before, fitted = entry.instant, fitted_to(session, entry, instant, entry.tz)
    if fitted.instant != before:
        _fit(entry, fitted)
        entry.slot_at = None
    _move_end(entry, before)
    session.flush()
    return [entry, *pull_followers(session, entry)]


def _write(entry: Entry, when: When, fitted: blackouts.Fit, after: Entry | None = None) -> None:
    entry.tz = when.tz or "UTC"
    entry.mode, entry.wall, entry.slot_at = when.mode, when.wall, None
    entry.after_id = after.id if after else None
    entry.offset = str(when.offset) if when.offset else ""
    entry.condition, entry.tzdata = when.condition, rules_version()
    _fit(entry, fitted)


def _fit(entry: Entry, fitted: blackouts.Fit) -> None:
    """Take the time that blackouts leave; where it is each recipient's own, the wall clock is what goes later."""
    entry.instant, entry.deferred = fitted.instant, _why_later(fitted)
    if entry.mode == Mode.RECIPIENT_LOCAL and fitted.after:
        entry.wall = fitted.instant.astimezone(zone(entry.tz)).replace(tzinfo=None)


def fitted_to(session: Session, entry: Entry, instant: datetime, tz: str) -> blackouts.Fit:
    """What blackouts make of this time; raises Invalid that names the window which refuses it."""
    fitted = blackouts.of_entry(session, entry, instant, tz)
    if fitted.blocked is not None:
        raise Invalid(
            f"{entry.title!r} at {describe(instant, tz)} falls into {fitted.blocked}",
            "choose another time, or change the blackout",
            field="when",
        )
    return fitted


def _why_later(fitted: blackouts.Fit) -> str:
    return f"moved behind {fitted.after}"[:300] if fitted.after else ""


def _take_slot(session: Session, entry: Entry, when: When) -> None:
    if entry.connection_id is None:
        raise Invalid(
            "a slot needs a connection", "name the connection whose next free slot is meant", field="when"
        )
    connection = session.get_one(Connection, entry.connection_id)
    for _ in range(RACES):
        instant, tz = slots.next_free(session, connection, now(session), entry.campaign_id, entry.id or 0)
        try:
            with session.begin_nested():
                wall = instant.astimezone(zone(tz)).replace(tzinfo=None)
                _write(entry, replace(when, wall=wall, tz=tz), blackouts.Fit(instant))
                entry.slot_at = instant
                session.add(entry)
                session.flush()
            return
        except IntegrityError:  # somebody else was faster
            continue
    raise TryLater(f"others took the slots of {connection.name!r} again and again", "try again in a moment")


def _move_end(entry: Entry, before: datetime) -> None:
    """Keep how long an entry lasts: by its zone's wall clock, so that whole days stay whole days over a clock change."""
    if entry.ends_at is None:
        return
    tz = zone(entry.tz)
    start, end = (each.astimezone(tz).replace(tzinfo=None) for each in (before, entry.ends_at))
    wall = entry.instant.astimezone(tz).replace(tzinfo=None) + (end - start)
    entry.ends_at = max(resolve_wall(wall, entry.tz).instant, entry.instant + timedelta(seconds=1))
