"""Slots: read, shown, and the next free one that nobody else gets."""

import threading
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from cms_core.campaigns import blackouts, service, slots
from cms_core.campaigns.blackouts import Wanted
from cms_core.campaigns.models import Entry, EntryKind, Slot
from cms_core.campaigns.service import Plan
from cms_core.campaigns.when import WhenError, parse_when
from cms_core.connections.models import Connection
from cms_core.errors import Invalid
from cms_core.workspace import Workspace
from tests.campaigns.conftest import Put
from tests.campaigns.times import wall

PARIS = "Europe/Paris"


def local(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("text", "times"),
    [
        ("mon 09:00", [(0, 540)]),
        ("Mon-Wed 9:00 16:30", [(0, 540), (0, 990), (1, 540), (1, 990), (2, 540), (2, 990)]),
        ("sat-mon 00:00", [(0, 0), (5, 0), (6, 0)]),
        ("friday 23:59; weekend 10:00", [(4, 1439), (5, 600), (6, 600)]),
        ("daily 08:00, mon 08:00", [(day, 480) for day in range(7)]),
        ("", []),
    ],
)
def test_times_of_the_week_are_read(text: str, times: list[tuple[int, int]]) -> None:
    assert slots.parse(text) == times


@pytest.mark.parametrize(
    "text", ["mon", "09:00", "mon 25:00", "mon 09:60", "monkey 09:00", "mon- 09:00", "mon 9", "mon ٠٩:٠٠"]
)
def test_what_is_no_time_of_the_week_is_said(text: str) -> None:
    with pytest.raises(WhenError):
        slots.parse(text)


@settings(deadline=None)
@given(st.sets(st.tuples(st.integers(0, 6), st.integers(0, 1439)), max_size=40))
def test_what_is_shown_is_read_again(times: set[tuple[int, int]]) -> None:
    rows = [Slot(connection_id=1, weekday=day, minute=minute, tz="UTC") for day, minute in sorted(times)]
    assert slots.parse(slots.show(rows)) == sorted(times)


@settings(deadline=None)
@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        slots.parse(text)
    except WhenError:
        return


def test_each_entry_gets_the_next_slot_and_a_dropped_one_gives_its_own_back(
    session: Session, site: Connection, put: Put
) -> None:
    slots.replace(session, site, "mon-fri 09:30", PARIS)
    first, second = put("slot", connection=site), put("slot", connection=site)
    assert first.instant == local("2026-05-04T09:30+02:00")
    assert second.instant == local("2026-05-05T09:30+02:00")
    assert (first.mode, first.tz, first.slot_at) == ("slot", PARIS, first.instant)
    service.drop(session, first)
    assert put("slot", connection=site).instant == local("2026-05-04T09:30+02:00")


def test_what_was_put_there_by_hand_takes_the_slot(session: Session, site: Connection, put: Put) -> None:
    slots.replace(session, site, "mon-fri 09:30", PARIS)
    put("2026-05-04 09:30", connection=site)
    assert put("slot", connection=site).instant == local("2026-05-05T09:30+02:00")


def test_moving_to_a_slot_and_away_again(session: Session, site: Connection, put: Put) -> None:
    slots.replace(session, site, "mon 09:30", PARIS)
    entry = put("2026-06-01 12:00", connection=site)
    service.move(session, entry, "slot")
    assert entry.instant == local("2026-05-04T09:30+02:00")
    service.move(session, entry, "slot")
    assert entry.instant == local("2026-05-04T09:30+02:00"), "its own slot is free for it"
    service.move(session, entry, "2026-05-20 10:00")
    assert entry.slot_at is None
    assert put("slot", connection=site).instant == local("2026-05-04T09:30+02:00")


def test_slots_keep_their_wall_clock_over_a_clock_change(session: Session, site: Connection) -> None:
    slots.replace(session, site, "sun 02:30", PARIS)
    free, _ = slots.next_free(session, site, local("2026-10-20T00:00+02:00"))
    assert free == local("2026-10-25T02:30+02:00")
    free, _ = slots.next_free(session, site, free)
    assert free == local("2026-11-01T02:30+01:00")


def test_slots_in_a_blackout_are_passed_over(session: Session, site: Connection, put: Put) -> None:
    slots.replace(session, site, "mon-fri 09:30", PARIS)
    freeze = Wanted("Freeze", "block", PARIS, starts=wall("2026-05-04"), ends=wall("2026-05-06"))
    blackouts.add(session, freeze)
    assert put("slot", connection=site).instant == local("2026-05-06T09:30+02:00")


def test_without_slots_or_connection_it_says_so(session: Session, site: Connection, put: Put) -> None:
    with pytest.raises(Invalid, match="has no slots"):
        put("slot", connection=site)
    with pytest.raises(Invalid, match="needs a connection"):
        put("slot")
    slots.replace(session, site, "mon 09:30", PARIS)
    assert slots.replace(session, site, "", PARIS) == []


def test_nobody_gets_a_slot_twice_however_many_ask_at_once(
    workspace: Workspace, session: Session, site: Connection
) -> None:
    slots.replace(session, site, "daily 09:30 15:00", PARIS)
    session.commit()
    barrier, failures = threading.Barrier(4), list[BaseException]()

    def ask() -> None:
        barrier.wait()
        try:
            for n in range(5):
                with workspace.db.transaction() as writing:
                    connection = writing.get_one(Connection, site.id)
                    when = parse_when("slot", PARIS)
                    service.plan(
                        writing,
                        Plan(when, f"Post {n}", EntryKind.PUBLISH, channel="site", connection=connection),
                    )
        except BaseException as error:  # told to the test
            failures.append(error)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with workspace.db.session() as reading:
        taken = sorted(reading.scalars(select(Entry.instant)))
    assert len(taken) == len(set(taken)) == 20
    assert taken[-1] - taken[0] < timedelta(days=10), "and none is left free between"
