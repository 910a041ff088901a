"""Publishing under fire: remotes that never come to an end, late writers, broken plugins, lost folders, races."""

import os
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from cms_core import contract as c
from cms_core import db
from cms_core.audience import consent, suppression
from cms_core.audience.models import Contact, Segment
from cms_core.clock import FrozenClock
from cms_core.connections.models import Connection
from cms_core.errors import Conflict
from cms_core.events.models import Event
from cms_core.publishing import arming, service
from cms_core.publishing import journal as journals
from cms_core.publishing.journal import Journal, inherit
from cms_core.publishing.models import Arm as ArmRow
from cms_core.publishing.models import Attempt, Publication
from cms_core.worker import Worker
from cms_core.workspace import Workspace
from tests.publishing.conftest import DUE, Arm, approve_words, people, shown
from tests.publishing.toys import Toys

STEPS = 150


def act(workspace: Workspace, public_id: str, name: str, **more: object) -> Any:
    with workspace.db.transaction() as session:
        return getattr(service, name)(session, service.find(session, public_id), **more)


def change(workspace: Workspace, public_id: str, **values: object) -> None:
    with workspace.db.transaction() as session:
        session.execute(update(Publication).where(Publication.public_id == public_id).values(**values))


def play(worker: Worker, hours: float = 0.0) -> int:
    """Run until idle, letting the real clock jump over each wait; then on over ``hours``. Returns the steps, which must end."""
    clock = FrozenClock(worker.runner.real)
    worker.runner.real_clock = clock
    until = clock.at + timedelta(hours=hours)
    worked = 0
    while worked < STEPS:
        if worker.work_once():
            worked += 1
            continue
        wait = worker._next_wait()
        if wait is None and clock.at >= until:
            return worked
        clock.at += timedelta(hours=2) if wait is None else timedelta(seconds=max(wait, 0.01))
    raise AssertionError(f"still not idle after {STEPS} pieces of work")


class Endless(list[Any]):
    """A misdeed that happens each time."""

    def pop(self, index: Any = 0) -> Any:
        return self[0]


# --- remotes that never come to an end --------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [None, c.Absent()])
def test_remote_that_never_answers_is_left_to_a_person(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm, answer: c.Absent | None
) -> None:
    public_id = arm()
    toys.remote.after = Endless([c.OutcomeUnknown("no answer")])
    toys.toy.answer = answer
    play(worker, hours=48)
    assert toys.remote.calls.count("publish") <= 12
    assert shown(workspace, public_id)["state"] == "unknown"
    assert list(toys.remote.posts) == [public_id]


def test_prepare_that_is_never_possible_ends(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm, monkeypatch: pytest.MonkeyPatch
) -> None:
    public_id = arm()

    def busy(*_: object) -> c.Prepared:
        toys.remote.calls.append("prepare")
        raise c.Retryable("busy")

    monkeypatch.setattr(toys.toy, "prepare", busy)
    play(worker, hours=48)
    assert shown(workspace, public_id)["state"] == "failed"
    assert toys.remote.calls.count("prepare") <= 12


@pytest.mark.parametrize("error", [c.Refused("no"), ValueError("oops"), c.Retryable("busy"), None])
def test_end_that_cannot_be_withdrawn_is_tried_a_few_times_only(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm, error: Exception | None
) -> None:
    public_id = arm(ends_at=DUE + timedelta(hours=1))
    worker.run_until_idle()
    if error is None:
        workspace.plugins.channels.pop("toy")
    else:
        toys.remote.before = Endless([error])
    worker.runner.due_clock = FrozenClock(DUE + timedelta(days=1))
    play(worker, hours=48)
    assert toys.remote.calls.count("withdraw") <= 12
    assert shown(workspace, public_id)["state"] == "published"
    if error is not None:
        toys.remote.before = []
        act(workspace, public_id, "ask_withdrawal")
        play(worker)
        assert shown(workspace, public_id)["state"] == "withdrawn"


def test_what_lost_its_approval_can_be_taken_back(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm
) -> None:
    public_id = arm()
    worker.run_until_idle()
    with workspace.db.transaction() as session:
        service.find(session, public_id).revision.state = "changes_requested"
    act(workspace, public_id, "ask_withdrawal")
    play(worker)
    assert shown(workspace, public_id)["state"] == "withdrawn"
    assert toys.remote.posts == {}


