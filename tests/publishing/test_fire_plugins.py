"""Publishing under fire: plugins that answer nonsense harm themselves alone."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta

import pytest

from cms_core import contract as c
from cms_core.worker import Worker
from cms_core.workspace import Workspace
from tests.publishing.conftest import DUE, Arm, people, shown
from tests.publishing.fire import play
from tests.publishing.toys import Toys


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


def provide(workspace: Workspace, fetch: Callable[[Sequence[c.Contact]], Mapping[str, c.Json]]) -> None:
    workspace.plugins.merge_fields["odd"] = c.FieldProvider("odd", (c.FieldSpec("one"),), fetch)


def test_merge_fields_that_fault_leave_everybody_to_be_written_to_later(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm
) -> None:
    people(workspace, 3)
    public_id = arm("letter")

    def fault(_: Sequence[c.Contact]) -> Mapping[str, c.Json]:
        raise ZeroDivisionError

    provide(workspace, fault)
    worker.work_once()
    assert shown(workspace, public_id)["deliveries"] == {"pending": 3}
    assert toys.remote.mails == []


def test_merge_fields_may_write_to_the_database_while_they_are_fetched(
    workspace: Workspace, worker: Worker, arm: Arm
) -> None:
    """No transaction of the sending is open meanwhile, or both would wait for each other."""
    people(workspace, 3)
    public_id = arm("letter")

    def count(contacts: Sequence[c.Contact]) -> Mapping[str, c.Json]:
        people(workspace, 1)
        return {contact.id: {"one": 1} for contact in contacts}

    provide(workspace, count)
    worker.run_until_idle()
    assert shown(workspace, public_id)["deliveries"] == {"accepted": 3}
