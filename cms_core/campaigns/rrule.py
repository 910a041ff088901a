"""RRULE texts (RFC 5545 §3.3.10): read and checked, so that what expands them meets no surprise."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cms_core.campaigns.when import WhenError, wall_clock

WEEKDAYS = "MO,TU,WE,TH,FR,SA,SU"
_DAY = re.compile(rf"([+-]?\d{{1,2}})?({WEEKDAYS.replace(',', '|')})", re.ASCII)
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
# RFC 5545's table of parts that a frequency cannot have
_MISPLACED = {
    "BYMONTHDAY": {"WEEKLY"},
    "BYYEARDAY": {"MONTHLY", "WEEKLY", "DAILY"},
    "BYWEEKNO": set(_FREQUENCIES) - {"YEARLY"},
}


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
    _check_positions(parts)
    count, until = parts.pop("COUNT", None), parts.pop("UNTIL", None)
    return Rule(parts, int(count) if count else None, _until(until) if until else None)


def _check(name: str, value: str, parts: dict[str, str]) -> None:
    freq = parts["FREQ"]
    if freq in _MISPLACED.get(name, ()):
        raise WhenError(f"{name} does not go with FREQ={freq}", "leave it out or take another frequency")
    if name in _RANGES:
        _check_numbers(name, value)
    elif name == "BYDAY":
        _check_days(value, parts)
    elif name == "WKST" and value not in WEEKDAYS.split(","):
        raise WhenError(f"WKST={value[:20]} is not a weekday", f"one of {WEEKDAYS}")
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


def _check_positions(parts: dict[str, str]) -> None:
    if "BYSETPOS" not in parts:
        return
    if not any(name.startswith("BY") and name != "BYSETPOS" for name in parts):
        raise WhenError(
            "BYSETPOS picks from what another part gives", "add one, such as BYDAY=MO,TU,WE,TH,FR"
        )
    if "BYWEEKNO" in parts:
        raise WhenError("BYSETPOS cannot pick from numbered weeks", "leave out BYSETPOS or BYWEEKNO")


def _check_days(value: str, parts: dict[str, str]) -> None:
    most = 0 if "BYWEEKNO" in parts else {"YEARLY": 53, "MONTHLY": 5}.get(parts["FREQ"], 0)
    most = min(most, 5) if "BYMONTH" in parts else most
    for day in value.split(","):
        found = _DAY.fullmatch(day)
        if found is None:
            raise WhenError(
                f"BYDAY={day[:20]} is not a weekday",
                f"one of {WEEKDAYS}, in monthly and yearly rules also 2MO or -1FR",
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
