"""Recurrence: an RRULE over the wall clock of a zone, resolved by the rules of ``when``.

Yearly, monthly and weekly rules are dateutil's. Shorter ones are made of the days that dateutil finds and arithmetic within a day,
and weeks are numbered here: so a rule that never comes true ends after a bounded search, and week 53 is where the calendar has it.
"""

from calendar import isleap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from dateutil.rrule import rrulestr

from cms_core.campaigns.rrule import WEEKDAYS, Rule, parse_rrule
from cms_core.campaigns.when import Resolved, WhenError, resolve_wall, zone

MAX_OCCURRENCES = 100_000
FRUITLESS = 1_000_000  # days and steps that a rule may pass over in vain before it counts as ended

_STEPS = {"DAILY": timedelta(days=1), "HOURLY": timedelta(hours=1), "MINUTELY": timedelta(minutes=1)}


@dataclass(frozen=True)
class Occurrence:
    """One date of a series: the wall clock that the rule gives (its identity), the instant in UTC, and when's note on it."""

    wall: datetime
    instant: datetime
    note: str = ""


def document(occurrence: Occurrence, tz: str) -> dict[str, str]:
    """``local`` is the wall clock that the rule gives, ``when`` and ``utc`` the instant it resolves to."""
    return {
        "local": occurrence.wall.isoformat(" ", "seconds" if occurrence.wall.second else "minutes"),
        "when": occurrence.instant.astimezone(zone(tz)).isoformat(),
        "utc": occurrence.instant.isoformat().replace("+00:00", "Z"),
        "note": occurrence.note,
    }


def expand(
    rrule: str, start: datetime, tz: str, count: int, until: datetime | None = None
) -> Iterator[Occurrence]:
    """The occurrences of a series in order, at most ``count`` and none after the instant ``until``.

    ``start`` (wall clock) is the first, whether or not it fits the rule (RFC 5545: DTSTART counts). Two walls that resolve to one
    instant count once, as the first of them. A time that happens twice occurs once: an hourly rule rests in the second pass.
    """
    if not 0 < count <= MAX_OCCURRENCES:
        raise WhenError(f"{count} occurrences cannot be listed", f"ask for 1 to {MAX_OCCURRENCES}")
    rule = parse_rrule(rrule)
    first = resolve_wall(start.replace(microsecond=0), tz)
    return islice(
        _occurrences(rule, start.replace(microsecond=0), first, tz, until), min(count, rule.count or count)
    )


def _occurrences(
    rule: Rule, start: datetime, first: Resolved, tz: str, until: datetime | None
) -> Iterator[Occurrence]:
    ends = [limit for limit in (rule.until, until) if limit]
    last: datetime | None = None
    for wall in _walls(rule, start):
        try:
            resolved = resolve_wall(wall, tz) if last else first
        except WhenError:  # the end of year 9999 in UTC; the start was resolved before
            return
        if any((resolved.instant if limit.tzinfo else wall) > limit for limit in ends):
            return
        if last is None or resolved.instant > last:
            yield Occurrence(wall, resolved.instant, resolved.note)
        last = resolved.instant


def _walls(rule: Rule, start: datetime) -> Iterator[datetime]:
    yield start
    walls = _within_days(rule, start) if rule.freq in _STEPS else _of_days(rule, start)
    try:
        yield from (wall for wall in walls if wall > start)
    # dateutil and datetime say so when they leave year 9999: the series ends there.
    except (ValueError, OverflowError):
        return


def _of_days(rule: Rule, start: datetime) -> Iterator[datetime]:
    parts = dict(rule.parts)
    weeks = set(rule.values("BYWEEKNO", ()))
    # dateutil puts days of January into a week 53 that the year before did not have.
    parts.pop("BYWEEKNO", None)
    if weeks and not parts.keys() & {"BYDAY", "BYMONTHDAY", "BYYEARDAY"}:
        parts["BYDAY"] = WEEKDAYS.split(",")[start.weekday()]  # what a rule leaves open comes from the start
    first = WEEKDAYS.split(",").index(parts.get("WKST", "MO"))
    walls: Iterator[datetime] = iter(rrulestr(_text(parts), dtstart=start))
    return (wall for wall in walls if not weeks or weeks & _week_numbers(wall, first))


def _week_numbers(day: datetime, first: int) -> set[int]:
    """The number of a day's week from the start and, negative, from the end of the year that holds the middle of the week."""
    middle = day + timedelta(days=3 - (day.weekday() - first) % 7)
    passed = middle.timetuple().tm_yday - 1
    return {passed // 7 + 1, -((364 + isleap(middle.year) - passed) // 7 + 1)}


def _within_days(rule: Rule, start: datetime) -> Iterator[datetime]:
    step = int(rule.parts.get("INTERVAL", "1")) * _STEPS[rule.freq]
    daily, minutely = rule.freq == "DAILY", rule.freq == "MINUTELY"
    base = start.replace(hour=0 if daily else start.hour, minute=start.minute if minutely else 0, second=0)
    hours = rule.values("BYHOUR", [start.hour] if daily else range(24))
    minutes = rule.values("BYMINUTE", range(60) if minutely else [start.minute])
    seconds, positions = rule.values("BYSECOND", [start.second]), rule.values("BYSETPOS", ())
    fruitless = 0
    for day in _days(rule, start):
        at = base + max(0, -((base - day) // step)) * step
        fruitless += 1
        while at.date() == day.date():
            choices = [
                at.replace(hour=hour, minute=minute, second=second)
                for hour in (hours if daily else _only(at.hour, hours))
                for minute in (_only(at.minute, minutes) if minutely else minutes)
                for second in seconds
            ]
            chosen = _pick(choices, positions)
            yield from chosen
            fruitless = 0 if chosen else fruitless + 1
            at += step
        if fruitless > FRUITLESS:
            return


def _only(value: int, allowed: Sequence[int]) -> Sequence[int]:
    return [value] if value in allowed else ()


def _pick(choices: list[datetime], positions: Sequence[int]) -> list[datetime]:
    if not positions:
        return choices
    return sorted({choices[at - (at > 0)] for at in positions if abs(at) <= len(choices)})


def _days(rule: Rule, start: datetime) -> Iterator[datetime]:
    """The days that the rule's date parts allow; a yearly rule finds them ten times faster than a daily one."""
    kept = {name: rule.parts[name] for name in ("BYMONTH", "BYMONTHDAY", "BYYEARDAY") if name in rule.parts}
    every = {"FREQ": "YEARLY", "BYDAY": rule.parts.get("BYDAY", WEEKDAYS)} | kept
    return iter(rrulestr(_text(every), dtstart=start.replace(hour=0, minute=0, second=0)))


def _text(parts: dict[str, str]) -> str:
    return ";".join(f"{name}={value}" for name, value in parts.items())
