"""Pixel, links and honeypot through the app: recorded when answered, and machines are told from people."""

import hashlib

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from cms_core.app import create_app
from cms_core.audience.addresses import address_hash
from cms_core.audience.models import Contact, Suppression
from cms_core.events.models import Event, Reclassification
from cms_core.publishing.models import Delivery
from cms_core.publishing.tokens import Tokens
from cms_core.worker import Worker
from cms_core.workspace import Workspace
from tests.publishing.conftest import Arm, people

PERSON = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}


@pytest.fixture
def client(workspace: Workspace) -> FlaskClient:
    return create_app(workspace=workspace).test_client()


@pytest.fixture
def tokens(workspace: Workspace, worker: Worker, arm: Arm) -> list[str]:
    """The tokens of eight deliveries that were sent."""
    people(workspace, 8)
    arm("letter")
    worker.run_until_idle()
    made = Tokens(workspace.vault.derive("token"))
    with workspace.db.session() as session:
        return [made.make(key) for key in session.scalars(select(Delivery.id).order_by(Delivery.id))]


def classes(workspace: Workspace) -> list[str]:
    with workspace.db.session() as session:
        kinds = Event.kind.in_(("opened", "clicked"))
        return list(session.scalars(select(Event.agent_class).where(kinds).order_by(Event.id)))


def open_from(client: FlaskClient, token: str, address: str, **headers: str) -> int:
    """Ask for the pixel; the status of the answer."""
    asked = client.get(
        f"/t/{token}.gif", headers={**PERSON, **headers}, environ_base={"REMOTE_ADDR": address}
    )
    return asked.status_code


def test_an_answered_pixel_is_in_the_ledger(
    workspace: Workspace, client: FlaskClient, tokens: list[str]
) -> None:
    assert open_from(client, tokens[0], "198.51.100.1") == 200
    with workspace.db.session() as session:
        event = session.scalars(select(Event).where(Event.kind == "opened")).one()
        delivery = session.get_one(Delivery, event.delivery_id)
    assert (event.agent_class, event.source, event.props) == ("human", "hit", {})
    assert (event.publication_id, event.contact_id) == (delivery.publication_id, delivery.contact_id)
    assert event.at == event.received_at
    assert "198.51.100.1" not in (event.client or "")


def test_a_forged_token_leaves_no_trace(workspace: Workspace, client: FlaskClient, tokens: list[str]) -> None:
    forged = tokens[0][:-1] + ("A" if tokens[0][-1] != "A" else "B")
    assert open_from(client, forged, "198.51.100.1") == 404
    assert open_from(client, hashlib.sha256(b"x").hexdigest()[:28], "198.51.100.1") == 404
    assert classes(workspace) == []


def test_unsubscribing_stops_the_address_that_was_written_to_and_the_one_the_person_has_now(
    workspace: Workspace, client: FlaskClient, tokens: list[str]
) -> None:
    with workspace.db.transaction() as session:
        contact = session.scalars(select(Contact).where(Contact.email == "p0@example.com")).one()
        before, contact.email = contact.address_hash, "elsewhere@example.com"
        now = contact.address_hash = address_hash(session, contact.email)
    for _ in range(2):
        assert client.post(f"/t/{tokens[0]}/u", data={"List-Unsubscribe": "One-Click"}).status_code == 200
    with workspace.db.session() as session:
        suppressed = session.scalars(select(Suppression.address_hash)).all()
        events = session.scalar(select(func.count(Event.id)).where(Event.kind == "unsubscribed"))
    assert (sorted(suppressed), events) == (sorted([str(before), now]), 1)


def test_one_person_may_open_one_mail_often(
    workspace: Workspace, client: FlaskClient, tokens: list[str]
) -> None:
    for _ in range(8):
        open_from(client, tokens[0], "198.51.100.1")
    assert classes(workspace) == ["human"] * 8


def test_more_than_five_deliveries_from_one_address_are_a_machine(
    workspace: Workspace, client: FlaskClient, tokens: list[str]
) -> None:
    for token in tokens[:5]:
        open_from(client, token, "198.51.100.1")
    assert classes(workspace) == ["human"] * 5
    open_from(client, tokens[5], "198.51.100.1")
    open_from(client, tokens[6], "203.0.113.9")
    assert classes(workspace) == ["scanner"] * 6 + ["human"]
    with workspace.db.session() as session:
        assert session.scalar(select(func.count(Reclassification.id))) == 5


def test_who_follows_the_honeypot_of_a_mail_is_the_machine_that_read_it_before_and_after(
    workspace: Workspace, client: FlaskClient, tokens: list[str]
) -> None:
    open_from(client, tokens[0], "198.51.100.1")
    trapped = client.get(f"/t/{tokens[0]}/h", headers=PERSON, environ_base={"REMOTE_ADDR": "198.51.100.1"})
    assert trapped.status_code == 204
    open_from(client, tokens[0], "198.51.100.1")
    assert classes(workspace) == ["scanner"] * 3


def test_a_honeypot_tells_nothing_of_the_mails_of_others_behind_the_same_address(
    workspace: Workspace, client: FlaskClient, tokens: list[str]
) -> None:
    open_from(client, tokens[1], "198.51.100.1")
    client.get(f"/t/{tokens[0]}/h", headers=PERSON, environ_base={"REMOTE_ADDR": "198.51.100.1"})
    open_from(client, tokens[2], "198.51.100.1")
    open_from(client, tokens[1], "198.51.100.1")
    assert classes(workspace) == ["human", "scanner", "human", "human"]


def test_a_known_crawler_in_the_trap_stays_what_it_is_or_worse(
    workspace: Workspace, client: FlaskClient, tokens: list[str]
) -> None:
    open_from(client, tokens[0], "198.51.100.1", **{"User-Agent": "Googlebot/2.1"})
    client.get(
        f"/t/{tokens[0]}/h",
        headers={"User-Agent": "Googlebot/2.1"},
        environ_base={"REMOTE_ADDR": "198.51.100.1"},
    )
    assert classes(workspace) == ["bot", "scanner"]
