"""Who would get too much: as many people as a count by hand finds, whatever the segments and times."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from cms_core.audience import segments
from cms_core.audience.addresses import address_hash
from cms_core.audience.suppression import GLOBAL, suppress
from cms_core.audience.upsert import Incoming, upsert_batch
from cms_core.campaigns import fatigue, service
from cms_core.campaigns.models import Entry, EntryKind, EntryState
from cms_core.campaigns.service import Plan
from cms_core.campaigns.when import Mode, When
from cms_core.testing.pages import statements
from cms_core.workspace import Workspace

START = datetime.fromisoformat("2026-05-04T00:00+00:00")
PEOPLE = 6


@pytest.fixture
def people(session: Session) -> list[int]:
    """Six people who agreed, in a row."""
    rows = [
        Incoming(f"p{n}@example.com", {}, {}, consent="yes", evidence={"source": "test"})
        for n in range(PEOPLE)
    ]
    upsert_batch(session, rows, source="test")
    return list(session.scalars(segments.fitting_ids(session, "email is not empty").order_by("id")))


def send(session: Session, segment: segments.Segment, hours: float, title: str = "Mail") -> Entry:
    when = When(Mode.ABSOLUTE, instant=START + timedelta(hours=hours), tz="UTC")
    return service.plan(session, Plan(when, title, EntryKind.PUBLISH, channel="email", segment=segment))


def by_hand(
    members: Mapping[int, set[int]], sends: Sequence[tuple[Entry, int]], limit: int
) -> dict[int, dict[int, int]]:
    """For each entry, who has got more than the limit in the seven days up to it, and how many."""
    found: dict[int, dict[int, int]] = {}
    for entry, group in sends:
        for person in members[group]:
            got = sum(
                1
                for other, its in sends
                if person in members[its] and entry.instant - fatigue.SPAN < other.instant <= entry.instant
            )
            if got > limit:
                found.setdefault(entry.id, {})[person] = got
    return found


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    groups=st.lists(st.sets(st.integers(0, PEOPLE - 1)), min_size=1, max_size=4),
    times=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 20 * 24)), max_size=14),
    limit=st.integers(1, 4),
    first=st.integers(0, 10),
)
def test_it_is_what_a_count_by_hand_finds(
    session: Session,
    people: list[int],
    groups: list[set[int]],
    times: list[tuple[int, int]],
    limit: int,
    first: int,
) -> None:
    with session.begin_nested() as savepoint:
        made = [
            segments.create_static(session, f"G{n}", [people[i] for i in group])
            for n, group in enumerate(groups)
        ]
        members = {n: {people[i] for i in group} for n, group in enumerate(groups)}
        sends = [(send(session, made[g % len(made)], hours), g % len(made)) for g, hours in times]
        start, end = START + timedelta(days=first), START + timedelta(days=14)
        # Times are whole hours: the seconds that are compared are exact.
        within = [each for each in sends if start - fatigue.SPAN < each[0].instant < end]
        wanted = {
            entry: who
            for entry, who in by_hand(members, within, limit).items()
            if session.get_one(Entry, entry).instant >= start
        }
        found = fatigue.between(session, ["email"], start, end, limit)
        assert {each.entry_id: (each.people, each.most) for each in found.overlaps} == {
            entry: (len(who), max(who.values())) for entry, who in wanted.items()
        }
        assert found.people == len({person for who in wanted.values() for person in who})
        savepoint.rollback()


def test_whoever_would_not_get_it_is_not_counted(session: Session, people: list[int]) -> None:
    everybody = segments.create(session, "Everybody", "email is not empty")
    entries = [send(session, everybody, hours) for hours in (1, 2, 3, 4)]
    assert fatigue.between(session, ["email"], START, START + fatigue.SPAN, 3).people == PEOPLE
    suppress(session, address_hash(session, "p0@example.com"), "email", GLOBAL, "asked")
    assert fatigue.between(session, ["email"], START, START + fatigue.SPAN, 3).people == PEOPLE - 1
    found = fatigue.of_entry(session, ["email"], entries[0], 3)
    assert (found.people, found.overlaps[0].most) == (PEOPLE - 1, 4)
    entries[3].state = EntryState.DROPPED
    session.flush()
    assert fatigue.between(session, ["email"], START, START + fatigue.SPAN, 3).people == 0


def test_of_one_entry_only_those_who_get_it_count(session: Session, people: list[int]) -> None:
    some = segments.create_static(session, "Some", people[:2])
    others = segments.create_static(session, "Others", people[1:])
    for hours in (1, 2, 3):
        send(session, others, hours)
    entry = send(session, some, 4)
    found = fatigue.of_entry(session, ["email"], entry, 2)
    assert {each.title for each in found.overlaps} == {"Mail"}
    assert found.people == 1, "the one who is in both"


def test_one_statement_counts_however_many_people(
    session: Session, workspace: Workspace, people: list[int]
) -> None:
    everybody = segments.create(session, "Everybody", "email is not empty")
    for hours in range(8):
        send(session, everybody, hours)
    session.commit()
    with statements(workspace.db.engine) as counter:
        fatigue.between(session, ["email"], START, START + fatigue.SPAN, 3)
        few = next(counter)
    assert few <= 4, "the sends, each segment, the count"


def test_a_rule_that_does_not_hold_any_more_is_named(session: Session, people: list[int]) -> None:
    everybody = segments.create(session, "Everybody", "email is not empty")
    broken = segments.create(session, "Broken", "email is not empty")
    broken.rule = 'nothing = "x"'
    for hours in range(4):
        send(session, everybody if hours else broken, hours)
    found = fatigue.between(session, ["email"], START, START + fatigue.SPAN, 2)
    assert list(found.unread) == ["Broken"]
    assert found.people == PEOPLE
