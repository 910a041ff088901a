"""Reactions: each plugin is given what is new since its own cursor, at least once, and none waits for another."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.orm import Session

from cms_core import contract as c
from cms_core import reactions
from cms_core.audience.models import Contact, ContactChange
from cms_core.campaigns.service import create_campaign
from cms_core.clock import FrozenClock
from cms_core.config import Config
from cms_core.connections.models import Connection
from cms_core.content.models import Asset, Revision
from cms_core.events.ledger import Reader, position
from cms_core.events.models import Event
from cms_core.events.service import NewEvent, NewMeasurement, record, store_measurements
from cms_core.hookspecs import hookimpl
from cms_core.publishing.models import Publication
from cms_core.reactions import deliver_reactions
from cms_core.testing.fixtures import NOW
from cms_core.workspace import Workspace, open_workspace


@dataclass(eq=False)
class Listener:
    """A plugin that keeps what it is given, after ``refusals`` of each batch."""

    given: list[tuple[str, list[Any]]] = field(default_factory=list)
    refusals: int = 0
    on_call: Callable[[], None] = lambda: None

    def take(self, hook: str, batch: Sequence[Any]) -> None:
        self.on_call()
        if self.refusals:
            self.refusals -= 1
            raise RuntimeError("not now")
        self.given.append((hook, list(batch)))

    def items(self, hook: str) -> list[Any]:
        return [item for name, batch in self.given if name == hook for item in batch]

    @hookimpl
    def published(self, receipts: Sequence[c.Receipt]) -> None:
        self.take("published", receipts)

    @hookimpl
    def measured(self, measurements: Sequence[c.Measurement]) -> None:
        self.take("measured", measurements)

    @hookimpl
    def engaged(self, events: Sequence[c.Event]) -> None:
        self.take("engaged", events)

    @hookimpl
    def contacts_changed(self, changes: Sequence[c.ContactChange]) -> None:
        self.take("contacts_changed", changes)


@pytest.fixture
def first() -> Listener:
    return Listener()


@pytest.fixture
def second() -> Listener:
    return Listener()


@pytest.fixture
def workspace(
    migrated_config: Config, clock: FrozenClock, first: Listener, second: Listener
) -> Iterator[Workspace]:
    opened = open_workspace(
        migrated_config, clock=clock, plugins=(), extra_plugins=[("first", first), ("second", second)]
    )
    deliver_reactions(opened)  # from here on both are known
    yield opened
    opened.db.dispose()


def click(workspace: Workspace, *numbers: int, **more: Any) -> None:
    values: dict[str, Any] = {"kind": "clicked", "agent_class": c.AgentClass.HUMAN, **more}
    with workspace.db.transaction() as session:
        record(session, [NewEvent(at=NOW, source="test", source_id=str(each), **values) for each in numbers])


def ids(events: list[c.Event]) -> list[int]:
    return [int(event.source_id) for event in events]


def publish(session: Session) -> Publication:
    campaign = create_campaign(session, "Launch", date(2026, 5, 1), date(2026, 6, 1), "UTC")
    asset = Asset(slug="guide", kind="article", created_at=NOW, updated_at=NOW)
    connection = Connection(channel="toy", name="main", settings={}, created_at=NOW)
    session.add_all([asset, connection])
    session.flush()
    common = {"content_hash": "0" * 64, "created_at": NOW}
    revision = Revision(asset_id=asset.id, n=1, title="Guide", body={}, variants={}, **common)
    session.add(revision)
    session.flush()
    made = Publication(
        campaign_id=campaign.id,
        asset_id=asset.id,
        revision_id=revision.id,
        channel="toy",
        connection_id=connection.id,
        due_at=NOW,
        published_at=NOW,
        **common,
    )
    session.add(made)
    session.flush()
    return made


def test_what_happened_reaches_every_plugin_once_and_in_order(
    workspace: Workspace, first: Listener, second: Listener
) -> None:
    click(workspace, 1, 2)
    assert deliver_reactions(workspace) == 4
    click(workspace, 3)
    assert deliver_reactions(workspace) == 2
    assert deliver_reactions(workspace) == 0
    assert ids(first.items("engaged")) == ids(second.items("engaged")) == [1, 2, 3]


def test_a_plugin_that_fails_is_given_the_same_again_and_the_others_go_on(
    workspace: Workspace, first: Listener, second: Listener
) -> None:
    first.refusals = 2
    click(workspace, 1)
    assert deliver_reactions(workspace) == 1
    click(workspace, 2)
    deliver_reactions(workspace)
    assert (ids(first.items("engaged")), ids(second.items("engaged"))) == ([], [1, 2])
    deliver_reactions(workspace)
    assert ids(first.items("engaged")) == [1, 2]
    assert {(fault.plugin, fault.hook) for fault in workspace.plugins.faults} == {("first", "engaged")}


def test_a_new_plugin_starts_at_the_present(
    workspace: Workspace, config: Config, clock: FrozenClock, first: Listener
) -> None:
    click(workspace, 1)
    late = Listener()
    grown = open_workspace(config, clock=clock, plugins=(), extra_plugins=[("first", first), ("late", late)])
    deliver_reactions(grown)
    click(grown, 2)
    deliver_reactions(grown)
    assert (ids(first.items("engaged")), ids(late.items("engaged"))) == ([1, 2], [2])
    grown.db.dispose()


def test_batches_are_bounded_and_leave_nothing_out(
    workspace: Workspace, first: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reactions, "BATCH", 2)
    click(workspace, *range(5))
    click(workspace, 90, 91, 92, kind="bounced")
    click(workspace, 5)
    deliver_reactions(workspace)
    batches = [ids(batch) for hook, batch in first.given if hook == "engaged"]
    assert batches == [[0, 1], [2, 3], [4, 5]]


def test_machines_and_what_nobody_did_are_no_engagement(workspace: Workspace, first: Listener) -> None:
    for number, agent in enumerate(c.AgentClass):
        click(workspace, number, agent_class=agent)
    click(workspace, 50, kind="bounced")
    click(workspace, 51, kind="no such kind")
    click(workspace, 52, kind="visited")
    deliver_reactions(workspace)
    assert [(event.kind, event.agent_class) for event in first.items("engaged")] == [
        ("clicked", c.AgentClass.HUMAN),
        ("visited", c.AgentClass.HUMAN),
    ]


def test_a_cursor_moves_over_what_does_not_concern_it(workspace: Workspace, first: Listener) -> None:
    click(workspace, *range(10), kind="bounced")
    deliver_reactions(workspace)
    assert first.given == []
    with workspace.db.session() as session:
        assert position(session, Reader("engaged:first", Event)).id == 10


def test_no_transaction_is_open_while_a_plugin_works(workspace: Workspace, first: Listener) -> None:
    written = []

    def write() -> None:
        with workspace.db.transaction() as session:
            written.append(record(session, [NewEvent("noted", NOW, "first", str(len(written)))]))

    first.on_call = write
    click(workspace, 1)
    deliver_reactions(workspace)
    assert written == [1]


def test_two_workers_at_once_do_not_move_a_cursor_twice(workspace: Workspace, first: Listener) -> None:
    """The second delivers the same while the first still works: at least once, and nothing is skipped."""

    def meanwhile() -> None:
        first.on_call = lambda: None
        deliver_reactions(workspace)
        click(workspace, 2)

    first.on_call = meanwhile
    click(workspace, 1)
    deliver_reactions(workspace)
    deliver_reactions(workspace)
    assert ids(first.items("engaged")) == [1, 1, 2]


def test_an_event_arrives_by_public_ids(workspace: Workspace, first: Listener) -> None:
    with workspace.db.transaction() as session:
        publication = publish(session)
        somebody = Contact(email="ada@example.com", extra={}, created_at=NOW, updated_at=NOW)
        session.add(somebody)
        session.flush()
        wanted = (somebody.public_id, publication.public_id, publication.asset.public_id)
        about = {
            "contact_id": somebody.id,
            "publication_id": publication.id,
            "asset_id": publication.asset_id,
        }
    click(workspace, 1, **about, value_micros=1_500_000, currency="EUR", campaign="launch", props={"a": 1})
    deliver_reactions(workspace)
    (event,) = first.items("engaged")
    assert (event.contact, event.publication, event.asset) == wanted
    assert (event.value, event.currency, event.campaign) == (Decimal("1.5"), "EUR", "launch")
    assert (event.at, event.source, event.source_id, event.props) == (NOW, "test", "1", {"a": 1})


@pytest.mark.parametrize("addressed", [True, False])
def test_what_was_published_arrives_as_receipts(
    workspace: Workspace, first: Listener, addressed: bool
) -> None:
    with workspace.db.transaction() as session:
        made = publish(session)
        if not addressed:
            made.receipt, made.external_id, made.external_url = (
                {"data": {"n": 1}},
                "r1",
                "https://toy.example/r1",
            )
        event = NewEvent("published", NOW, "core", "p", c.AgentClass.INTERNAL, publication_id=made.id)
        record(session, [event])
        publication, asset = made.public_id, made.asset.public_id
    deliver_reactions(workspace)
    (receipt,) = first.items("published")
    assert receipt == c.Receipt(
        external_id="" if addressed else "r1",
        url="" if addressed else "https://toy.example/r1",
        data={} if addressed else {"n": 1},
        publication=publication,
        channel="toy",
        connection="main",
        asset=asset,
        campaign="launch",
        published_at=NOW,
    )


def test_numbers_arrive_as_decimals(workspace: Workspace, first: Listener) -> None:
    with workspace.db.transaction() as session:
        made = publish(session)
        store_measurements(session, [NewMeasurement(made.id, "cost", 2_250_000, NOW, "EUR")])
        publication = made.public_id
    deliver_reactions(workspace)
    assert first.items("measured") == [c.Measurement(publication, "cost", Decimal("2.25"), NOW, "EUR")]


def test_changes_of_contacts_arrive(workspace: Workspace, first: Listener) -> None:
    with workspace.db.transaction() as session:
        somebody = Contact(email="ada@example.com", extra={}, created_at=NOW, updated_at=NOW)
        session.add(somebody)
        session.flush()
        at = NOW + timedelta(minutes=1)
        session.add(ContactChange(contact_id=somebody.id, change="created", fields=["email"], at=at))
        contact = somebody.public_id
    deliver_reactions(workspace)
    assert first.items("contacts_changed") == [c.ContactChange(contact, "created", at, ("email",))]
