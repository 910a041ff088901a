"""Series: entries that come again, made from an RRULE up to a horizon and then entries like any other.

An occurrence is known by the wall clock that the rule gives it. So one that was moved or dropped stays so when more are made, and
making them twice makes none twice (a unique key, and a lock on the series). Past ones stay whatever is changed.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from cms_core.campaigns import placing, recurrence, service
from cms_core.campaigns.models import Entry, EntryKind, EntryState, Series
from cms_core.campaigns.recurrence import MAX_OCCURRENCES
from cms_core.campaigns.rrule import parse_rrule
from cms_core.campaigns.service import Plan
from cms_core.campaigns.when import Mode, When, WhenError, parse_when, resolve, resolve_wall, zone
from cms_core.content.revisions import head_of
from cms_core.db import lock, now
from cms_core.errors import Conflict, Invalid, NotFound

HORIZON = timedelta(days=90)
MARGIN = timedelta(days=1)  # a series is looked at again when its horizon is this much behind
MOST = 1_000  # occurrences that one series may put on the calendar at a time


class Scope(StrEnum):
    """Which occurrences a change is meant for."""

    ONE = "one"
    FOLLOWING = "following"
    ALL = "all"


def create(session: Session, wanted: Plan, rrule: str) -> Series:
    """Make a series that begins at ``wanted.when`` (a wall clock), and put what comes up to the horizon on the calendar."""
    when = wanted.when
    if when.mode is not Mode.ZONED or when.wall is None or when.tz is None:
        raise WhenError("a series begins at a wall clock", "write 2026-05-04 09:00, without an offset")
    if wanted.ends_at is not None or wanted.budget[0] is not None:
        raise Invalid(
            "what comes again has neither an end nor a budget of its own",
            "leave them empty, or plan it once",
            field="end" if wanted.ends_at is not None else "budget",
        )
    title = wanted.title or (head_of(session, wanted.asset).title if wanted.asset else "")
    if not title:
        raise Invalid("a series without an asset needs a title", "give it a title", field="title")
    series = Series(
        title=title[:500],
        kind=wanted.kind,
        rrule=rrule.strip()[:500],
        start=when.wall,
        tz=when.tz,
        shift=0,
        armed=False,
        campaign_id=wanted.campaign.id if wanted.campaign else None,
        asset_id=wanted.asset.id if wanted.asset else None,
        channel=wanted.channel,
        connection_id=wanted.connection.id if wanted.connection else None,
        segment_id=wanted.segment.id if wanted.segment else None,
        created_at=now(session),
    )
    if len(rrule.strip()) > 500:
        raise WhenError("the rule is longer than 500 characters", "make it shorter")
    if next(iter(recurrence.expand(series.rrule, series.start, series.tz, 1)), None) is None:
        raise WhenError("the rule ends before its first entry", "give a later UNTIL")
    session.add(series)
    session.flush()
    extend(session, series, now(session))
    return series


def find(session: Session, public_id: str) -> Series:
    """The series of this id, or the one that the entry of this id belongs to; raises NotFound."""
    mine = select(Entry.series_id).where(Entry.public_id == public_id)
    found = session.scalar(select(Series).where(or_(Series.public_id == public_id, Series.id.in_(mine))))
    if found is None:
        raise NotFound(f"there is no series {public_id[:60]!r}", "`cms calendar series list` shows them")
    return found


def list_all(session: Session) -> list[Series]:
    """All series, the newest first."""
    return list(session.scalars(select(Series).order_by(Series.id.desc())))


def entries_of(session: Session, series: Series) -> list[Entry]:
    """The occurrences of a series that stand on the calendar, by time."""
    standing = Entry.series_id == series.id, Entry.state != EntryState.DROPPED
    return list(session.scalars(select(Entry).where(*standing).order_by(Entry.instant, Entry.id)))


def is_moved(entry: Entry, series: Series) -> bool:
    """Whether this occurrence stands elsewhere than the series would put it."""
    if entry.original_wall is None:
        return False
    meant = entry.original_wall + timedelta(seconds=series.shift)
    return entry.mode != Mode.ZONED or entry.tz != series.tz or entry.wall != meant


# --- made up to the horizon ---------------------------------------------------------------------------------------------


def behind(session: Session, present: datetime) -> list[int]:
    """The row ids of the series that want more occurrences."""
    late = Series.made_until < present + HORIZON - MARGIN
    return list(
        session.scalars(select(Series.id).where(or_(Series.made_until.is_(None), late)).order_by(Series.id))
    )


def extend(session: Session, series: Series, present: datetime) -> list[Entry]:
    """Put the occurrences up to the horizon on the calendar, the first one in any case; returns the new ones.

    Raises Invalid for a rule that gives more than a calendar can show.
    """
    lock(session, series)
    end = max(present + HORIZON, series.made_until or present)
    there = set(session.scalars(select(Entry.original_wall).where(Entry.series_id == series.id)))
    wanted = [each for each in _walls(series, end) if each not in there]
    if len(wanted) > MOST:
        raise WhenError(f"the rule gives more than {MOST} entries", "let it come less often, or begin later")
    made = [_make(session, series, wall) for wall in wanted]
    series.made_until = end
    session.flush()
    return made


def _walls(series: Series, end: datetime) -> list[datetime]:
    """The rule's wall clocks whose moved time lies before ``end``, and the first one."""
    shift = timedelta(seconds=series.shift)
    walls: list[datetime] = []
    for each in recurrence.expand(series.rrule, series.start, series.tz, MAX_OCCURRENCES):
        if series.until is not None and each.wall >= series.until:
            break
        if series.first is not None and each.wall < series.first:
            continue
        if walls and resolve_wall(each.wall + shift, series.tz).instant > end:
            break
        walls.append(each.wall)
    return walls


