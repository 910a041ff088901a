"""Publishing under fire: remotes that never come to an end, and senders that are waited for."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from cms_core import contract as c
from cms_core.clock import FrozenClock
from cms_core.publishing import service
from cms_core.publishing.models import Attempt
from cms_core.worker import Worker
from cms_core.workspace import Workspace
from tests.publishing.conftest import DUE, Arm, people, shown
from tests.publishing.fire import Endless, act, change, play
from tests.publishing.toys import Toys


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
