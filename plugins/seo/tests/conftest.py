"""A workspace with a site, an editor who writes and publishes by the real worker, and visitors of the real app."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from threading import Thread
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.serving import make_server
from werkzeug.test import Client, TestResponse

from cms_core.auth.service import acting_user, create_user
from cms_core.campaigns.service import Plan, create_campaign, find_campaign, plan
from cms_core.campaigns.when import Mode, When
from cms_core.clock import FrozenClock
from cms_core.connections import service as connections
from cms_core.content import service as content
from cms_core.content.drafts import Draft
from cms_core.content.review import approve_newest
from cms_core.events.models import Event
from cms_core.publishing import arming, listing, service
from cms_core.worker import Worker
from cms_core.workspace import Workspace
from cms_seo import models

DUE = datetime(2026, 5, 4, 7, 0, tzinfo=UTC)
BASE_URL = "https://www.acme.test"
HOST = "www.acme.test"
TEXT = "Publishing ought to be calm.\n\n## Why\n\nBecause [haste](/haste) makes waste."
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"

assert models  # its tables must be known before the workspace makes them


@dataclass
class Desk:
    """Where content is written and published."""

    workspace: Workspace
    worker: Worker
    written: dict[str, dict[str, Any]] = field(default_factory=dict)

    def site(self, name: str, base_url: str, **settings: str) -> None:
        """Connect another site."""
        with self.workspace.db.transaction() as session:
            values = {"base_url": base_url, **settings}
            connections.add(session, self.workspace.vault, self.workspace.plugins, "site", name, values)

    def configure(self, **settings: str) -> None:
        """Change the settings of the first site."""
        with self.workspace.db.transaction() as session:
            row = connections.find(session, "site", "www")
            values = {**row.settings, **settings}
            connections.update(session, self.workspace.vault, self.workspace.plugins, row, values)

    def campaign(self, name: str) -> None:
        """Start a campaign in Paris."""
        with self.workspace.db.transaction() as session:
            create_campaign(session, name, date(2026, 5, 1), date(2026, 5, 31), "Europe/Paris")

    def write(self, slug: str, text: str = TEXT, *, site: dict[str, Any] | None = None, **more: Any) -> None:
        """Save and approve words; ``site`` overrides them for the channel."""
        words = {"kind": "article", "title": f"On {slug}", "summary": "Why calm pays", **more}
        with self.workspace.db.transaction() as session:
            draft = Draft(slug=slug, body={"text": text}, variants={"site": site} if site else {}, **words)
            editor, before = acting_user(session, None), content.find_or_none(session, slug)
            asset = content.save(session, self.workspace.plugins, before, draft, editor).asset
            approve_newest(session, self.workspace, asset, editor)

    def arm(self, slug: str, connection: str = "www", campaign: str = "") -> str:
        """Put an approved asset on the calendar, due now; gives the publication's id."""
        with self.workspace.db.transaction() as session:
            wanted = Plan(
                When(Mode.ABSOLUTE, instant=DUE, tz="UTC"),
                asset=content.find(session, slug),
                channel="site",
                connection=connections.find(session, "site", connection),
                campaign=find_campaign(session, campaign) if campaign else None,
            )
            return arming.arm(session, self.workspace, plan(session, wanted)).public_id

    def publish(
        self, slug: str, text: str = TEXT, *, connection: str = "www", campaign: str = "", **more: Any
    ) -> str:
        """Write, approve and publish; gives the publication's id."""
        self.write(slug, text, **more)
        key = self.arm(slug, connection, campaign)
        self.work()
        return key

    def update(self, key: str) -> str:
        """Put the newest approved words in the place of a publication's."""
        with self.workspace.db.transaction() as session:
            found = service.find(session, key)
            new = service.update_content(session, self.workspace.plugins, found).public_id
        self.work()
        return new

    def withdraw(self, key: str) -> None:
        """Take a page back."""
        with self.workspace.db.transaction() as session:
            service.ask_withdrawal(session, service.find(session, key))
        self.work()

    def work(self) -> None:
        """Let the worker do what is due."""
        while self.worker.work_once():
            pass

    def shown(self, key: str) -> dict[str, Any]:
        """The publication as a document."""
        with self.workspace.db.session() as session:
            return listing.publication(session, service.find(session, key))

    def events(self, kind: str = "visited") -> list[Event]:
        """What the ledger holds of one kind."""
        with self.workspace.db.session() as session:
            return list(session.scalars(select(Event).where(Event.kind == kind).order_by(Event.id)))


@dataclass
class Reader:
    """A browser that keeps cookies."""

    client: Client
    host: str = HOST
    agent: str = FIREFOX

    def get(self, path: str, *, host: str | None = None, method: str = "GET", **headers: str) -> TestResponse:
        """Ask for a page."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.open(
            path,
            method=method,
            headers={"Host": host or self.host, "User-Agent": self.agent, **named},
        )


@pytest.fixture
def desk(workspace: Workspace) -> Desk:
    with workspace.db.transaction() as session:
        create_user(session, "ada@acme.test", "Ada Vernet", "admin", "correct horse battery")
    desk = Desk(workspace, Worker(workspace, FrozenClock(DUE)))
    desk.site("www", BASE_URL, title="Acme Notes", description="On calm publishing", organisation="Acme Ltd")
    return desk


@pytest.fixture
def app(workspace: Workspace) -> Flask:
    from cms_core.app import create_app

    return create_app(workspace=workspace)


@pytest.fixture
def new_reader(app: Flask) -> Callable[..., Reader]:
    """Makes browsers that know nothing of each other."""
    return lambda **more: Reader(app.test_client(), **more)


@pytest.fixture
def reader(new_reader: Callable[..., Reader]) -> Reader:
    return new_reader()


@pytest.fixture
def served(app: Flask) -> Iterator[str]:
    """The address of the app on a loopback port, for a real browser."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()
