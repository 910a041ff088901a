"""Streams: one message per contact and key, whoever asks and however often; new words make a new stream."""

import threading

import pytest
from sqlalchemy import select, update

from cms_core import contract as c
from cms_core.audience import consent
from cms_core.audience.models import Contact
from cms_core.clock import FrozenClock
from cms_core.errors import CmsError, Conflict, Invalid
from cms_core.publishing import listing, service
from cms_core.publishing.models import Attempt, Delivery, Publication
from cms_core.services import Services
from cms_core.worker import Worker
from cms_core.workspace import Workspace
from tests.publishing.conftest import DUE, approve_words, people, shown
from tests.publishing.toys import Toys


@pytest.fixture
def services(workspace: Workspace) -> Services:
    with workspace.db.transaction() as session:
        approve_words(session, workspace, "letter", "Welcome")
    return Services(workspace, "toys")


@pytest.fixture
def everybody(workspace: Workspace) -> list[str]:
    people(workspace, 3)
    with workspace.db.session() as session:
        return list(session.scalars(select(Contact.public_id).order_by(Contact.id)))


def send(services: Services, contacts: list[str], key: str = "step-1") -> str:
    return services.send("letter-welcome", contacts, key=key, connection="letter:main", source="welcome")


def rows(workspace: Workspace) -> list[dict[str, object]]:
    with workspace.db.session() as session:
        return listing.publications(session)


def test_a_key_is_sent_once_to_each_contact(
    workspace: Workspace, worker: Worker, toys: Toys, services: Services, everybody: list[str]
) -> None:
    first = send(services, everybody[:2])
    assert send(services, everybody) == first, "one standing publication"
    worker.run_until_idle()
    assert send(services, everybody) == first, "again, after it went out"
    worker.run_until_idle()
    assert sorted(toys.remote.mails) == ["p0@example.com", "p1@example.com", "p2@example.com"]
    send(services, everybody[:1], key="step-2")
    worker.run_until_idle()
    assert toys.remote.mails[3:] == ["p0@example.com"]


def test_an_open_stream_sleeps_and_holds_up_nobody(
    workspace: Workspace, worker: Worker, services: Services, everybody: list[str]
) -> None:
    public_id = send(services, everybody)
    assert not worker.run_until_idle().partly
    document = shown(workspace, public_id)
    assert document["state"] == "sending"
    assert document["source"] == "toys:welcome"
    assert document["wake_at"] is None
    assert document["entry"] is None
    assert [row["source"] for row in rows(workspace)] == ["toys:welcome"]
    assert not Worker(workspace).work_once(), "nothing is there for it"


def test_many_small_sends_are_one_attempt(
    workspace: Workspace, worker: Worker, services: Services, everybody: list[str]
) -> None:
    for n in range(3):
        public_id = send(services, everybody, key=f"step-{n}")
        worker.run_until_idle()
    assert [attempt["outcome"] for attempt in shown(workspace, public_id)["attempts"]] == ["drained"]


def test_consent_and_suppression_are_looked_at_when_it_goes_out(
    workspace: Workspace, worker: Worker, toys: Toys, services: Services, everybody: list[str]
) -> None:
    public_id = send(services, everybody)
    with workspace.db.transaction() as session:
        contact_id = session.scalars(select(Contact.id).where(Contact.email == "p1@example.com")).one()
        consent.unsubscribe(session, contact_id, "letter", "", source="test", evidence={})
    worker.run_until_idle()
    assert shown(workspace, public_id)["deliveries"] == {"accepted": 2, "skipped": 1}
    assert "p1@example.com" not in toys.remote.mails


def test_new_words_make_a_new_stream_and_the_old_one_ends_when_drained(
    workspace: Workspace, worker: Worker, toys: Toys, services: Services, everybody: list[str]
) -> None:
    old = send(services, everybody[:1])
    with workspace.db.transaction() as session:
        approve_words(session, workspace, "letter", "Welcome back", slug="letter-welcome")
    new = send(services, everybody)
    assert new != old
    worker.run_until_idle()
    assert shown(workspace, old)["state"] == "published"
    assert shown(workspace, old)["closed_at"] is not None
    assert shown(workspace, new)["state"] == "sending"
    assert toys.remote.titles == {
        "p0@example.com": "Welcome",
        "p1@example.com": "Welcome back",
        "p2@example.com": "Welcome back",
    }
    assert len(toys.remote.mails) == 3, "who got the key in the old words does not get it in the new ones"
    with workspace.db.session() as session:
        assert session.scalars(select(Publication.stream)).all() == ["toys:welcome"] * 2


def test_a_closed_source_sends_what_it_has_and_takes_no_more(
    workspace: Workspace, worker: Worker, toys: Toys, services: Services, everybody: list[str]
) -> None:
    public_id = send(services, everybody)
    assert services.close_source("welcome") == 1
    assert services.close_source("welcome") == 0
    worker.run_until_idle()
    assert len(toys.remote.mails) == 3
    assert shown(workspace, public_id)["state"] == "published"
    with pytest.raises(Conflict, match="was ended"):
        send(services, everybody, key="step-2")


def test_a_paused_stream_takes_and_waits(
    workspace: Workspace, worker: Worker, toys: Toys, services: Services, everybody: list[str]
) -> None:
    public_id = send(services, everybody[:1])
    worker.run_until_idle()
    services.pause(public_id, "look at it first")
    send(services, everybody)
    worker.run_until_idle()
    assert len(toys.remote.mails) == 1
    assert shown(workspace, public_id)["paused"] == "look at it first"
    services.resume(public_id)
    worker.run_until_idle()
    assert len(toys.remote.mails) == 3