def _make(session: Session, series: Series, wall: datetime) -> Entry:
    entry = Entry(
        state=EntryState.PLANNED,
        series_id=series.id,
        original_wall=wall,
        kind=series.kind,
        title=series.title,
        campaign_id=series.campaign_id,
        asset_id=series.asset_id,
        channel=series.channel,
        connection_id=series.connection_id,
        segment_id=series.segment_id,
        created_at=now(session),
    )
    # A blackout does not break a series: what it blocks is refused when it is armed.
    placing.place_anyway(
        session, entry, When(Mode.ZONED, wall=wall + timedelta(seconds=series.shift), tz=series.tz)
    )
    return entry


# --- changed -----------------------------------------------------------------------------------------------------------


def move(session: Session, entry: Entry, text: str, scope: Scope) -> list[Entry]:
    """Move an occurrence, and with it those after it, or all that are still to come, by as much on the wall clock.

    What was moved by itself before stays where it is, as does what is past. Returns all that moved, this one first.
    """
    if entry.series_id is None or scope is Scope.ONE:
        return service.move(session, entry, text)
    when = parse_when(text, entry.tz)
    if when.mode not in (Mode.ZONED, Mode.ABSOLUTE):
        raise WhenError("a series moves to a wall clock", "write 2026-05-04 09:00")
    series = session.get_one(Series, entry.series_id, with_for_update=True)
    by = _wall(when, series.tz) - placing.wall_of(entry)
    if scope is Scope.FOLLOWING:
        series = _split(session, series, entry)
    others = [each for each in _to_come(session, series) if each is not entry and not is_moved(each, series)]
    series.shift += int(by.total_seconds())
    moved = placing.put_at(session, entry, placing.wall_of(entry) + by)
    for each in others:
        moved += placing.put_at(session, each, placing.wall_of(each) + by)
    return moved


def shift(session: Session, series: Series, by: timedelta) -> None:
    """Move where a series puts what it makes from now on; its entries are moved by whoever calls."""
    series.shift += int(by.total_seconds())
    session.flush()


