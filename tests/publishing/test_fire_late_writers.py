"""Publishing under fire: whoever lost a claim writes too late, and changes nothing."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from cms_core import contract as c
from cms_core.clock import FrozenClock
from cms_core.publishing.models import Arm as ArmRow
from cms_core.publishing.models import Attempt
from cms_core.worker import Worker
from cms_core.workspace import Workspace
from tests.publishing.conftest import DUE, Arm, people, shown
from tests.publishing.fire import change, play
from tests.publishing.toys import Toys


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
            (held,) = second.runner.claim()
            taken = second.runner._snapshot(held)
            assert taken is not None
            assert second.runner._intend_to_send(held, taken)

    toys.letter.on_pull = take_over
    worker.work_once()
    with workspace.db.session() as session:
        outcomes = session.scalars(select(Attempt.outcome).order_by(Attempt.n)).all()
    assert outcomes == ["interrupted", None]
