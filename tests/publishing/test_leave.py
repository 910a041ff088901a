"""Leave to send to one person: asked at the last moment, from a moment ago where that will do, and never against a no."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from sqlalchemy import select

from cms_core.audience import consent
from cms_core.audience.models import Contact
from cms_core.audience.suppression import suppress
from cms_core.publishing import leave as leave_of
from cms_core.publishing.leave import MOMENT, Leave
from cms_core.publishing.models import Claim, Delivery, DeliveryState, Publication
from cms_core.workspace import Workspace
from tests.publishing.conftest import DUE, Arm, people


@dataclass
class Person:
    """Whom to ask for; no version of the database is known yet."""

    key: int
    claim_id: int
    address_hash: str
    contact_id: int
    seen: object = None


@pytest.fixture
def person(workspace: Workspace, arm: Arm) -> Person:
    """Somebody who agreed to letters, and whose letter was claimed."""
    people(workspace, 1)
    public_id = arm()
    with workspace.db.transaction() as session:
        found = session.scalars(select(Contact)).one()
        publication = session.scalar(select(Publication.id).where(Publication.public_id == public_id))
        claim = Claim(publication_id=publication, sender="me", boot="", at=DUE)
        session.add(claim)
        session.flush()
        delivery = Delivery(
            publication_id=publication,
            contact_id=found.id,
            address=found.email,
            address_hash=found.address_hash,
            state=DeliveryState.CLAIMED,
            claim_id=claim.id,
        )
        session.add(delivery)
        session.flush()
        return Person(delivery.id, claim.id, str(found.address_hash), found.id)


@pytest.fixture
def leave(workspace: Workspace) -> Iterator[Leave]:
    connection = workspace.db.own_connection()
    yield Leave(connection, "letter", "")
    connection.close()


@pytest.fixture
def ticks(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the clock that nobody can set shows."""
    shown = [1_000.0]
    monkeypatch.setattr(leave_of.time, "monotonic", lambda: shown[0])
    return shown


def say_no(workspace: Workspace, person: Person) -> None:
    with workspace.db.transaction() as session:
        suppress(session, person.address_hash, "letter", "global", "unsubscribed")


def test_who_agreed_may_be_sent_to_until_they_say_no(
    workspace: Workspace, leave: Leave, person: Person
) -> None:
    assert leave.refusal(person) == ""
    assert person.seen is not None
    assert leave.refusal(person) == "", "nothing was committed meanwhile"
    say_no(workspace, person)
    assert leave.refusal(person) == "suppressed"


def test_who_took_consent_back_is_told_from_who_is_suppressed(
    workspace: Workspace, leave: Leave, person: Person
) -> None:
    with workspace.db.transaction() as session:
        consent.withdraw(session, [person.contact_id], "letter", basis="x", source="x", evidence={})
    assert leave.refusal(person) == "no consent"
    assert person.seen is None, "a no is asked for again"
    say_no(workspace, person)
    assert leave.refusal(person) == "suppressed"


def test_who_took_consent_back_is_refused_at_the_pull_too(
    workspace: Workspace, leave: Leave, person: Person, ticks: list[float]
) -> None:
    assert leave.early_refusal(person) == ""
    with workspace.db.transaction() as session:
        consent.withdraw(session, [person.contact_id], "letter", basis="x", source="x", evidence={})
    ticks[0] += 2 * MOMENT
    assert leave.early_refusal(person) == "no consent"


def test_at_the_pull_an_answer_of_a_moment_ago_will_do(
    workspace: Workspace, leave: Leave, person: Person, ticks: list[float]
) -> None:
    assert leave.early_refusal(person) == ""
    say_no(workspace, person)
    ticks[0] += MOMENT / 2
    assert leave.early_refusal(person) == "", "it only spares the envelope"
    assert leave.refusal(person) == "suppressed", "before the bytes leave nothing but the present counts"
    ticks[0] += MOMENT / 2 + 1e-6
    assert leave.early_refusal(person) == "suppressed"


def test_what_the_claim_found_is_not_asked_again_at_once(
    workspace: Workspace, leave: Leave, person: Person, ticks: list[float]
) -> None:
    say_no(workspace, person)
    assert leave.early_refusal(person) == "suppressed"
    leave.claimed(object())
    assert leave.early_refusal(person) == "", "whoever has said no before the claim is not in it"
    ticks[0] += 2 * MOMENT
    assert leave.early_refusal(person) == "suppressed"


@pytest.mark.sqlite
def test_while_nobody_commits_nobody_is_looked_up(
    workspace: Workspace, leave: Leave, person: Person, ticks: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert leave.early_refusal(person) == ""
    ticks[0] += 2 * MOMENT
    monkeypatch.setattr(leave, "_whole", None)
    assert leave.early_refusal(person) == ""