def test_channel_that_takes_nobody_does_not_spin(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm, monkeypatch: pytest.MonkeyPatch
) -> None:
    people(workspace, 3)
    public_id = arm("letter")
    monkeypatch.setattr(toys.letter, "deliver", lambda link, prepared, recipients: iter(()))
    assert play(worker) < 40
    assert shown(workspace, public_id)["deliveries"] == {"pending": 3}


def test_deliveries_of_a_living_sender_are_waited_for_without_spinning(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm
) -> None:
    people(workspace, 3)
    public_id = arm("letter")
    sender = Worker(workspace, FrozenClock(DUE))
    other: list[int] = []

    def take_over(recipient: c.Recipient) -> None:
        if not other:
            change(workspace, public_id, lease_until=DUE - timedelta(days=1))
            other.append(play(worker))

    toys.letter.on_pull = take_over
    sender.work_once()
    assert other[0] < 40
    change(workspace, public_id, retry_at=None)
    worker.run_until_idle()
    assert sorted(toys.remote.mails) == [f"p{n}@example.com" for n in range(3)]
    assert shown(workspace, public_id)["deliveries"] == {"accepted": 3}
    with workspace.db.session() as session:
        assert session.scalars(select(Attempt).where(Attempt.outcome.is_(None))).all() == []


def test_stopped_worker_leaves_no_wait_behind(workspace: Workspace, toys: Toys, arm: Arm) -> None:
    people(workspace, 5)
    public_id = arm("letter")
    first = Worker(workspace, FrozenClock(DUE))
    toys.letter.script["p0@example.com"] = ["retry"]

    def stop(recipient: c.Recipient) -> None:
        if recipient.address == "p2@example.com":
            first.stop()

    toys.letter.on_pull = stop
    first.run_until_idle()
    with workspace.db.session() as session:
        found = service.find(session, public_id)
        assert (found.state, found.retry_at, found.lease_until) == ("sending", None, None)


def test_many_rounds_do_not_use_up_the_tries(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm
) -> None:
    people(workspace, 30)
    public_id = arm("letter")
    toys.letter.script = {f"p{n}@example.com": ["crash-before"] for n in range(1, 30)}
    for _ in range(60):
        worker.work_once()
        change(workspace, public_id, retry_at=DUE)
    assert shown(workspace, public_id)["deliveries"] == {"accepted": 30}


# --- late writers -----------------------------------------------------------------------------------------------------


def test_prepared_of_a_lost_claim_is_not_kept(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm, monkeypatch: pytest.MonkeyPatch
) -> None:
    public_id = arm()
    second = Worker(workspace, FrozenClock(DUE))
    calls: list[str] = []

    def prepare(link: c.Link, placement: c.Placement, progress: object) -> c.Prepared:
        calls.append("prepare")
        if len(calls) == 1:
            change(workspace, public_id, lease_until=DUE - timedelta(days=1))
            second.work_once()
            return c.Prepared({"title": "late"})
        return c.Prepared({"title": "first"})

    monkeypatch.setattr(toys.toy, "prepare", prepare)
    toys.remote.after = [c.OutcomeUnknown("no answer")]
    worker.work_once()
    with workspace.db.session() as session:
        assert session.scalars(select(ArmRow.prepared)).one() == {"title": "first"}
    play(worker)
    assert toys.remote.posts == {public_id: {"title": "first"}}


def test_late_wait_changes_nothing(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm, monkeypatch: pytest.MonkeyPatch
) -> None:
    public_id = arm()
    second = Worker(workspace, FrozenClock(DUE))
    calls: list[str] = []

    def prepare(link: c.Link, placement: c.Placement, progress: object) -> c.Prepared | c.Wait:
        calls.append("prepare")
        if len(calls) == 1:
            change(workspace, public_id, lease_until=DUE - timedelta(days=1))
            second.work_once()
            return c.Wait(timedelta(seconds=1), {"part": 1})
        return c.Prepared({"title": "first"})

    monkeypatch.setattr(toys.toy, "prepare", prepare)
    worker.work_once()
    with workspace.db.session() as session:
        assert session.scalars(select(ArmRow.progress)).one() is None
    assert [each["phase"] for each in shown(workspace, public_id)["attempts"]] == ["commit"]


