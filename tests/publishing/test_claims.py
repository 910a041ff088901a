"""Claims, row by row: what a sweep moves, what may be claimed, for how long nobody need look, and who writes too late."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from cms_core import contract as c
from cms_core.connections.models import Connection
from cms_core.publishing import attempts, claims, outcomes
from cms_core.publishing.claims import Held, Task
from cms_core.publishing.leases import Bounds
from cms_core.publishing.models import Attempt, Delivery, Phase, Publication
from cms_core.worker import Worker
from cms_core.workspace import Workspace
from tests.publishing.conftest import DUE, Arm, people, shown
from tests.publishing.fire import change

MOMENT, LEASE = timedelta(seconds=1), timedelta(seconds=30)
REAL = DUE + timedelta(days=1)  # the clock of leases shows another day than that of what is due
Row = dict[str, Any]


def row_of(workspace: Workspace, public_id: str) -> Publication:
    with workspace.db.session() as session:
        return session.scalars(select(Publication).where(Publication.public_id == public_id)).one()


def put(workspace: Workspace, public_id: str, values: Row) -> None:
    change(workspace, public_id, **{"reason": "", **values})


def swept(workspace: Workspace, public_id: str, **values: object) -> tuple[Publication, int, list[int]]:
    """The row with these values after a sweep, how often it was written, and the ids that were missed."""
    put(workspace, public_id, values)
    before = row_of(workspace, public_id).row_version
    with workspace.db.transaction() as session:
        missed = claims.sweep(session, DUE, REAL, Bounds(REAL))
    row = row_of(workspace, public_id)
    return row, row.row_version - before, missed


def claimed(workspace: Workspace, **more: Any) -> list[Held]:
    with workspace.db.transaction() as session:
        return claims.claim(session, workspace.plugins, "worker-1", LEASE, DUE, REAL, **more)


# --- swept ------------------------------------------------------------------------------------------------------------


def test_what_comes_too_late_is_missed_and_told(workspace: Workspace, arm: Arm) -> None:
    row, written, missed = swept(workspace, arm(), late_at=DUE - MOMENT)
    assert (row.state, row.reason, written) == ("missed", "first start came too late; a person decides", 1)
    assert missed == [row.id]


@pytest.mark.parametrize(
    "values",
    [
        {"late_at": DUE},
        {"late_at": None},
        {"tries": 1},
        {"awaits": "waiting"},
        {"due_at": DUE + MOMENT},
        {"state": "held"},
    ],
)
def test_what_is_in_time_begun_or_waits_for_another_is_not_missed(
    workspace: Workspace, arm: Arm, values: Row
) -> None:
    state = values.get("state", "scheduled")
    row, written, missed = swept(workspace, arm(), **{"late_at": DUE - MOMENT, **values})
    assert (row.state, written, missed) == (state, 0, [])


def test_what_waits_for_another_that_came_is_missed_too(workspace: Workspace, arm: Arm) -> None:
    assert swept(workspace, arm(), late_at=DUE - MOMENT, awaits="sound")[0].state == "missed"


@pytest.mark.parametrize(
    ("values", "state"),
    [
        ({"retry_at": REAL, "wake_at": None}, "scheduled"),
        ({"retry_at": REAL + MOMENT, "wake_at": DUE}, "scheduled"),
        ({"retry_at": REAL + MOMENT, "wake_at": DUE + MOMENT}, "retry_wait"),
        ({"retry_at": REAL + MOMENT, "wake_at": None}, "retry_wait"),
    ],
)
def test_what_waits_for_a_try_comes_back_by_either_clock(
    workspace: Workspace, arm: Arm, values: Row, state: str
) -> None:
    row, written, _ = swept(workspace, arm(), state="retry_wait", late_at=None, **values)
    assert (row.state, written) == (state, int(state == "scheduled"))
    if state == "scheduled":
        assert (row.retry_at, row.wake_at) == (None, None)


@pytest.mark.parametrize(
    ("state", "lease", "after", "lease_after"),
    [
        ("preparing", REAL - MOMENT, "scheduled", None),
        ("preparing", REAL, "preparing", REAL),
        ("committing", REAL - MOMENT, "unknown", None),
        ("committing", REAL, "committing", REAL),
        ("sending", REAL - MOMENT, "sending", REAL - MOMENT),
    ],
)
def test_a_lease_that_ran_out_is_nobodys(
    workspace: Workspace, arm: Arm, state: str, lease: datetime, after: str, lease_after: datetime | None
) -> None:
    row, written, _ = swept(workspace, arm(), state=state, lease_until=lease)
    assert (row.state, row.lease_until, written) == (after, lease_after, int(state != after))


@pytest.mark.parametrize(("tries", "person"), [(11, False), (12, True)])
def test_a_commit_whose_worker_died_is_unknown_and_after_twelve_a_persons(
    workspace: Workspace, arm: Arm, tries: int, person: bool
) -> None:
    public_id, other = arm(), arm(title="Another")
    with workspace.db.transaction() as session:
        for each in (public_id, other):
            found = session.scalars(select(Publication).where(Publication.public_id == each)).one()
            held = Held(found.id, found.claim_no, Task.PUBLISH)
            attempts.open_attempts(session, [(held, {"key": each})], DUE)
            attempts.open_attempts(session, [(held, {})], DUE, Phase.PREPARE)
            attempts.record(session, held, Phase.COMMIT, DUE, DUE, attempts.Result("retry_wait"))
    values = {"state": "committing", "lease_until": REAL - MOMENT, "retry_at": REAL, "tries": tries}
    row, written, _ = swept(workspace, public_id, **values)
    said = "the worker died while the outcome was open"
    assert (row.state, row.reason, row.retry_at, written) == ("unknown", said, None, 1)
    assert row.needs_person is person
    mine, others = shown(workspace, public_id)["attempts"], shown(workspace, other)["attempts"]
    assert [(each["outcome"], each["reason"]) for each in mine] == [
        ("unknown", said),
        (None, ""),
        ("retry_wait", ""),
    ]
    assert mine[0]["ended_at"] == REAL
    assert [each["outcome"] for each in others] == [None, None, "retry_wait"]


def test_whom_a_person_was_asked_about_stays_with_the_person(workspace: Workspace, arm: Arm) -> None:
    values = {"state": "committing", "lease_until": REAL - MOMENT, "needs_person": True}
    assert swept(workspace, arm(), **values)[0].needs_person


PUBLIC = {"state": "published", "ends_at": DUE}


def test_what_has_ended_is_to_be_withdrawn(workspace: Workspace, arm: Arm) -> None:
    row, written, _ = swept(workspace, arm(), **PUBLIC)
    assert (row.state, row.withdraw_asked_at, written) == ("published", REAL, 1)


@pytest.mark.parametrize(
    "values",
    [
        {"ends_at": DUE + MOMENT},
        {"state": "held"},
        {"withdraw_asked_at": DUE},
        {"needs_person": True},
        {"superseded_by_id": 1},
    ],
)
def test_what_has_not_ended_or_is_seen_to_is_left_alone(workspace: Workspace, arm: Arm, values: Row) -> None:
    row, written, _ = swept(workspace, arm(), **{**PUBLIC, **values})
    assert (row.withdraw_asked_at, written) == (values.get("withdraw_asked_at"), 0)


@pytest.mark.parametrize(
    ("of", "before", "after"),
    [
        ("cancelled", "pending", "cancelled"),
        ("cancelled", "retry_wait", "cancelled"),
        ("cancelled", "claimed", "claimed"),
        ("cancelled", "unknown", "unknown"),
        ("sending", "pending", "pending"),
    ],
)
def test_who_was_given_back_after_the_cancel_is_not_sent_to(
    workspace: Workspace, arm: Arm, of: str, before: str, after: str
) -> None:
    people(workspace, 1)
    public_id = arm("letter")
    change(workspace, public_id, state=of, audience_at=DUE)
    row = row_of(workspace, public_id)
    with workspace.db.transaction() as session:
        session.add(
            Delivery(
                publication_id=row.id, contact_id=1, address="p0@example.com", address_hash="h", state=before
            )
        )
    swept(workspace, public_id)
    with workspace.db.session() as session:
        found = session.scalars(select(Delivery)).one()
    assert found.state == after
    if before != after:
        assert (found.reason, found.settled_at) == ("cancelled", REAL)


# --- claimed ----------------------------------------------------------------------------------------------------------

ASKED = {"state": "published", "withdraw_asked_at": DUE}
SWITCHED = {"state": "published", "switch_to": "pause"}
UNKNOWN, SENDING = {"state": "unknown"}, {"state": "sending"}


@pytest.mark.parametrize(
    ("values", "task"),
    [
        ({}, Task.PUBLISH),
        ({"awaits": "sound"}, Task.PUBLISH),
        ({"wake_at": DUE}, Task.PUBLISH),
        ({"stream": "of-a-plugin", "due_at": DUE + MOMENT}, Task.PUBLISH),
        (ASKED, Task.WITHDRAW),
        ({**ASKED, "retry_at": REAL}, Task.WITHDRAW),
        ({**ASKED, "lease_until": REAL - MOMENT}, Task.WITHDRAW),
        (SWITCHED, Task.SWITCH),
        ({**SWITCHED, "retry_at": REAL}, Task.SWITCH),
        (UNKNOWN, Task.RECONCILE),
        ({**UNKNOWN, "retry_at": REAL, "lease_until": REAL - MOMENT}, Task.RECONCILE),
        (SENDING, Task.SEND_ON),
        ({**SENDING, "wake_at": DUE, "retry_at": REAL}, Task.SEND_ON),
    ],
)
def test_what_may_be_claimed_is_taken_with_a_lease_and_the_next_number(
    workspace: Workspace, arm: Arm, values: Row, task: Task
) -> None:
    public_id = arm()
    put(workspace, public_id, values)
    before = row_of(workspace, public_id)
    assert claimed(workspace) == [Held(before.id, before.claim_no + 1, task)]
    row = row_of(workspace, public_id)
    assert row.state == ("preparing" if task is Task.PUBLISH else before.state)
    assert (row.claim_no, row.lease_until, row.worker) == (before.claim_no + 1, REAL + LEASE, "worker-1")
    assert row.row_version == before.row_version + 1


@pytest.mark.parametrize(
    "values",
    [
        {"due_at": DUE + MOMENT},
        {"awaits": "waiting"},
        {"wake_at": DUE + MOMENT},
        {"stream": "of-a-plugin", "wake_at": DUE + MOMENT},
        {"stream": "of-a-plugin", "state": "held"},
        {"state": "published"},
        {**ASKED, "state": "withdrawn"},
        {**ASKED, "retry_at": REAL + MOMENT},
        {**ASKED, "lease_until": REAL},
        {**ASKED, "channel": "gone"},
        {**SWITCHED, "state": "withdrawn"},
        {**SWITCHED, "retry_at": REAL + MOMENT},
        {**SWITCHED, "lease_until": REAL},
        {**SWITCHED, "channel": "gone"},
        {**UNKNOWN, "retry_at": REAL + MOMENT},
        {**UNKNOWN, "lease_until": REAL},
        {**UNKNOWN, "needs_person": True},
        {**UNKNOWN, "channel": "once"},
        {**SENDING, "paused_at": DUE},
        {**SENDING, "wake_at": DUE + MOMENT},
        {**SENDING, "retry_at": REAL + MOMENT},
        {**SENDING, "lease_until": REAL},
    ],
)
def test_what_is_not_due_taken_asleep_or_a_persons_is_not_claimed(
    workspace: Workspace, arm: Arm, values: Row
) -> None:
    public_id = arm()
    put(workspace, public_id, values)
    before = row_of(workspace, public_id)
    assert claimed(workspace) == []
    assert row_of(workspace, public_id).row_version == before.row_version


def test_the_oldest_is_claimed_first_and_only_what_was_asked_for(workspace: Workspace, arm: Arm) -> None:
    younger, older = arm(title="Younger"), arm(title="Older", due=DUE - MOMENT)
    assert [each.publication_id for each in claimed(workspace)] == [row_of(workspace, older).id]
    change(workspace, older, state="scheduled")
    wanted = row_of(workspace, younger).id
    assert [each.publication_id for each in claimed(workspace, only=wanted)] == [wanted]


@pytest.mark.parametrize(
    ("channel", "task", "count"),
    [("toy", "publish", 2), ("once", "publish", 1), ("toy", "withdraw", 1)],
)
def test_several_are_claimed_together_only_where_the_same_key_makes_no_second_one(
    workspace: Workspace, arm: Arm, channel: str, task: str, count: int
) -> None:
    for n in range(3):
        put(workspace, arm(channel, f"Post {n}"), ASKED if task == "withdraw" else {})
    found = claimed(workspace, most=lambda _: 2)
    assert [each.publication_id for each in found] == [1, 2][:count]


def test_a_probe_that_another_worker_took_meanwhile_is_not_taken_again(
    workspace: Workspace, arm: Arm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two workers see the same probe; the second comes to it when the first has put it off."""
    arm()
    with workspace.db.transaction() as session:
        session.execute(update(Connection).values(probe_at=REAL - MOMENT))
    first = claims._first

    def overtaken(session: Session, where: Any) -> Any:
        found = first(session, where)
        session.execute(update(Connection).values(probe_at=REAL + MOMENT))
        return found

    monkeypatch.setattr(claims, "_first", overtaken)
    assert claimed(workspace) == []


