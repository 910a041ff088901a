"""Publishing under fire: folders, journals and databases that cannot be written."""

import os
import sqlite3
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from cms_core import contract as c
from cms_core import db
from cms_core.clock import FrozenClock
from cms_core.publishing import journal as journals
from cms_core.publishing.journal import Journal, inherit
from cms_core.worker import Worker
from cms_core.workspace import Workspace
from tests.publishing.conftest import DUE, Arm, people, shown
from tests.publishing.fire import play
from tests.publishing.toys import Toys


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


@pytest.mark.sqlite
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
