"""One message per person: who gets it, who does not, and what is known when things break."""

import signal
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql

from cms_core.audience import consent
from cms_core.audience.models import Contact
from cms_core.clock import FrozenClock
from cms_core.connections import service as connections
from cms_core.contract import Recipient
from cms_core.publishing import arming, deliveries, recipients, recovery, sending, service
from cms_core.publishing.models import Claim, Delivery
from cms_core.publishing.models import Worker as WorkerRow
from cms_core.worker import Worker
from cms_core.workspace import Workspace
from tests.commands import ended
from tests.publishing import dying_sender
from tests.publishing.conftest import DUE, Arm, people, shown
from tests.publishing.toys import Toys


def counts(workspace: Workspace, public_id: str) -> dict[str, int]:
    counted: dict[str, int] = shown(workspace, public_id)["deliveries"]
    return counted


def test_everybody_who_agreed_gets_one(workspace: Workspace, worker: Worker, toys: Toys, arm: Arm) -> None:
    people(workspace, 1200)
    public_id = arm("letter")
    result = worker.run_until_idle()
    assert result.document()["deliveries"] == {"accepted": 1200}
    assert len(set(toys.remote.mails)) == len(toys.remote.mails) == 1200
    assert shown(workspace, public_id)["state"] == "published"


@pytest.mark.parametrize("caps", [(), ((3, 7, ""),)])
def test_on_postgresql_a_batch_is_judged_once_whatever_is_known_of_the_size_of_tables(
    caps: tuple[tuple[int, int, str], ...],
) -> None:
    """Where it took the table for empty, it judged 500 people anew for each of 1,200 rows: a minute instead of a second."""
    judge = deliveries._judge("email", "", caps, "postgresql").compile(dialect=postgresql.dialect())
    assert "WITH verdict AS MATERIALIZED" in " ".join(str(judge).split())


def test_without_consent_nobody_is_addressed(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm
) -> None:
    people(workspace, 3, agreed=False)
    public_id = arm("letter")
    worker.run_until_idle()
    assert counts(workspace, public_id) == {"skipped": 3}
    assert shown(workspace, public_id)["reason"] == "nobody was addressed: 3 skipped"
    assert toys.remote.mails == []


def unsubscribe(workspace: Workspace, address: str) -> None:
    with workspace.db.transaction() as session:
        contact_id = session.scalars(select(Contact.id).where(Contact.email == address)).one()
        consent.unsubscribe(session, contact_id, "letter", "", source="test", evidence={})


def test_unsubscribed_is_skipped_and_said(workspace: Workspace, worker: Worker, toys: Toys, arm: Arm) -> None:
    people(workspace, 2)
    unsubscribe(workspace, "p1@example.com")
    public_id = arm("letter")
    worker.run_until_idle()
    assert toys.remote.mails == ["p0@example.com"]
    with workspace.db.session() as session:
        reasons = session.scalars(select(Delivery.reason).where(Delivery.state == "skipped")).all()
    assert reasons == ["suppressed"]
    assert counts(workspace, public_id) == {"accepted": 1, "skipped": 1}


def test_unsubscribing_during_the_run_wins_at_the_pull(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm
) -> None:
    people(workspace, 5)
    public_id = arm("letter")

    def on_pull(recipient: Recipient) -> None:
        if recipient.address == "p1@example.com":
            unsubscribe(workspace, "p3@example.com")

    toys.letter.on_pull = on_pull
    worker.run_until_idle()
    assert "p3@example.com" not in toys.remote.mails
    assert counts(workspace, public_id) == {"accepted": 4, "skipped": 1}


@pytest.mark.parametrize("address", ["p1@example.com", "p4@example.com"])
def test_unsubscribing_after_the_pull_wins_until_the_bytes_leave(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm, address: str
) -> None:
    people(workspace, 5)
    public_id = arm("letter")

    def on_pull(recipient: Recipient) -> None:
        if recipient.address == address:
            unsubscribe(workspace, address)

    toys.letter.on_pull = on_pull
    worker.run_until_idle()
    assert sorted(toys.remote.mails) == [
        f"p{n}@example.com" for n in range(5) if f"p{n}@example.com" != address
    ]
    assert counts(workspace, public_id) == {"accepted": 4, "skipped": 1}


def test_a_commit_of_somebody_else_refuses_nobody_who_still_agrees(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm
) -> None:
    """Another commit makes every later recipient be looked up again; those who still agree get their mail."""
    people(workspace, 50)
    public_id = arm("letter")
    toys.letter.on_pull = lambda recipient: unsubscribe(workspace, "p49@example.com")
    worker.run_until_idle()
    assert len(toys.remote.mails) == 49
    assert counts(workspace, public_id) == {"accepted": 49, "skipped": 1}


