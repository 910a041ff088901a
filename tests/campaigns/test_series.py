"""Series: made up to a horizon, moved and dropped one by one or together, with past and armed ones left alone."""

from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cms_core.campaigns import blackouts, recurrence, series, service
from cms_core.campaigns.blackouts import Wanted
from cms_core.campaigns.models import Entry, EntryKind, EntryState, Series
from cms_core.campaigns.series import Scope
from cms_core.campaigns.service import Plan
from cms_core.campaigns.when import parse_when
from cms_core.db import now
from cms_core.errors import Invalid
from tests.campaigns.times import wall

PARIS = "Europe/Paris"
MONDAYS = "FREQ=WEEKLY;BYDAY=MO"


def local(text: str) -> datetime:
    return datetime.fromisoformat(text)


def make(session: Session, rrule: str = MONDAYS, start: str = "2026-05-04 09:00", tz: str = PARIS) -> Series:
    return series.create(session, Plan(parse_when(start, tz), "Weekly", EntryKind.TASK), rrule)


def instants(session: Session, made: Series) -> list[datetime]:
    return [each.instant for each in series.entries_of(session, made)]


def test_occurrences_stand_there_up_to_the_horizon_at_one_time_of_day(session: Session) -> None:
    made = make(session)
    entries = series.entries_of(session, made)
    assert entries[0].instant == local("2026-05-04T09:00+02:00")
    assert entries[-1].instant <= now(session) + series.HORIZON
    assert len(entries) == 13
    assert {(each.instant - entries[0].instant) % timedelta(days=7) for each in entries} == {timedelta()}


def test_a_later_horizon_adds_and_doing_it_again_adds_nothing(session: Session) -> None:
    made = make(session)
    later = now(session) + timedelta(days=180)
    new = series.extend(session, made, later)
    assert new
    assert new[-1].instant.astimezone().utcoffset() is not None
    assert series.extend(session, made, later) == []
    assert series.extend(session, made, now(session)) == [], "a clock that goes back takes nothing away"
    assert [each.hour for each in (e.wall for e in series.entries_of(session, made)) if each] == [9] * (
        13 + len(new)
    )


def test_one_that_was_moved_or_dropped_stays_so(session: Session) -> None:
    made = make(session)
    first, second, third = series.entries_of(session, made)[:3]
    series.move(session, second, "2026-05-13 10:00", Scope.ONE)
    service.drop(session, third)
    series.extend(session, made, now(session) + timedelta(days=100))
    found = instants(session, made)
    assert local("2026-05-11T09:00+02:00") not in found
    assert local("2026-05-13T10:00+02:00") in found
    assert local("2026-05-18T09:00+02:00") not in found
    assert series.is_moved(second, made)
    assert not series.is_moved(first, made)


def test_this_and_following_move_together(session: Session) -> None:
    made = make(session)
    entries = series.entries_of(session, made)
    series.move(session, entries[4], "2026-06-03 09:00", Scope.FOLLOWING)  # Monday 1 June goes to Wednesday
    rest = series.find(session, entries[4].public_id)
    assert rest is not made
    assert [each.weekday() for each in instants(session, made)] == [0] * 4
    assert {each.weekday() for each in instants(session, rest)} == {2}
    series.move(session, series.entries_of(session, rest)[0], "2026-06-02 09:00", Scope.FOLLOWING)
    assert series.find(session, entries[4].public_id) is rest, (
        "the first with all that follow it is the whole series"
    )
    added = series.extend(session, rest, now(session) + timedelta(days=120))
    assert {each.instant.weekday() for each in added} == {1}, "those to come are moved too"
    assert series.extend(session, made, now(session) + timedelta(days=120)) == []


def test_all_move_but_past_ones_and_those_that_were_moved_by_themselves(session: Session) -> None:
    made = make(session, start="2026-04-20 09:00")
    entries = series.entries_of(session, made)
    by_itself = entries[4]
    series.move(session, by_itself, "2026-05-19 12:00", Scope.ONE)
    moved = series.move(session, entries[3], "2026-05-11 15:30", Scope.ALL)
    assert by_itself not in moved
    assert [each.instant for each in entries[:2]] == [
        local("2026-04-20T09:00+02:00"),
        local("2026-04-27T09:00+02:00"),
    ]
    assert by_itself.instant == local("2026-05-19T12:00+02:00")
    assert {(each.wall.hour, each.wall.minute) for each in moved if each.wall} == {(15, 30)}
    assert entries[2] in moved, "it is today, at nine, which is to come"


