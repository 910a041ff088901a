"""Recurrence: an RRULE (RFC 5545 §3.3.10) over the wall clock of a zone, resolved by the rules of ``when``.

Rules of days and longer are dateutil's. Rules of hours and minutes are made of dateutil's days and arithmetic within a day, so
that a rule that never comes true ends after a bounded search.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice

from dateutil.rrule import rrulestr

from cms_core.campaigns.when import Resolved, WhenError, resolve_wall, wall_clock

MAX_OCCURRENCES = 100_000
FRUITLESS = (
    1_000_000  # days and steps that an hourly or minutely rule may pass over before it counts as ended
)

_WEEKDAYS = "MO,TU,WE,TH,FR,SA,SU"
_DAY = re.compile(rf"([+-]?\d{{1,2}})?({_WEEKDAYS.replace(',', '|')})", re.ASCII)
_UNTIL = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)(Z?))?", re.ASCII)
_FREQUENCIES = "YEARLY MONTHLY WEEKLY DAILY HOURLY MINUTELY".split()
_RANGES = {
    "INTERVAL": (1, 1_000_000),
    "COUNT": (1, 999_999_999),
    "BYMONTH": (1, 12),
    "BYMONTHDAY": (1, 31),
    "BYYEARDAY": (1, 366),
    "BYWEEKNO": (1, 53),
    "BYHOUR": (0, 23),
    "BYMINUTE": (0, 59),
    "BYSECOND": (0, 59),
    "BYSETPOS": (1, 366),
}
_SIGNED = {"BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYSETPOS"}
_LISTS = {name for name in _RANGES if name.startswith("BY")}
# RFC 5545's table of parts that a frequency cannot have; BYSETPOS within an hour is the one thing we leave out ourselves
_MISPLACED = {
    "BYMONTHDAY": {"WEEKLY"},
    "BYYEARDAY": {"MONTHLY", "WEEKLY", "DAILY"},
    "BYWEEKNO": set(_FREQUENCIES) - {"YEARLY"},
    "BYSETPOS": {"HOURLY", "MINUTELY"},
}


@dataclass(frozen=True)
class Occurrence:
    """One date of a series: the wall clock that the rule gives (its identity), the instant in UTC, and when's note on it."""

    wall: datetime
    instant: datetime
    note: str = ""


@dataclass(frozen=True)
class Rule:
    """A checked RRULE; ``parts`` leaves out COUNT and UNTIL. A naive ``until`` is wall clock, an aware one an instant."""

    parts: dict[str, str]
    count: int | None = None
    until: datetime | None = None

    @property
    def freq(self) -> str:
        return self.parts["FREQ"]

    def values(self, name: str, default: Sequence[int]) -> Sequence[int]:
        """The sorted numbers of a list part, or the default where the rule leaves it out."""
        return (
            sorted({int(value) for value in self.parts[name].split(",")}) if name in self.parts else default
        )


def parse_rrule(text: str) -> Rule:
    """Read "FREQ=WEEKLY;BYDAY=MO"; WhenError says which part cannot be used and why."""
    parts: dict[str, str] = {}
    for part in text.strip().upper().removeprefix("RRULE:").removesuffix(";").split(";"):
        name, _, value = part.partition("=")
        if name in parts:
            raise WhenError(f"{name} stands twice in the rule", "give each part once")
        parts[name] = value
    if parts.get("FREQ") not in _FREQUENCIES:
        raise WhenError(
            f"a rule needs FREQ, one of {', '.join(_FREQUENCIES)}: {text[:80]!r}",
            "write FREQ=WEEKLY;BYDAY=MO",
        )
    if "COUNT" in parts and "UNTIL" in parts:
        raise WhenError("COUNT and UNTIL cannot stand in one rule", "give one of the two")
    for name, value in parts.items():
        _check(name, value, parts)
    if "BYSETPOS" in parts and not any(name.startswith("BY") and name != "BYSETPOS" for name in parts):
        raise WhenError(
            "BYSETPOS picks from what another part gives", "add one, such as BYDAY=MO,TU,WE,TH,FR"
        )
    count, until = parts.pop("COUNT", None), parts.pop("UNTIL", None)
    return Rule(parts, int(count) if count else None, _until(until) if until else None)


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
    walls = _within_days(rule, start) if rule.freq in ("HOURLY", "MINUTELY") else _of_days(rule, start)
    try:
        yield from (wall for wall in walls if wall > start)
    except (
        ValueError,
        OverflowError,
    ):  # dateutil and datetime say so when they leave year 9999: the series ends there
        return


