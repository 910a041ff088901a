"""Planned times: what holds for every wall clock, zone and offset."""

from contextlib import suppress
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cms_core.campaigns.when import Mode, Offset, When, WhenError, parse_when, resolve_wall, zone_names

from .times import wall

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
