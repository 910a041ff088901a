"""Planned times: what is read, what is refused, and what it means."""

import os
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cms_core import zones
from cms_core.campaigns.when import (
    Mode,
    Offset,
    When,
    WhenError,
    describe,
    parse_offset,
    parse_wall,
    parse_when,
    require_supported,
    resolve,
    resolve_wall,
    rules_version,
    zone,
    zone_names,
)

PUBLIC_ID = "0192f0c1-9d3e-7abc-8def-01234567890d"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def wall(text: str) -> datetime:
    return datetime.fromisoformat(text)


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


def test_slots_and_recipients_own_time_are_read_but_not_planned_yet() -> None:
    slot, local = parse_when("Slot", "Europe/Paris"), parse_when("local 2026-05-04 09:00", "Europe/Paris")
    assert (slot.mode, local.mode, local.wall, local.tz) == (
        Mode.SLOT,
        Mode.RECIPIENT_LOCAL,
        wall("2026-05-04T09:00"),
        None,
    )
    for when in (slot, local):
        with pytest.raises(WhenError, match="not available yet"):
            require_supported(when)
        with pytest.raises(WhenError, match="not available yet"):
            resolve(when)
    require_supported(parse_when("2026-05-04 09:00", "Europe/Paris"))


@pytest.mark.parametrize("text", ["2026-05-04T09:00Z", "2026-05-04 09:00 UTC", "slot", "9:00"])
def test_a_wall_clock_has_neither_offset_nor_zone(text: str) -> None:
    with pytest.raises(WhenError, match="not a local date and time"):
        parse_wall(text)


@pytest.mark.parametrize("text", ["2d", "+d", "+2", "+2y", "+1234567d", ""])
def test_what_is_no_offset_is_refused(text: str) -> None:
    with pytest.raises(WhenError, match="not an offset"):
        parse_offset(text)


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("europe/paris", "did you mean Europe/Paris?"),
        ("paris", "did you mean Europe/Paris?"),
        ("new york", "did you mean America/New_York?"),
        ("Europe/Pariss", "did you mean Europe/Paris?"),
        ("Qwertyuiop", "use an IANA name such as Europe/Paris or UTC"),
    ],
)
def test_an_unknown_zone_is_refused_with_the_nearest(name: str, remedy: str) -> None:
    with pytest.raises(WhenError, match="not a time zone") as caught:
        zone(name)
    assert caught.value.remedy == remedy


@pytest.mark.parametrize(
    "name",
    [
        "",
        "../../etc/passwd",
        "/etc/localtime",
        "localtime",
        "Factory",
        "posixrules",
        "right/UTC",
        "Europe",
        "UTC\0",
        "x" * 9999,
    ],
)
def test_odd_keys_are_no_zones(name: str) -> None:
    with pytest.raises(WhenError):
        zone(name)


def test_every_accepted_zone_has_rules() -> None:
    assert len(zone_names()) > 590
    assert all(zone(name).utcoffset(wall("2026-05-04T09:00")) is not None for name in zone_names())


def test_the_version_of_the_rules_is_the_one_of_the_files_in_use(tmp_path, monkeypatch) -> None:
    (tmp_path / "+VERSION").write_text("2031c\n")
    monkeypatch.setattr("zoneinfo.TZPATH", (str(tmp_path / "none"), str(tmp_path)))
    zones.rules_version.cache_clear()
    assert rules_version() == "2031c"
    (tmp_path / "tzdata.zi").write_text("# version 2031d\n# ddeps\n")
    zones.rules_version.cache_clear()
    assert rules_version() == "2031d"
    monkeypatch.setattr("zoneinfo.TZPATH", ())
    zones.rules_version.cache_clear()
    assert rules_version() == __import__("tzdata").IANA_VERSION
    zones.rules_version.cache_clear()


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
    ],
)
def test_what_follows_something_is_shown_as_such(text: str, shown: str) -> None:
    assert describe(parse_when(text, "UTC"), "UTC") == shown


def test_a_time_that_is_not_whole_is_refused() -> None:
    with pytest.raises(WhenError):
        resolve(When(Mode.AFTER, tz="UTC", offset=Offset(), after=None))


def test_the_zone_of_the_process_does_not_matter() -> None:
    code = (
        "from cms_core.campaigns.when import *; from cms_core.campaigns.recurrence import expand\n"
        "when = parse_when('2026-03-29 02:30', 'Europe/Berlin'); print(resolve(when), describe(when, 'Asia/Tokyo'))\n"
        "print(list(expand('FREQ=HOURLY', parse_wall('2026-10-25 00:30'), 'Europe/Berlin', 5)))\n"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "TZ": tz}, capture_output=True, check=True
        ).stdout
        for tz in ("UTC", "America/New_York", "Europe/Berlin")
    }
    assert len(seen) == 1


calm = settings(deadline=None, max_examples=60)  # loaded machines are slow; no rule here is about speed
names = st.sampled_from(sorted(zone_names()))
walls = st.datetimes(wall("1900-01-02T00:00"), wall("2100-01-01T00:00")).map(
    lambda at: at.replace(second=0, microsecond=0)
)


@calm
@given(walls, names)
def test_a_wall_clock_without_a_note_comes_back_as_it_was(at: datetime, tz: str) -> None:
    resolved = resolve_wall(at, tz)
    shown = resolved.instant.astimezone(ZoneInfo(tz)).replace(tzinfo=None)
    before = (resolved.instant - timedelta(seconds=1)).astimezone(ZoneInfo(tz)).replace(tzinfo=None)
    if "does not exist" in resolved.note:
        assert before < at < shown  # the very first instant after the gap
    else:
        assert shown == at
    assert resolve_wall(shown, tz).instant == resolved.instant


@calm
@given(walls, st.timedeltas(timedelta(0), timedelta(days=2)), names)
def test_a_later_wall_clock_is_never_an_earlier_instant(at: datetime, later: timedelta, tz: str) -> None:
    assert resolve_wall(at, tz).instant <= resolve_wall(at + later, tz).instant


@calm
@given(walls, st.integers(-999, 999), st.sampled_from("mhdw"), names)
def test_an_offset_and_its_opposite_meet_where_no_clock_change_interferes(
    at: datetime, amount: int, unit: str, tz: str
) -> None:
    start = resolve_wall(at, tz)
    there = Offset(amount, unit).apply(start.instant, tz)
    assume(not start.note and not there.note)
    assert Offset(-amount, unit).apply(there.instant, tz).instant == start.instant


@calm
@given(walls, names)
def test_what_is_written_is_read_back(at: datetime, tz: str) -> None:
    assert parse_when(f"{at:%Y-%m-%d %H:%M} {tz}", "UTC") == When(Mode.ZONED, wall=at, tz=tz)
    assume(
        resolve_wall(at, tz).instant.date() > date(1970, 1, 1)
    )  # older offsets have seconds, which the text leaves out
    instant = resolve_wall(at, tz).instant
    text = instant.astimezone(ZoneInfo(tz)).isoformat()
    assume(len(text) == len("2026-05-04T09:00:00+02:00"))
    assert parse_when(text, tz).instant == instant


@calm
@given(st.text(max_size=40))
def test_any_text_is_read_or_refused_and_never_crashes(text: str) -> None:
    with suppress(WhenError):
        assert parse_when(text, "Europe/Paris").mode in Mode
