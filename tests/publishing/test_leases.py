"""Leases when the clock of the machine is set: nobody who is at work loses one, and nobody keeps one for years."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from sqlalchemy import select

from cms_core.clock import FrozenClock, SystemClock
from cms_core.publishing import claims
from cms_core.publishing.leases import ENDLESS, FAR, NEVER, Bounds, Leases
from cms_core.publishing.models import Publication
from cms_core.workspace import Workspace
from tests.publishing.conftest import Arm, shown
from tests.publishing.fire import change

LEASE = timedelta(seconds=30)
CLOCK = SystemClock()


@pytest.fixture
def ticks(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the clock that nobody can set shows."""
    shown = [1_000.0]
    monkeypatch.setattr("cms_core.publishing.leases.time.monotonic", lambda: shown[0])
    return shown


def test_after_a_jump_nobody_loses_a_lease_until_all_could_renew_theirs(ticks: list[float]) -> None:
    start = datetime(2026, 5, 4, 7, tzinfo=UTC)
    with time_machine.travel(start, tick=False):
        leases = Leases(LEASE)
        assert leases.bounds(CLOCK).before == start
    for offset in (timedelta(hours=1), timedelta(days=-20_000), timedelta(0)):
        with time_machine.travel(start + offset, tick=False) as clock:
            assert leases.bounds(CLOCK).before == NEVER
            ticks[0] += 29
            clock.shift(29)
            assert leases.bounds(CLOCK).before == NEVER
            ticks[0] += 2
            clock.shift(2)
            assert leases.bounds(CLOCK).before == start + offset + timedelta(seconds=31)


def test_a_clock_that_runs_evenly_or_is_slewed_takes_and_gives_nothing(ticks: list[float]) -> None:
    with time_machine.travel(datetime(2026, 5, 4, 7, tzinfo=UTC), tick=False) as clock:
        leases = Leases(LEASE)
        for _ in range(100):
            ticks[0] += 10
            clock.shift(10 + 9)  # less than a third of a lease
            bounds = leases.bounds(CLOCK)
            assert bounds.before == datetime.now(UTC)
    assert bounds.after == bounds.before + FAR


def test_who_has_just_begun_takes_no_lease_for_one_of_a_clock_that_was_ahead(ticks: list[float]) -> None:
    leases = Leases(LEASE)
    assert leases.bounds(CLOCK).after == ENDLESS
    ticks[0] += 1
    assert leases.bounds(FrozenClock(datetime(2026, 5, 4, tzinfo=UTC))).before == datetime(
        2026, 5, 4, tzinfo=UTC
    )


@pytest.mark.parametrize(("ahead", "free"), [(timedelta(days=3_652), True), (timedelta(minutes=59), False)])
def test_a_lease_of_somebody_dead_whose_clock_was_ahead_ends(
    workspace: Workspace, arm: Arm, ahead: timedelta, free: bool
) -> None:
    real = datetime.now(UTC)
    public_id = arm()
    change(workspace, public_id, state="preparing", lease_until=real + ahead)
    with workspace.db.transaction() as session:
        claims.sweep(session, real, real, claims.Bounds(real, real + FAR))
    assert shown(workspace, public_id)["state"] == ("scheduled" if free else "preparing")
    change(workspace, public_id, state="unknown", lease_until=real + ahead, retry_at=None)
    with workspace.db.session() as session:
        (where,) = (
            where
            for task, where in claims.claimable(workspace.plugins, real, real)
            if task is claims.Task.RECONCILE
        )
        assert bool(session.scalars(select(Publication.id).where(where)).all()) is free


@pytest.mark.parametrize("looked", [True, False])
@pytest.mark.parametrize(("jump", "noticed"), [(10, False), (-10, False), (10.5, True), (-10.5, True)])
def test_a_jump_of_more_than_a_third_of_a_lease_is_noticed(
    ticks: list[float], jump: float, noticed: bool, looked: bool
) -> None:
    with time_machine.travel(datetime(2026, 5, 4, 7, tzinfo=UTC), tick=False) as clock:
        leases = Leases(LEASE)
        if looked:
            leases.bounds(CLOCK)
        clock.shift(jump)
        assert (leases.bounds(CLOCK).before == NEVER) is noticed


def test_after_exactly_one_lease_what_a_jump_held_back_is_taken_again(ticks: list[float]) -> None:
    with time_machine.travel(datetime(2026, 5, 4, 7, tzinfo=UTC), tick=False) as clock:
        leases = Leases(LEASE)
        clock.shift(3_600)
        assert leases.bounds(CLOCK) == Bounds(NEVER, ENDLESS)
        ticks[0] += 30
        clock.shift(30)
        present = datetime.now(UTC)
        assert leases.bounds(CLOCK) == Bounds(present, ENDLESS), "who has begun one lease ago knows no better"
        ticks[0] += 1
        clock.shift(1)
        assert leases.bounds(CLOCK) == Bounds(
            present + timedelta(seconds=1), present + FAR + timedelta(seconds=1)
        )


def test_a_clock_that_is_moved_by_a_command_is_taken_at_its_word() -> None:
    present = datetime(2026, 5, 4, tzinfo=UTC)
    leases = Leases(LEASE)
    for moved in (present, present + timedelta(days=9)):
        assert leases.bounds(FrozenClock(moved)) == Bounds(moved, ENDLESS)
    assert timedelta(hours=2) == FAR


@pytest.mark.parametrize(
    ("lease", "lost"),
    [(timedelta(seconds=-1), True), (timedelta(0), False), (FAR, False), (FAR + timedelta(seconds=1), True)],
)
def test_a_lease_between_its_bounds_is_somebodys(
    workspace: Workspace, arm: Arm, lease: timedelta, lost: bool
) -> None:
    real, public_id = datetime(2026, 5, 4, 7, tzinfo=UTC), arm()
    change(workspace, public_id, lease_until=real + lease)
    with workspace.db.session() as session:
        where = Bounds(real, real + FAR).lost(Publication.lease_until)
        assert bool(session.scalars(select(Publication.id).where(where)).all()) is lost
