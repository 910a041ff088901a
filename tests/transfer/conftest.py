"""A workspace in which something of everything stands, and empty databases to take it to."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy.orm import Session

from cms_core.audience import consent, suppression
from cms_core.audience.addresses import address_hash
from cms_core.audience.models import Contact
from cms_core.audience.upsert import Incoming, upsert_batch
from cms_core.auth.models import ApiToken, Role
from cms_core.auth.service import create_user
from cms_core.campaigns.models import Entry
from cms_core.campaigns.service import create_campaign
from cms_core.config import load_config, write_config
from cms_core.connections import service as connections
from cms_core.content import media
from cms_core.content.models import Asset, Revision
from cms_core.contract import AgentClass
from cms_core.events.models import Reclassification
from cms_core.events.service import NewEvent, record
from cms_core.migrations import upgrade
from cms_core.publishing.models import Delivery, Publication, TrackedLink
from cms_core.testing.fixtures import NOW
from cms_core.workspace import Workspace, open_workspace

PASSWORD = "correct horse battery"
SECRET = "canary-smtp-password"
MAIL = {"host": "127.0.0.1", "security": "none", "from_address": "news@example.com", "from_name": "News"}


@pytest.fixture(params=["sqlite", "postgresql"])
def target_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty database of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'target.db'}"
        return
    server = request.getfixturevalue("postgres")
    url = server.create()
    yield url
    server.drop(url)


@pytest.fixture
def copy(target_url: str, tmp_path: Path) -> Iterator[Workspace]:
    """Another workspace, with a key of its own, that nobody has used yet but to make its admin."""
    home = tmp_path / "copy"
    write_config(home, target_url, None)
    opened = open_workspace(load_config(home, {"CMS_STRICT_PLUGINS": "1"}))
    upgrade(opened.db.engine, opened.plugins)
    with opened.db.transaction() as session:
        create_user(session, "boss@example.com", "", Role.ADMIN, "another password")
    yield opened
    opened.db.dispose()


@pytest.fixture
def filled(workspace: Workspace, tmp_path: Path) -> Workspace:
    """Something of everything: rows that refer to later rows, files, secrets, histories, events of both kinds."""
    picture = tmp_path / "picture.png"
    Image.new("RGB", (8, 6), "teal").save(picture)
    stored = media.take_in(workspace.config.media_dir, picture.read_bytes(), "picture.png")
    with workspace.db.transaction() as session:
        boss = create_user(session, "boss@example.com", "The Boss", Role.ADMIN, PASSWORD)
        create_user(session, "ida@example.com", "Ida", Role.MARKETER, PASSWORD)
        session.add(ApiToken(user_id=boss.id, prefix="cms_x", token_hash="0" * 64, scopes=[], created_at=NOW))
        media.record(session, stored, "A picture")
        _fill(session, workspace)
    return workspace


def _fill(session: Session, workspace: Workspace) -> None:
    campaign = create_campaign(
        session, "Launch", date(2026, 5, 1), date(2026, 6, 1), "Europe/Paris", "500 EUR"
    )
    news = connections.add(
        session, workspace.vault, workspace.plugins, "email", "news",
        {**MAIL, "postal_address": "Acme", "username": "acme", "password": SECRET},
    )  # fmt: skip
    people = [Incoming(f"p{n}@example.com", {"first_name": "Zoë 🙂"}, {"n": str(n)}) for n in range(30)]
    upsert_batch(session, people, source="test")
    contacts = session.query(Contact).order_by(Contact.id).all()
    consent.grant(
        session, [each.id for each in contacts], "email", basis="form", source="test", evidence={"a": 1}
    )
    suppression.suppress(session, address_hash(session, "p3@example.com"), "email", "global", "complained")
    asset = Asset(slug="guide", kind="article", created_at=NOW, updated_at=NOW)
    session.add(asset)
    session.flush()
    revision = Revision(
        asset_id=asset.id, n=1, title="Guide", body={"text": "# Hello\u2028", "list": [1, 2.5, None, {"b": 1, "a": 2}]},
        variants={}, content_hash="0" * 64, created_at=NOW,
    )  # fmt: skip
    session.add(revision)
    session.flush()
    entries = [
        Entry(
            campaign_id=campaign.id, title=f"Entry {n}", mode="zoned", wall=NOW.replace(tzinfo=None),
            tz="Europe/Paris", instant=NOW + timedelta(microseconds=n), created_at=NOW,
        )
        for n in range(3)
    ]  # fmt: skip
    session.add_all(entries)
    session.flush()
    entries[0].after_id = entries[2].id  # a row that refers to a later one
    publications = [
        Publication(
            campaign_id=campaign.id, asset_id=asset.id, revision_id=revision.id, content_hash="0" * 64, channel="email",
            connection_id=news.id, due_at=NOW, created_at=NOW, state="published", published_at=NOW,
        )
        for _ in range(2)
    ]  # fmt: skip
    session.add_all(publications)
    session.flush()
    publications[0].superseded_by_id = publications[1].id
    session.add(TrackedLink(publication_id=publications[0].id, n=1, url="https://example.com/?a=1&b=ü"))
    for contact in contacts:
        session.add(
            Delivery(
                publication_id=publications[0].id, contact_id=contact.id, address=contact.email or "",
                address_hash=contact.address_hash or "", state="accepted", settled_at=NOW,
            )
        )  # fmt: skip
    session.flush()
    record(
        session,
        [
            NewEvent(
                ("opened", "clicked")[n % 2], NOW + timedelta(seconds=n), "test", str(n), AgentClass.HUMAN,
                contacts[n % 30].id, campaign="launch", publication_id=publications[0].id, channel="email",
                asset_id=asset.id,
            )
            for n in range(100)
        ],
    )  # fmt: skip
    session.add(Reclassification(event_id=5, was="human", at=NOW))
