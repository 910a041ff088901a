"""What is written down of a try, row by row: the verdict on each error, the end of a run, and nothing by who lost the claim."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from cms_core import contract as c
from cms_core.connections.models import Connection
from cms_core.publishing import attempts, outcomes, round_ends
from cms_core.publishing.attempts import Result
from cms_core.publishing.claims import UNTIL_CALLED, Held, Task
from cms_core.publishing.models import Arm as ArmRow
from cms_core.publishing.models import Delivery, Phase, Publication, TrackedLink
from cms_core.publishing.snapshot import Snapshot
from cms_core.worker import Worker
from cms_core.workspace import Workspace
from tests.publishing.conftest import DUE, Arm, people, shown
from tests.publishing.fire import change

REAL, LEASE, MINUTE = DUE + timedelta(days=1), timedelta(seconds=30), timedelta(minutes=1)
FIRST = timedelta(seconds=5)
Row = dict[str, Any]


@pytest.fixture(autouse=True)
def delays_as_they_are(monkeypatch: pytest.MonkeyPatch, short_delays: None) -> None:
    """Nothing here waits for a back-off."""
    monkeypatch.setattr(outcomes, "FIRST_DELAY", FIRST)


class Try:
    """A publication that is claimed, in whatever state a test wants it."""

    def __init__(self, workspace: Workspace, worker: Worker, public_id: str) -> None:
        self.workspace, self.public_id = workspace, public_id
        (self.held,) = worker.runner.claim()
        taken = worker.runner._snapshot(self.held)
        assert taken is not None
        self.taken: Snapshot = taken

    def put(self, **values: object) -> "Try":
        change(self.workspace, self.public_id, **values)
        return self

    def lose(self) -> "Try":
        return self.put(claim_no=self.held.claim_no + 1)

    def begin(self, phase: Phase = Phase.COMMIT) -> "Try":
        with self.workspace.db.transaction() as session:
            attempts.open_attempts(session, [(self.held, {"key": "k"})], DUE, phase)
        return self

    def do(self, function: Any, *more: object) -> Any:
        with self.workspace.db.transaction() as session:
            return function(session, self.held, *more)

    def do_all(self, function: Any, *more: object) -> Any:
        with self.workspace.db.transaction() as session:
            return function(session, [(self.held, self.taken)], *more)

    def intend(self) -> list[outcomes.Ready]:
        ready = [(self.held, self.taken, c.Prepared({"title": "made"}))]
        with self.workspace.db.transaction() as session:
            return outcomes.intend_all(session, ready, REAL, LEASE)

    def fail(self, error: Exception, phase: str = "commit") -> None:
        self.do(outcomes.failed, self.taken, error, DUE, REAL, phase)

    @property
    def row(self) -> Publication:
        with self.workspace.db.session() as session:
            return session.get_one(Publication, self.held.publication_id)

    @property
    def tried(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = shown(self.workspace, self.public_id)["attempts"]
        return found

    @property
    def connection(self) -> Connection:
        with self.workspace.db.session() as session:
            return session.get_one(Connection, self.taken.connection_id)


@pytest.fixture
def toy(workspace: Workspace, worker: Worker, arm: Arm) -> Try:
    return Try(workspace, worker, arm())


@pytest.fixture
def letter(workspace: Workspace, worker: Worker, arm: Arm) -> Try:
    people(workspace, 4)
    return Try(workspace, worker, arm("letter")).begin().put(state="sending", tries=1)


def test_each_wait_is_twice_as_long_and_at_most_an_hour() -> None:
    seconds = [outcomes.backoff(tries).total_seconds() for tries in (0, 1, 2, 9, 10, 1_000_000)]
    assert seconds == [5, 10, 20, 2560, 3600, 3600]


@pytest.mark.parametrize(
    ("asked", "waits"),
    [(-MINUTE, timedelta(0)), (MINUTE, MINUTE), (timedelta(days=2), timedelta(days=1))],
)
def test_a_channel_may_ask_for_a_wait_of_up_to_a_day(asked: timedelta, waits: timedelta) -> None:
    assert outcomes.not_before(REAL, asked) == REAL + waits


# --- the verdict on an error ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "tries", "state", "reason", "retry_at", "person"),
    [
        (c.Refused("no"), 1, "failed", "no", None, False),
        (c.NotConnected("expired"), 1, "held", "not connected: expired", None, False),
        (c.Retryable("busy"), 3, "retry_wait", "busy", REAL + 8 * FIRST, False),
        (c.Retryable("busy", 7 * MINUTE), 3, "retry_wait", "busy", REAL + 7 * MINUTE, False),
        (c.Retryable("busy"), 11, "retry_wait", "busy", REAL + timedelta(hours=1), False),
        (c.Retryable("busy"), 12, "failed", "given up after 12 tries: busy", None, False),
        (c.OutcomeUnknown("no answer"), 1, "unknown", "no answer", REAL + FIRST, False),
        (c.OutcomeUnknown("no answer"), 3, "unknown", "no answer", REAL + 4 * FIRST, False),
        (c.OutcomeUnknown("no answer"), 11, "unknown", "no answer", REAL + timedelta(hours=1), False),
        (c.OutcomeUnknown("no answer"), 12, "unknown", "no answer", REAL + timedelta(hours=1), True),
        (
            ValueError("oops"),
            1,
            "unknown",
            "fault in plugin toys: ValueError('oops')",
            REAL + FIRST,
            False,
        ),
    ],
)
def test_what_an_error_of_the_commit_means(
    toy: Try,
    error: Exception,
    tries: int,
    state: str,
    reason: str,
    retry_at: datetime | None,
    person: bool,
) -> None:
    toy.begin().put(state="committing", tries=tries).fail(error)
    row, (tried,) = toy.row, toy.tried
    assert (row.state, row.reason, row.retry_at, row.needs_person) == (state, reason, retry_at, person)
    assert (row.tries, row.lease_until) == (tries, None)
    assert (tried["outcome"], tried["reason"], tried["retry_at"]) == (state, reason, retry_at)
    assert (tried["error"], tried["ended_at"]) == (type(error).__name__, REAL)


@pytest.mark.parametrize(
    ("error", "tries", "state", "reason", "retry_at", "tries_after"),
    [
        (c.Retryable("busy"), 2, "retry_wait", "busy", REAL + 8 * FIRST, 3),
        (c.OutcomeUnknown("odd"), 0, "retry_wait", "odd", REAL + 2 * FIRST, 1),
        (c.Retryable("busy"), 10, "retry_wait", "busy", REAL + timedelta(hours=1), 11),
        (c.Retryable("busy"), 11, "failed", "given up after 12 tries: busy", None, 11),
        (ValueError("oops"), 0, "failed", "fault in plugin toys: ValueError('oops')", None, 0),
    ],
)
def test_what_an_error_before_the_commit_means(
    toy: Try,
    error: Exception,
    tries: int,
    state: str,
    reason: str,
    retry_at: datetime | None,
    tries_after: int,
) -> None:
    toy.put(tries=tries).fail(error, "prepare")
    row, (tried,) = toy.row, toy.tried
    assert (row.state, row.reason, row.retry_at, row.tries) == (state, reason, retry_at, tries_after)
    assert (tried["phase"], tried["outcome"], tried["reason"]) == ("prepare", state, reason)
    assert (tried["started_at"], tried["ended_at"]) == (DUE, REAL)
    assert (tried["error"], tried["retry_at"]) == (type(error).__name__, retry_at)


@pytest.mark.parametrize(
    ("error", "tries", "wait", "person"),
    [
        (c.Retryable("busy"), 2, 2 * FIRST, False),
        (c.Retryable("busy", 7 * MINUTE), 2, 7 * MINUTE, False),
        (c.Refused("busy"), 2, 2 * FIRST, True),
        (c.Retryable("busy"), 11, timedelta(hours=1), False),
        (c.Retryable("busy"), 12, timedelta(hours=1), True),
    ],
)
def test_a_replay_that_fails_says_nothing_about_the_first_try(
    toy: Try, error: Exception, tries: int, wait: timedelta, person: bool
) -> None:
    toy.held = replace(toy.held, task=Task.RECONCILE)
    toy.begin().put(state="committing", tries=tries).fail(error)
    row = toy.row
    assert (row.state, row.retry_at, row.needs_person) == ("unknown", REAL + wait, person)
    assert row.reason == "an earlier try may have gone out; the last one failed: busy"


def test_unknown_of_a_channel_that_cannot_tell_is_not_looked_up(
    workspace: Workspace, worker: Worker, arm: Arm
) -> None:
    once = Try(workspace, worker, arm("once")).begin().put(state="committing", tries=1)
    once.fail(c.OutcomeUnknown("no answer"))
    assert (once.row.state, once.row.retry_at, once.row.needs_person) == ("unknown", None, False)


def test_a_fault_of_a_mailing_is_tried_again_for_the_journal_knows_the_rest(letter: Try) -> None:
    letter.fail(ValueError("oops"))
    assert (letter.row.state, letter.row.reason) == (
        "retry_wait",
        "fault in plugin toys: ValueError('oops')",
    )


def test_who_lost_the_claim_writes_down_no_error(toy: Try) -> None:
    toy.begin().put(state="committing").lose().fail(c.Refused("no"))
    assert toy.row.state == "committing"
    assert toy.tried[0]["outcome"] is None


def test_a_connection_that_broke_says_so_once(toy: Try) -> None:
    before = toy.connection.row_version
    toy.begin().put(state="committing").fail(c.NotConnected("expired"))
    found = toy.connection
    assert (found.state, found.reason, found.checked_at) == ("broken", "expired", REAL)
    toy.put(state="committing").fail(c.NotConnected("expired still"))
    assert (toy.connection.reason, toy.connection.row_version) == ("expired", before + 1)


# --- prepared, intended, public ---------------------------------------------------------------------------------------


def test_a_wait_keeps_the_progress_and_sleeps_by_both_clocks(toy: Try) -> None:
    before = toy.row.row_version
    answer = c.Wait(MINUTE, {"done": 1})
    toy.taken.links.index("https://example.com/")
    toy.do(outcomes.wait, toy.taken, toy.taken.arm, answer, DUE, REAL, DUE)
    row, (tried,) = toy.row, toy.tried
    assert (row.state, row.reason, row.lease_until, row.late_at) == (
        "retry_wait",
        "being prepared",
        None,
        None,
    )
    assert (row.retry_at, row.wake_at, row.row_version) == (REAL + MINUTE, DUE + MINUTE, before + 1)
    assert (tried["phase"], tried["outcome"], tried["retry_at"]) == ("prepare", "wait", REAL + MINUTE)
    with toy.workspace.db.session() as session:
        assert session.scalars(select(ArmRow.progress)).one() == {"done": 1}
        assert session.scalars(select(TrackedLink.url)).all() == ["https://example.com/"]


def test_what_is_prepared_is_kept_once_and_by_the_holder(toy: Try) -> None:
    def keep(title: str) -> bool:
        return bool(toy.do(outcomes.keep_prepared, toy.taken, toy.taken.arm, c.Prepared({"title": title})))

    def kept() -> tuple[Any, ...]:
        with toy.workspace.db.session() as session:
            return tuple(
                session.execute(
                    select(ArmRow.prepared, ArmRow.progress, ArmRow.prepared_hash, ArmRow.plugin_version)
                ).one()
            )

    asset = toy.taken.arm.placement.asset
    assert keep("first")
    assert kept() == ({"title": "first"}, None, asset.content_hash, toy.taken.plugin_version)
    toy.lose()
    assert not keep("late")
    assert kept()[0] == {"title": "first"}


@pytest.mark.parametrize("state", ["preparing", "sending", "unknown"])
def test_an_intent_is_an_open_attempt_and_ends_the_one_before(toy: Try, state: str) -> None:
    toy.begin().put(state=state, retry_at=REAL, wake_at=DUE, reason="before", tries=4)
    before = toy.row.row_version
    assert toy.intend()
    row, (first, second) = toy.row, toy.tried
    assert (row.state, row.lease_until, row.tries, row.reason) == ("committing", REAL + LEASE, 5, "")
    assert (row.retry_at, row.wake_at, row.row_version) == (None, None, before + 1)
    assert (first["outcome"], first["ended_at"]) == ("interrupted", REAL)
    assert first["reason"] == "the worker died; another one went on"
    assert (second["phase"], second["outcome"], second["started_at"]) == ("commit", None, REAL)
    assert second["evidence"] == {"key": toy.taken.key, "revision": toy.taken.arm.placement.asset.revision}


def test_who_lost_the_claim_intends_nothing(toy: Try) -> None:
    toy.lose()
    assert not toy.intend()
    assert not toy.do(outcomes.intend_to_send, toy.taken, REAL, LEASE)
    assert (toy.row.state, toy.tried) == ("preparing", [])


@pytest.mark.parametrize(("outcome", "count"), [("drained", 1), ("asleep", 1), ("retry_wait", 2)])
def test_a_run_that_slept_goes_on_with_its_attempt(letter: Try, outcome: str, count: int) -> None:
    letter.do(lambda session, held: attempts.close(session, held.publication_id, DUE, Result(outcome)))
    assert letter.do(outcomes.intend_to_send, letter.taken, REAL, LEASE)
    tried = letter.tried
    assert len(tried) == count
    assert (tried[-1]["outcome"], tried[-1]["ended_at"]) == (None, None)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"state": "preparing"}, ("held", "no", False, None)),
        ({"state": "sending"}, ("held", "no", False, None)),
        ({"state": "unknown"}, ("unknown", "no", True, None)),
        ({"state": "published", "withdraw_asked_at": DUE}, ("published", "no", True, None)),
        ({"state": "published", "switch_to": "pause"}, ("published", "no", True, None)),
        ({"state": "committing"}, ("committing", "", False, REAL)),
    ],
)
def test_what_is_forbidden_is_held_or_left_to_a_person(
    toy: Try, before: Row, after: tuple[str, str, bool, datetime | None]
) -> None:
    toy.put(lease_until=REAL, **before).do(outcomes.not_now, "no")
    row = toy.row
    assert (row.state, row.reason, row.needs_person, row.lease_until) == after
    assert (row.withdraw_asked_at, row.switch_to) == (None, None)


def test_what_is_public_keeps_its_receipt_and_nothing_of_the_trouble_before(toy: Try) -> None:
    toy.begin().put(state="committing", reason="trouble", needs_person=True)
    before, receipt = toy.row.row_version, c.Receipt("7", "https://toy.example/7", {"etag": "x"})
    with toy.workspace.db.transaction() as session:
        outcomes.published(session, [(toy.held, toy.taken, receipt)], REAL)
    row, (tried,) = toy.row, toy.tried
    assert (row.state, row.reason, row.lease_until, row.needs_person) == ("published", "", None, False)
    assert (row.external_id, row.external_url) == ("7", "https://toy.example/7")
    assert (row.receipt, row.published_at, row.row_version) == ({"data": {"etag": "x"}}, REAL, before + 1)
    assert (tried["outcome"], tried["ended_at"]) == ("published", REAL)
    assert tried["evidence"] == {
        **outcomes.said_of(toy.taken),
        "id": "7",
        "url": "https://toy.example/7",
    }
    assert (toy.connection.state, toy.connection.checked_at) == ("ok", REAL)


def test_what_is_given_back_is_due_as_before(toy: Try) -> None:
    toy.begin().begin(Phase.PREPARE).put(state="committing", tries=3)
    before = toy.row.row_version
    toy.do_all(outcomes.give_back, REAL)
    row = toy.row
    assert (row.state, row.tries, row.lease_until, row.row_version) == ("scheduled", 2, None, before + 1)
    assert [each["outcome"] for each in toy.tried] == ["not tried", None]


# --- the end of a run to people ---------------------------------------------------------------------------------------


def deliver(letter: Try, *rows: Row) -> None:
    """So many deliveries, and the end of a pull over them."""
    with letter.workspace.db.transaction() as session:
        arm_id = letter.taken.arm.id
        for n, values in enumerate(rows):
            person: Row = {"contact_id": n + 1, "address": f"p{n}@example.com", "address_hash": f"h{n}"}
            publication_id = letter.held.publication_id
            session.add(Delivery(**{"publication_id": publication_id, "arm_id": arm_id, **person, **values}))
    letter.do(round_ends.end_round, letter.taken, REAL, DUE)


PENDING, SKIPPED = {"state": "pending"}, {"state": "skipped"}
LATER: Row = {"state": "pending", "due_at": DUE + MINUTE}
AGAIN: Row = {"state": "retry_wait", "retry_at": REAL + 2 * MINUTE}
SOON: Row = {"state": "retry_wait", "retry_at": REAL + timedelta(seconds=3)}


@pytest.mark.parametrize(
    ("rows", "tries", "outcome", "retry_at"),
    [
        ([PENDING], 1, "paused", None),
        ([{"state": "claimed"}], 1, "paused", None),
        ([PENDING], 2, "retry_wait", REAL + 2 * FIRST),
        ([PENDING], 3, "retry_wait", REAL + 4 * FIRST),
        ([AGAIN], 1, "retry_wait", REAL + 2 * MINUTE),
        ([AGAIN], 5, "retry_wait", REAL + 2 * MINUTE),
        ([AGAIN, PENDING], 1, "paused", None),
        ([AGAIN, PENDING], 3, "retry_wait", REAL + 4 * FIRST),
        ([SOON, PENDING], 3, "retry_wait", REAL + timedelta(seconds=3)),
        ([AGAIN, LATER], 1, "retry_wait", REAL + MINUTE),
        ([SOON, LATER], 1, "retry_wait", REAL + timedelta(seconds=3)),
    ],
)
def test_a_run_with_people_left_comes_back_when_there_is_something_to_do(
    letter: Try, rows: list[Row], tries: int, outcome: str, retry_at: datetime | None
) -> None:
    letter.put(tries=tries)
    deliver(letter, *rows)
    row, (tried,) = letter.row, letter.tried
    assert (row.state, row.retry_at, row.lease_until) == ("sending", retry_at, None)
    assert (tried["outcome"], tried["retry_at"], tried["ended_at"]) == (outcome, retry_at, REAL)


def test_a_run_that_has_only_later_ones_sleeps_until_the_first_of_them(letter: Try) -> None:
    letter.put(tries=5)
    deliver(letter, {**LATER, "due_at": DUE + 2 * MINUTE}, LATER, {"state": "accepted"})
    row, (tried,) = letter.row, letter.tried
    assert (row.state, row.wake_at, row.retry_at, row.tries) == ("sending", DUE + MINUTE, None, 1)
    assert (row.lease_until, tried["outcome"]) == (None, "asleep")


@pytest.mark.parametrize(
    ("rows", "retry_at"),
    [
        ([PENDING], REAL + 3 * MINUTE),
        ([PENDING, LATER], REAL + MINUTE),
        ([PENDING, {**LATER, "state": "skipped"}], REAL + 3 * MINUTE),
        ([PENDING, {**LATER, "arm_id": None}], REAL + 3 * MINUTE),
        ([PENDING, {"state": "pending", "due_at": DUE}], REAL + 3 * MINUTE),
    ],
)
def test_a_run_that_rests_comes_back_then_or_for_the_next_zone(
    letter: Try, rows: list[Row], retry_at: datetime
) -> None:
    letter.put(retry_at=REAL + 3 * MINUTE, tries=5)
    deliver(letter, *rows)
    row, (tried,) = letter.row, letter.tried
    assert (row.state, row.retry_at, row.lease_until) == ("sending", retry_at, None)
    assert (tried["outcome"], tried["retry_at"]) == ("asleep", retry_at)


@pytest.mark.parametrize(
    ("states", "state", "reason"),
    [
        (["accepted", "failed"], "published", ""),
        (["unknown", "failed"], "published", ""),
        (["unknown", "skipped"], "published", ""),
        (["failed", "failed", "skipped"], "failed", "all 2 refused"),
        (["skipped", "skipped"], "published", "nobody was addressed: 2 skipped"),
        ([], "published", "nobody was addressed: the segment is empty"),
    ],
)
def test_how_a_run_ends(letter: Try, states: list[str], state: str, reason: str) -> None:
    deliver(letter, *({"state": each} for each in states))
    row, (tried,) = letter.row, letter.tried
    assert (row.state, row.reason, row.lease_until) == (state, reason, None)
    assert row.published_at == (REAL if state == "published" else None)
    assert (tried["outcome"], tried["reason"]) == (state, reason)
    assert tried["evidence"] == {
        "key": "k",
        "deliveries": {each: states.count(each) for each in set(states)},
    }
    assert (letter.connection.checked_at == REAL) is (state == "published")


@pytest.mark.parametrize(("closed", "state"), [(None, "sending"), (DUE, "published")])
def test_a_stream_ends_when_it_is_closed_and_never_as_refused(
    letter: Try, closed: datetime | None, state: str
) -> None:
    letter.taken = replace(letter.taken, audience=replace(letter.taken.audience, stream="toys:welcome"))
    letter.put(closed_at=closed)
    deliver(letter, {"state": "failed"})
    row = letter.row
    assert row.state == state
    assert row.wake_at == (None if closed else UNTIL_CALLED)
    assert letter.tried[0]["outcome"] == ("published" if closed else "drained")


def test_who_lost_the_claim_ends_no_run(letter: Try) -> None:
    lease = letter.row.lease_until
    letter.lose()
    deliver(letter, {"state": "accepted"})
    assert (letter.row.state, letter.row.lease_until) == ("sending", lease)
    assert letter.tried[0]["outcome"] is None


# --- attempts ---------------------------------------------------------------------------------------------------------


def test_attempts_of_another_publication_or_phase_are_left_alone(
    workspace: Workspace, worker: Worker, toy: Try, arm: Arm
) -> None:
    other = Try(workspace, worker, arm(title="Another")).begin()
    toy.do(attempts.record, Phase.COMMIT, DUE, DUE, Result("retry_wait"))
    toy.begin(Phase.PREPARE).begin()
    with workspace.db.transaction() as session:
        toy_id: int = toy.held.publication_id
        attempts.interrupt(session, [toy_id], REAL)
        attempts.close_all(session, [(toy_id, {"late": True})], REAL, "published")
        attempts.close(session, toy_id, REAL, Result("published"))
        assert not attempts.reopen(session, Held(toy_id, 9, Task.SEND_ON))
    assert [(each["n"], each["outcome"]) for each in toy.tried] == [
        (1, "retry_wait"),
        (2, None),
        (3, "interrupted"),
    ]
    assert [(each["n"], each["outcome"]) for each in other.tried] == [(1, None)]


def test_a_run_that_wakes_takes_up_its_own_newest_attempt_only(
    workspace: Workspace, worker: Worker, letter: Try, arm: Arm
) -> None:
    def asleep(each: Try) -> None:
        each.do(lambda session, held: attempts.close(session, held.publication_id, DUE, Result("asleep")))

    asleep(letter)
    letter.begin()
    asleep(letter)
    other = Try(workspace, worker, arm("letter", "Another")).begin()
    asleep(other)
    assert letter.do(attempts.reopen)
    assert [each["outcome"] for each in letter.tried] == ["asleep", None]
    assert [each["outcome"] for each in other.tried] == ["asleep"]
