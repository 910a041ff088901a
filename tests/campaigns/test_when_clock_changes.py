"""Series over clock changes, against a scan of every minute that shares no code with what it judges."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from cms_core.campaigns.recurrence import expand
from cms_core.campaigns.when import resolve_wall, zone_names

MINUTE = timedelta(minutes=1)

# The named clock cases: zone, wall clock, instant. A gap ends at the first instant after it; of two the first is meant.
NAMED = """
America/New_York    2026-03-08T02:30 2026-03-08T07:00
America/New_York    2026-11-01T01:30 2026-11-01T05:30
Europe/London       2026-03-29T01:30 2026-03-29T01:00
Europe/London       2026-10-25T01:30 2026-10-25T00:30
Europe/Dublin       2026-03-29T01:30 2026-03-29T01:00
Europe/Dublin       2026-10-25T01:30 2026-10-25T00:30
Australia/Lord_Howe 2026-04-05T01:45 2026-04-04T14:45
Australia/Lord_Howe 2026-10-04T02:15 2026-10-03T15:30
Antarctica/Troll    2026-03-29T01:30 2026-03-29T01:00
Antarctica/Troll    2026-03-29T02:30 2026-03-29T01:00
Africa/Casablanca   2026-02-15T02:30 2026-02-15T01:30
Africa/Casablanca   2026-03-22T02:30 2026-03-22T02:00
Africa/Cairo        2026-04-24T00:00 2026-04-23T22:00
Africa/Cairo        2026-10-29T23:30 2026-10-29T20:30
America/Havana      2026-03-08T00:00 2026-03-08T05:00
America/Santiago    2026-09-06T00:00 2026-09-06T04:00
Asia/Beirut         2026-03-29T00:00 2026-03-28T22:00
Asia/Gaza           2021-03-27T00:00 2021-03-26T22:00
America/Nuuk        2024-03-30T23:30 2024-03-31T01:00
America/Scoresbysund 2024-03-31T00:30 2024-03-31T01:30
America/Asuncion    2024-10-06T00:00 2024-10-06T04:00
America/Asuncion    2025-03-22T23:30 2025-03-23T02:30
Asia/Almaty         2024-02-29T23:30 2024-02-29T17:30
Pacific/Apia        2011-12-30T09:00 2011-12-30T10:00
Pacific/Kiritimati  2026-05-04T00:30 2026-05-03T10:30
Etc/GMT+12          2026-05-04T23:30 2026-05-05T11:30
"""

SAMPLE = (
    "America/New_York Europe/Dublin Australia/Lord_Howe Antarctica/Troll Africa/Casablanca Africa/Cairo Asia/Beirut "
    "America/Santiago America/Nuuk Pacific/Chatham Pacific/Kiritimati"
).split()


def last_weekday(at: datetime) -> bool:
    rest = (at + timedelta(days=n) for n in range(1, 8))
    return at.weekday() < 5 and not any(day.month == at.month and day.weekday() < 5 for day in rest)


def at_time(
    hour: int, minute: int, day: Callable[[datetime], bool] = lambda _: True
) -> Callable[[datetime], bool]:
    return lambda at: at.hour == hour and at.minute == minute and day(at)


SHAPES: dict[str, Callable[[datetime], bool]] = {
    "FREQ=HOURLY": lambda at: at.minute == 30,
    "FREQ=DAILY;BYHOUR=0;BYMINUTE=0": at_time(0, 0),
    "FREQ=DAILY;BYHOUR=0": at_time(0, 30),
    "FREQ=DAILY;BYHOUR=1": at_time(1, 30),
    "FREQ=DAILY": at_time(2, 30),
    "FREQ=DAILY;INTERVAL=1": at_time(23, 59),
    "FREQ=WEEKLY;BYDAY=MO": at_time(9, 0, lambda at: at.weekday() == 0),
    "FREQ=MONTHLY;BYMONTHDAY=31": at_time(2, 30, lambda at: at.day == 31),
    "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1": at_time(0, 0, last_weekday),
}


def matches(walls: Iterator[tuple[datetime, datetime]]) -> dict[str, list[tuple[datetime, datetime]]]:
    """For each shape the (wall, instant) pairs that the scan of (new wall minute, instant at which it first shows) gives."""
    found: dict[str, list[tuple[datetime, datetime]]] = {rule: [] for rule in SHAPES}
    for wall, instant in walls:
        if wall.minute not in (0, 30, 59):
            continue
        for rule, wanted in SHAPES.items():
            if wanted(wall) and not (found[rule] and found[rule][-1][1] == instant):
                found[rule].append((wall, instant))
    return found


def scan(tz: str, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Walk through UTC by the minute; minutes that the wall clock jumps over show at the jump, shown again they are old."""
    rules = ZoneInfo(tz)
    mark = start.astimezone(rules).replace(tzinfo=None) - MINUTE
    instant = start
    while instant <= end:
        wall = instant.astimezone(rules).replace(tzinfo=None)
        while mark < wall:
            mark += MINUTE
            yield mark, instant
        instant += MINUTE


