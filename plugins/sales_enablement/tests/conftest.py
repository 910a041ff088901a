"""A workspace with approved content, reps who share it, and people outside who look."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import Client, TestResponse

from cms_core.auth.models import User
from cms_core.auth.service import acting_user
from cms_core.clock import FrozenClock
from cms_core.content import service as content
from cms_core.content.drafts import Draft
from cms_core.content.review import approve_newest
from cms_core.events.models import Event
from cms_core.services import Services
from cms_core.testing.client import FormClient
from cms_core.testing.pages import add_people, app_of, naughty_strings, signed_in
from cms_core.workspace import Workspace
from cms_sales_enablement import search as library
from cms_sales_enablement import shares

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@dataclass
class Desk:
    """Where content is written, approved, found and shared."""

    workspace: Workspace
    clock: FrozenClock
    people: dict[str, User]
    made: list[str] = field(default_factory=list)

    def write(self, slug: str, text: str = "Calm pays.", *, approve: bool = True, **more: Any) -> None:
        """Save words, and approve them."""
        words = {"kind": "case-study", "title": f"On {slug}", "summary": "", **more}
        with self.workspace.db.transaction() as session:
            editor, before = acting_user(session, None), content.find_or_none(session, slug)
            draft = Draft(slug=slug, body={"text": text}, **words)
            asset = content.save(session, self.workspace.plugins, before, draft, editor).asset
            if approve:
                admin = acting_user(session, "approver@example.com")
                approve_newest(session, self.workspace, asset, admin)

    def approve(self, slug: str) -> None:
        """Approve the newest words of an asset."""
        with self.workspace.db.transaction() as session:
            approver = acting_user(session, "approver@example.com")
            approve_newest(session, self.workspace, content.find(session, slug), approver)

    def archive(self, slug: str) -> None:
        """Put an asset away."""
        with self.workspace.db.transaction() as session:
            content.find(session, slug).archived_at = self.clock.now()

    def services(self, role: str = "rep") -> Services:
        """The services in the name of somebody."""
        return Services(self.workspace, "sales_enablement", (self.people[role].id, "web"))

    def found(self, words: str = "", **facets: str) -> list[str]:
        """The slugs that a search finds, the best first."""
        return [hit.slug for hit in library.search(self.services(), library.Wanted(words, **facets)).hits]

    def share(self, slug: str, role: str = "rep", **more: Any) -> shares.Made:
        """Make a link."""
        return shares.create(self.services(role), slug, **more)

    def events(self, kind: str = "share_viewed") -> list[Event]:
        """What the ledger holds of one kind."""
        with self.workspace.db.session() as session:
            return list(session.scalars(select(Event).where(Event.kind == kind).order_by(Event.id)))


@dataclass
class Reader:
    """A browser of somebody outside."""

    client: Client
    clock: FrozenClock
    agent: str = FIREFOX

    def get(self, url: str, method: str = "GET", **headers: str) -> TestResponse:
        """Open a link."""
        return self.client.open(
            path_of(url),
            method=method,
            headers={"User-Agent": self.agent, **{k.replace("_", "-"): v for k, v in headers.items()}},
        )

    def post(self, url: str, **form: str) -> TestResponse:
        """Send a form."""
        return self.client.post(path_of(url), data=form, headers={"User-Agent": self.agent})

    def look(self, url: str, *seconds: int) -> TestResponse:
        """Open a link and keep it in sight: the page's messages, cumulative."""
        answer = self.get(url)
        view = answer.text.partition('data-view="')[2].partition('"')[0]
        for number, each in enumerate(seconds, start=1):
            self.clock.at += timedelta(seconds=each)
            told = self.post(f"{url}/seen", view=view, n=str(number), ms=str(sum(seconds[:number]) * 1000))
            assert told.status_code == 204
        return answer


def path_of(url: str) -> str:
    """The path of a link."""
    return "/" + url.split("/", 3)[3]


@pytest.fixture
def desk(workspace: Workspace, clock: FrozenClock) -> Desk:
    return Desk(workspace, clock, add_people(workspace))


@pytest.fixture(scope="session")
def naughty() -> list[str]:
    return naughty_strings()


@pytest.fixture
def app(workspace: Workspace) -> Flask:
    return app_of(workspace)


@pytest.fixture
def new_reader(app: Flask, clock: FrozenClock) -> Callable[..., Reader]:
    """Makes browsers that know nothing of each other."""
    return lambda **more: Reader(Client(app), clock, **more)


@pytest.fixture
def reader(new_reader: Callable[..., Reader]) -> Reader:
    return new_reader()


@pytest.fixture
def as_role(app: Flask, desk: Desk) -> Callable[[str], FormClient]:
    """Signs somebody in."""
    return lambda role: signed_in(app, role)
