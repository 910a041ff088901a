"""The workspace of the demo: a temporary folder, four users, two connections, content brought in and approved."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cms_core.auth import service as auth
from cms_core.auth.models import Role
from cms_core.clock import Clock, SystemClock
from cms_core.config import Config, load_config, write_config
from cms_core.connections import service as connections
from cms_core.connections.links import verify_connection
from cms_core.content import review
from cms_core.content import service as content
from cms_core.content.revisions import head_of
from cms_core.demo.mailbox import LOOPBACK, Mailbox
from cms_core.demo.mails import MailPlugin
from cms_core.demo.networks import Networks
from cms_core.demo.pictures import draw_all
from cms_core.errors import CmsError, Conflict
from cms_core.imports.folder import read_folder
from cms_core.imports.saving import save_folder
from cms_core.workspace import Workspace, open_workspace

CONTENT = Path(__file__).with_name("content")
PASSWORD = "demo only, on this machine"  # noqa: S105  # shown to everybody; the demo listens on loopback alone
ZONE = "Europe/Paris"
WWW = "https://www.larkfield.example"  # in our files; the demo's site has an address of this machine
SITE, NEWS, TOOTS, SKY, SEARCH = "www", "news", "toots", "sky", "search"


@dataclass(frozen=True)
class Account:
    """Somebody who signs in to the demo."""

    email: str
    name: str
    role: Role


ADMIN = Account("admin@larkfield.example", "Joel Ferro", Role.ADMIN)
MARKETER = Account("ida@larkfield.example", "Ida Brandt", Role.MARKETER)
APPROVER = Account("tomas@larkfield.example", "Tomas Reyes", Role.APPROVER)
REP = Account("maren@larkfield.example", "Maren Holt", Role.REP)
ACCOUNTS = (ADMIN, MARKETER, APPROVER, REP)


@dataclass(frozen=True)
class Home:
    """Where the demo lives: its configuration, its mail server and its social networks."""

    config: Config
    mailbox: Mailbox
    networks: Networks

    @property
    def files(self) -> Path:
        """Where the files are put that a person would bring along."""
        return self.config.home / "import"

    @contextmanager
    def opened(self, clock: Clock | None = None) -> Iterator[Workspace]:
        """The workspace and the networks, by this clock, with the page to read mails."""
        self.networks.clock = clock or SystemClock()
        plugins = [("demo", MailPlugin(self.mailbox))]
        workspace = open_workspace(self.config, clock=clock, extra_plugins=plugins)
        try:
            yield workspace
        finally:
            workspace.db.dispose()


@contextmanager
def make_home(folder: Path | None, base_url: str, mailbox: Mailbox, networks: Networks) -> Iterator[Home]:
    """A new workspace folder, removed at the end, or ``folder``, which stays; raises Conflict when that is not empty."""
    if folder is not None:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise Conflict(f"{folder} is not an empty folder; nothing was changed", "name a new folder")
        yield _prepared(folder.resolve(), base_url, mailbox, networks)
        return
    with TemporaryDirectory(prefix="cms-demo-", ignore_cleanup_errors=True) as made:
        yield _prepared(Path(made).resolve(), base_url, mailbox, networks)


def _prepared(home: Path, base_url: str, mailbox: Mailbox, networks: Networks) -> Home:
    write_config(home, None, base_url)
    home.chmod(0o700)
    # Neither CMS_HOME nor anything else of the surroundings counts; loopback may be reached, and readers come through a proxy.
    environ = {"CMS_OUTBOUND_ALLOW": LOOPBACK, "CMS_TRUSTED_PROXIES": LOOPBACK}
    found = Home(load_config(home, environ), mailbox, networks)
    shutil.copytree(CONTENT, found.files)
    for part in ("library", "launch"):
        draw_all(found.files / part / "pictures")
    for words in found.files.rglob("*.md"):
        words.write_text(words.read_text("utf-8").replace(WWW, base_url), "utf-8")
    return found


def add_accounts(workspace: Workspace) -> None:
    """The four users, all with the same password."""
    with workspace.db.transaction() as session:
        for account in ACCOUNTS:
            user = auth.create_user(session, account.email, account.name, account.role, PASSWORD)
            auth.update_profile(session, user, account.name, ZONE)


def connect(place: Home, workspace: Workspace) -> None:
    """The public site, the newsletter's mail server, two social networks and an account for ads, each tested."""
    with workspace.db.transaction() as session:
        admin = auth.acting_user(session, ADMIN.email)
        session.info["actor"] = (admin.id, "demo")
        added = [
            connections.add(session, workspace.vault, workspace.plugins, channel, name, values).id
            for channel, name, values in _accounts(place)
        ]
    for connection_id in added:
        verify_connection(workspace, connection_id, (admin.id, "demo"))


def _accounts(place: Home) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(Channel, name, settings) of what the demo publishes through."""
    site = {
        "base_url": place.config.base_url,
        "title": "Larkfield",
        "description": "The month-end close that explains itself",
        "organisation": "Larkfield",
    }
    news = {
        "host": LOOPBACK,
        "port": place.mailbox.port,
        "security": "none",
        "from_address": "news@larkfield.example",
        "from_name": "Larkfield",
        "postal_address": "Larkfield\n4 Orchard Lane\nNew Field",
    }
    sky = {"service_url": place.networks.url, "handle": "larkfield.test", "app_password": "of-the-demo"}
    yield "site", SITE, site
    yield "email", NEWS, news
    yield "mastodon", TOOTS, {"base_url": place.networks.url, "access_token": "larkfield"}
    yield "bluesky", SKY, sky
    yield "ads", SEARCH, {"vendor": "google", "currency": "EUR", "account": "Larkfield"}


def bring_in(workspace: Workspace, folder: Path) -> int:
    """Import a folder of Markdown as the marketer; returns how many assets are new. A fault of our own files is raised."""
    with workspace.db.session() as session:
        found = read_folder(session, workspace, folder, workspace.config.media_dir)
    with workspace.db.transaction() as session:
        author = auth.acting_user(session, MARKETER.email)
        session.info["actor"] = (author.id, "demo")
        outcome = save_folder(session, workspace, found, author)
    if outcome.errors:
        raise CmsError(f"{outcome.errors[0].file}: {outcome.errors[0].reason}")
    return outcome.created


def approve(workspace: Workspace, *slugs: str) -> None:
    """Approve the newest words of these assets, as somebody who did not write them."""
    with workspace.db.transaction() as session:
        approver = auth.acting_user(session, APPROVER.email)
        session.info["actor"] = (approver.id, "demo")
        for slug in slugs:
            review.approve_newest(session, workspace, content.find(session, slug), approver)


def ask_for_review(workspace: Workspace, slug: str) -> None:
    """Let an asset wait for its approval."""
    with workspace.db.transaction() as session:
        author = auth.acting_user(session, MARKETER.email)
        session.info["actor"] = (author.id, "demo")
        review.request_review(session, head_of(session, content.find(session, slug)), author)


def send_back(workspace: Workspace, slug: str, comment: str) -> None:
    """Ask for a review, and get the asset back with a comment."""
    ask_for_review(workspace, slug)
    with workspace.db.transaction() as session:
        approver = auth.acting_user(session, APPROVER.email)
        session.info["actor"] = (approver.id, "demo")
        review.request_changes(
            session, workspace, head_of(session, content.find(session, slug)), approver, comment
        )
