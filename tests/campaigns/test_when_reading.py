"""Planned times as they are written: what is read, and what is refused with a remedy."""

from datetime import UTC, time

import pytest

from cms_core.campaigns.when import (
    Mode,
    WhenError,
    describe,
    parse_offset,
    parse_wall,
    parse_when,
    resolve,
)

from .times import PUBLIC_ID, utc, wall


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-05-04 09:00", "2026-05-04T07:00"),
        ("2026-05-04 9:00", "2026-05-04T07:00"),
        (" 2026-05-04   09:00 ", "2026-05-04T07:00"),
        ("2026-05-04T09:00:30", "2026-05-04T07:00:30"),
        ("2026-05-04 09:00 America/New_York", "2026-05-04T13:00"),
        ("2026-05-04 09:00 UTC", "2026-05-04T09:00"),
    ],
)
def test_a_wall_clock_is_read_in_its_zone_or_the_default_one(text: str, instant: str) -> None:
    when = parse_when(text, "Europe/Paris")
    assert when.mode is Mode.ZONED
    assert when.instant is None
    assert resolve(when).instant == utc(instant)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-05-04T09:00+02:00", "2026-05-04T07:00"),
        ("2026-05-04T09:00:00.250-0330", "2026-05-04T12:30:00.250"),
        ("2026-05-04 09:00 +02", "2026-05-04T07:00"),
        ("2026-05-04T07:00Z", "2026-05-04T07:00"),
        ("2026-05-04t07:00z", "2026-05-04T07:00"),
    ],
)
def test_an_offset_makes_it_an_instant_whatever_the_zone(text: str, instant: str) -> None:
    for tz in ("Europe/Paris", "Pacific/Kiritimati"):
        when = parse_when(text, tz)
        assert (when.mode, when.wall, when.tz) == (Mode.ABSOLUTE, None, tz)
        assert when.instant == resolve(when).instant == utc(instant)
        assert when.instant.tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "after", "offset"),
    [
        ("after:3+2d", "3", "+2d"),
        ("after:3", "3", "+0d"),
        ("After: 03 - 1 H", "3", "-1h"),
        ("after:12+30m", "12", "+30m"),
        (f"after:{PUBLIC_ID}+1w", PUBLIC_ID, "+1w"),
        (
            f"after:{PUBLIC_ID.upper()}",
            PUBLIC_ID,
            "+0d",
        ),  # its tail looks like an offset of days, and is none
    ],
)
def test_after_names_a_row_or_an_entry_and_a_distance(text: str, after: str, offset: str) -> None:
    when = parse_when(text, "Europe/Paris")
    assert (when.mode, when.after, str(when.offset)) == (Mode.AFTER, after, offset)
    assert parse_offset(offset) == when.offset


def test_after_counts_from_its_anchor_and_needs_one() -> None:
    when = parse_when("after:3+2d", "Europe/Paris")
    assert resolve(when, utc("2026-03-28T08:00")).instant == utc("2026-03-30T07:00")
    with pytest.raises(WhenError, match="2 days after row 3: there is nothing to count from"):
        resolve(when)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tomorrow",
        "04.05.2026 09:00",
        "2026-05-04 9am",
        "2026-05-04T09:00[Europe/Paris]",
        "2026-13-04 09:00",
        "2026-02-30 09:00",
        "2026-05-04 24:00",
        "2026-05-04 09:60",
        "2026-05-04T09:00+99:00",
        "2026-05-04T09:00+02:00 Europe/Paris",
        "2026-05-04 09:00 PM",
        "0001-01-01T00:00+02:00",
        "9999-12-31T23:30Z",
        "after:",
        "after:3+2",
        "after:3+2y",
        "after:launch+2d",
        "after:3+2d+1h",
        "٢٠٢٦-05-04 09:00",
    ],
)
def test_what_is_no_time_is_refused_with_a_remedy(text: str) -> None:
    with pytest.raises(WhenError) as caught:
        parse_when(text, "Europe/Paris")
    assert caught.value.message
    assert caught.value.remedy


def test_a_day_without_a_time_is_refused_unless_the_caller_gives_one() -> None:
    with pytest.raises(WhenError, match="has no time of day") as caught:
        parse_when("2026-05-04", "Europe/Paris")
    assert caught.value.remedy == "write 2026-05-04 09:00"
    when = parse_when("2026-05-04 Asia/Tokyo", "Europe/Paris", at=time(23, 59))
    assert (when.wall, when.tz) == (wall("2026-05-04T23:59"), "Asia/Tokyo")
    assert parse_wall("2026-05-04", at=time(9)) == wall("2026-05-04T09:00")


@pytest.mark.parametrize(
    "text", ["2026-12-31 23:59:60", "2016-12-31T23:59:60Z", "2016-12-31T23:59:60.5+00:00"]
)
def test_leap_seconds_are_refused_everywhere_alike(text: str) -> None:
    with pytest.raises(WhenError, match="leap second"):
        parse_when(text, "UTC")


@pytest.mark.parametrize("condition", ["published", "approved", "finished"])
def test_after_may_wait_for_what_becomes_of_the_other(condition: str) -> None:
    when = parse_when(f"after:3:{condition.upper()} +2d", "UTC")
    assert (when.after, when.condition, str(when.offset)) == ("3", condition, "+2d")
    with pytest.raises(WhenError, match="not known before"):
        parse_when(f"after:3:{condition}-1h", "UTC")


@pytest.mark.parametrize(
    "text", ["after:3:sent", "after:3:published:finished", "after:3 published+1d", "after::published"]
)
def test_what_nothing_can_wait_for_is_refused(text: str) -> None:
    with pytest.raises(WhenError):
        parse_when(text, "UTC")


def test_recipients_own_time_is_a_wall_clock_with_a_zone_for_those_whose_own_is_not_known() -> None:
    slot, local = parse_when("Slot", "Europe/Paris"), parse_when("local 2026-05-04 09:00", "Europe/Paris")
    assert (slot.mode, local.mode, local.wall, local.tz) == (
        Mode.SLOT,
        Mode.RECIPIENT_LOCAL,
        wall("2026-05-04T09:00"),
        "Europe/Paris",
    )
    assert resolve(local).instant == resolve(parse_when("2026-05-04 09:00", "Europe/Paris")).instant
    assert describe(local, "Europe/Paris") == "Mon 4 May 2026, 09:00 (each recipient's own time)"


@pytest.mark.parametrize(
    "text",
    [
        "local 2026-05-04",
        "local 2026-05-04 09:00 Europe/Paris",
        "local 2026-05-04T09:00Z",
        "local slot",
        "local 0001-01-01 09:00",
        "local 9999-12-31 13:00",
    ],
)
def test_a_recipients_own_time_that_is_not_one_everywhere_is_refused(text: str) -> None:
    with pytest.raises(WhenError):
        parse_when(text, "UTC")


@pytest.mark.parametrize("text", ["2026-05-04T09:00Z", "2026-05-04 09:00 UTC", "slot", "9:00"])
def test_a_wall_clock_has_neither_offset_nor_zone(text: str) -> None:
    with pytest.raises(WhenError, match="not a local date and time"):
        parse_wall(text)


@pytest.mark.parametrize("text", ["2d", "+d", "+2", "+2y", "+1234567d", ""])
def test_what_is_no_offset_is_refused(text: str) -> None:
    with pytest.raises(WhenError, match="not an offset"):
        parse_offset(text)
