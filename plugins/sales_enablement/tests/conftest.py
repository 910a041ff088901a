"""A workspace with approved content, reps who share it, and people outside who look."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from PIL import Image
from sqlalchemy import select
from werkzeug.test import Client, TestResponse

from cms_core import limiter
from cms_core.auth import service
from cms_core.auth.models import User
from cms_core.auth.service import acting_user
from cms_core.clock import FrozenClock
from cms_core.content import service as content
from cms_core.content.drafts import Draft
from cms_core.content.review import approve_newest
from cms_core.events.models import Event
from cms_core.notices.models import Mail
from cms_core.services import Services
from cms_core.testing.client import FormClient
from cms_core.testing.pages import add_people, app_of, naughty_strings, signed_in
from cms_core.workspace import Workspace
from cms_sales_enablement import deck_files, drafts, fonts, office, pdf_pages, presentations, shares
from cms_sales_enablement import search as library
from cms_sales_enablement.models import Deck, Slide
from cms_sales_enablement.pptx.reading import Read

from .decks import make
from .doors import WORDS

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
        """Make a link; ``more`` are keys of its form or call."""
        return shares.create_from(self.services(role), slug, more)

    def codes(self, address: str) -> list[str]:
        """The codes that were mailed to an address, the oldest first."""
        with self.workspace.db.session() as session:
            mails = session.scalars(select(Mail).where(Mail.address == address).order_by(Mail.id))
            return [each.body[13:19] for each in mails]

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


@pytest.fixture(autouse=True)
def no_fonts_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files mean the same on each machine, whatever fonts it has."""
    monkeypatch.setattr(fonts, "installed", lambda: None)


@pytest.fixture(autouse=True, scope="session")
def cheap_passwords(cheap_hashing: None) -> Iterator[None]:
    """Passwords of links are as cheap as those of users."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drafts, "hasher", service.hasher)
        yield


@pytest.fixture(autouse=True, scope="session")
def files_are_read_once() -> Iterator[None]:
    """A file is read by a child once per run and content: starting one takes longer than what most tests do with it."""
    known: dict[str, Read] = {}
    by_child = presentations.read_in_child

    def read(path: Path) -> Read:
        key = hashlib.sha256(path.read_bytes()).hexdigest()
        if key not in known:
            known[key] = by_child(path)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(presentations, "read_in_child", read)
        yield


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
    """Makes browsers that know nothing of each other; without ``use_cookies`` they send the header that they are told."""

    def made(*, use_cookies: bool = True, **more: Any) -> Reader:
        return Reader(Client(app, use_cookies=use_cookies), clock, **more)

    return made


@pytest.fixture
def reader(new_reader: Callable[..., Reader]) -> Reader:
    return new_reader()


@pytest.fixture
def as_role(app: Flask, desk: Desk) -> Callable[[str], FormClient]:
    """Signs somebody in."""
    return lambda role: signed_in(app, role)


# --- decks ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def unlimited(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the limits of requests."""
    monkeypatch.setattr(limiter, "enabled", False)


@pytest.fixture(name="make")
def make_link(desk: Desk) -> Callable[..., shares.Made]:
    """Makes links to one approved piece."""
    desk.write("calm", WORDS, title="Title of the piece")
    return partial(desk.share, "calm")


@pytest.fixture
def slides(desk: Any, tmp_path: Path) -> list[Slide]:
    """Those of an approved presentation."""
    path = make(tmp_path / "Pitch.pptx", 3)
    found = presentations.add(desk.services("marketer"), path.read_bytes(), path.name)
    desk.approve(found.saved.slug)
    return found.presentation.slides


@pytest.fixture
def rep(desk: Any) -> Services:
    found: Services = desk.services()
    return found


@pytest.fixture
def without_office(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no LibreOffice is installed."""
    monkeypatch.setattr(office, "program", lambda: None)


@pytest.fixture
def by_hand(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Slides are drawn without LibreOffice; gives which were."""
    drawn: list[list[str]] = []
    last: list[str] = []

    def to_pdf(pptx: Path, out: Path, *, hidden: bool = False) -> None:
        drawn.append(list(last))
        out.write_bytes(b"%PDF of all" if hidden else b"%PDF to read")

    def render(pdf: Path, folder: Path, widths: Any) -> list[dict[int, Path]]:
        assert pdf.read_bytes() == b"%PDF of all", "of hidden slides there are pictures too"
        pages = []
        for number in range(len(drawn[-1])):
            files = {width: folder / f"{number}-{width}.webp" for width in widths}
            for width, file in files.items():
                Image.new("RGB", (width // 10, 10), (number, 0, 0)).save(file, "WEBP")
            pages.append(files)
        return pages

    write = deck_files.write_slides

    def written(svc: Services, made_of: Any, picks: Any, deck: Deck | None, out: Path, **more: Any) -> Any:
        last[:] = picks
        return write(svc, made_of, picks, deck, out, **more)

    monkeypatch.setattr(office, "program", lambda: "/usr/bin/soffice")
    monkeypatch.setattr(office, "to_pdf", to_pdf)
    monkeypatch.setattr(pdf_pages, "render", render)
    monkeypatch.setattr(deck_files, "write_slides", written)
    return drawn