def check(tz: str, start: datetime, end: datetime) -> None:
    for rule, wanted in matches(scan(tz, start, end)).items():
        found = list(expand(rule, wanted[0][0], tz, 100_000, until=end))
        assert [(each.wall, each.instant) for each in found] == wanted, (tz, rule)


@pytest.mark.parametrize("case", NAMED.strip().splitlines())
def test_a_named_clock_case(case: str) -> None:
    tz, wall, instant = case.split()
    resolved = resolve_wall(datetime.fromisoformat(wall), tz)
    assert resolved.instant == datetime.fromisoformat(instant).replace(tzinfo=UTC)


@pytest.mark.parametrize("tz", SAMPLE)
def test_nothing_is_missing_and_nothing_doubled(tz: str) -> None:
    check(tz, datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 12, 31, tzinfo=UTC))


def behaviours() -> list[str]:
    """One zone for each different course of offsets from 2024 to 2027."""
    hours = [datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=n) for n in range(4 * 8766)]
    courses = {}
    for tz in sorted(zone_names()):
        rules = ZoneInfo(tz)
        courses.setdefault(tuple(hour.astimezone(rules).utcoffset() for hour in hours), tz)
    return list(courses.values())


@pytest.mark.long
def test_nothing_is_missing_and_nothing_doubled_in_any_zone_for_four_years() -> None:
    zones = behaviours()
    assert len(zones) > 60
    for tz in zones:
        check(tz, datetime(2024, 1, 1, tzinfo=UTC), datetime(2027, 12, 31, tzinfo=UTC))


def test_a_skipped_day_leaves_one_occurrence_not_two() -> None:
    days = list(expand("FREQ=DAILY", datetime(2011, 12, 29), "Pacific/Apia", 4))  # noqa: DTZ001
    assert [day.instant for day in days] == [
        datetime(2011, 12, 29, 10, tzinfo=UTC),
        datetime(2011, 12, 30, 10, tzinfo=UTC),
        datetime(2011, 12, 31, 10, tzinfo=UTC),
        datetime(2012, 1, 1, 10, tzinfo=UTC),
    ]
    assert [bool(day.note) for day in days] == [False, True, False, False]


@pytest.mark.parametrize(
    ("tz", "wall", "says"),
    [
        (
            "Europe/Berlin",
            "2027-03-28T02:30",
            "2027-03-28 02:30 does not exist in Europe/Berlin; 2027-03-28 03:00",
        ),
        (
            "Europe/Berlin",
            "2027-10-31T02:30",
            "2027-10-31 02:30 happens twice in Europe/Berlin; the first is taken",
        ),
        (
            "Europe/Berlin",
            "1893-04-01T00:03",
            "1893-04-01 00:03 does not exist in Europe/Berlin; 1893-04-01 00:06:32",
        ),
        ("Europe/Berlin", "2027-03-28T03:00", ""),
    ],
)
def test_the_user_is_told_what_a_clock_change_did(tz: str, wall: str, says: str) -> None:
    note = resolve_wall(datetime.fromisoformat(wall), tz).note
    assert note.startswith(says)
    assert bool(note) is bool(says)
