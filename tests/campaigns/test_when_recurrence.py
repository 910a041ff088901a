"""Recurrence rules: what is read, what is refused, where a series begins and ends."""

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

import pytest
from dateutil.rrule import rrulestr
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cms_core.campaigns.recurrence import MAX_OCCURRENCES, expand
from cms_core.campaigns.rrule import parse_rrule
from cms_core.campaigns.when import WhenError

from .times import wall


def days(rule: str, start: str, count: int = 10, tz: str = "UTC") -> list[str]:
    return [f"{each.wall:%Y-%m-%d}" for each in expand(rule, wall(start), tz, count)]


def times(rule: str, start: str, count: int = 10, tz: str = "UTC") -> list[str]:
    return [f"{each.wall:%d %H:%M:%S}" for each in expand(rule, wall(start), tz, count)]


def test_the_time_of_day_stays_over_a_clock_change() -> None:
    first, second = expand("FREQ=DAILY;INTERVAL=14", wall("2026-03-21T09:00"), "Europe/Berlin", 2)
    assert (first.instant.hour, second.instant.hour) == (8, 7)


def test_the_start_is_the_first_even_where_the_rule_would_not_give_it() -> None:
    assert days("FREQ=MONTHLY;BYMONTHDAY=31", "2026-01-15", 3) == ["2026-01-15", "2026-01-31", "2026-03-31"]
    assert days("FREQ=WEEKLY;BYDAY=MO;COUNT=2", "2026-05-05") == ["2026-05-05", "2026-05-11"]


@pytest.mark.parametrize(
    ("rule", "start", "expected"),
    [
        ("FREQ=YEARLY", "2024-02-29", ["2024-02-29", "2028-02-29", "2032-02-29"]),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", "2096-02-29", ["2096-02-29", "2104-02-29", "2108-02-29"]),
        ("FREQ=MONTHLY", "2026-01-31", ["2026-01-31", "2026-03-31", "2026-05-31"]),
        ("FREQ=MONTHLY;BYMONTHDAY=-1", "2026-01-31", ["2026-01-31", "2026-02-28", "2026-03-31"]),
        ("FREQ=MONTHLY;BYDAY=-1FR", "2026-01-30", ["2026-01-30", "2026-02-27", "2026-03-27"]),
        ("FREQ=YEARLY;BYWEEKNO=53;BYDAY=MO", "2026-12-28", ["2026-12-28", "2032-12-27", "2037-12-28"]),
        ("FREQ=YEARLY;BYWEEKNO=53", "2026-12-28", ["2026-12-28", "2032-12-27", "2037-12-28"]),
        ("FREQ=YEARLY;BYWEEKNO=53;BYDAY=SU", "2021-01-03", ["2021-01-03", "2027-01-03", "2033-01-02"]),
        ("FREQ=YEARLY;BYDAY=20MO", "1997-05-19", ["1997-05-19", "1998-05-18", "1999-05-17"]),
        ("FREQ=YEARLY;BYMONTH=5;BYDAY=-1MO", "2026-05-25", ["2026-05-25", "2027-05-31", "2028-05-29"]),
        (
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=MO",
            "1997-08-05",
            ["1997-08-05", "1997-08-10", "1997-08-19"],
        ),
        (
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=SU",
            "1997-08-05",
            ["1997-08-05", "1997-08-17", "1997-08-19"],
        ),
        ("rrule:freq=daily;", "2026-12-31", ["2026-12-31", "2027-01-01", "2027-01-02"]),
    ],
)
def test_days_follow_rfc_5545(rule: str, start: str, expected: list[str]) -> None:
    assert days(rule, start, 3) == expected