def test_all_refused_fails_no_stream(
    workspace: Workspace, worker: Worker, toys: Toys, services: Services, everybody: list[str]
) -> None:
    toys.letter.script = {f"p{n}@example.com": ["refuse"] for n in range(3)}
    public_id = send(services, everybody)
    worker.run_until_idle()
    assert shown(workspace, public_id)["state"] == "sending"
    assert shown(workspace, public_id)["deliveries"] == {"failed": 3}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"connection": "toy:main"}, "not sent to people"),
        ({"asset": "letter-draft"}, "is not approved"),
        ({"key": ""}, "key has 1 to 120"),
        ({"key": "k" * 121}, "key has 1 to 120"),
        ({"source": "s" * 100}, "source has 1 to 100"),
        ({"connection": "letter:other"}, "no connection"),
        ({"campaign": "none"}, "no campaign"),
    ],
)
def test_what_cannot_be_sent_is_refused(
    workspace: Workspace, services: Services, everybody: list[str], change: dict[str, str], says: str
) -> None:
    with workspace.db.transaction() as session:
        from cms_core.auth.service import acting_user
        from cms_core.content import service as content
        from cms_core.content.drafts import Draft

        draft = Draft(kind="email", title="Draft", slug="letter-draft", body={"text": "words"})
        content.save(session, workspace.plugins, None, draft, acting_user(session, None))
    wanted = {
        "asset": "letter-welcome",
        "key": "k",
        "connection": "letter:main",
        "source": "welcome",
    } | change
    with pytest.raises(CmsError, match=says):
        services.send(wanted.pop("asset"), everybody, **wanted)  # type: ignore[arg-type]
    assert rows(workspace) == []


def test_two_who_send_the_same_key_at_once_send_it_once(
    workspace: Workspace, worker: Worker, toys: Toys, services: Services, everybody: list[str]
) -> None:
    start = threading.Barrier(4)
    faults: list[BaseException] = []

    def race() -> None:
        start.wait()
        try:
            send(services, everybody)
        except BaseException as error:  # shown below
            faults.append(error)

    threads = [threading.Thread(target=race) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    worker.run_until_idle()
    assert len(rows(workspace)) == 1
    assert sorted(toys.remote.mails) == ["p0@example.com", "p1@example.com", "p2@example.com"]


def test_what_is_sent_while_the_stream_falls_asleep_is_not_left_lying(
    workspace: Workspace, toys: Toys, services: Services, everybody: list[str]
) -> None:
    """A sender that adds just after the run looked for more: whoever is second wakes it."""
    sent = iter(everybody[1:])

    def on_pull(_: c.Recipient) -> None:
        for contact in sent:
            send(services, [contact])

    toys.letter.on_pull = on_pull
    send(services, everybody[:1])
    Worker(workspace, FrozenClock(DUE)).run_until_idle()
    Worker(workspace).run_until_idle()
    assert len(toys.remote.mails) == 3


# --- late outcomes ----------------------------------------------------------------------------------------------------


@pytest.fixture
def unknown(
    workspace: Workspace, worker: Worker, toys: Toys, services: Services, everybody: list[str]
) -> str:
    toys.letter.script = {"p0@example.com": ["unknown"]}
    public_id = send(services, everybody[:2])
    worker.run_until_idle()
    with workspace.db.transaction() as session:
        session.execute(update(Delivery).where(Delivery.state == "unknown").values(provider_id="sms-1"))
        session.execute(update(Delivery).where(Delivery.state == "accepted").values(provider_id="sms-2"))
    return public_id


@pytest.mark.parametrize("status", ["accepted", "failed"])
def test_a_late_outcome_settles_an_unknown_one_once(
    workspace: Workspace, services: Services, unknown: str, status: str
) -> None:
    assert services.settle("sms-1", c.OutcomeStatus(status), "said later\x00")
    assert not services.settle("sms-1", c.OutcomeStatus.FAILED, "again")
    assert not services.settle("sms-2", c.OutcomeStatus.FAILED, "accepted stays accepted")
    assert not services.settle("none", c.OutcomeStatus.ACCEPTED)
    expected = {"accepted": 2} if status == "accepted" else {"accepted": 1, "failed": 1}
    assert shown(workspace, unknown)["deliveries"] == expected


def test_a_late_outcome_belongs_to_the_plugin_of_the_channel(workspace: Workspace, unknown: str) -> None:
    assert not Services(workspace, "other").settle("sms-1", c.OutcomeStatus.ACCEPTED)
    with pytest.raises(Invalid, match="accepted or failed"):
        Services(workspace, "toys").settle("sms-1", c.OutcomeStatus.RETRY)


def test_a_stream_is_no_entry_of_the_ledger_of_publications(
    workspace: Workspace, worker: Worker, services: Services, everybody: list[str]
) -> None:
    from cms_core.events.models import Event

    send(services, everybody)
    services.close_source("welcome")
    worker.run_until_idle()
    with workspace.db.session() as session:
        assert session.scalars(select(Event).where(Event.kind == "published")).all() == []
        assert session.scalars(select(Attempt.outcome)).all() == ["published"]


def test_a_stream_can_be_cancelled_and_says_so(
    workspace: Workspace, worker: Worker, toys: Toys, services: Services, everybody: list[str]
) -> None:
    public_id = send(services, everybody)
    with workspace.db.transaction() as session:
        service.cancel(session, service.find(session, public_id))
    worker.run_until_idle()
    assert toys.remote.mails == []
    with pytest.raises(Conflict, match="was ended"):
        send(services, everybody)