# --- how long nobody need look ----------------------------------------------------------------------------------------


def waits(workspace: Workspace, horizon: timedelta = timedelta(hours=1)) -> float | None:
    with workspace.db.session() as session:
        return claims.next_wait(session, workspace.plugins, DUE, REAL, horizon)


IN_A_MINUTE = REAL + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("values", "seconds"),
    [
        ({}, 0.0),
        ({"due_at": DUE + MOMENT}, None),
        ({"state": "preparing", "lease_until": IN_A_MINUTE}, 60.0),
        ({"state": "preparing", "lease_until": REAL - MOMENT}, 0.0),
        ({"state": "committing", "lease_until": REAL - MOMENT}, 0.0),
        ({"state": "sending", "lease_until": IN_A_MINUTE}, 60.0),
        ({"state": "sending", "lease_until": REAL}, 0.0),
        ({"state": "sending", "lease_until": IN_A_MINUTE, "paused_at": DUE}, None),
        ({"state": "retry_wait", "retry_at": IN_A_MINUTE}, 60.0),
        ({"state": "retry_wait", "retry_at": REAL + timedelta(hours=1)}, 3_600.0),
        ({"state": "retry_wait", "retry_at": REAL + timedelta(hours=1, seconds=1)}, None),
        ({"state": "sending", "retry_at": IN_A_MINUTE}, 60.0),
        ({"state": "sending", "retry_at": IN_A_MINUTE, "paused_at": DUE}, None),
        ({"state": "unknown", "retry_at": IN_A_MINUTE}, 60.0),
        ({"state": "unknown", "retry_at": REAL - MOMENT, "needs_person": True}, None),
        ({**ASKED, "retry_at": IN_A_MINUTE}, 60.0),
        ({"state": "held", "retry_at": IN_A_MINUTE}, None),
    ],
)
def test_a_worker_rests_until_a_lease_or_a_wait_ends(
    workspace: Workspace, arm: Arm, values: Row, seconds: float | None
) -> None:
    put(workspace, arm(), values)
    assert waits(workspace) == seconds


