"""Planned times: which instant they mean, and how they are shown."""

import pytest

from cms_core.campaigns.when import (
    Mode,
    Offset,
    When,
    WhenError,
    describe,
    parse_offset,
    parse_when,
    resolve,
    resolve_wall,
)

from .times import PUBLIC_ID, utc, wall


def test_naive_and_aware_are_never_mixed_up() -> None:
    with pytest.raises(ValueError, match="aware datetime"):
        resolve_wall(utc("2026-05-04T09:00"), "UTC")
    with pytest.raises(ValueError, match="naive datetime"):
        Offset(1, "d").apply(wall("2026-05-04T09:00"), "UTC")


@pytest.mark.parametrize(
    ("day", "tz"), [("9999-12-31T23:30", "America/New_York"), ("0001-01-01T00:30", "Asia/Tokyo")]
)
def test_the_edges_of_the_calendar_are_refused_cleanly(day: str, tz: str) -> None:
    with pytest.raises(WhenError, match="outside the years 1 to 9999"):
        resolve_wall(wall(day), tz)


@pytest.mark.parametrize(
    ("start", "offset", "end"),
    [
        ("2026-03-28T08:00", "+1d", "2026-03-29T07:00"),  # 09:00 stays 09:00 though the day has 23 hours
        ("2026-03-28T08:00", "+24h", "2026-03-29T08:00"),
        ("2026-03-28T08:00", "+1w", "2026-04-04T07:00"),
        ("2026-03-29T07:00", "-1d", "2026-03-28T08:00"),
        ("2026-03-28T08:00", "-90m", "2026-03-28T06:30"),
        ("2026-03-28T01:30", "+1d", "2026-03-29T01:00"),  # 02:30 does not exist: 03:00
        ("2026-10-25T01:30", "+0d", "2026-10-25T01:30"),  # the second 02:30 stays the second
        ("2026-10-25T01:30", "+1d", "2026-10-26T01:30"),
    ],
)
def test_days_keep_the_time_of_day_and_hours_are_exact(start: str, offset: str, end: str) -> None:
    assert parse_offset(offset).apply(utc(start), "Europe/Berlin").instant == utc(end)


@pytest.mark.parametrize("offset", ["+999999w", "-999999d", "-999999w"])
def test_an_offset_that_leaves_the_calendar_is_refused(offset: str) -> None:
    with pytest.raises(WhenError, match="leaves the calendar"):
        parse_offset(offset).apply(utc("1900-05-04T09:00"), "Europe/Berlin")


def test_times_are_shown_with_their_zone() -> None:
    zoned = parse_when("2026-05-04 09:00", "Europe/Paris")
    assert describe(zoned, "Europe/Paris") == "Mon 4 May 2026, 09:00 (Europe/Paris)"
    assert describe(zoned, "Asia/Tokyo") == "Mon 4 May 2026, 16:00 (Asia/Tokyo)"
    assert describe(utc("2026-05-04T07:00:05"), "UTC") == "Mon 4 May 2026, 07:00:05 (UTC)"
    assert (
        describe(parse_when("2026-05-04T07:00Z", "UTC"), "Europe/Paris")
        == "Mon 4 May 2026, 09:00 (Europe/Paris)"
    )
    assert describe(parse_when("slot", "UTC"), "UTC") == "the next free slot"
    local = parse_when("local 2026-05-04 09:00", "UTC")
    assert describe(local, "UTC") == "Mon 4 May 2026, 09:00 (each recipient's own time)"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("after:3+2d", "2 days after row 3"),
        ("after:3-1h", "1 hour before row 3"),
        ("after:3", "together with row 3"),
        (f"after:{PUBLIC_ID}+1w", f"1 week after entry {PUBLIC_ID}"),
        ("after:3:published+2d", "2 days after row 3 is published"),
        ("after:3:finished", "as soon as row 3 has finished"),
    ],
)
def test_what_follows_something_is_shown_as_such(text: str, shown: str) -> None:
    assert describe(parse_when(text, "UTC"), "UTC") == shown


def test_a_time_that_is_not_whole_is_refused() -> None:
    with pytest.raises(WhenError):
        resolve(When(Mode.AFTER, tz="UTC", offset=Offset(), after=None))