@pytest.mark.parametrize(
    ("rule", "start", "expected"),
    [
        ("FREQ=HOURLY;INTERVAL=7", "2026-05-04T20:15", ["04 20:15:00", "05 03:15:00", "05 10:15:00"]),
        (
            "FREQ=HOURLY;BYMINUTE=0,30;BYHOUR=9",
            "2026-05-04T09:30",
            ["04 09:30:00", "05 09:00:00", "05 09:30:00"],
        ),
        (
            "FREQ=MINUTELY;INTERVAL=45;BYHOUR=9",
            "2026-05-04T09:00",
            ["04 09:00:00", "04 09:45:00", "05 09:00:00"],
        ),
        ("FREQ=MINUTELY;BYMINUTE=1,59", "2026-05-04T09:01:20", ["04 09:01:20", "04 09:59:20", "04 10:01:20"]),
        (
            "FREQ=HOURLY;BYDAY=TU;BYSECOND=5,10",
            "2026-05-05T23:00:05",
            ["05 23:00:05", "05 23:00:10", "12 00:00:05"],
        ),
        (
            "FREQ=DAILY;BYHOUR=9,12;BYSETPOS=-1",
            "2026-05-04T12:00",
            ["04 12:00:00", "05 12:00:00", "06 12:00:00"],
        ),
    ],
)
def test_times_within_days_follow_rfc_5545(rule: str, start: str, expected: list[str]) -> None:
    assert times(rule, start, 3) == expected


def test_an_hourly_rule_rests_in_the_hour_that_is_repeated() -> None:
    found = [each.instant for each in expand("FREQ=HOURLY", wall("2026-10-25T01:30"), "Europe/Berlin", 3)]
    assert found == [
        datetime(2026, 10, 24, 23, 30, tzinfo=UTC),
        *(datetime(2026, 10, 25, h, 30, tzinfo=UTC) for h in (0, 2)),
    ]


def test_walls_that_meet_in_one_instant_count_once() -> None:
    found = list(expand("FREQ=HOURLY;COUNT=3", wall("2026-03-29T00:30"), "Antarctica/Troll", 10))
    assert [each.instant.strftime("%H:%M") for each in found] == ["00:30", "01:00", "01:30"]
    assert [each.wall.strftime("%H:%M") for each in found] == ["00:30", "01:30", "03:30"]


def test_a_start_in_a_gap_counts_once_too() -> None:
    first, second = expand("FREQ=HOURLY", wall("2026-03-29T01:30"), "Antarctica/Troll", 2)
    assert second.instant - first.instant == timedelta(minutes=30)


@pytest.mark.parametrize(
    ("until", "last"),
    [
        ("20260507", "2026-05-07"),
        ("20260507T090000", "2026-05-07"),
        ("20260507T085959", "2026-05-06"),
        ("20260507T070000Z", "2026-05-07"),
        ("20260507T065959Z", "2026-05-06"),
        ("20260503", None),
    ],
)
def test_until_is_inclusive_on_the_wall_clock_or_as_an_instant(until: str, last: str | None) -> None:
    found = days(f"FREQ=DAILY;UNTIL={until}", "2026-05-04T09:00", 100, "Europe/Paris")
    assert (found[-1] if found else None) == last


def test_a_horizon_ends_a_series_like_until() -> None:
    horizon = datetime(2026, 5, 6, 9, tzinfo=UTC)
    found = list(expand("FREQ=DAILY", wall("2026-05-04T09:00"), "UTC", 100, until=horizon))
    assert found[-1].instant == horizon
    assert len(found) == 3


def test_the_smaller_of_the_counts_holds() -> None:
    assert len(days("FREQ=DAILY;COUNT=3", "2026-05-04", 10)) == 3
    assert len(days("FREQ=DAILY;COUNT=999999999", "2026-05-04", 10)) == 10


