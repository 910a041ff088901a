"""The table of points follows the ledger: whatever comes, late, twice, or turns out otherwise, a replay gives the same."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from cms_core import AgentClass, JobContext, personal
from cms_core.audience.models import Contact as Person
from cms_core.audience.models import ContactChange, Visitor
from cms_core.events.models import Cursor, Reclassification
from cms_core.events.models import Event as Happened
from cms_core.reactions import deliver_reactions
from cms_leads import handoffs, jobs, listing, points
from cms_leads.models import Handoff, Lead, Mark

Desk = Any

DAY = timedelta(days=1)
ANN, BOB, CAT = "ann@acme.test", "bob@acme.test", "cat@beta.test"
FADING = ["clicked 20 cap 60 half-life 10 days", "visited 7"]


def table(desk: Desk) -> dict[str, int]:
    with desk.svc.session() as session:
        return {row.contact: row.points for row in session.scalars(select(Lead)) if row.points}


def counted(desk: Desk) -> dict[str, int]:
    found = points.scores(desk.svc, desk.now)
    for score in found.values():
        assert score.points == sum(reason.points for reason in score.reasons)
    return {contact: score.points for contact, score in found.items() if score.points}


def keep_up(desk: Desk) -> None:
    deliver_reactions(desk.workspace)
    jobs.keep_up(JobContext(desk.now, desk.svc))


@pytest.fixture
def busy(desk: Desk) -> Desk:
    """A desk whose reactions are at the present end of the ledger."""
    keep_up(desk)
    return desk


def test_reactions_keep_the_table(busy: Desk) -> None:
    busy.did(ANN, "clicked")
    busy.did(ANN, "converted")
    busy.did(BOB, "clicked", agent_class=AgentClass.SCANNER)
    deliver_reactions(busy.workspace)
    assert table(busy) == {busy.ids[ANN]: 23} == counted(busy)


def test_points_of_a_machine_are_taken_back(busy: Desk) -> None:
    hit = busy.did(ANN, "clicked")
    busy.did(ANN, "visited")
    keep_up(busy)
    assert table(busy) == {busy.ids[ANN]: 5}
    busy.later(timedelta(minutes=1))
    busy.found_out(hit)
    keep_up(busy)
    assert table(busy) == {busy.ids[ANN]: 2} == counted(busy)


def test_a_merge_brings_points_deals_and_answers_along(busy: Desk) -> None:
    busy.did(ANN, "clicked")
    busy.did(BOB, "converted")
    deliver_reactions(busy.workspace)
    busy.merge(ANN, BOB)
    busy.did(CAT, "clicked")
    busy.merge(BOB, CAT)
    deliver_reactions(busy.workspace)
    assert table(busy) == {busy.ids[CAT]: 26} == counted(busy)


def test_an_erased_contact_leaves_nothing(busy: Desk) -> None:
    busy.settings(threshold=1)
    busy.did(ANN, "clicked")
    busy.svc.identify("v1", busy.ids[ANN])
    deliver_reactions(busy.workspace)
    kept = personal.export(busy.workspace, busy.row(ANN))["plugins"]
    assert {record["label"] for record in kept} == {"Points", "Handed over to sales"}
    assert personal.erase(busy.workspace, busy.row(ANN), (None, "test"))["complete"]
    busy.did("", "visited", visitor="v1")
    deliver_reactions(busy.workspace)
    assert table(busy) == counted(busy) == {}
    with busy.svc.session() as session:
        assert session.scalars(select(Handoff)).all() == []
        assert session.scalars(select(Visitor)).all() == []
    assert personal.export(busy.workspace, busy.row(ANN))["plugins"] == []


def test_visits_before_somebody_was_known_count_once_they_are(busy: Desk) -> None:
    busy.did("", "visited", visitor="v1")
    busy.did("", "visited", visitor="v2")
    assert busy.svc.identify("v1", busy.person(ANN))
    assert not busy.svc.identify("v1", busy.person(BOB)), "the first one stays"
    deliver_reactions(busy.workspace)
    assert table(busy) == {busy.ids[ANN]: 2} == counted(busy)
    busy.did("", "visited", visitor="v1")
    deliver_reactions(busy.workspace)
    assert table(busy) == {busy.ids[ANN]: 4} == counted(busy)


def test_time_alone_brings_points_down(busy: Desk) -> None:
    busy.settings(points=FADING)
    busy.did(ANN, "clicked")
    deliver_reactions(busy.workspace)
    assert table(busy) == {busy.ids[ANN]: 20}
    busy.later(DAY * 10)
    jobs.fade(JobContext(busy.now, busy.svc))
    assert table(busy) == {busy.ids[ANN]: 10} == counted(busy)


def test_rules_of_fit_count_and_one_that_is_broken_gives_nobody_points(busy: Desk) -> None:
    busy.settings(
        fit=['10 "French" when country = "FR"', '-4 when email like "%@acme.test"', "5 when nonsense = 1"]
    )
    busy.person(ANN, country="FR")
    busy.person(CAT, country="DE")
    deliver_reactions(busy.workspace)
    assert table(busy) == {busy.ids[ANN]: 6} == counted(busy)
    (row,) = listing.all_leads(busy.svc, busy.now)
    assert [(each["about"], each["points"]) for each in row["reasons"]] == [
        ("French", 10),
        ('email like "%@acme.test"', -4),
    ]


def test_crossing_the_threshold_is_told_once_each_time(busy: Desk) -> None:
    busy.settings(threshold=30, points=FADING)
    for _ in range(2):
        busy.did(ANN, "clicked")
        keep_up(busy)
        keep_up(busy)
    points.rebuild(busy.svc)
    assert len(busy.ledger(handoffs.QUALIFIED)) == 1
    busy.later(DAY * 30)
    jobs.fade(JobContext(busy.now, busy.svc))
    assert table(busy)[busy.ids[ANN]] < 30
    for _ in range(2):
        busy.did(ANN, "clicked")
    keep_up(busy)
    assert [event.agent_class for event in busy.ledger(handoffs.QUALIFIED)] == ["internal"] * 2
    with busy.svc.session() as session:
        (waiting,) = handoffs.waiting(session, 10)
    assert waiting.due_at == waiting.at + timedelta(hours=24)


def test_merge_of_two_that_were_handed_over(busy: Desk) -> None:
    busy.settings(threshold=20)
    for who in (ANN, BOB):
        busy.did(who, "converted")
    keep_up(busy)
    busy.merge(ANN, BOB)
    keep_up(busy)
    with busy.svc.session() as session:
        rows = handoffs.of(session, busy.ids[BOB])
        assert sorted(row.crossing for row in rows) == [1, 2]
        assert session.get(Lead, busy.ids[ANN]) is None
    assert len(busy.ledger(handoffs.QUALIFIED)) == 2


people = st.sampled_from([ANN, BOB, CAT])
visitors = st.sampled_from(["v1", "v2"])
numbers = st.integers(0, 30)
steps = st.one_of(
    st.tuples(
        st.just("do"), people, st.sampled_from(["clicked", "visited", "converted"]), st.integers(0, 40)
    ),
    st.tuples(st.just("again"), numbers),
    st.tuples(st.just("machine"), numbers),
    st.tuples(st.just("visit"), visitors),
    st.tuples(st.just("identify"), visitors, people),
    st.tuples(st.just("merge"), st.sampled_from([(ANN, BOB), (BOB, CAT), (ANN, CAT)])),
    st.tuples(st.just("later"), st.integers(1, 20)),
    st.tuples(st.just("keep_up")),
)


@dataclass
class Life:
    """What can happen to three people; the ledger is the truth, the table has to follow."""

    desk: Desk
    hits: list[str] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)

    def do(self, who: str, kind: str, days: int) -> None:
        self.hits.append(self.desk.did(who, kind, DAY * days))

    def again(self, number: int) -> None:
        if self.hits:
            self.desk.did(ANN, "clicked", source_id=self.hits[number % len(self.hits)])

    def machine(self, number: int) -> None:
        if self.hits:
            self.desk.found_out(self.hits.pop(number % len(self.hits)))

    def visit(self, visitor: str) -> None:
        self.desk.did("", "visited", visitor=visitor)

    def identify(self, visitor: str, who: str) -> None:
        self.desk.svc.identify(visitor, self.desk.person(who))

    def merge(self, pair: tuple[str, str]) -> None:
        if not set(pair) & self.gone and set(pair) <= self.desk.ids.keys():
            self.gone.add(pair[0])
            self.desk.merge(*pair)

    def later(self, days: int) -> None:
        self.desk.later(DAY * days)

    def keep_up(self) -> None:
        keep_up(self.desk)


def begin_anew(desk: Desk) -> Life:
    """The same database without anybody in it."""
    with desk.workspace.db.transaction() as session:
        for model in (
            Lead,
            Handoff,
            Mark,
            Cursor,
            Reclassification,
            Visitor,
            Happened,
            ContactChange,
            Person,
        ):
            session.execute(delete(model))
    desk.ids.clear()
    desk.settings(points=FADING, threshold=40)
    keep_up(desk)
    return Life(desk)


@settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],  # a shorter story is not worth minutes of a database
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(steps, max_size=25))
def test_a_replay_gives_the_same_whatever_happened(desk: Desk, happened: list[tuple[Any, ...]]) -> None:
    life = begin_anew(desk)
    for name, *how in happened:
        getattr(life, name)(*how)
    keep_up(desk)
    points.refresh(desk.svc, table(desk))  # what only time has changed
    kept = table(desk)
    assert kept == counted(desk)
    with desk.svc.transaction() as session:
        session.execute(delete(Lead))
    points.rebuild(desk.svc)
    assert table(desk) == kept