def test_pausing_after_the_pull_wins_until_the_bytes_leave(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "LOOK_SECONDS", 0.0)
    people(workspace, 5)
    public_id = arm("letter")

    def pause(recipient: Recipient) -> None:
        if recipient.address == "p2@example.com":
            with workspace.db.transaction() as session:
                service.hold(session, service.find(session, public_id), "look at it first")

    toys.letter.on_pull = pause
    worker.run_until_idle()
    assert toys.remote.mails == ["p0@example.com", "p1@example.com"]
    assert counts(workspace, public_id) == {"accepted": 2, "pending": 3}


def test_refused_is_failed_and_the_others_go_on(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm
) -> None:
    people(workspace, 3)
    toys.letter.script["p1@example.com"] = ["refuse"]
    public_id = arm("letter")
    result = worker.run_until_idle()
    assert counts(workspace, public_id) == {"accepted": 2, "failed": 1}
    assert shown(workspace, public_id)["state"] == "published"
    assert not result.partly, "a recipient refused by the server alone is exit code 0"


def test_all_refused_fails_the_publication(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm
) -> None:
    people(workspace, 2)
    toys.letter.script = {f"p{n}@example.com": ["refuse"] for n in range(2)}
    public_id = arm("letter")
    worker.run_until_idle()
    assert shown(workspace, public_id)["state"] == "failed"


def test_greylisted_is_tried_again(workspace: Workspace, worker: Worker, toys: Toys, arm: Arm) -> None:
    people(workspace, 3)
    toys.letter.script["p1@example.com"] = ["retry", "retry"]
    public_id = arm("letter")
    worker.run_until_idle()
    assert counts(workspace, public_id) == {"accepted": 3}
    assert sorted(toys.remote.mails) == [f"p{n}@example.com" for n in range(3)]


def test_unknown_is_listed_and_never_repeated(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm
) -> None:
    people(workspace, 3)
    toys.letter.script["p1@example.com"] = ["unknown"]
    public_id = arm("letter")
    result = worker.run_until_idle()
    assert result.partly
    assert counts(workspace, public_id) == {"accepted": 2, "unknown": 1}
    with workspace.db.session() as session:
        unknown = recipients.unknown(session, service.find(session, public_id))
    assert [each["address"] for each in unknown] == ["p1@example.com"]
    worker.run_until_idle()
    assert Counter(toys.remote.mails)["p1@example.com"] == 1


def test_who_has_not_got_it_is_named_with_the_reason(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm
) -> None:
    people(workspace, 5)
    people(workspace, 8, agreed=False)
    toys.letter.script = {"p1@example.com": ["refuse"], "p3@example.com": ["refuse"]}
    public_id = arm("letter")
    worker.run_until_idle()
    with workspace.db.session() as session:
        document = recipients.document(session, service.find(session, public_id))
    assert {each["address"] for each in document["undelivered"]} == {"p1@example.com", "p3@example.com"}
    assert (
        sum(each["count"] for each in document["reasons"])
        == sum(document["counts"].values()) - document["counts"]["accepted"]
    )
    assert all(each["reason"] for each in document["reasons"])


def test_an_account_that_has_sent_is_connected_though_the_rest_has_to_wait(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm
) -> None:
    people(workspace, 3)
    toys.letter.script["p2@example.com"] = ["retry"] * 3
    arm("letter")
    assert worker.work_once()
    with workspace.db.session() as session:
        assert connections.find(session, "letter", "main").state == "ok"


def test_lost_line_makes_one_unknown_and_the_rest_go_out(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm
) -> None:
    people(workspace, 5)
    toys.letter.script["p2@example.com"] = ["crash-after"]
    public_id = arm("letter")
    worker.run_until_idle()
    assert counts(workspace, public_id) == {"accepted": 4, "unknown": 1}
    assert len(set(toys.remote.mails)) == len(toys.remote.mails) == 5


def test_line_lost_before_the_message_loses_and_doubles_nobody(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm
) -> None:
    people(workspace, 5)
    toys.letter.script["p2@example.com"] = ["crash-before"]
    public_id = arm("letter")
    worker.run_until_idle()
    assert counts(workspace, public_id) == {"accepted": 5}
    assert len(set(toys.remote.mails)) == len(toys.remote.mails) == 5


def test_pause_resume_and_cancel_the_rest(workspace: Workspace, toys: Toys, arm: Arm) -> None:
    people(workspace, 1100)
    public_id = arm("letter")
    worker = Worker(workspace, FrozenClock(DUE))

    def pause(recipient: Recipient) -> None:
        if len(toys.remote.mails) == 300:
            with workspace.db.transaction() as session:
                service.hold(session, service.find(session, public_id), "look at it first")

    toys.letter.on_pull = pause
    worker.run_until_idle()
    found = shown(workspace, public_id)
    sent = len(toys.remote.mails)
    assert (found["state"], found["paused"]) == ("sending", "look at it first")
    assert 300 <= sent < 1100
    assert found["deliveries"] == {"accepted": sent, "pending": 1100 - sent}
    toys.letter.on_pull = lambda recipient: None
    with workspace.db.transaction() as session:
        service.resume(session, service.find(session, public_id))
    worker.run_until_idle()
    assert len(set(toys.remote.mails)) == len(toys.remote.mails) == 1100


