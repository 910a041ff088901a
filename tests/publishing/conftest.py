"""A workspace with the toy channels, an approved asset, people who agreed, and a worker."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from cms_core.audience import consent, segments
from cms_core.audience.models import Contact, Segment
from cms_core.audience.upsert import Incoming, upsert_batch
from cms_core.auth.models import User
from cms_core.auth.service import acting_user, create_user
from cms_core.campaigns.service import Plan, plan
from cms_core.campaigns.when import Mode, When
from cms_core.clock import FrozenClock, SystemClock
from cms_core.config import Config
from cms_core.connections import service as connections
from cms_core.content import service as content
from cms_core.content.drafts import Draft
from cms_core.content.models import Asset
from cms_core.content.review import approve_newest
from cms_core.publishing import arming, listing, outcomes, service
from cms_core.publishing.experiment_plan import ExperimentPlan
from cms_core.worker import Worker
from cms_core.workspace import Workspace, open_workspace
from tests.publishing.toys import Toys

DUE = datetime.fromisoformat("2026-05-04T07:00:00+00:00")


@pytest.fixture(autouse=True)
def short_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Back off by milliseconds, so that tests need not wait."""
    monkeypatch.setattr(outcomes, "FIRST_DELAY", timedelta(milliseconds=50))


@pytest.fixture
def toys() -> Toys:
    return Toys()


@pytest.fixture
def workspace(migrated_config: Config, toys: Toys) -> Iterator[Workspace]:
    opened = open_workspace(migrated_config, clock=SystemClock(), plugins=[], extra_plugins=[("toys", toys)])
    with opened.db.transaction() as session:
        create_user(session, "admin@example.com", "Ada", "admin", "correct horse battery")
        for channel in ("toy", "once", "letter"):
            connections.add(session, opened.vault, opened.plugins, channel, "main", {})
    yield opened
    opened.db.dispose()


@pytest.fixture
def worker(workspace: Workspace) -> Worker:
    """A worker for whom it is Monday 09:00 in Paris, the moment at which entries are due."""
    return Worker(workspace, FrozenClock(DUE))


Arm = Callable[..., str]


@pytest.fixture
def arm(workspace: Workspace) -> Arm:
    """Approve an asset, plan and arm it on a channel; gives the publication's id."""

    def armed(
        channel: str = "toy",
        title: str = "Hello",
        due: datetime = DUE,
        ends_at: datetime | None = None,
        test: ExperimentPlan | None = None,
    ) -> str:
        with workspace.db.transaction() as session:
            asset = approve_words(session, workspace, channel, title)
            wanted = Plan(
                When(Mode.ABSOLUTE, instant=due, tz="UTC"),
                asset=asset,
                channel=channel,
                connection=connections.find(session, channel, "main"),
                segment=_everybody(session) if channel == "letter" else None,
                ends_at=ends_at,
            )
            return arming.arm(session, workspace, plan(session, wanted), test).public_id

    return armed


def approve_words(session: Session, workspace: Workspace, channel: str, title: str, slug: str = "") -> Asset:
    """An approved asset with this title."""
    user = acting_user(session, None)
    slug = slug or f"{channel}-{title.lower().replace(' ', '-')}"
    kind = "email" if channel == "letter" else "article"
    draft = Draft(
        kind=kind,
        title=title,
        slug=slug,
        body={"text": f"Words of {title}"},
        variants={"short": {"title": f"{title}, short"}},
    )
    before = content.find_or_none(session, slug)
    asset = content.save(session, workspace.plugins, before, draft, user).asset
    approver = session.scalars(select(User).where(User.role == "approver")).first()
    approve_newest(session, workspace, asset, approver or user)
    return asset


def _everybody(session: Session) -> Segment:
    found = [segment for segment in segments.list_all(session) if segment.name == "All"]
    return found[0] if found else segments.create(session, "All", "email is not empty")


def people(workspace: Workspace, count: int, *, agreed: bool = True) -> None:
    """Add contacts p0@example.com …, who agreed to letters or not."""
    with workspace.db.transaction() as session:
        rows = [Incoming(f"p{n}@example.com", {}, {}) for n in range(count)]
        upsert_batch(session, rows, source="test")
        ids = session.scalars(select(Contact.id)).all()
        if agreed:
            consent.grant(session, ids, "letter", basis="test", source="test", evidence={})


def shown(workspace: Workspace, public_id: str) -> dict[str, Any]:
    """The publication as a document."""
    with workspace.db.session() as session:
        return listing.publication(session, service.find(session, public_id))