def test_another_rule_keeps_past_armed_and_moved_ones(session: Session) -> None:
    made = make(session, start="2026-04-20 09:00")
    entries = series.entries_of(session, made)
    entries[4].state = EntryState.ARMED
    series.move(session, entries[5], "2026-05-26 10:00", Scope.ONE)
    kept = {each.id for each in (*entries[:2], entries[4], entries[5])}
    series.change_rule(session, made, "FREQ=WEEKLY;BYDAY=TH")
    standing = series.entries_of(session, made)
    assert kept <= {each.id for each in standing}
    others = [each for each in standing if each.id not in kept and each.original_wall != made.start]
    assert {each.instant.weekday() for each in others} == {3}
    session.flush()
    series.change_rule(session, made, MONDAYS)
    assert local("2026-06-01T09:00+02:00") in instants(session, made), (
        "what the rule gives again stands there again"
    )


def test_another_rule_from_an_occurrence_on(session: Session) -> None:
    made = make(session)
    entries = series.entries_of(session, made)
    rest = series.change_rule(session, made, "FREQ=DAILY;COUNT=3", entries[2])
    assert len(instants(session, made)) == 2
    assert instants(session, rest) == [local(f"2026-05-{day}T09:00+02:00") for day in (18, 19, 20)]


def test_an_ended_series_gives_no_more(session: Session) -> None:
    made = make(session)
    entries = series.entries_of(session, made)
    gone = series.end(session, made, entries[3])
    assert gone == entries[3:]
    assert series.extend(session, made, now(session) + timedelta(days=200)) == []
    assert len(instants(session, made)) == 3


def test_the_first_stands_there_however_far_away(session: Session) -> None:
    assert instants(session, make(session, start="2027-05-03 09:00")) == [local("2027-05-03T09:00+02:00")]


def test_a_rule_that_fills_the_calendar_is_refused_whole(session: Session) -> None:
    with pytest.raises(Invalid, match="more than 1000"), session.begin_nested():
        make(session, "FREQ=HOURLY")
    assert session.scalar(select(func.count()).select_from(Entry)) == 0
    for rule in ("FREQ=SOMETIMES", "x" * 600):
        with pytest.raises(Invalid), session.begin_nested():
            make(session, rule)


def test_a_blackout_does_not_break_a_series(session: Session) -> None:
    freeze = Wanted("Freeze", "block", PARIS, starts=wall("2026-05-11"), ends=wall("2026-05-12"))
    blackouts.add(session, freeze)
    later = Wanted("Fair", "defer", PARIS, starts=wall("2026-05-18"), ends=wall("2026-05-20"))
    blackouts.add(session, later)
    made = series.create(session, Plan(parse_when("2026-05-04 09:00", PARIS), "Post"), MONDAYS)
    found = series.entries_of(session, made)
    assert found[1].instant == local("2026-05-11T09:00+02:00")
    assert blackouts.of_entry(session, found[1]).blocked
    assert found[2].instant == local("2026-05-20T09:00+02:00")


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rule=st.sampled_from(
        [MONDAYS, "FREQ=DAILY;INTERVAL=3", "FREQ=MONTHLY;BYMONTHDAY=31", "FREQ=WEEKLY;COUNT=7;BYDAY=TU,FR"]
    ),
    steps=st.lists(st.integers(0, 300), min_size=1, max_size=5),
    tz=st.sampled_from([PARIS, "America/New_York", "Australia/Lord_Howe"]),
)
@pytest.mark.sqlite
def test_however_the_horizon_grows_the_series_is_what_the_rule_gives(
    one_session: Session, rule: str, steps: list[int], tz: str
) -> None:
    session = one_session
    with session.begin_nested() as savepoint:
        made = make(session, rule, tz=tz)
        for step in steps:
            series.extend(session, made, now(session) + timedelta(days=step))
        assert made.made_until is not None
        wanted = recurrence.expand(rule, made.start, tz, 10_000, made.made_until)
        assert [(e.original_wall, e.instant) for e in series.entries_of(session, made)] == [
            (w.wall, w.instant) for w in wanted
        ]
        savepoint.rollback()


@pytest.fixture
def one_session(session: Session) -> Session:
    """One session for all examples; each is rolled back."""
    return session