def test_a_worker_rests_until_the_first_of_all_and_wakes_for_a_probe(workspace: Workspace, arm: Arm) -> None:
    change(workspace, arm(title="One"), state="retry_wait", retry_at=IN_A_MINUTE)
    arm(title="Two")
    with workspace.db.transaction() as session:
        session.execute(update(Connection).values(probe_at=REAL + timedelta(seconds=20)))
    assert waits(workspace) == 20.0


@pytest.mark.parametrize(
    ("values", "there_is"),
    [
        ({}, True),
        ({"state": "held"}, False),
        ({"due_at": DUE + MOMENT}, False),
        ({"late_at": DUE - MOMENT}, True),
        ({"state": "retry_wait", "retry_at": REAL}, True),
        ({"state": "retry_wait", "retry_at": REAL + MOMENT}, False),
        ({"state": "preparing", "lease_until": REAL - MOMENT}, True),
        ({"state": "committing", "lease_until": REAL - MOMENT}, True),
        ({"state": "committing", "lease_until": REAL}, False),
        ({"state": "held", "lease_until": REAL - MOMENT}, False),
        (PUBLIC, True),
        ({**PUBLIC, "ends_at": DUE + MOMENT}, False),
    ],
)
def test_a_look_tells_whether_there_is_anything_to_sweep_or_claim(
    workspace: Workspace, arm: Arm, values: Row, there_is: bool
) -> None:
    put(workspace, arm(), values)
    with workspace.db.session() as session:
        assert bool(session.scalar(select(claims.something(workspace.plugins, DUE, REAL)))) is there_is


