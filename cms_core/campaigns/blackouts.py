"""Blackouts and holidays: windows of time in which nothing shall go out, or only with a remark, or only after them.

They hold for what goes out (kinds publish and flight). A window whose policy is *defer* gives an entry the first free time after
it; after whole days that is the same time of day, for nothing should go out at midnight by accident.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from cms_core.campaigns.models import Blackout, Campaign, Entry, EntryKind, Policy
from cms_core.campaigns.recurrence import MAX_OCCURRENCES, expand
from cms_core.campaigns.when import describe, parse_wall, resolve_wall, zone
from cms_core.connections.models import Connection
from cms_core.db import now
from cms_core.errors import Conflict, Invalid, NotFound

GOING_OUT = (EntryKind.PUBLISH, EntryKind.FLIGHT)
CLOSED = (Policy.BLOCK, Policy.DEFER)
MOMENT = timedelta(microseconds=1)
LATEST = timedelta(days=366)  # so far behind windows an entry may be put
MOST_YEARS = 20  # of holidays in one question


@dataclass(frozen=True)
class Window:
    """One stretch of time [start, end) of a blackout; ``label`` is its name, with that of the holiday."""

    label: str
    policy: Policy
    start: datetime
    end: datetime
    tz: str

    def __str__(self) -> str:
        return f"{self.label!r} ({describe(self.start, self.tz)} to {describe(self.end, self.tz)})"


@dataclass(frozen=True)
class Fit:
    """What windows make of a time: ``instant`` is the asked one or a later one, ``after`` the first window that made it later."""

    instant: datetime
    blocked: Window | None = None
    warned: Sequence[Window] = ()
    after: Window | None = None


# --- kept --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Wanted:
    """A blackout to be added: naive wall clocks of ``tz``, perhaps with an RRULE, or a country whose holidays are meant."""

    name: str
    policy: str
    tz: str
    starts: datetime | None = None
    ends: datetime | None = None
    rrule: str = ""
    country: str = ""
    subdivision: str = ""
    campaign: Campaign | None = None
    connection: Connection | None = None


def add(session: Session, wanted: Wanted) -> Blackout:
    """Add a blackout; raises Invalid, or Conflict for a name that is taken."""
    name = _free_name(session, wanted.name)
    if wanted.policy not in list(Policy):
        raise Invalid(
            f"{wanted.policy[:40]!r} is no policy", f"use one of {', '.join(Policy)}", field="policy"
        )
    blackout = Blackout(
        name=name,
        policy=wanted.policy,
        tz=zone(wanted.tz).key,
        starts=wanted.starts,
        ends=wanted.ends,
        rrule=wanted.rrule.strip(),
        country=wanted.country.strip().upper(),
        subdivision=_known_part(wanted.country, wanted.subdivision.strip()),
        campaign_id=wanted.campaign.id if wanted.campaign else None,
        connection_id=wanted.connection.id if wanted.connection else None,
        created_at=now(session),
    )
    _check_holidays(blackout) if blackout.country else _check_window(blackout)
    session.add(blackout)
    session.flush()
    return blackout


def edge(text: str, *, last: bool) -> datetime | None:
    """The wall clock at which a window begins or, with ``last``, ends; a day alone counts whole, "" is None."""
    if not text.strip():
        return None
    wall = parse_wall(text, time())
    return wall + timedelta(days=1) if last and len(text.split()) == 1 and "T" not in text.upper() else wall


def find(session: Session, name: str) -> Blackout:
    """The blackout of this name or public id; raises NotFound."""
    named = or_(Blackout.name == name, Blackout.public_id == name)
    found = session.scalars(select(Blackout).where(named).limit(1)).first()
    if found is None:
        raise NotFound(f"there is no blackout {name!r}", "`cms calendar blackouts list` shows them")
    return found


def list_all(session: Session) -> list[Blackout]:
    """All blackouts by name."""
    return list(session.scalars(select(Blackout).order_by(Blackout.name)))


def remove(session: Session, blackout: Blackout) -> None:
    """Take a blackout away; what it moved stays where it is."""
    session.delete(blackout)
    session.flush()


def _free_name(session: Session, name: str) -> str:
    name = " ".join(name.split())
    if not name or len(name) > 200 or "\0" in name:
        raise Invalid("a blackout needs a name of at most 200 characters", "give it a name", field="name")
    if session.scalar(select(Blackout.id).where(Blackout.name == name)) is not None:
        raise Conflict(f"there is a blackout {name!r} already", "take another name", field="name")
    return name


def _check_window(blackout: Blackout) -> None:
    if blackout.starts is None or blackout.ends is None:
        raise Invalid("a window needs a beginning and an end", "give both, or a country", field="starts")
    span = (
        resolve_wall(blackout.starts, blackout.tz).instant,
        resolve_wall(blackout.ends, blackout.tz).instant,
    )
    if span[1] <= span[0]:
        raise Invalid("the window ends before it begins", "give a later end", field="ends")
    if blackout.rrule:
        _require_any(blackout)


def _require_any(blackout: Blackout) -> None:
    assert blackout.starts is not None  # noqa: S101 - a window has been asked for it
    if next(iter(expand(blackout.rrule, blackout.starts, blackout.tz, 1)), None) is None:
        raise Invalid("the rule ends before the window begins", "give a later UNTIL", field="rrule")


def _known_part(country: str, typed: str) -> str:
    """A part of a country as its calendar writes it: most are capitals, some are not (Zone A of France)."""
    import holidays

    parts = holidays.list_supported_countries().get(country.strip().upper(), [])
    return next((part for part in parts if part.casefold() == typed.casefold()), typed)


def _check_holidays(blackout: Blackout) -> None:
    import holidays

    if blackout.starts or blackout.ends or blackout.rrule:
        raise Invalid("holidays have days of their own", "leave out beginning, end and rule", field="country")
    known = holidays.list_supported_countries()
    if blackout.country not in known:
        raise Invalid(
            f"no holidays are known of {blackout.country[:20]!r}",
            "use an ISO code such as FR",
            field="country",
        )
    parts = known[blackout.country]
    if blackout.subdivision and blackout.subdivision not in parts:
        remedy = f"known: {', '.join(parts[:30]) or 'none'}"
        raise Invalid(
            f"{blackout.country} has no part {blackout.subdivision[:20]!r}", remedy, field="subdivision"
        )


# --- windows -----------------------------------------------------------------------------------------------------------


def windows(blackout: Blackout, start: datetime, end: datetime) -> Iterator[Window]:
    """The windows of a blackout that touch [start, end), by time."""
    spans = _holidays(blackout, start, end) if blackout.country else _spans(blackout, end)
    for label, begins, ends in spans:
        if begins < end and ends > start:
            yield Window(label, Policy(blackout.policy), begins, ends, blackout.tz)


def _spans(blackout: Blackout, end: datetime) -> Iterator[tuple[str, datetime, datetime]]:
    if blackout.starts is None or blackout.ends is None:
        return
    length = blackout.ends - blackout.starts
    if not blackout.rrule:
        walls: Iterable[datetime] = [blackout.starts]
    else:
        walls = (
            each.wall for each in expand(blackout.rrule, blackout.starts, blackout.tz, MAX_OCCURRENCES, end)
        )
    for wall in walls:
        begins, ends = (resolve_wall(each, blackout.tz).instant for each in (wall, wall + length))
        yield blackout.name, begins, ends


def _holidays(blackout: Blackout, start: datetime, end: datetime) -> Iterator[tuple[str, datetime, datetime]]:
    for day, name in holidays_between(blackout, _local_day(start, blackout.tz), _local_day(end, blackout.tz)):
        edges = (datetime.combine(each, time()) for each in (day, day + timedelta(days=1)))
        begins, ends = (resolve_wall(edge, blackout.tz).instant for edge in edges)
        yield f"{blackout.name}: {name}", begins, ends


def holidays_between(blackout: Blackout, first: date, last: date) -> list[tuple[date, str]]:
    """The holidays of a country on these days, by day."""
    import holidays

    years = range(first.year, min(last.year, first.year + MOST_YEARS) + 1)
    found = holidays.country_holidays(blackout.country, subdiv=blackout.subdivision or None, years=years)
    return sorted((day, name) for day, name in found.items() if first <= day <= last)


def _local_day(instant: datetime, tz: str) -> date:
    return instant.astimezone(zone(tz)).date()


# --- held against a time ----------------------------------------------------------------------------------------------------


def applying(session: Session, campaign_id: int | None, connection_id: int | None) -> list[Blackout]:
    """The blackouts that hold for a campaign and a connection, or None of either."""
    where = [
        or_(Blackout.campaign_id.is_(None), Blackout.campaign_id == campaign_id),
        or_(Blackout.connection_id.is_(None), Blackout.connection_id == connection_id),
    ]
    return list(session.scalars(select(Blackout).where(*where).order_by(Blackout.id)))


def fit(known: Sequence[Blackout], instant: datetime, tz: str = "UTC") -> Fit:
    """What these blackouts make of a time; ``tz`` is the zone whose time of day is kept after whole days."""
    hits = _at(known, instant)
    if blocked := next((each for each in hits if each.policy is Policy.BLOCK), None):
        return Fit(instant, blocked)
    after = next((each for each in hits if each.policy is Policy.DEFER), None)
    if after is not None:
        instant = _free(known, instant, tz, after)
        hits = _at(known, instant)
    return Fit(instant, warned=[each for each in hits if each.policy is Policy.WARN], after=after)


def _free(known: Sequence[Blackout], instant: datetime, tz: str, after: Window) -> datetime:
    """The first time from an instant on at which nothing is closed; ``after`` is what begins to close it."""
    last = instant + LATEST
    near = [each for one in known if one.policy in CLOSED for each in windows(one, instant, last)]
    for window in sorted(near, key=lambda each: each.start):
        if window.start <= instant < window.end:
            instant = _behind(window, instant, tz)
    if instant >= last:
        raise Invalid(
            f"there is no free time within a year after {after}", "shorten the blackouts", field="when"
        )
    return instant


def closed(known: Sequence[Blackout], instant: datetime) -> Window | None:
    """The window that keeps things from going out at this instant; one that blocks before one that defers."""
    hits = [each for each in _at(known, instant) if each.policy in CLOSED]
    return min(hits, key=lambda each: each.policy is not Policy.BLOCK, default=None)


def of_entry(session: Session, entry: Entry, instant: datetime | None = None, tz: str = "") -> Fit:
    """What the blackouts make of a time of an entry, or of its present one; nothing of what does not go out."""
    at = instant or entry.instant
    if entry.kind not in GOING_OUT:
        return Fit(at)
    return fit(applying(session, entry.campaign_id, entry.connection_id), at, tz or entry.tz)


def _at(known: Sequence[Blackout], instant: datetime) -> list[Window]:
    return [window for each in known for window in windows(each, instant, instant + MOMENT)]


def _behind(window: Window, instant: datetime, tz: str) -> datetime:
    """The end of a window; where it ends with a day, the time of day that was asked for, on the first day after."""
    end = window.end.astimezone(zone(window.tz))
    if end.time() != time():
        return window.end
    wall = datetime.combine(end.date(), instant.astimezone(zone(tz)).time())
    later = resolve_wall(wall, tz).instant
    return (
        later if later >= window.end else resolve_wall(wall + timedelta(days=1), tz).instant.astimezone(UTC)
    )
