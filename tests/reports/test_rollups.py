"""Rollups: counted once, in any order, with the class that an event has now, and the same after a rebuild."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from cms_core import models
from cms_core.clock import FrozenClock
from cms_core.contract import AgentClass
from cms_core.db import Base, Database
from cms_core.dialect import insert_missing
from cms_core.events.ledger import Place, Reader, advance, end, position
from cms_core.events.models import Cursor, Event, Reclassification
from cms_core.events.service import NewEvent, record
from cms_core.reports import rollups
from cms_core.reports.models import ContactRollup, PersonRollup, Rollup
from cms_core.testing.fixtures import NOW

DAY = timedelta(days=1)

events = st.builds(
    lambda number, day, **more: NewEvent(
        source="test", source_id=str(number), at=NOW + timedelta(hours=9 * day), **more
    ),
    number=st.integers(0, 25),
    day=st.integers(-6, 6),
    kind=st.sampled_from(["opened", "clicked", "visited", "converted"]),
    agent_class=st.sampled_from([AgentClass.HUMAN, AgentClass.HUMAN, AgentClass.SCANNER, AgentClass.UNKNOWN]),
    contact_id=st.sampled_from([None, 1, 2, 3]),
    visitor=st.sampled_from([None, "a", "b"]),
    campaign=st.sampled_from([None, "launch"]),
    publication_id=st.sampled_from([None, 1, 2]),
    channel=st.sampled_from([None, "email"]),
    asset_id=st.sampled_from([None, 7]),
    value_micros=st.sampled_from([None, 5, -3]),
)
steps = st.lists(
    st.one_of(
        st.lists(events, min_size=1, max_size=8),  # recorded together
        st.just("count"),
        st.lists(st.integers(0, 25), min_size=1, max_size=4),  # found to be machines, by source_id
    ),
    max_size=14,
)


@pytest.fixture(scope="module")
def db() -> Database:
    made = Database("sqlite://", FrozenClock(NOW))
    models.metadata.create_all(made.engine)
    return made


def empty(session: Session) -> None:
    for model in (Reclassification, Event, Rollup, PersonRollup, ContactRollup, Cursor):
        session.execute(delete(model))


def reclassify(session: Session, numbers: list[int], to: AgentClass = AgentClass.SCANNER) -> None:
    found = select(Event.id, Event.agent_class).where(
        Event.source_id.in_([str(number) for number in numbers]), Event.agent_class == AgentClass.HUMAN
    )
    rows = session.execute(found).all()
    changes = [{"event_id": row.id, "was": row.agent_class, "at": NOW} for row in rows]
    insert_missing(session, Reclassification, changes)
    session.execute(update(Event).where(Event.id.in_([row.id for row in rows])).values(agent_class=to))


def rows_of(session: Session, model: type[Base]) -> set[tuple[Any, ...]]:
    return {tuple(row) for row in session.execute(select(*model.__table__.columns))}


def counted(session: Session) -> list[set[tuple[Any, ...]]]:
    return [rows_of(session, model) for model in (Rollup, PersonRollup, ContactRollup)]


def naive(session: Session) -> tuple[Counter[Any], dict[Any, datetime]]:
    """The same, counted one by one."""
    totals: Counter[Any] = Counter()
    people: dict[Any, datetime] = {}
    for e in session.scalars(select(Event).execution_options(populate_existing=True)):
        place = (e.campaign or "", e.publication_id or 0, e.channel or "", e.asset_id or 0, e.kind)
        totals[(*place, e.at.astimezone(UTC).date(), e.agent_class)] += 1
        person = f"c{e.contact_id}" if e.contact_id else f"v:{e.visitor}" if e.visitor else ""
        if person and e.agent_class == AgentClass.HUMAN:
            people[(*place, person)] = min(e.at, people.get((*place, person), e.at))
    return totals, people


def contacts_of(people: dict[Any, datetime]) -> Counter[Any]:
    """How many contacts opened and clicked, at each level."""
    found = set()
    for campaign, _, channel, asset_id, kind, person in people:
        if person.startswith("c") and kind in ("opened", "clicked"):
            found.add((campaign, kind, "campaign", "", 0, person))
            found.add((campaign, kind, "channel", channel, 0, person))
            found.add((campaign, kind, "asset", "", asset_id, person))
    return Counter(each[:-1] for each in found)


def as_naive(session: Session) -> tuple[Counter[Any], dict[Any, datetime]]:
    totals: Counter[Any] = Counter()
    for r in session.execute(select(*Rollup.__table__.columns)):
        totals[(r.campaign, r.publication_id, r.channel, r.asset_id, r.kind, r.day, r.agent_class)] = r.total
    people = {
        (p.campaign, p.publication_id, p.channel, p.asset_id, p.kind, p.person): p.first_at
        for p in session.execute(select(*PersonRollup.__table__.columns))
    }
    return totals, people


@given(steps=steps, batch=st.sampled_from([1, 3, 100]))
@settings(max_examples=60, deadline=None)
def test_counting_as_it_comes_equals_a_rebuild_and_counting_one_by_one(
    db: Database, steps: list[Any], batch: int
) -> None:
    with pytest.MonkeyPatch.context() as patch, db.open_transaction() as session:
        patch.setattr(rollups, "BATCH", batch)
        empty(session)
        for step in [*steps, "count"]:
            if step == "count":
                rollups.catch_up(session)
            elif isinstance(step[0], NewEvent):
                record(session, step)
            else:
                reclassify(session, step)
        assert as_naive(session) == naive(session)
        contacts = {row[:-1]: row[-1] for row in rows_of(session, ContactRollup)}
        assert contacts == contacts_of(naive(session)[1])
        kept = counted(session)
        rollups.rebuild(session)
        assert counted(session) == kept
        session.rollback()


@given(seed=st.integers(0, 2**32))
@settings(max_examples=20, deadline=None)
def test_any_order_with_duplicates_gives_the_same_totals(db: Database, seed: int) -> None:
    chance = random.Random(seed)
    made = [
        NewEvent(
            "opened", NOW + DAY * (n % 4), "test", str(n), AgentClass.HUMAN, n % 7 or None, campaign="launch"
        )
        for n in range(40)
    ]

    def play(order: list[NewEvent]) -> set[tuple[Any, ...]]:
        with db.open_transaction() as session:
            empty(session)
            while order:
                cut = chance.randint(1, 9)
                record(session, order[:cut])
                order = order[cut:]
                if chance.random() < 0.5:
                    rollups.catch_up(session)
            rollups.catch_up(session)
            found = set().union(*counted(session))
            session.rollback()
            return found

    again = [*made, *chance.sample(made, 15)]
    chance.shuffle(again)
    assert play(again) == play(made)


def test_what_is_late_changes_the_first_instant_only_when_it_is_earlier(db: Database) -> None:
    with db.open_transaction() as session:
        empty(session)
        for number, days in enumerate((2, 3, 1)):
            record(session, [NewEvent("opened", NOW + DAY * days, "test", str(number), AgentClass.HUMAN, 1)])
            rollups.catch_up(session)
        assert session.scalars(select(PersonRollup.first_at)).all() == [NOW + DAY]
        session.rollback()


@pytest.mark.parametrize("who", [{"contact_id": 1}, {"visitor": "a"}])
def test_who_was_taken_for_a_human_once_too_often_still_counts(db: Database, who: dict[str, Any]) -> None:
    with db.open_transaction() as session:
        empty(session)
        made = [
            NewEvent("opened", NOW + DAY * n, "test", str(n), AgentClass.HUMAN, campaign="launch", **who)
            for n in range(3)
        ]
        record(session, made)
        rollups.catch_up(session)
        reclassify(session, [0])
        rollups.catch_up(session)
        assert session.scalars(select(PersonRollup.first_at)).all() == [NOW + DAY]
        reclassify(session, [1, 2])
        rollups.catch_up(session)
        assert rows_of(session, PersonRollup) == set()
        session.rollback()


def test_two_processes_count_each_event_once(workspace: Any) -> None:
    made = [
        NewEvent("opened", NOW, "test", str(number), AgentClass.HUMAN, number % 50) for number in range(3_000)
    ]
    with workspace.db.transaction() as session:
        record(session, made)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rollups, "BATCH", 100)
        threads = [Thread(target=rollups.keep_up, args=(workspace.db,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    with workspace.db.session() as session:
        assert session.scalar(select(func.sum(Rollup.total))) == 3_000
        assert position(session, rollups.EVENTS) == end(session, Event)


def test_nothing_is_written_when_nothing_is_new(workspace: Any) -> None:
    with workspace.db.open_transaction() as writer:
        writer.execute(select(1))  # holds the write lock: keeping up would have to wait
        assert rollups.keep_up(workspace.db) == 0


def test_a_cursor_moves_only_from_where_it_was_found(session: Session) -> None:
    reader = Reader("reader", Event)
    assert advance(session, reader, Place(0, 0), Place(7, 5))
    assert not advance(session, reader, Place(0, 5), Place(9, 9))
    assert position(session, reader) == Place(7, 5)
