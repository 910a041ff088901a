"""Zones, and the instant that a wall clock in a zone means.

A time that a clock change leaves out becomes the first instant after the gap; a time that happens twice means the first. Nothing
here depends on the zone of the process or of the machine.
"""

import zoneinfo
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo

from cms_core.errors import Invalid

EARLIEST, LATEST = (
    timedelta(hours=14),
    timedelta(hours=12),
)  # so far ahead of UTC, or behind it, clocks go at most


class WhenError(Invalid):
    """A time, zone or recurrence that cannot be used."""


@dataclass(frozen=True)
class Resolved:
    """An instant in UTC; ``note`` says what a clock change did to the time that was asked for, or nothing."""

    instant: datetime
    note: str = ""


@cache
def zone_names() -> frozenset[str]:
    """The IANA names that are accepted: no paths, no ``localtime``, no zones that count leap seconds."""
    return frozenset(files("tzdata").joinpath("zones").read_text("utf-8").split()) - {"Factory"}


def zone(name: str) -> ZoneInfo:
    """The zone of an IANA name; WhenError names the nearest one when there is no such zone."""
    if name in zone_names():
        return ZoneInfo(name)
    wanted = name[:64].strip().lower().replace(" ", "_")
    known = {key.lower(): key for key in sorted(zone_names())}
    cities = {key.rpartition("/")[2]: full for key, full in known.items()}
    near = known.get(wanted) or cities.get(wanted)
    near = near or next((known[key] for key in get_close_matches(wanted, known, 1, 0.75)), None)
    remedy = f"did you mean {near}?" if near else "use an IANA name such as Europe/Paris or UTC"
    raise WhenError(f"{name[:64]!r} is not a time zone", remedy)


@cache
def rules_version() -> str:
    """The version of the zone rules in use ("2026f"): the system's where it has some, as zoneinfo looks them up, else tzdata's."""
    folders = [*map(Path, zoneinfo.TZPATH), files("tzdata") / "zoneinfo"]
    markers = (folder / name for folder in folders for name in ("tzdata.zi", "+VERSION"))
    first = next(marker for marker in markers if marker.is_file())
    return first.read_text("utf-8").split("\n", 1)[0].split()[-1]


def resolve_wall(wall: datetime, tz: str) -> Resolved:
    """The instant of a naive wall clock in a zone: the first one after a gap, the first of two; ``note`` tells which."""
    if wall.tzinfo is not None:
        raise ValueError(f"aware datetime {wall!r}: a wall clock has no zone of its own")
    rules = zone(tz)
    try:
        first, second = (wall.replace(tzinfo=rules, fold=fold).astimezone(UTC) for fold in (0, 1))
    except OverflowError as error:
        raise WhenError(
            f"{clock_text(wall)} {tz} lies outside the years 1 to 9999", "take another year"
        ) from error
    if first == second:
        return Resolved(first)
    if first < second:
        return Resolved(first, f"{clock_text(wall)} happens twice in {tz}; the first is taken")
    # PEP 495: in a gap, fold=1 falls before the change and fold=0 after it, so the change lies between the two.
    instant = _first_not_before(wall, rules, second, first)
    shown = clock_text(instant.astimezone(rules))
    return Resolved(
        instant, f"{clock_text(wall)} does not exist in {tz}; {shown}, the first time after the gap, is taken"
    )


def anywhere(wall: datetime) -> tuple[datetime, datetime]:
    """The first and the last instant at which a clock somewhere on Earth shows this time."""
    try:
        return wall.replace(tzinfo=UTC) - EARLIEST, wall.replace(tzinfo=UTC) + LATEST
    except OverflowError as error:
        raise WhenError(f"{clock_text(wall)} is not a time in every zone", "take another year") from error


def clock_text(wall: datetime) -> str:
    """A local time as it is written, without its zone."""
    return wall.replace(tzinfo=None).isoformat(" ", "seconds" if wall.second else "minutes")


def _first_not_before(wall: datetime, rules: ZoneInfo, low: datetime, high: datetime) -> datetime:
    """The first second in (low, high] at which the wall clock shows ``wall`` or later; it is earlier at ``low``."""
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
        if middle.astimezone(rules).replace(tzinfo=None) >= wall:
            high = middle
        else:
            low = middle
    return high
