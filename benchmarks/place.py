"""A throw-away workspace with people who agreed, a newsletter with 18 links, and a connection to a mail server."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from cms_core import models
from cms_core.audience import segments
from cms_core.audience.upsert import BATCH, Incoming, upsert_batch
from cms_core.auth.service import acting_user, create_user
from cms_core.campaigns.service import Plan, plan
from cms_core.campaigns.when import Mode, When
from cms_core.clock import SystemClock
from cms_core.config import load_config, write_config
from cms_core.connections import service as connections
from cms_core.content import service as content
from cms_core.content.drafts import Draft
from cms_core.content.review import approve_newest
from cms_core.publishing import arming
from cms_core.workspace import Workspace, open_workspace

LINKS = 18
NAMES = ("Ana", "Björn", "Chloé", "Dmitri", "Eve", "Fatima", "Gus", "Hana")
BASE_URL = "https://news.example.com"
SETTINGS = {
    "host": "127.0.0.1",
    "security": "none",
    "from_address": "news@example.com",
    "from_name": "Acme News",
    "postal_address": "Acme Ltd\n1 Main Street\nSpringfield",
}
PARAGRAPH = "{{{{ contact.company }}}} and [article {n}](https://example.com/post/{n})"


@contextmanager
def workspace(people: int, database_url: str | None = None) -> Iterator[Workspace]:
    """A workspace, on SQLite where nothing else is said, whose commits are as durable as those of a worker."""
    with tempfile.TemporaryDirectory(prefix="cms-bench-") as folder:
        opened = open_home(make_home(Path(folder), database_url)).for_publishing()
        models.metadata.create_all(opened.db.engine)
        _fill(opened, people)
        try:
            yield opened
        finally:
            opened.db.dispose()


def make_home(folder: Path, database_url: str | None = None) -> Path:
    """The configuration of an empty workspace."""
    home = folder / "home"
    write_config(home, database_url, None)
    return home


def open_home(home: Path) -> Workspace:
    """Open it with the e-mail plugin alone; it may reach loopback."""
    loopback = {"CMS_OUTBOUND_ALLOW": "127.0.0.1", "CMS_TRUSTED_PROXIES": "127.0.0.1"}
    config = load_config(home, {**loopback, "CMS_BASE_URL": BASE_URL})
    return open_workspace(config, plugins=["email"])


def _fill(opened: Workspace, people: int) -> None:
    with opened.db.transaction() as session:
        user = create_user(session, "admin@example.com", "Ada", "admin", "correct horse battery")
        segments.create(session, "All", "email is not empty")
        draft = Draft(
            kind="email",
            slug="news",
            title="{{ contact.first_name }}, your pipeline review",
            body={"text": newsletter()},
        )
        asset = content.save(session, opened.plugins, None, draft, user).asset
        approve_newest(session, opened, asset, user)
        for start in range(0, people, BATCH):
            upsert_batch(
                session, [_person(n) for n in range(start, min(start + BATCH, people))], source="bench"
            )


def newsletter() -> str:
    """Markdown that makes a mail of about 8 KB with 18 tracked links."""
    greeting = "Dear {{ contact.first_name }},"
    return "\n\n".join([greeting, *(PARAGRAPH.format(n=n) for n in range(1, LINKS + 1))])


def _person(n: int) -> Incoming:
    values = {"first_name": NAMES[n % len(NAMES)], "company": f"Company {n % 997}"}
    return Incoming(f"user{n}@example.org", values, {}, consent="yes", evidence={"source": "bench"})


def connect(opened: Workspace, name: str, port: int) -> None:
    """Add a connection to the mail server on this port of loopback."""
    with opened.db.transaction() as session:
        settings = {**SETTINGS, "port": port}
        connections.add(session, opened.vault, opened.plugins, "email", name, settings)


def arm(opened: Workspace, connection: str) -> int:
    """Arm the newsletter to everybody, due now; gives the publication's row id."""
    with opened.db.transaction() as session:
        acting_user(session, None)
        wanted = Plan(
            When(Mode.ABSOLUTE, instant=SystemClock().now() - timedelta(seconds=1), tz="UTC"),
            asset=content.find(session, "news"),
            channel="email",
            connection=connections.find(session, "email", connection),
            segment=segments.list_all(session)[0],
        )
        return arming.arm(session, opened, plan(session, wanted)).id