# --- written by the holder only ---------------------------------------------------------------------------------------


def test_only_the_newest_claim_writes(workspace: Workspace, arm: Arm) -> None:
    public_id = arm()
    (held,) = claimed(workspace)
    late = Held(held.publication_id, held.claim_no - 1, held.task)
    elsewhere = Held(held.publication_id + 1, held.claim_no, held.task)
    with workspace.db.transaction() as session:
        assert not claims.write(session, late, ("preparing",), reason="late")
        assert not claims.write(session, elsewhere, ("preparing",), reason="late")
        assert not claims.write(session, held, ("committing",), reason="late")
        assert claims.still_held(session, [late], ("preparing",)) == set()
        assert claims.still_held(session, [held], ("committing",)) == set()
        assert claims.still_held(session, [held], ("preparing",)) == {held.publication_id}
    version = row_of(workspace, public_id).row_version
    with workspace.db.transaction() as session:
        assert claims.write(session, held, ("preparing",), reason="mine")
    row = row_of(workspace, public_id)
    assert (row.reason, row.row_version) == ("mine", version + 1)


def test_only_the_newest_claim_is_renewed_and_none_that_was_given_up(workspace: Workspace, arm: Arm) -> None:
    public_id = arm()
    (held,) = claimed(workspace)
    late = Held(held.publication_id, held.claim_no - 1, held.task)
    for each, lease in ((late, REAL + LEASE), (held, REAL + 2 * LEASE)):
        with workspace.db.transaction() as session:
            claims.renew(session, [each], REAL + 2 * LEASE)
        assert row_of(workspace, public_id).lease_until == lease
    change(workspace, public_id, lease_until=None)
    with workspace.db.transaction() as session:
        claims.renew(session, [held], REAL + LEASE)
    assert row_of(workspace, public_id).lease_until is None


