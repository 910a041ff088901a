"""Points in time as people write them, and the instants they mean.

A wall clock in a zone is the intent; the instant is derived from it by the rules of ``cms_core.zones``, and again when those rules
change. Days and weeks are counted on the wall clock, hours and minutes are exact. This module is where the rest of the product gets
time.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from cms_core.zones import (
    Resolved,
    WhenError,
    anywhere,
    clock_text,
    resolve_wall,
    rules_version,
    zone,
    zone_names,
)

__all__ = [
    "CONDITIONS", "Mode", "Offset", "Resolved", "When", "WhenError", "anywhere", "describe", "parse_offset", "parse_wall",
    "parse_when", "resolve", "resolve_wall", "rules_version", "wall_clock", "zone", "zone_names",
]  # fmt: skip

FORMS = "write 2026-05-04 09:00, 2026-05-04 09:00 Europe/Paris, 2026-05-04T09:00+02:00, local 2026-05-04 09:00, after:3+2d or slot"
CONDITIONS = {"published": "is published", "approved": "is approved", "finished": "has finished"}
DAYS = "Mon Tue Wed Thu Fri Sat Sun".split()
MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
UNITS = {"m": "minute", "h": "hour", "d": "day", "w": "week"}

_WHEN = re.compile(
    r"""(?P<day>\d{4}-\d\d-\d\d)
        (?:[ Tt](?P<time>\d\d?:\d\d(?::\d\d(?:\.\d{1,6})?)?)
           (?:[ ]?(?P<offset>[Zz]|[+-]\d\d(?::?\d\d)?))?)?
        (?:[ ](?P<zone>[A-Za-z]\S*))?""",
    re.ASCII | re.VERBOSE,
)
_OFFSET = r"[+-] ?\d{1,6} ?[mhdw]"
_PUBLIC_ID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_AFTER = re.compile(
    rf"after ?: ?(?P<ref>{_PUBLIC_ID}|\d{{1,9}})(?: ?: ?(?P<condition>{'|'.join(CONDITIONS)}))?(?: ?(?P<offset>{_OFFSET}))?",
    re.ASCII | re.IGNORECASE,
)


class Mode(StrEnum):
    """How the instant of a planned time is found."""

    ABSOLUTE = "absolute"
    ZONED = "zoned"
    AFTER = "after"
    SLOT = "slot"
    RECIPIENT_LOCAL = "recipient_local"


@dataclass(frozen=True)
class Offset:
    """A distance such as +2d; ``unit`` is m(inutes), h(ours), d(ays) or w(eeks), a negative amount lies before."""

    amount: int = 0
    unit: str = "d"

    def __str__(self) -> str:
        return f"{self.amount:+d}{self.unit}"

    def apply(self, instant: datetime, tz: str) -> Resolved:
        """Move an instant: days and weeks keep the time of day in ``tz``, hours and minutes are exact."""
        if instant.tzinfo is None:
            raise ValueError(f"naive datetime {instant!r}: an instant has a zone")
        try:
            if self.amount and self.unit in "dw":
                wall = instant.astimezone(zone(tz)).replace(tzinfo=None)
                return resolve_wall(wall + self.amount * timedelta(days=7 if self.unit == "w" else 1), tz)
            return Resolved(
                instant.astimezone(UTC) + self.amount * timedelta(minutes=60 if self.unit == "h" else 1)
            )
        except OverflowError as error:
            raise WhenError(
                f"{self} from {instant:%d %b %Y} leaves the calendar", "take a smaller offset"
            ) from error


@dataclass(frozen=True)
class When:
    """A planned time as it was meant.

    ``wall`` (naive) for zoned and recipient_local, ``instant`` (UTC) for absolute, ``after`` (a row number or an entry's public id)
    with ``offset`` and perhaps a ``condition`` of CONDITIONS, until which it waits. ``tz`` is the zone that the time is meant or
    shown in; of
    recipient_local that of people whose zone is not known.
    """

    mode: Mode
    wall: datetime | None = None
    tz: str | None = None
    instant: datetime | None = None
    offset: Offset | None = None
    after: str | None = None
    condition: str = ""


def resolve(when: When, anchor: datetime | None = None) -> Resolved:
    """The instant of a planned time; ``anchor`` is the instant of what an ``after`` follows. Slots are found by ``slots``.

    Of each recipient's own time it is that of those whose zone is not known.
    """
    match when:
        case When(mode=Mode.ABSOLUTE, instant=datetime() as instant):
            return Resolved(instant)
        case When(mode=Mode.ZONED | Mode.RECIPIENT_LOCAL, wall=datetime() as wall, tz=str() as tz):
            return resolve_wall(wall, tz)
        case When(mode=Mode.AFTER, offset=Offset() as offset, tz=str() as tz) if anchor is not None:
            return offset.apply(anchor, tz)
    raise WhenError(
        f"{describe(when, when.tz or 'UTC')}: there is nothing to count from",
        "name a row or entry that has a time",
    )


def parse_when(text: str, default_tz: str, at: time | None = None) -> When:
    """Read a planned time; ``default_tz`` is its zone where the text names none.

    A day without a time of day is refused, for nothing should go out at midnight by accident, unless ``at`` says what it means.
    """
    words = " ".join(text.split())
    if words.lower() == "slot":
        return When(Mode.SLOT, tz=_checked(default_tz))
    if words.lower().startswith("local "):
        wall = parse_wall(words[6:], at)
        anywhere(wall)  # what is no time somewhere cannot be planned
        return When(Mode.RECIPIENT_LOCAL, wall=wall, tz=_checked(default_tz))
    if after := _AFTER.fullmatch(words):
        return _after(after, _checked(default_tz))
    found = _WHEN.fullmatch(words)
    if found is None:
        raise WhenError(f"{text[:64]!r} is not a time", FORMS)
    wall = _wall(found, at)
    if found["offset"] is None:
        return When(Mode.ZONED, wall=wall, tz=_checked(found["zone"] or default_tz))
    if found["zone"] is not None:
        raise WhenError(f"{words} has an offset and a zone", "give one of the two")
    return When(Mode.ABSOLUTE, instant=_instant(wall, found["offset"], default_tz), tz=default_tz)


def parse_wall(text: str, at: time | None = None) -> datetime:
    """Read a wall clock ("2026-05-04 09:00"), which has neither offset nor zone; ``at`` as in parse_when."""
    found = _WHEN.fullmatch(" ".join(text.split()))
    if found is None or found["offset"] or found["zone"]:
        raise WhenError(
            f"{text[:64]!r} is not a local date and time",
            "write 2026-05-04 09:00, without an offset or a zone",
        )
    return _wall(found, at)


def parse_offset(text: str) -> Offset:
    """Read a distance: +2d, -1h, +30m, +1w."""
    if not re.fullmatch(_OFFSET, text, re.ASCII | re.IGNORECASE):
        raise WhenError(
            f"{text[:64]!r} is not an offset", "write a sign, a number and m, h, d or w, such as +2d or -1h"
        )
    return Offset(int(text[:-1].replace(" ", "")), text[-1].lower())


def wall_clock(day: str, clock: str) -> datetime:
    """A naive datetime from "2026-05-04" and "09:00[:30]"; leap seconds are refused, for no computer's clock shows them."""
    if clock[6:8] == "60":
        raise WhenError(f"{day} {clock} is a leap second", "write 23:59:59, or 00:00 of the next day")
    try:
        return datetime.combine(date.fromisoformat(day), time.fromisoformat(clock))
    except ValueError as error:
        raise WhenError(f"there is no {day} {clock}: {error}", "check day, month, hour and minute") from error


def describe(when: When | datetime, tz: str) -> str:
    """A planned time or an instant for people, always with its zone: "Mon 4 May 2026, 09:00 (Europe/Paris)"."""
    match when:
        case datetime():
            return _spoken(when.astimezone(zone(tz)), tz)
        case When(mode=Mode.SLOT):
            return "the next free slot"
        case When(mode=Mode.RECIPIENT_LOCAL, wall=datetime() as wall):
            return _spoken(wall, "each recipient's own time")
        case When(mode=Mode.AFTER, offset=Offset() as offset):
            anchor = f"row {when.after}" if (when.after or "").isdigit() else f"entry {when.after}"
            anchor = f"{anchor} {CONDITIONS[when.condition]}" if when.condition else anchor
            amount, unit = abs(offset.amount), UNITS[offset.unit]
            distance = (
                f"{amount} {unit}{'' if amount == 1 else 's'} {'before' if offset.amount < 0 else 'after'}"
            )
            at_once = "as soon as" if when.condition else "together with"
            return f"{distance} {anchor}" if amount else f"{at_once} {anchor}"
    return describe(resolve(when).instant, tz)


def _after(found: re.Match[str], tz: str) -> When:
    reference, condition = found["ref"].lower(), (found["condition"] or "").lower()
    reference = str(int(reference)) if reference.isdigit() else reference
    offset = parse_offset(found["offset"] or "+0d")
    if condition and offset.amount < 0:
        raise WhenError(
            f"{offset} lies before what is waited for: whether something {CONDITIONS[condition]} is not known before",
            "take an offset of +0d or more",
        )
    return When(Mode.AFTER, tz=tz, offset=offset, after=reference, condition=condition)


def _wall(found: re.Match[str], at: time | None) -> datetime:
    if found["time"]:
        return wall_clock(
            found["day"], found["time"].rjust(5, "0") if found["time"][1] == ":" else found["time"]
        )
    if at is None:
        raise WhenError(f"{found['day']} has no time of day", f"write {found['day']} 09:00")
    return wall_clock(found["day"], at.isoformat())


def _instant(wall: datetime, offset: str, shown_in: str) -> datetime:
    try:
        instant = datetime.fromisoformat(f"{wall.isoformat()}{offset.upper()}").astimezone(UTC)
        instant.astimezone(zone(shown_in))  # what cannot be shown cannot be planned
    except (ValueError, OverflowError) as error:
        raise WhenError(f"{clock_text(wall)}{offset} is not an instant: {error}", FORMS) from error
    return instant


def _checked(tz: str) -> str:
    return zone(tz).key


def _spoken(local: datetime, tz: str) -> str:
    clock = local.strftime("%H:%M:%S" if local.second else "%H:%M")
    return f"{DAYS[local.weekday()]} {local.day} {MONTHS[local.month - 1]} {local.year}, {clock} ({tz})"
