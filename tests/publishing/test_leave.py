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
from cms_core.workspace import Workspace
from tests.publishing.conftest import people


@dataclass
class Person:
    """Whom to ask for; no version of the database is known yet."""

    address_hash: str
    contact_id: int
    seen: object = None


@pytest.fixture
def person(workspace: Workspace) -> Person:
    """Somebody who agreed to letters."""
    people(workspace, 1)
    with workspace.db.session() as session:
        found = session.scalars(select(Contact)).one()
        return Person(str(found.address_hash), found.id)


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
    assert leave.early_refusal(person) == "suppressed"


def test_who_took_consent_back_is_told_from_who_is_suppressed(
    workspace: Workspace, leave: Leave, person: Person
) -> None:
    with workspace.db.transaction() as session:
        consent.withdraw(session, [person.contact_id], "letter", basis="x", source="x", evidence={})
    assert leave.refusal(person) == "no consent"
    assert person.seen is None, "a no is asked for again"
    say_no(workspace, person)
    assert leave.refusal(person) == "suppressed"


def test_who_never_agreed_is_refused_at_the_pull_too(leave: Leave, person: Person) -> None:
    assert leave.early_refusal(Person(person.address_hash, person.contact_id + 1)) == "no consent"


@pytest.mark.sqlite
def test_at_the_pull_an_answer_of_a_moment_ago_will_do(
    workspace: Workspace, leave: Leave, person: Person, ticks: list[float]
) -> None:
    assert leave.early_refusal(person) == ""
    say_no(workspace, person)
    ticks[0] += MOMENT / 2
    assert leave.early_refusal(person) == "", "it only spares the envelope"
    assert MOMENT == 0.01
    ticks[0] += MOMENT / 2 + 1e-6
    assert leave.early_refusal(person) == "suppressed"


@pytest.mark.sqlite
def test_each_question_is_a_new_moment(
    workspace: Workspace, leave: Leave, person: Person, ticks: list[float]
) -> None:
    assert leave.refusal(person) == ""
    ticks[0] += MOMENT * 0.9
    assert leave.refusal(person) == ""
    say_no(workspace, person)
    ticks[0] += MOMENT * 0.9
    assert leave.early_refusal(person) == ""
    assert leave.refusal(person) == "suppressed", "before the bytes leave nothing but the present counts"