def _of_days(rule: Rule, start: datetime) -> Iterator[datetime]:
    parts = dict(rule.parts)
    if "BYWEEKNO" in parts and not parts.keys() & {"BYDAY", "BYMONTHDAY", "BYYEARDAY"}:
        # dateutil would take every day of the week; what a rule leaves open comes from the start (RFC 5545)
        parts["BYDAY"] = _WEEKDAYS.split(",")[start.weekday()]
    return iter(rrulestr(_text(parts), dtstart=start))


def _within_days(rule: Rule, start: datetime) -> Iterator[datetime]:
    hourly = rule.freq == "HOURLY"
    base = start.replace(second=0, minute=0 if hourly else start.minute)
    step = int(rule.parts.get("INTERVAL", "1")) * timedelta(minutes=60 if hourly else 1)
    hours, seconds = rule.values("BYHOUR", range(24)), rule.values("BYSECOND", [start.second])
    minutes = rule.values("BYMINUTE", [start.minute] if hourly else range(60))
    fruitless = 0
    for day in _days(rule, start):
        at = base + max(0, -((base - day) // step)) * step
        fruitless += 1
        while at.date() == day.date():
            fruitless += 1
            if at.hour in hours and (hourly or at.minute in minutes):
                for minute in minutes if hourly else [at.minute]:
                    yield from (at.replace(minute=minute, second=second) for second in seconds)
                fruitless = 0
            at += step
        if fruitless > FRUITLESS:
            return


def _days(rule: Rule, start: datetime) -> Iterator[datetime]:
    """The days that the rule's date parts allow; a yearly rule finds them ten times faster than a daily one."""
    kept = {name: rule.parts[name] for name in ("BYMONTH", "BYMONTHDAY", "BYYEARDAY") if name in rule.parts}
    every = {"FREQ": "YEARLY", "BYDAY": rule.parts.get("BYDAY", _WEEKDAYS)} | kept
    return iter(rrulestr(_text(every), dtstart=start.replace(hour=0, minute=0, second=0)))


def _text(parts: dict[str, str]) -> str:
    return ";".join(f"{name}={value}" for name, value in parts.items())


def _check(name: str, value: str, parts: dict[str, str]) -> None:
    freq = parts["FREQ"]
    if freq in _MISPLACED.get(name, ()):
        raise WhenError(f"{name} does not go with FREQ={freq}", "leave it out or take another frequency")
    if name in _RANGES:
        _check_numbers(name, value)
    elif name == "BYDAY":
        _check_days(value, parts)
    elif name == "WKST" and value not in _WEEKDAYS.split(","):
        raise WhenError(f"WKST={value[:20]} is not a weekday", f"one of {_WEEKDAYS}")
    elif name not in {"FREQ", "UNTIL", "WKST"}:
        raise WhenError(
            f"{name[:40]!r} is not a part of a rule",
            "parts are NAME=VALUE with the names of RFC 5545, joined by ;",
        )


def _check_numbers(name: str, value: str) -> None:
    low, high = _RANGES[name]
    for number in value.split(",") if name in _LISTS else [value]:
        shape = r"[+-]?\d{1,3}" if name in _SIGNED else r"\d{1,9}"
        if not re.fullmatch(shape, number, re.ASCII) or not low <= abs(int(number)) <= high:
            signed = " or the negative of one" if name in _SIGNED else ""
            raise WhenError(
                f"{name}={number[:20]} cannot be used", f"take a number from {low} to {high}{signed}"
            )


def _check_days(value: str, parts: dict[str, str]) -> None:
    most = 0 if "BYWEEKNO" in parts else {"YEARLY": 53, "MONTHLY": 5}.get(parts["FREQ"], 0)
    most = min(most, 5) if "BYMONTH" in parts else most
    for day in value.split(","):
        found = _DAY.fullmatch(day)
        if found is None:
            raise WhenError(
                f"BYDAY={day[:20]} is not a weekday",
                f"one of {_WEEKDAYS}, in monthly and yearly rules also 2MO or -1FR",
            )
        if found[1] and not 1 <= abs(int(found[1])) <= most:
            allowed = (
                f"take a number from 1 to {most} or the negative of one" if most else "leave the number out"
            )
            raise WhenError(f"BYDAY={day} does not go with this rule", allowed)


def _until(text: str) -> datetime:
    found = _UNTIL.fullmatch(text)
    if found is None:
        raise WhenError(
            f"UNTIL={text[:20]} is not a time", "write 20261231, 20261231T235959 or 20261231T225959Z"
        )
    year, month, day, hour, minute, second, utc = found.groups()
    if hour is None:  # a day is meant whole
        return wall_clock(f"{year}-{month}-{day}", "23:59:59")
    wall = wall_clock(f"{year}-{month}-{day}", f"{hour}:{minute}:{second}")
    return wall.replace(tzinfo=UTC) if utc else wall
