"""Reading a ledger: whatever the order of commits, everything is read once and nothing is passed over."""

import random
from collections import Counter
from threading import Event as Signal
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from cms_core.contract import AgentClass
from cms_core.dialect import insert_missing
from cms_core.events import ledger
from cms_core.events.ledger import START, Place
from cms_core.events.models import Event, Reclassification
from cms_core.events.service import NewEvent, record
from cms_core.reports import rollups
from cms_core.reports.models import PersonRollup, Rollup
from cms_core.testing.fixtures import NOW
from cms_core.workspace import Workspace


def click(number: int | str, **more: Any) -> NewEvent:
    return NewEvent("clicked", NOW, "test", str(number), AgentClass.HUMAN, **more)


def read(session: Session, start: Place) -> tuple[list[str], Place]:
    """What a reader that stands here is given, and where it stands then."""
    end = ledger.end(session, Event)
    behind = ledger.after(session, Event, start), ledger.up_to(session, Event, end)
    found = session.scalars(
        select(Event.source_id).where(*behind).order_by(*ledger.order(session, Event))
    ).all()
    return list(found), max(start, end)


@pytest.fixture
def concurrent(workspace: Workspace) -> Workspace:
    """A workspace in which two transactions can write at once."""
    if workspace.db.engine.dialect.name == "sqlite":
        pytest.skip("on SQLite writers come one after another")
    return workspace


def test_a_later_commit_of_an_earlier_row_is_not_passed_over(concurrent: Workspace) -> None:
    db = concurrent.db
    with db.transaction() as slow:
        record(slow, [click("slow")])
        with db.transaction() as quick:
            record(quick, [click("quick")])
        with db.session() as session:
            before, place = read(session, START)
            assert session.scalar(select(func.max(Event.id))) == 2  # by ids, "slow" would be lost now
    with db.session() as session:
        after, place = read(session, place)
        assert (before, after) == ([], ["slow", "quick"])
        assert read(session, place) == ([], place)


def test_a_later_row_of_an_earlier_transaction_is_not_passed_over(concurrent: Workspace) -> None:
    db = concurrent.db
    with db.transaction() as older:
        record(older, [click("older 1")])
        with db.transaction() as newer:
            record(newer, [click("newer")])
        record(older, [click("older 2")])
    with db.session() as session:
        assert read(session, START)[0] == ["older 1", "older 2", "newer"]


def test_whoever_rolls_back_holds_nobody_back(concurrent: Workspace) -> None:
    db = concurrent.db
    given_up = db.open_transaction()
    record(given_up, [click("given up")])
    with db.transaction() as session:
        record(session, [click("kept")])
    given_up.rollback()
    given_up.close()
    with db.session() as session:
        assert read(session, START)[0] == ["kept"]


def test_readers_miss_nothing_and_repeat_nothing_while_writers_overtake_one_another(
    workspace: Workspace,
) -> None:
    db, ended = workspace.db, Signal()

    def write(writer: int) -> None:
        dice = random.Random(writer)
        for number in range(40):
            with db.transaction() as session:
                for part in range(dice.randint(1, 3)):
                    record(session, [click(f"{writer}-{number}-{part}")])
                    if dice.random() < 0.3:
                        ended.wait(0.003)

    seen: list[str] = []

    def follow() -> None:
        place = START
        while True:
            last = ended.is_set()
            with db.session() as session:
                found, place = read(session, place)
            seen.extend(found)
            if last:
                return

    writers = [Thread(target=write, args=(each,)) for each in range(4)]
    follower = Thread(target=follow)
    follower.start()
    for each in writers:
        each.start()
    for each in writers:
        each.join()
    ended.set()
    follower.join()
    with db.session() as session:
        written = list(session.scalars(select(Event.source_id)))
    assert Counter(seen) == Counter(written)


def raw(session: Session) -> Counter[str]:
    return Counter(session.scalars(select(Event.agent_class)))


def rolled_up(session: Session) -> Counter[str]:
    rows = session.execute(select(Rollup.agent_class, func.sum(Rollup.total)).group_by(Rollup.agent_class))
    return Counter({row[0]: int(row[1]) for row in rows})


def found_out(session: Session, chosen: Any) -> None:
    """What ``hits`` does with events that were a machine's."""
    humans = session.execute(
        select(Event.id, Event.agent_class).where(Event.agent_class == AgentClass.HUMAN, chosen)
    ).all()
    insert_missing(session, Reclassification, [{"event_id": i, "was": was, "at": NOW} for i, was in humans])
    ids = [i for i, _ in humans]
    session.execute(update(Event).where(Event.id.in_(ids)).values(agent_class=AgentClass.SCANNER))


def test_an_event_found_out_while_it_waits_to_be_counted_is_counted_once(concurrent: Workspace) -> None:
    """Its change is committed and visible, but not below the horizon yet: it is counted as what it was, and moved later."""
    db = concurrent.db
    with db.transaction() as session:
        record(session, [click(1, contact_id=5)])
    with db.transaction() as older:
        record(older, [click("older", contact_id=6)])
        with db.transaction() as session:
            found_out(session, Event.source_id == "1")
        rollups.keep_up(db)
    rollups.keep_up(db)
    with db.session() as session:
        assert rolled_up(session) == raw(session) == {AgentClass.SCANNER: 1, AgentClass.HUMAN: 1}
        assert session.scalars(select(PersonRollup.person)).all() == ["c6"]


def test_figures_are_right_however_writers_and_counters_meet(workspace: Workspace) -> None:
    db = workspace.db

    def write(writer: int) -> None:
        dice = random.Random(writer)
        for number in range(30):
            with db.transaction() as session:
                record(session, [click(f"{writer}-{number}", contact_id=dice.randint(1, 9))])
                if dice.random() < 0.3:
                    found_out(session, Event.source_id.like(f"{writer}-%"))
            if dice.random() < 0.3:
                rollups.keep_up(db)

    threads = [Thread(target=write, args=(each,)) for each in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    rollups.keep_up(db)
    with db.session() as session:
        assert rolled_up(session) == raw(session)
        humans = select(Event.contact_id).where(Event.agent_class == AgentClass.HUMAN).distinct()
        people = set(session.scalars(select(PersonRollup.person)))
        assert people == {f"c{contact}" for contact in session.scalars(humans)}
