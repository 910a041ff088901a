"""What people say of single deliveries: an unknown one arrived or is sent again, what was refused is tried again."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from cms_core.auth.models import AuditEntry
from cms_core.errors import Conflict
from cms_core.events.models import Event
from cms_core.publishing import listing, resolving, service
from cms_core.publishing.models import Delivery, Publication
from cms_core.worker import Worker
from cms_core.workspace import Workspace
from tests.publishing.conftest import Arm, people, shown
from tests.publishing.test_deliveries import counts
from tests.publishing.toys import Toys


@pytest.fixture
def half_known(workspace: Workspace, worker: Worker, toys: Toys, arm: Arm) -> str:
    """A letter of which two arrived, and two may have."""
    people(workspace, 4)
    for n in (1, 2):
        toys.letter.script[f"p{n}@example.com"] = ["unknown"]
    public_id = arm("letter")
    worker.run_until_idle()
    assert counts(workspace, public_id) == {"accepted": 2, "unknown": 2}
    return public_id


def resolve(workspace: Workspace, public_id: str, address: str = "", *, accepted: bool) -> int:
    with workspace.db.transaction() as session:
        session.info["actor"] = (None, "ada@example.com")
        return resolving.resolve(session, service.find(session, public_id), address, accepted=accepted)


def test_said_to_have_arrived_nothing_is_sent(
    workspace: Workspace, worker: Worker, toys: Toys, half_known: str
) -> None:
    assert resolve(workspace, half_known, " P1@Example.com ", accepted=True) == 1
    assert counts(workspace, half_known) == {"accepted": 3, "unknown": 1}
    worker.run_until_idle()
    assert len(toys.remote.mails) == 4
    assert shown(workspace, half_known)["state"] == "published"
    with workspace.db.session() as session:
        (noted,) = session.scalars(select(AuditEntry).where(AuditEntry.action == "resolve")).all()
        assert noted.changes == {"deliveries": 1, "as": "accepted"}
        reason = session.scalar(select(Delivery.reason).where(Delivery.address == "p1@example.com"))
        assert reason == "a person said that it arrived"


def test_sent_again_it_goes_to_these_alone_and_the_mailing_ends_once_more(
    workspace: Workspace, worker: Worker, toys: Toys, half_known: str
) -> None:
    assert resolve(workspace, half_known, accepted=False) == 2
    document = shown(workspace, half_known)
    assert (document["state"], document["deliveries"]) == ("sending", {"accepted": 2, "pending": 2})
    worker.run_until_idle()
    assert shown(workspace, half_known)["state"] == "published"
    assert counts(workspace, half_known) == {"accepted": 4}
    assert Counter(toys.remote.mails) == {
        "p0@example.com": 1,
        "p1@example.com": 2,
        "p2@example.com": 2,
        "p3@example.com": 1,
    }
    with workspace.db.session() as session:
        told = select(func.count()).select_from(Event).where(Event.kind == "published")
        assert session.scalar(told) == 1, "it was published once"


def test_nothing_unknown_is_said(workspace: Workspace, half_known: str) -> None:
    with pytest.raises(Conflict, match=r"no unknown delivery to p0@example\.com"):
        resolve(workspace, half_known, "p0@example.com", accepted=True)
    resolve(workspace, half_known, accepted=True)
    with pytest.raises(Conflict, match="has no unknown delivery"):
        resolve(workspace, half_known, accepted=False)


def test_refused_while_somebody_sends_it(workspace: Workspace, half_known: str) -> None:
    with workspace.db.transaction() as session:
        lease = datetime.now(UTC) + timedelta(seconds=20)
        session.execute(update(Publication).values(state="sending", lease_until=lease))
    for accepted in (True, False):
        with pytest.raises(Conflict, match="is being sent"):
            resolve(workspace, half_known, accepted=accepted)


def test_a_cancelled_one_is_not_sent_again_but_may_be_said_to_have_arrived(
    workspace: Workspace, half_known: str
) -> None:
    with workspace.db.transaction() as session:
        session.execute(update(Publication).values(state="cancelled"))
    with pytest.raises(Conflict, match="is cancelled"):
        resolve(workspace, half_known, accepted=False)
    assert resolve(workspace, half_known, accepted=True) == 2
    assert shown(workspace, half_known)["state"] == "cancelled"


def test_unsubscribed_meanwhile_it_is_not_sent_again(
    workspace: Workspace, worker: Worker, toys: Toys, half_known: str
) -> None:
    from tests.publishing.test_deliveries import unsubscribe

    unsubscribe(workspace, "p1@example.com")
    resolve(workspace, half_known, accepted=False)
    worker.run_until_idle()
    assert counts(workspace, half_known) == {"accepted": 3, "skipped": 1}
    assert toys.remote.mails.count("p1@example.com") == 1


def test_what_was_refused_of_a_mailing_is_tried_again_and_nothing_else(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm
) -> None:
    people(workspace, 3)
    toys.letter.script["p1@example.com"] = ["refuse"]
    public_id = arm("letter")
    worker.run_until_idle()
    assert counts(workspace, public_id) == {"accepted": 2, "failed": 1}
    with workspace.db.session() as session:
        assert resolving.has_failed(session, service.find(session, public_id))
    with workspace.db.transaction() as session:
        resolving.retry(session, service.find(session, public_id))
    worker.run_until_idle()
    assert counts(workspace, public_id) == {"accepted": 3}
    assert sorted(toys.remote.mails) == [f"p{n}@example.com" for n in range(3)]
    with workspace.db.transaction() as session, pytest.raises(Conflict, match="nothing of it failed"):
        resolving.retry(session, service.find(session, public_id))


def test_what_is_public_is_not_retried(workspace: Workspace, worker: Worker, arm: Arm) -> None:
    public_id = arm("toy")
    worker.run_until_idle()
    with workspace.db.transaction() as session, pytest.raises(Conflict):
        resolving.retry(session, service.find(session, public_id))


def test_all_unknown_of_a_stream_are_sent_again_and_it_sleeps_again(
    workspace: Workspace, half_known: str
) -> None:
    """A publication that is asleep is woken: nothing else would look at it."""
    with workspace.db.transaction() as session:
        far = datetime.now(UTC) + timedelta(days=9)
        session.execute(update(Publication).values(state="sending", wake_at=far, lease_until=None))
    resolve(workspace, half_known, accepted=False)
    with workspace.db.session() as session:
        found = service.find(session, half_known)
        assert (found.state, found.wake_at) == ("sending", None)
        assert listing.delivery_counts(session, [found.id]) == {"accepted": 2, "pending": 2}
