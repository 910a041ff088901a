"""Publishing under fire: people, segments and connections that change in between, and what people do about it."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from cms_core import contract as c
from cms_core.audience import consent, suppression
from cms_core.audience.models import Contact, Segment
from cms_core.connections.models import Connection
from cms_core.errors import Conflict, Invalid
from cms_core.events.models import Event
from cms_core.publishing import service
from cms_core.worker import Worker
from cms_core.workspace import Workspace
from tests.publishing.conftest import DUE, Arm, approve_words, people, shown
from tests.publishing.fire import Endless, act, arm_again, change, disarm, play
from tests.publishing.toys import Toys

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


def test_credentials_that_cannot_be_read_hold_and_others_go_on(
    workspace: Workspace, worker: Worker, arm: Arm
) -> None:
    bad, good = arm(), arm("once")
    with workspace.db.transaction() as session:
        session.execute(update(Connection).where(Connection.channel == "toy").values(secrets="garbage"))
    play(worker)
    assert shown(workspace, bad)["state"] == "held"
    assert shown(workspace, good)["state"] == "published"


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


@pytest.mark.parametrize(
    "address",
    ["javascript:alert(1)", "", "https://", "//toy.example/1", "https://a.example/\nb", "https://[half/1"],
)
def test_what_is_no_web_address_is_not_where_it_is_published(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm, address: str
) -> None:
    unknown = arm("once")
    toys.remote.after = [c.OutcomeUnknown("no answer")]
    play(worker)
    with pytest.raises(Invalid, match="no address"):
        act(workspace, unknown, "resolve", published_url=address)
    assert shown(workspace, unknown)["state"] == "unknown"


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