@pytest.mark.parametrize(
    "freq", ["YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "WEEKLY;BYDAY=MO,SU"]
)
@pytest.mark.parametrize("tz", ["UTC", "America/New_York", "Asia/Tokyo"])
def test_year_9999_ends_a_series_cleanly(freq: str, tz: str) -> None:
    found = list(expand(f"FREQ={freq}", wall("9999-12-31T09:00"), tz, 2000))
    assert found[0].wall == wall("9999-12-31T09:00")
    assert all(each.wall.year == 9999 and each.instant.year == 9999 for each in found)
    assert len(found) == {
        "HOURLY": 10 if tz == "America/New_York" else 15,
        "MINUTELY": 600 if tz == "America/New_York" else 900,
    }.get(freq, 1)


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=MINUTELY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=MINUTELY;INTERVAL=60;BYMINUTE=31",
        "FREQ=HOURLY;INTERVAL=24;BYHOUR=3",
        "FREQ=HOURLY;INTERVAL=1000000;BYHOUR=3;BYMONTH=2",
        "FREQ=WEEKLY;BYDAY=MO;BYSETPOS=7",
        "FREQ=YEARLY;INTERVAL=1000000",
    ],
)
def test_a_rule_that_gives_nothing_more_ends(rule: str) -> None:
    assert days(rule, "2026-05-04T09:00", 50)[1:] in ([], ["2482-02-21"])


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("", "needs FREQ"),
        ("DAILY", "needs FREQ"),
        ("FREQ=SECONDLY", "needs FREQ"),
        ("FREQ=DAILY;FREQ=DAILY", "stands twice"),
        ("FREQ=DAILY;COUNT=2;UNTIL=20260507", "cannot stand in one rule"),
        ("FREQ=DAILY;BYEASTER=0", "not a part"),
        ("FREQ=DAILY;;COUNT=2", "not a part"),
        ("FREQ=DAILY\nDTSTART=20260504", "needs FREQ"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL=0"),
        ("FREQ=DAILY;INTERVAL=-1", "INTERVAL=-1"),
        ("FREQ=DAILY;INTERVAL=1,2", "INTERVAL=1,2"),
        ("FREQ=DAILY;COUNT=0", "COUNT=0"),
        ("FREQ=DAILY;COUNT=10000000000", "COUNT="),
        ("FREQ=DAILY;COUNT=", "COUNT="),
        ("FREQ=DAILY;BYMONTH=13", "BYMONTH=13"),
        ("FREQ=MONTHLY;BYMONTHDAY=-32", "BYMONTHDAY=-32"),
        ("FREQ=DAILY;BYHOUR=24", "BYHOUR=24"),
        ("FREQ=DAILY;BYSECOND=60", "BYSECOND=60"),
        ("FREQ=DAILY;BYMINUTE=٣", "BYMINUTE="),
        ("FREQ=WEEKLY;BYMONTHDAY=1", "does not go with FREQ=WEEKLY"),
        ("FREQ=MONTHLY;BYYEARDAY=1", "does not go with FREQ=MONTHLY"),
        ("FREQ=MONTHLY;BYWEEKNO=1", "does not go with FREQ=MONTHLY"),
        ("FREQ=YEARLY;BYWEEKNO=1;BYSETPOS=1", "numbered weeks"),
        ("FREQ=MONTHLY;BYSETPOS=1", "BYSETPOS picks"),
        ("FREQ=WEEKLY;BYDAY=XX", "not a weekday"),
        ("FREQ=WEEKLY;BYDAY=", "not a weekday"),
        ("FREQ=WEEKLY;BYDAY=1MO", "BYDAY=1MO"),
        ("FREQ=MONTHLY;BYDAY=6MO", "BYDAY=6MO"),
        ("FREQ=YEARLY;BYDAY=54MO", "BYDAY=54MO"),
        ("FREQ=YEARLY;BYMONTH=12;BYDAY=53MO", "BYDAY=53MO"),
        ("FREQ=YEARLY;BYWEEKNO=1;BYDAY=1MO", "BYDAY=1MO"),
        ("FREQ=WEEKLY;WKST=1", "WKST=1"),
        ("FREQ=DAILY;UNTIL=2026-05-07", "not a time"),
        ("FREQ=DAILY;UNTIL=20260230", "there is no"),
        ("FREQ=DAILY;UNTIL=20261231T235960Z", "leap second"),
    ],
)
def test_a_rule_that_cannot_be_used_is_refused_at_once_with_a_remedy(rule: str, says: str) -> None:
    with pytest.raises(WhenError, match=says) as caught:
        expand(rule, wall("2026-05-04T09:00"), "UTC", 1)
    assert caught.value.remedy


@pytest.mark.parametrize("count", [0, -1, MAX_OCCURRENCES + 1])
def test_a_list_has_bounds(count: int) -> None:
    with pytest.raises(WhenError, match="cannot be listed"):
        expand("FREQ=DAILY", wall("2026-05-04T09:00"), "UTC", count)


def test_a_start_outside_the_calendar_is_refused_at_once() -> None:
    with pytest.raises(WhenError, match="outside the years"):
        expand("FREQ=DAILY", wall("9999-12-31T23:30"), "America/New_York", 1)