def test_a_receipt_or_what_is_given_back_of_a_lost_claim_changes_nothing(
    workspace: Workspace, worker: Worker, arm: Arm
) -> None:
    public_id = arm()
    (held,) = worker.runner.claim()
    taken = worker.runner._snapshot(held)
    assert taken is not None
    assert worker.runner._intend_all([(held, taken, c.Prepared({}))])
    change(workspace, public_id, claim_no=held.claim_no + 1)
    before = row_of(workspace, public_id)
    with workspace.db.transaction() as session:
        outcomes.published(session, [(held, taken, c.Receipt("1", "https://toy.example/1"))], REAL)
        outcomes.give_back(session, [(held, taken)], REAL)
    row = row_of(workspace, public_id)
    assert (row.state, row.tries, row.row_version) == ("committing", 1, before.row_version)
    assert [each["outcome"] for each in shown(workspace, public_id)["attempts"]] == [None]
    with workspace.db.session() as session:
        assert session.scalars(select(Attempt.ended_at)).all() == [None]


def test_what_is_found_still_held_nobody_takes_until_the_commit(workspace: Workspace, arm: Arm) -> None:
    arm()
    (held,) = claimed(workspace)
    if workspace.db.engine.dialect.name == "sqlite":
        pytest.skip("a transaction that writes has locked the whole database")
    free = select(Publication.id).with_for_update(skip_locked=True)
    with workspace.db.transaction() as session:
        assert claims.still_held(session, [held], ("preparing",)) == {held.publication_id}
        with workspace.db.transaction() as another:
            assert another.scalars(free).all() == []
    with workspace.db.transaction() as session:
        assert session.scalars(free).all() == [held.publication_id]