def test_late_sender_leaves_the_attempt_of_its_successor_open(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm
) -> None:
    people(workspace, 3)
    public_id = arm("letter")
    second = Worker(workspace, FrozenClock(DUE))

    def take_over(recipient: c.Recipient) -> None:
        if not toys.remote.mails:
            change(workspace, public_id, lease_until=DUE - timedelta(days=1))
            held = second.runner.claim()
            assert held is not None
            taken = second.runner._snapshot(held)
            assert taken is not None
            assert second.runner._intend(held, taken, "sending")

    toys.letter.on_pull = take_over
    worker.work_once()
    with workspace.db.session() as session:
        outcomes = session.scalars(select(Attempt.outcome).order_by(Attempt.n)).all()
    assert outcomes == ["interrupted", None]


# --- plugins that answer nonsense -------------------------------------------------------------------------------------


def test_receipt_that_cannot_be_kept_is_unknown_not_a_crash(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm, monkeypatch: pytest.MonkeyPatch
) -> None:
    public_id = arm("once")
    monkeypatch.setattr(toys.once, "publish", lambda *_: c.Receipt("1", data={"at": DUE}))
    play(worker)
    assert shown(workspace, public_id)["state"] == "unknown"


def test_progress_that_cannot_be_kept_fails_alone(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = arm(), arm("once")
    monkeypatch.setattr(toys.toy, "prepare", lambda *_: c.Wait(timedelta(seconds=1), {"at": DUE}))
    play(worker)
    assert shown(workspace, bad)["state"] == "failed"
    assert shown(workspace, good)["state"] == "published"


@pytest.mark.parametrize("after", [timedelta.max, timedelta(days=-1), timedelta(0)])
def test_nonsense_waits_are_bounded(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm, after: timedelta
) -> None:
    public_id = arm()
    toys.remote.before = [c.Retryable("busy", after)]
    play(worker, hours=50)
    assert shown(workspace, public_id)["state"] == "published"


def test_addresses_that_fault_fail_the_publication_and_others_go_on(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm, monkeypatch: pytest.MonkeyPatch
) -> None:
    people(workspace, 3)
    bad, good = arm("letter"), arm("once")

    def address(contact: c.Contact) -> str | None:
        raise ZeroDivisionError

    monkeypatch.setattr(toys.letter, "address", address)
    play(worker)
    assert shown(workspace, bad)["state"] == "failed"
    assert shown(workspace, good)["state"] == "published"


def test_one_address_of_two_people_gets_one_letter(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm, monkeypatch: pytest.MonkeyPatch
) -> None:
    people(workspace, 3)
    public_id = arm("letter")
    monkeypatch.setattr(toys.letter, "address", lambda contact: "family@example.com")
    play(worker)
    assert toys.remote.mails == ["family@example.com"]
    assert shown(workspace, public_id)["state"] == "published"


@pytest.mark.parametrize("detail", ["x" * 20_000, "\udcff broken", "nul \0 byte"])
def test_words_of_the_remote_that_cannot_be_stored_do_no_harm(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm, detail: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    people(workspace, 3)
    letters, post = arm("letter"), arm("toy")

    def deliver(
        link: c.Link, prepared: c.Prepared, recipients: Iterator[c.Recipient | None]
    ) -> Iterator[c.Outcome]:
        for recipient in recipients:
            assert recipient is not None
            assert link.wire is not None
            link.wire.on_wire(recipient.key)
            link.wire.flush()
            yield c.Outcome(recipient, c.OutcomeStatus.ACCEPTED, detail, 250, detail)

    monkeypatch.setattr(toys.letter, "deliver", deliver)
    toys.remote.before = [c.Refused(detail)]
    play(worker)
    assert shown(workspace, letters)["deliveries"] == {"accepted": 3}
    assert shown(workspace, post)["state"] == "failed"


# --- people, segments, connections in between -------------------------------------------------------------------------


def test_segment_that_no_longer_compiles_holds_and_others_go_on(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm
) -> None:
    people(workspace, 3)
    bad, good = arm("letter"), arm("once")
    with workspace.db.transaction() as session:
        session.execute(update(Segment).values(rule="nobody_knows = 3"))
    play(worker)
    found = shown(workspace, bad)
    assert found["state"] == "held"
    assert "nobody_knows" in found["reason"]
    assert shown(workspace, good)["state"] == "published"
    assert toys.remote.mails == []


def test_erased_person_is_not_written_to(workspace: Workspace, worker: Worker, toys: Toys, arm: Arm) -> None:
    people(workspace, 5)
    public_id = arm("letter")

    def erase(recipient: c.Recipient) -> None:
        if recipient.address == "p1@example.com":
            with workspace.db.transaction() as session:
                gone = Contact.email == "p3@example.com"
                session.execute(
                    update(Contact).where(gone).values(email=None, address_hash=None, erased_at=DUE)
                )

    toys.letter.on_pull = erase
    play(worker)
    assert "p3@example.com" not in toys.remote.mails
    assert shown(workspace, public_id)["deliveries"] == {"accepted": 4, "skipped": 1}


def test_unsubscribing_counts_also_while_suppressed_for_a_time(workspace: Workspace) -> None:
    people(workspace, 1)
    with workspace.db.transaction() as session:
        contact = session.scalars(select(Contact)).one()
        until = datetime.now(UTC) + timedelta(days=1)
        assert contact.address_hash is not None
        suppression.suppress(session, contact.address_hash, "letter", "global", "bounced", until=until)
        assert consent.unsubscribe(session, contact.id, "letter", "", source="test", evidence={})
        assert not consent.unsubscribe(session, contact.id, "letter", "", source="test", evidence={})
        allowed = session.scalar(select(consent.may_address(Contact.id, "letter")))
        later = until + timedelta(days=300)
        suppressed = session.scalar(select(suppression.is_suppressed(contact.address_hash, "letter", later)))
    assert not allowed
    assert suppressed


# --- what people do ---------------------------------------------------------------------------------------------------


def test_retry_gives_all_tries_again(workspace: Workspace, worker: Worker, toys: Toys, arm: Arm) -> None:
    public_id = arm()
    toys.remote.before = Endless([c.Retryable("busy")])
    play(worker, hours=48)
    assert shown(workspace, public_id)["state"] == "failed"
    toys.remote.before = [c.Retryable("busy")]
    act(workspace, public_id, "retry")
    play(worker, hours=1)
    assert shown(workspace, public_id)["state"] == "published"


def test_unknown_finds_out_by_itself_again_after_a_person_retried(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm, monkeypatch: pytest.MonkeyPatch
) -> None:
    public_id = arm()
    toys.remote.after = [c.OutcomeUnknown("no answer")]
    worker.work_once()
    change(workspace, public_id, needs_person=True)
    act(workspace, public_id, "resolve", published_url=None)
    act(workspace, public_id, "retry")
    toys.remote.after = [c.OutcomeUnknown("no answer")]
    play(worker)
    assert shown(workspace, public_id)["state"] == "published"


def test_resolved_as_published_is_done_like_any_other(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm
) -> None:
    public_id = arm("once")
    toys.remote.after = [c.OutcomeUnknown("no answer")]
    play(worker)
    act(workspace, public_id, "resolve", published_url="https://once.example/1")
    with workspace.db.session() as session:
        found = service.find(session, public_id)
        assert found.entry is not None
        assert found.entry.state == "done"
        assert session.scalars(select(Event.source_id)).all() == [f"published:{public_id}"]


def test_only_one_update_is_under_way(workspace: Workspace, worker: Worker, toys: Toys, arm: Arm) -> None:
    public_id = arm()
    worker.run_until_idle()
    with workspace.db.transaction() as session:
        approve_words(session, workspace, "toy", "News", slug="toy-hello")
        service.update_content(session, workspace.plugins, service.find(session, public_id))
    with workspace.db.transaction() as session, pytest.raises(Conflict):
        service.update_content(session, workspace.plugins, service.find(session, public_id))


# --- folders and files ------------------------------------------------------------------------------------------------


def test_without_a_place_for_the_journal_nobody_is_written_to_and_it_is_said(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm
) -> None:
    people(workspace, 3)
    letters, post = arm("letter"), arm("toy")
    folder = workspace.config.run_dir / "senders"
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.touch()
    worker.work_once()
    found = shown(workspace, letters)
    assert (found["state"], toys.remote.mails) == ("retry_wait", [])
    assert "journal" in found["reason"]
    folder.unlink()
    play(worker, hours=1)
    assert shown(workspace, letters)["deliveries"] == {"accepted": 3}
    assert shown(workspace, post)["state"] == "published"


def test_journal_that_cannot_be_written_sends_nothing_more_and_keeps_what_is_known(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm, monkeypatch: pytest.MonkeyPatch
) -> None:
    people(workspace, 5)
    public_id = arm("letter")
    whole = os.write

    def full(file: int, data: bytes) -> int:
        if len(toys.remote.mails) == 2:
            raise OSError(28, "No space left on device")
        return whole(file, data)

    monkeypatch.setattr(journals.os, "write", full)
    worker.work_once()
    found = shown(workspace, public_id)
    assert found["deliveries"] == {"accepted": 2, "unknown": 1, "pending": 2}
    assert found["state"] == "retry_wait"
    assert "No space left" in found["reason"]
    assert "fault in plugin" not in found["reason"]


def test_record_torn_by_a_full_disk_is_completed_by_the_next_write(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path, "one")
    journal.claims.update({7: 3, 8: 3})
    write, room = os.write, [5]

    def little(file: int, data: Any) -> int:
        if not room[0]:
            raise OSError(28, "No space left on device")
        taken, room[0] = write(file, bytes(data)[: room[0]]), 0
        return taken

    journal.on_wire(7)
    monkeypatch.setattr(os, "write", little)
    with pytest.raises(OSError, match="No space"):
        journal.flush()
    monkeypatch.setattr(os, "write", write)
    journal.on_wire(8)
    journal.flush()
    journal.close(settled=False)
    with inherit(tmp_path, "one") as testimony:
        assert testimony is not None
        assert testimony.on_wire == {(3, 7), (3, 8)}


def test_database_that_is_locked_for_too_long_loses_and_doubles_nobody(
    workspace: Workspace, toys: Toys, arm: Arm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db, "BUSY_TIMEOUT_SECONDS", 0)
    people(workspace, 700)
    public_id = arm("letter")
    opened = workspace.for_publishing()
    blocker = sqlite3.connect(workspace.config.home / "cms.db", isolation_level=None)

    def lock(recipient: c.Recipient) -> None:
        if len(toys.remote.mails) == 100:
            blocker.execute("BEGIN IMMEDIATE")

    toys.letter.on_pull = lock
    with pytest.raises(OperationalError, match="locked"):
        Worker(opened, FrozenClock(DUE)).work_once()
    blocker.execute("ROLLBACK")
    blocker.close()
    opened.db.dispose()
    sent = len(toys.remote.mails)
    toys.letter.on_pull = lambda recipient: None
    monkeypatch.setattr(db, "BUSY_TIMEOUT_SECONDS", 30)
    opened = workspace.for_publishing()
    Worker(opened, FrozenClock(DUE)).run_until_idle()
    opened.db.dispose()
    assert sent == 500, "what was claimed went out before the database was asked again"
    assert shown(workspace, public_id)["deliveries"] == {"accepted": 700}
    assert len(set(toys.remote.mails)) == len(toys.remote.mails) == 700


def disarm(workspace: Workspace, public_id: str) -> None:
    with workspace.db.transaction() as session:
        entry = service.find(session, public_id).entry
        assert entry is not None
        arming.disarm(session, entry)


def arm_again(workspace: Workspace, public_id: str) -> None:
    with workspace.db.transaction() as session:
        entry = service.find(session, public_id).entry
        assert entry is not None
        arming.arm(session, workspace, entry)


def test_what_went_out_in_part_is_not_armed_anew(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm
) -> None:
    people(workspace, 5)
    public_id = arm("letter")

    def stop(recipient: c.Recipient) -> None:
        if recipient.address == "p2@example.com":
            disarm(workspace, public_id)

    toys.letter.on_pull = stop
    play(worker)
    with pytest.raises(Conflict, match="in part already"):
        arm_again(workspace, public_id)


def test_failed_entry_can_be_armed_anew(workspace: Workspace, worker: Worker, toys: Toys, arm: Arm) -> None:
    public_id = arm()
    toys.remote.before = [c.Refused("no")]
    play(worker)
    disarm(workspace, public_id)
    arm_again(workspace, public_id)
    play(worker)
    assert len(toys.remote.posts) == 1


def test_entry_at_the_end_of_time_can_be_armed(arm: Arm) -> None:
    arm(due=datetime.max.replace(tzinfo=UTC))


def test_credentials_that_cannot_be_read_hold_and_others_go_on(
    workspace: Workspace, worker: Worker, arm: Arm
) -> None:
    bad, good = arm(), arm("once")
    with workspace.db.transaction() as session:
        session.execute(update(Connection).where(Connection.channel == "toy").values(secrets="garbage"))
    play(worker)
    assert shown(workspace, bad)["state"] == "held"
    assert shown(workspace, good)["state"] == "published"