def test_outcomes_of_a_batch_are_kept_when_the_claim_was_lost_meanwhile(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "LOOK_SECONDS", 3600.0)  # so that only the next claim finds out
    people(workspace, 600)
    public_id = arm("letter")

    def pause(recipient: Recipient) -> None:
        if len(toys.remote.mails) == 3:
            with workspace.db.transaction() as session:
                service.hold(session, service.find(session, public_id), "look at it first")

    toys.letter.on_pull = pause
    worker.run_until_idle()
    assert counts(workspace, public_id) == {"accepted": 500, "pending": 100}


def test_an_audience_of_more_than_one_batch_is_frozen_whole(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "FREEZE_BATCH", 4)
    people(workspace, 10)
    public_id = arm("letter")
    worker.run_until_idle()
    assert counts(workspace, public_id) == {"accepted": 10}


def test_cancel_during_the_run_stops_the_rest(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm
) -> None:
    people(workspace, 600)
    public_id = arm("letter")

    def cancel(recipient: Recipient) -> None:
        if len(toys.remote.mails) == 10:
            with workspace.db.transaction() as session:
                service.cancel(session, service.find(session, public_id))

    toys.letter.on_pull = cancel
    worker.run_until_idle()
    found = counts(workspace, public_id)
    assert shown(workspace, public_id)["state"] == "cancelled"
    assert found["accepted"] == len(toys.remote.mails)
    assert sum(found.values()) == 600
    assert set(found) == {"accepted", "cancelled"}
    assert [each["outcome"] for each in shown(workspace, public_id)["attempts"]] == ["cancelled"]


@pytest.mark.parametrize("point", ["pulled", "on-wire", "sent", "settled"])
def test_killed_sender_loses_and_doubles_nobody(
    workspace: Workspace, arm: Arm, tmp_path: Path, point: str
) -> None:
    people(workspace, 40)
    public_id = arm("letter")
    mailbox = tmp_path / "mailbox"
    home = workspace.config.home
    assert ended(dying_sender.main, home, point, 7, mailbox) == -signal.SIGKILL
    assert ended(dying_sender.main, home, "never", 0, mailbox) == 0
    mails = mailbox.read_text().split()
    found = counts(workspace, public_id)
    assert len(set(mails)) == len(mails), "nobody twice"
    assert found == {"accepted": 39, "unknown": 1}, "at most what was in flight is unknown"
    assert len(mails) == (39 if point == "on-wire" else 40)


def test_lost_journal_makes_everything_of_the_claim_unknown(
    workspace: Workspace, arm: Arm, tmp_path: Path
) -> None:
    people(workspace, 5)
    public_id = arm("letter")
    mailbox = tmp_path / "mailbox"
    home = workspace.config.home
    assert ended(dying_sender.main, home, "sent", 2, mailbox) == -signal.SIGKILL
    for path in (workspace.config.run_dir / "senders").iterdir():
        path.unlink()
    with (
        workspace.db.transaction() as session
    ):  # where other machines share the database, its own has a minute to come back
        session.execute(update(WorkerRow).values(seen_at=datetime.now(UTC) - recovery.COMES_BACK))
    assert ended(dying_sender.main, home, "never", 0, mailbox) == 0
    assert counts(workspace, public_id) == {"unknown": 5}


def test_after_a_reboot_everything_of_the_claim_is_unknown(
    workspace: Workspace, arm: Arm, tmp_path: Path
) -> None:
    people(workspace, 5)
    public_id = arm("letter")
    mailbox = tmp_path / "mailbox"
    home = workspace.config.home
    assert ended(dying_sender.main, home, "sent", 2, mailbox) == -signal.SIGKILL
    with workspace.db.transaction() as session:
        session.execute(update(Claim).values(boot="another boot"))
    assert ended(dying_sender.main, home, "never", 0, mailbox) == 0
    assert counts(workspace, public_id) == {"unknown": 5}


def test_moved_publication_is_sent_at_its_new_time(workspace: Workspace, toys: Toys, arm: Arm) -> None:
    from cms_core.campaigns.service import move

    people(workspace, 1)
    public_id = arm("letter")
    with workspace.db.transaction() as session:
        entry = service.find(session, public_id).entry
        assert entry is not None
        for moved in move(session, entry, "2026-05-06T09:00+02:00"):
            arming.follow(session, workspace.plugins, moved)
    Worker(workspace, FrozenClock(DUE)).run_until_idle()
    assert toys.remote.mails == []
    Worker(workspace, FrozenClock(DUE + timedelta(days=2))).run_until_idle()
    assert toys.remote.mails == ["p0@example.com"]