def change_rule(session: Session, series: Series, rrule: str, entry: Entry | None = None) -> Series:
    """Give a series another rule from now on, or from an occurrence on; past, armed and moved ones stay.

    Returns the series that has the new rule: with ``entry`` it is a new one that begins there.
    """
    if entry is not None and entry.original_wall != _first_wall(series):
        series = _split(session, series, entry)
        series.start = series.first = entry.original_wall or series.start
    parse_rrule(rrule)
    series.rrule = rrule.strip()
    wanted = set(_walls(series, series.made_until or now(session) + HORIZON))
    for each in _to_come(session, series):
        if (
            each.original_wall not in wanted
            and each.state == EntryState.PLANNED
            and not is_moved(each, series)
        ):
            _unmake(session, each)
    extend(session, series, now(session))
    return series


def end(session: Session, series: Series, entry: Entry | None = None) -> list[Entry]:
    """End a series before an occurrence, or now: what is planned from there on leaves the calendar, armed ones stay. Returns it."""
    gone = [each for each in _to_come(session, series) if each.state == EntryState.PLANNED]
    if entry is not None:
        gone = [each for each in gone if _at_or_after(each, entry)]
    first = (
        entry.original_wall
        if entry is not None
        else min((each.original_wall for each in gone if each.original_wall), default=None)
    )
    series.until = first or _present_wall(session, series)
    for each in gone:
        service.drop(session, each)
    return gone


def _split(session: Session, series: Series, entry: Entry) -> Series:
    """A series of its own for an occurrence and all after it; the first part ends before it."""
    if entry.original_wall is None:
        raise Conflict(f"entry {entry.title!r} belongs to no series", "move it by itself")
    if entry.original_wall == _first_wall(series):
        return series
    rest = twin(session, series)
    rest.first = entry.original_wall
    session.flush()
    belongs = Entry.series_id == series.id, Entry.original_wall >= entry.original_wall
    for each in session.scalars(select(Entry).where(*belongs)).all():
        each.series_id = rest.id
    series.until = entry.original_wall
    session.flush()
    return rest


def twin(session: Session, series: Series) -> Series:
    """Another series like this one, without its entries."""
    names = [
        each.key for each in Series.__table__.columns if each.key not in ("id", "public_id", "row_version")
    ]
    made = Series(**{name: getattr(series, name) for name in names})
    made.created_at = now(session)
    session.add(made)
    session.flush()
    return made


def _first_wall(series: Series) -> datetime:
    return max(series.first or series.start, series.start)


def _to_come(session: Session, series: Series) -> Sequence[Entry]:
    """Planned and armed occurrences that lie ahead, by the rule's wall clock."""
    ahead = Entry.series_id == series.id, Entry.state.in_(placing.MOVABLE), Entry.instant >= now(session)
    return session.scalars(select(Entry).where(*ahead).order_by(Entry.original_wall)).all()


def _unmake(session: Session, entry: Entry) -> None:
    """Remove an occurrence that the rule gives no more; one that others follow stays by itself."""
    if session.scalar(select(Entry.id).where(Entry.after_id == entry.id).limit(1)) is not None:
        entry.series_id = entry.original_wall = None
    else:
        service.drop(session, entry)
        entry.series_id = entry.original_wall = None
    session.flush()


def _at_or_after(one: Entry, other: Entry) -> bool:
    return (
        one.original_wall is not None
        and other.original_wall is not None
        and one.original_wall >= other.original_wall
    )


def _present_wall(session: Session, series: Series) -> datetime:
    return now(session).astimezone(zone(series.tz)).replace(tzinfo=None)


def _wall(when: When, tz: str) -> datetime:
    if when.mode is Mode.ZONED and when.wall is not None and when.tz == tz:
        return when.wall
    return resolve(when).instant.astimezone(zone(tz)).replace(tzinfo=None)


def describe_rule(series: Series) -> Iterator[str]:
    """How a series comes, for people: its rule, zone, and what moved or ended it."""
    yield f"{series.rrule} from {series.start:%Y-%m-%d %H:%M} ({series.tz})"
    if series.shift:
        yield f"moved by {timedelta(seconds=series.shift)}"
    if series.until:
        yield f"until {series.until:%Y-%m-%d %H:%M}"
    if series.kind == EntryKind.PUBLISH:
        yield "new ones are armed" if series.armed else "new ones are planned"
