"""Tests of what is sent to people: arms, hold-out, the winner by people's events, and the guards."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from cms_core.campaigns.models import Entry
from cms_core.campaigns.when import Mode
from cms_core.clock import FrozenClock
from cms_core.content.models import Revision
from cms_core.contract import AgentClass
from cms_core.errors import Conflict, Invalid, NotFound
from cms_core.events.service import NewEvent, record
from cms_core.publishing import arming, experiments, service
from cms_core.publishing.experiment_plan import ExperimentPlan, parse, require_possible
from cms_core.publishing.experiments import Division
from cms_core.publishing.models import Delivery, Metric, Publication
from cms_core.worker import Worker
from cms_core.workspace import Workspace
from tests.publishing.conftest import DUE, Arm, people, shown
from tests.publishing.toys import Toys

LATER = DUE + timedelta(hours=4)
SPLIT = parse(["A", "B=short"], Metric.CLICKED, share=50, hold_out=10, decide="4h")


def at(workspace: Workspace, instant: datetime) -> Worker:
    return Worker(workspace, FrozenClock(instant))


def react(workspace: Workspace, public_id: str, arm: str, kind: str, agent: AgentClass, count: int) -> None:
    """So many people of an arm do something."""
    with workspace.db.transaction() as session:
        publication = service.find(session, public_id)
        arm_id = next(each.id for each in publication.arms if each.name == arm)
        rows = session.scalars(
            select(Delivery).where(Delivery.arm_id == arm_id, Delivery.state == "accepted").limit(count)
        ).all()
        assert len(rows) == count
        events = [
            NewEvent(
                kind,
                DUE + timedelta(hours=1),
                "test",
                f"{kind}:{agent}:{row.id}",
                agent,
                contact_id=row.contact_id,
                publication_id=publication.id,
                delivery_id=row.id,
            )
            for row in rows
        ]
        record(session, events)


def test_a_test_sends_its_arms_sleeps_and_sends_the_winner_to_the_rest(
    workspace: Workspace, toys: Toys, arm: Arm
) -> None:
    people(workspace, 200)
    public_id = arm("letter", test=SPLIT)
    result = at(workspace, DUE).run_until_idle()
    document = shown(workspace, public_id)
    test = document["test"]
    assert document["state"] == "sending"
    assert document["wake_at"] == test["decide_at"] == LATER
    assert not result.partly
    sent = {each["name"]: each["sent"] for each in test["arms"]}
    assert sent["A"] + sent["B"] == len(toys.remote.mails)
    assert sent["A"] + sent["B"] + test["undecided"] + test["held_out"] == 200
    assert min(sent["A"], sent["B"], test["undecided"], test["held_out"]) > 5
    assert Counter(toys.remote.titles.values()) == {"Hello": sent["A"], "Hello, short": sent["B"]}

    at(workspace, LATER - timedelta(seconds=1)).run_until_idle()
    assert shown(workspace, public_id)["test"]["undecided"] == test["undecided"], "not before its time"
    react(workspace, public_id, "A", "clicked", AgentClass.HUMAN, 2)
    react(workspace, public_id, "B", "clicked", AgentClass.HUMAN, 5)
    at(workspace, LATER).run_until_idle()
    document = shown(workspace, public_id)
    assert document["state"] == "published"
    assert document["test"]["winner"] == "B"
    assert document["deliveries"] == {"accepted": 200 - test["held_out"], "skipped": test["held_out"]}
    assert Counter(toys.remote.titles.values())["Hello, short"] == sent["B"] + test["undecided"]
    assert len(set(toys.remote.mails)) == len(toys.remote.mails)


def test_machines_decide_nothing(workspace: Workspace, arm: Arm) -> None:
    people(workspace, 100)
    public_id = arm("letter", test=SPLIT)
    at(workspace, DUE).run_until_idle()
    react(workspace, public_id, "B", "clicked", AgentClass.SCANNER, 10)
    react(workspace, public_id, "A", "clicked", AgentClass.HUMAN, 1)
    at(workspace, LATER).run_until_idle()
    test = shown(workspace, public_id)["test"]
    assert test["winner"] == "A"
    assert [each["clicked_people"] for each in test["arms"]] == [1, 0]


def test_a_person_picks_and_nobody_waits_for_the_clock(workspace: Workspace, toys: Toys, arm: Arm) -> None:
    people(workspace, 60)
    public_id = arm("letter", test=parse(["A", "B=short"], share=20, decide="by hand"))
    at(workspace, DUE).run_until_idle()
    at(workspace, DUE + timedelta(days=300)).run_until_idle()
    assert shown(workspace, public_id)["state"] == "sending"
    assert shown(workspace, public_id)["wake_at"] is None
    with workspace.db.transaction() as session:
        publication = service.find(session, public_id)
        with pytest.raises(NotFound, match="arm 'C'"):
            experiments.pick(session, publication, "C", None)
        experiments.pick(session, publication, "B", None)
        with pytest.raises(Conflict, match="decided already"):
            experiments.pick(session, publication, "A", None)
    at(workspace, DUE).run_until_idle()
    assert shown(workspace, public_id)["state"] == "published"
    assert len(toys.remote.mails) == 60


def test_hold_out_alone_sends_one_version_to_the_others(workspace: Workspace, toys: Toys, arm: Arm) -> None:
    people(workspace, 100)
    public_id = arm("letter", test=parse([], hold_out=20))
    at(workspace, DUE).run_until_idle()
    document = shown(workspace, public_id)
    assert document["state"] == "published"
    held = document["test"]["held_out"]
    assert 5 < held < 40
    assert document["deliveries"] == {"accepted": 100 - held, "skipped": held}
    with workspace.db.session() as session:
        reasons = set(session.scalars(select(Delivery.reason).where(Delivery.state == "skipped")))
    assert reasons == {"hold-out"}


def test_cancelling_a_test_cancels_those_who_wait(workspace: Workspace, toys: Toys, arm: Arm) -> None:
    people(workspace, 50)
    public_id = arm("letter", test=SPLIT)
    at(workspace, DUE).run_until_idle()
    before = len(toys.remote.mails)
    with workspace.db.transaction() as session:
        publication = service.find(session, public_id)
        service.cancel(session, publication)
        with pytest.raises(Conflict, match="is cancelled"):
            experiments.pick(session, publication, "A", None)
    at(workspace, LATER).run_until_idle()
    assert len(toys.remote.mails) == before
    assert shown(workspace, public_id)["deliveries"]["cancelled"] > 0


def test_an_armed_entry_gets_no_test_afterwards(workspace: Workspace, arm: Arm) -> None:
    public_id = arm("letter")
    with workspace.db.transaction() as session:
        entry = service.find(session, public_id).entry
        assert entry is not None
        with pytest.raises(Conflict, match="armed already"):
            arming.arm(session, workspace, entry, SPLIT)


def test_a_channel_that_is_not_sent_to_people_has_no_test(arm: Arm) -> None:
    with pytest.raises(Invalid, match="not sent to people"):
        arm("toy", test=SPLIT)


def test_an_arm_names_a_variant_of_the_approved_revision(arm: Arm) -> None:
    with pytest.raises(Invalid, match="no variant 'loud'"):
        arm("letter", test=parse(["A", "B=loud"], share=50, decide="1h"))


def test_a_variant_that_a_newer_revision_has_lost_holds(workspace: Workspace, arm: Arm) -> None:
    people(workspace, 3)
    public_id = arm("letter", test=SPLIT)
    with workspace.db.transaction() as session:
        publication = session.scalars(select(Publication)).one()
        revision = session.get_one(Revision, publication.revision_id)
        publication.arms[1].variant = "gone"
        assert "gone" not in revision.variants
    at(workspace, DUE).run_until_idle()
    assert shown(workspace, public_id)["state"] == "held"
    assert "has no variant 'gone'" in shown(workspace, public_id)["reason"]


@pytest.mark.parametrize(
    ("given_test", "says"),
    [
        ({"arms": ["A", "A"]}, "different names"),
        ({"arms": ["A:30", "B:30"]}, "add up to 100"),
        ({"arms": ["A", "B"], "share": 20}, "when the test ends"),
        ({"arms": ["A", "B"], "share": 0}, "1 to 100 percent"),
        ({"arms": ["A", "B"], "hold_out": 51}, "hold-out 0 to 50"),
        ({"arms": ["A", "B"], "decide": "4h"}, "nobody waits"),
        ({"arms": ["A", "B"], "share": 20, "decide": "soon"}, "end of the test"),
        ({"arms": ["A", "B"], "share": 20, "decide": "40d"}, "minute to 30 days"),
        ({"arms": ["A", "B"], "metric": "likes"}, "decides no test"),
        ({"arms": ["A"]}, "two arms, or a hold-out"),
        ({"arms": ["A"], "share": 50}, "no test"),
        ({"arms": ["=x", "B"]}, "is not an arm"),
    ],
)
def test_what_is_no_test_is_refused_with_the_reason(given_test: dict[str, object], says: str) -> None:
    with pytest.raises(Invalid, match=says):
        parse(**given_test)  # type: ignore[arg-type]


def test_a_winner_by_itself_comes_before_the_earliest_zone(toys: Toys) -> None:
    """Recipients' own time: at 14 hours before the wall clock in UTC the first ones get theirs."""
    wall = datetime(2026, 5, 4, 9, 0)  # noqa: DTZ001 - a wall clock
    entry = Entry(mode=Mode.RECIPIENT_LOCAL, wall=wall, instant=datetime(2026, 5, 1, tzinfo=UTC))
    revision = Revision(n=1, variants={"short": {}})
    late = parse(["A", "B=short"], share=20, decide="2026-05-03 19:01")
    with pytest.raises(Invalid, match="after the first zones"):
        require_possible(late, toys.letter, entry, revision)
    with pytest.raises(Invalid, match="after the first zones"):
        require_possible(SPLIT, toys.letter, entry, revision)
    require_possible(
        parse(["A", "B=short"], share=20, decide="2026-05-03 19:00"), toys.letter, entry, revision
    )
    require_possible(parse(["A", "B=short"], share=20, decide="by hand"), toys.letter, entry, revision)