calm = settings(deadline=None, max_examples=60)  # loaded machines are slow; no rule here is about speed
ordinals = [f"{n}{day}" for day in ("MO", "SU") for n in (-53, -5, -1, 1, 5, 53)]
parts = st.fixed_dictionaries(
    {"FREQ": st.sampled_from("YEARLY MONTHLY WEEKLY DAILY HOURLY MINUTELY".split())},
    optional={
        "INTERVAL": st.integers(1, 400).map(str),
        "BYMONTH": st.integers(1, 12).map(str),
        "BYMONTHDAY": st.sampled_from(["-31", "-1", "1", "29", "31"]),
        "BYYEARDAY": st.sampled_from(["-366", "-1", "1", "366"]),
        "BYWEEKNO": st.sampled_from(["-53", "-1", "1", "53"]),
        "BYDAY": st.sampled_from([*ordinals, "MO", "SA,SU"]),
        "BYHOUR": st.sampled_from(["0", "2", "9,23"]),
        "BYMINUTE": st.sampled_from(["0", "30", "15,59"]),
        "BYSETPOS": st.sampled_from(["-366", "-1", "1", "366"]),
    },
)
starts = st.datetimes(wall("2020-01-01T00:00"), wall("2030-01-01T00:00")).map(
    lambda at: at.replace(second=0, microsecond=0)
)


@calm
@given(parts, starts)
def test_any_rule_is_refused_or_gives_a_strictly_rising_series(rule: dict[str, str], start: datetime) -> None:
    text = ";".join(f"{name}={value}" for name, value in rule.items())
    try:
        parse_rrule(text)
    except WhenError:
        return
    horizon = datetime(2032, 1, 1, tzinfo=UTC)
    found = [each.instant for each in expand(text, start, "Europe/Berlin", 50, until=horizon)]
    assert found
    assert all(earlier < later for earlier, later in pairwise(found))


@calm
@given(
    st.sampled_from(["DAILY", "HOURLY", "MINUTELY"]),
    st.integers(1, 100),
    st.sampled_from(["", ";BYDAY=MO,TH", ";BYMONTHDAY=1,-1", ";BYMONTH=1,6", ";BYYEARDAY=-1,200"]),
    st.sampled_from(["", ";BYMINUTE=0,15,16,17,59"]),
    starts,
)
def test_rules_within_days_agree_with_a_second_engine(
    freq: str, interval: int, on: str, minutes: str, start: datetime
) -> None:
    assume(not (freq == "DAILY" and "BYYEARDAY" in on))  # RFC 5545 has no such rule
    rule = f"FREQ={freq};INTERVAL={interval}{on}{minutes}"
    try:
        second = [start, *islice((at for at in rrulestr(rule, dtstart=start) if at > start), 40)]
    except ValueError:  # it sees that no minute can match
        second = [start]
    assert [each.wall for each in expand(rule, start, "UTC", len(second))] == second


@calm
@given(st.integers(1, 53), st.sampled_from("MO TU WE TH FR SA SU".split()), starts)
def test_numbered_weeks_are_those_of_the_iso_calendar(week: int, weekday: str, start: datetime) -> None:
    end = datetime(2040, 1, 1, tzinfo=UTC)
    found = expand(f"FREQ=YEARLY;BYWEEKNO={week};BYDAY={weekday}", start, "UTC", 100, until=end)
    every = (start + timedelta(days=n) for n in range(1, 8000))
    number = "MO TU WE TH FR SA SU".split().index(weekday) + 1
    wanted = [at for at in every if at < end.replace(tzinfo=None) and at.isocalendar()[1:] == (week, number)]
    assert [each.wall for each in found] == [start, *wanted]


def test_weeks_are_counted_from_the_end_and_from_another_first_day() -> None:
    assert days("FREQ=YEARLY;BYWEEKNO=-1;BYDAY=MO", "2026-12-28", 3) == [
        "2026-12-28",
        "2027-12-27",
        "2028-12-25",
    ]
    assert days("FREQ=YEARLY;BYWEEKNO=1;BYDAY=SU;WKST=SU", "2026-01-04", 3) == [
        "2026-01-04",
        "2027-01-03",
        "2028-01-02",
    ]
