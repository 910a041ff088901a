"""A disk or a database that fails for a while: nobody becomes unknown of whom something is known."""

import os
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from cms_core import contract as c
from cms_core.publishing import journal, sending
from cms_core.publishing.deliveries import Settled, settle
from cms_core.publishing.journal import Journal
from cms_core.worker import Worker
from cms_core.workspace import Workspace
from tests.publishing.conftest import Arm, people, shown
from tests.publishing.toys import Toys


def test_a_journal_that_cannot_be_started_anew_is_kept_as_it_is(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, failed = os.open, []

    def no_room(path: Any, *how: Any, **more: Any) -> int:
        if str(path).endswith(".new"):
            failed.append(path)
            raise OSError(28, "No space left on device")
        return opened(path, *how, **more)

    monkeypatch.setattr(journal, "ROTATE_AT", 600)
    monkeypatch.setattr(journal.os, "open", no_room)
    people(workspace, 1600)
    public_id = arm("letter")
    worker.run_until_idle()
    assert failed
    assert shown(workspace, public_id)["deliveries"] == {"accepted": 1600}
    assert len(set(toys.remote.mails)) == len(toys.remote.mails) == 1600


class InPairs:
    """Two mails are on the wire before the first one's answer is told, as with two connections."""

    def __init__(self, toys: Toys) -> None:
        self.remote = toys.remote

    def deliver(
        self, link: c.Link, prepared: c.Prepared, recipients: Iterator[c.Recipient | None]
    ) -> Iterator[c.Outcome]:
        waiting: list[c.Recipient] = []
        trouble: Exception | None = None
        while trouble is None:
            try:
                recipient = next(recipients, None)
            except c.ChannelError as error:
                trouble, recipient = error, None
            if recipient is not None:
                assert link.wire is not None
                link.wire.on_wire(recipient.key)
                link.wire.flush()
                self.remote.mails.append(recipient.address)
                waiting.append(recipient)
            if len(waiting) == 2 or recipient is None:
                yield from (c.Outcome(each, c.OutcomeStatus.ACCEPTED, "250 ok", 250) for each in waiting)
                waiting.clear()
            if recipient is None:
                break
        if trouble is not None:
            raise trouble


def test_a_locked_database_costs_no_answer_and_is_no_fault_of_the_plugin(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked = [True]

    def settling(session: Session, fates: Iterable[Settled], *real: Any) -> None:
        rows = list(fates)
        if rows and locked:
            locked.clear()
            raise OperationalError("UPDATE", {}, Exception("database is locked"))
        settle(session, rows, *real)

    monkeypatch.setattr(sending, "SETTLE_SECONDS", 0.0)
    monkeypatch.setattr(sending, "LOOK_SECONDS", 3600.0)
    monkeypatch.setattr(sending, "settle", settling)
    monkeypatch.setattr(toys.letter, "deliver", InPairs(toys).deliver)
    people(workspace, 60)
    public_id = arm("letter")
    worker.run_until_idle()
    assert not locked
    assert shown(workspace, public_id)["deliveries"] == {"accepted": 60}
    assert len(set(toys.remote.mails)) == len(toys.remote.mails) == 60
    reasons = [each["reason"] for each in shown(workspace, public_id)["attempts"]]
    assert "the database did not answer: database is locked" in reasons
    assert workspace.plugins.loaded["toys"].state == "on"


def test_the_journal_of_a_sender_that_died_before_its_first_claim_goes(
    workspace: Workspace, worker: Worker
) -> None:
    folder = workspace.config.run_dir / "senders"
    Journal(folder, "dead").close(settled=False)
    living = Journal(folder, "living")
    worker.work_once()
    assert sorted(path.name for path in folder.iterdir()) == ["living.journal", "living.lock"]
    living.close(settled=True)