SHARES = st.integers(1, 99).map(lambda first: ((1, first), (2, 100 - first)))


@given(st.text(max_size=20), st.text(max_size=20), SHARES, st.integers(1, 100), st.integers(0, 50))
def test_everybody_has_one_place_and_always_the_same(
    key: str, contact: str, arms: tuple[tuple[int, int], ...], share: int, hold_out: int
) -> None:
    division = Division(key, arms, share, hold_out)
    place = division.of(contact)
    assert place == division.of(contact)
    assert place.arm_id in (None, 1, 2)
    if share == 100 and not hold_out:
        assert place.arm_id is not None
    if place.held_out:
        assert place.arm_id is None
        assert hold_out > 0
        assert Division(key, arms, 1, hold_out).of(contact).held_out, (
            "the hold-out does not depend on the test"
        )


@given(SHARES, st.integers(1, 100), st.integers(0, 50))
def test_the_division_comes_close_to_its_percents(
    arms: tuple[tuple[int, int], ...], share: int, hold_out: int
) -> None:
    division = Division("publication", arms, share, hold_out)
    counts = Counter(division.of(str(n)) for n in range(2_000))
    held = sum(count for place, count in counts.items() if place.held_out)
    taking_part = sum(count for place, count in counts.items() if place.arm_id)
    assert abs(held - 20 * hold_out) < 100
    assert abs(taking_part - (2_000 - held) * share / 100) < 120
    first = sum(count for place, count in counts.items() if place.arm_id == 1)
    assert abs(first - taking_part * arms[0][1] / 100) < 120


@given(st.text(max_size=60))
def test_any_words_are_an_arm_or_refused(text: str) -> None:
    try:
        plan = parse([text, "B"])
    except Invalid:
        return
    assert isinstance(plan, ExperimentPlan)
    assert sum(arm.share for arm in plan.arms) == 100
