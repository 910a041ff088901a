"""Everything that is kept about one person can be given out, and erased so that nothing tells who they were."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pytest
from sqlalchemy import select, text

from cms_core import contract as c
from cms_core import personal
from cms_core.audience import consent, segments
from cms_core.audience.models import Consent, Contact, ContactChange, Erasure
from cms_core.audience.upsert import Incoming, upsert_batch
from cms_core.auth.audit import SYSTEM
from cms_core.auth.models import AuditEntry
from cms_core.auth.service import create_user
from cms_core.clock import FrozenClock
from cms_core.config import Config
from cms_core.connections import service as connections
from cms_core.db import Base
from cms_core.errors import NotFound
from cms_core.events.service import NewEvent, record
from cms_core.hookspecs import hookimpl
from cms_core.publishing.models import Delivery
from cms_core.reports import rollups
from cms_core.services import Services
from cms_core.testing.client import FormClient
from cms_core.testing.pages import add_people, app_of, signed_in
from cms_core.worker import Worker
from cms_core.workspace import Workspace, open_workspace
from tests.publishing.conftest import DUE, approve_words
from tests.publishing.toys import Toys

ADDRESS = "ada.lovelace@example.com"
SECRETS = ("ada.lovelace", "Lovelace", "Analytical", "secret-visitor", "by phone")


class Keeper:
    """Keeps notes about contacts; fails as often as it is told to."""

    def __init__(self) -> None:
        self.notes: dict[str, str] = {}
        self.failures = 0
        self.seen: list[tuple[str | None, bool]] = []

    @hookimpl
    def personal_data(self, contacts: Sequence[c.Contact], erase: bool) -> Iterable[c.PersonalRecord]:
        self.seen += [(each.email, erase) for each in contacts]
        if self.failures:
            self.failures -= 1
            raise RuntimeError("the archive is locked")
        for each in contacts:
            note = self.notes.pop(each.id, "") if erase else self.notes.get(each.id, "")
            if note:
                yield c.PersonalRecord(each.id, "note", {"text": note})


@pytest.fixture
def keeper() -> Keeper:
    return Keeper()


@pytest.fixture
def workspace(migrated_config: Config, keeper: Keeper) -> Iterator[Workspace]:
    extra = [("keeper", keeper), ("toys", Toys())]
    opened = open_workspace(migrated_config, clock=FrozenClock(DUE), plugins=[], extra_plugins=extra)
    with opened.db.transaction() as session:
        create_user(session, "first@example.com", "First", "admin", "correct horse battery")
        connections.add(session, opened.vault, opened.plugins, "letter", "main", {})
    yield opened
    opened.db.dispose()


@pytest.fixture
def ada(workspace: Workspace, keeper: Keeper) -> int:
    """Somebody of whom everything is kept: fields, consent, a segment, a delivery, an event, a note of a plugin."""
    values = {"first_name": "Ada", "last_name": "Lovelace", "company": "Analytical Engines", "country": "GB"}
    with workspace.db.transaction() as session:
        upsert_batch(
            session, [Incoming(ADDRESS, values, {}), Incoming("b@example.com", {}, {})], source="test"
        )
        contact = session.scalars(select(Contact).where(Contact.email == ADDRESS)).one()
        contact.extra = {"nick": "Lovelace"}
        proof = {"how": "by phone"}
        consent.grant(session, [contact.id], "letter", basis="test", source="test", evidence=proof)
        segments.create_static(session, "Pioneers", [contact.id])
        approve_words(session, workspace, "letter", "Hello")
        contact_id, public_id = contact.id, contact.public_id
    keeper.notes[public_id] = "likes engines"
    Services(workspace, "toys").send(
        "letter-hello", [public_id], key="k", connection="letter:main", source="s"
    )
    Worker(workspace).run_until_idle()
    with workspace.db.transaction() as session:
        delivery = session.scalars(select(Delivery)).one()
        delivery.reason = f"250 queued for {ADDRESS}"
        happened = NewEvent(
            "opened", DUE, "hit", "1", "human", contact_id=contact_id, visitor="secret-visitor", client="ip",
            campaign="launch", delivery_id=delivery.id, publication_id=delivery.publication_id, props={"q": "Lovelace"},
        )  # fmt: skip
        record(session, [happened])
    return contact_id


def dump(workspace: Workspace) -> str:
    """Every value of every table, but for the audit log and what people wrote as content."""
    left_out = ("core_audit", "core_company")
    names = [name for name in Base.metadata.tables if name not in left_out]
    with workspace.db.session() as session:
        found = [str(session.execute(text(f"SELECT * FROM {name}")).all()) for name in names]  # noqa: S608
    return " ".join(found)


def test_an_export_holds_everything_by_its_part(workspace: Workspace, ada: int) -> None:
    document = json.loads(json.dumps(personal.export(workspace, ada), default=str))
    assert document["contact"]["email"] == ADDRESS
    assert document["contact"]["company"] == "Analytical Engines"
    assert document["contact"]["fields"] == {"nick": "Lovelace"}
    assert [each["action"] for each in document["consents"]] == ["granted"]
    assert document["segments"] == ["Pioneers"]
    assert [(each["address"], each["state"]) for each in document["deliveries"]] == [(ADDRESS, "accepted")]
    assert [each["kind"] for each in document["events"]] == ["opened"]
    assert document["plugins"] == [{"plugin": "keeper", "label": "note", "data": {"text": "likes engines"}}]
    assert document["unanswered"] == {}


def test_a_plugin_that_gives_no_answer_is_named(workspace: Workspace, ada: int, keeper: Keeper) -> None:
    keeper.failures = 1
    document = personal.export(workspace, ada)
    assert document["unanswered"] == {"keeper": "RuntimeError: the archive is locked"}
    assert document["plugins"] == []


def test_after_an_erasure_nothing_tells_who_it_was_and_the_figures_stay(
    workspace: Workspace, ada: int, keeper: Keeper
) -> None:
    before = dump(workspace)
    assert all(secret in before for secret in SECRETS[:2])
    with workspace.db.transaction() as session:
        rollups.catch_up(session)
        figures = session.execute(text("SELECT kind, total FROM core_rollup ORDER BY 1, 2")).all()
    outcome = personal.erase(workspace, ada, SYSTEM)
    assert outcome["complete"]
    assert outcome["pending"] == {}
    after = dump(workspace)
    assert [secret for secret in SECRETS if secret in after] == []
    assert keeper.notes == {}
    assert keeper.seen == [(ADDRESS, True)]
    with workspace.db.transaction() as session:
        rollups.rebuild(session)
        assert session.execute(text("SELECT kind, total FROM core_rollup ORDER BY 1, 2")).all() == figures
        assert (
            session.scalars(select(ContactChange.change).order_by(ContactChange.id.desc())).first()
            == "erased"
        )
        assert session.scalars(select(Consent.action)).all() == ["granted"]
        assert session.get_one(Erasure, ada).completed_at is not None
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "erase")).one()
        assert "ada" not in str(entry.changes).lower()


def test_an_erased_address_is_not_written_to_again(workspace: Workspace, ada: int) -> None:
    personal.erase(workspace, ada, SYSTEM)
    with workspace.db.transaction() as session:
        upsert_batch(session, [Incoming(ADDRESS, {}, {}, "yes")], source="an old file")
        again = session.scalars(select(Contact).where(Contact.email == ADDRESS)).one()
        assert again.id != ada
        public_id = again.public_id
    stream = Services(workspace, "toys").send(
        "letter-hello", [public_id], key="k2", connection="letter:main", source="s"
    )
    Worker(workspace).run_until_idle()
    with workspace.db.session() as session:
        states = dict(session.execute(select(Delivery.address, Delivery.state)).all())
    assert states[ADDRESS] == "skipped"
    assert stream


def test_what_waits_is_skipped(workspace: Workspace, ada: int) -> None:
    with workspace.db.session() as session:
        public_id = session.get_one(Contact, ada).public_id
    Services(workspace, "toys").send(
        "letter-hello", [public_id], key="later", connection="letter:main", source="s"
    )
    personal.erase(workspace, ada, SYSTEM)
    Worker(workspace).run_until_idle()
    with workspace.db.session() as session:
        rows = session.execute(select(Delivery.state, Delivery.reason).order_by(Delivery.id)).all()
    assert [tuple(row) for row in rows] == [("accepted", "250 queued for (erased)"), ("skipped", "erased")]


def test_a_plugin_that_fails_keeps_the_erasure_open_until_it_has_done_it(
    workspace: Workspace, ada: int, keeper: Keeper
) -> None:
    keeper.failures = 2
    outcome = personal.erase(workspace, ada, SYSTEM)
    assert not outcome["complete"]
    assert outcome["pending"] == {"keeper": "RuntimeError: the archive is locked"}
    assert "Lovelace" not in dump(workspace), "the core does not wait for it"
    assert personal.retry_erasures(workspace) == 1
    assert personal.retry_erasures(workspace) == 0
    assert keeper.notes == {}
    assert keeper.seen == [(ADDRESS, True), (None, True), (None, True)], "later only the id is left"
    assert personal.retry_erasures(workspace) == 0
    assert len(keeper.seen) == 3, "who has done it is not asked again"


def test_a_plugin_whose_package_is_gone_is_not_forgotten(
    workspace: Workspace, ada: int, keeper: Keeper
) -> None:
    keeper.failures = 1
    personal.erase(workspace, ada, SYSTEM)
    gone = workspace.plugins.loaded.pop("keeper")
    workspace.plugins._impls.pop("personal_data")
    outcome = personal.erase(workspace, ada, SYSTEM)
    assert outcome["pending"] == {"keeper": "its package is missing"}
    assert gone


def test_an_erased_contact_is_found_by_the_address_to_go_on_with_it(workspace: Workspace, ada: int) -> None:
    personal.erase(workspace, ada, SYSTEM)
    with workspace.db.session() as session:
        assert personal.find(session, f"  {ADDRESS.upper()} ").id == ada
        with pytest.raises(NotFound, match="no contact"):
            personal.find(session, "nobody@example.com")


# --- pages ------------------------------------------------------------------------------------------------------------


def client_as(workspace: Workspace, role: str) -> FormClient:
    add_people(workspace)
    return signed_in(app_of(workspace), role)


def test_pages_give_out_and_erase(workspace: Workspace, ada: int, keeper: Keeper) -> None:
    marketer = client_as(workspace, "marketer")
    with workspace.db.session() as session:
        public_id = session.get_one(Contact, ada).public_id
    page = f"/app/contacts/{public_id}"
    shown: Any = marketer.get(f"{page}/export")
    assert shown.headers["Content-Disposition"].startswith("attachment")
    assert json.loads(shown.text)["contact"]["email"] == ADDRESS
    keeper.failures = 1
    answer = marketer.submit(f"{page}/erase", {}, page)
    assert answer.status_code == 303
    assert "Not complete: keeper still keeps something" in marketer.get("/app/contacts").text
    assert marketer.get(page).status_code == 404


def test_who_may_not_change_people_gets_and_erases_nothing(workspace: Workspace, ada: int) -> None:
    viewer = client_as(workspace, "viewer")
    with workspace.db.session() as session:
        public_id = session.get_one(Contact, ada).public_id
    assert viewer.get(f"/app/contacts/{public_id}/export").status_code == 403
