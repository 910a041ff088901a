"""Where posts are written, armed and published by the real worker, on both networks."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cms_core.auth.service import acting_user
from cms_core.campaigns.service import Plan, plan
from cms_core.campaigns.when import Mode, When
from cms_core.clock import FrozenClock
from cms_core.connections import service as connections
from cms_core.content import service as content
from cms_core.content.drafts import Draft
from cms_core.content.review import approve_newest
from cms_core.publishing import arming, listing, service
from cms_core.worker import Worker
from cms_core.workspace import Workspace

DUE = datetime(2026, 5, 4, 7, 0, tzinfo=UTC)
MOST_STEPS = 60


@dataclass
class Desk:
    """One workspace with a connection ``main`` to each network; waits pass in no time."""

    workspace: Workspace
    their_clock: FrozenClock
    worker: Worker = field(init=False)

    def __post_init__(self) -> None:
        self.worker = Worker(self.workspace, FrozenClock(DUE))
        self.clock = self.worker.runner.real_clock = FrozenClock(self.their_clock.at)

    def connect(self, channel: str, **settings: str) -> None:
        """Add the connection ``main``."""
        with self.workspace.db.transaction() as session:
            connections.add(session, self.workspace.vault, self.workspace.plugins, channel, "main", settings)

    def write(self, slug: str, text: Any = "Hello, world.", **more: Any) -> None:
        """Save and approve a social post."""
        with self.workspace.db.transaction() as session:
            draft = Draft(
                **{"kind": "social-post", "title": slug, "slug": slug, "body": {"text": text}, **more}
            )
            editor, before = acting_user(session, None), content.find_or_none(session, slug)
            saved = content.save(session, self.workspace.plugins, before, draft, editor)
            approve_newest(session, self.workspace, saved.asset, editor)

    def arm(self, slug: str, channel: str) -> str:
        """Put it on the calendar, due now; gives the publication's id."""
        with self.workspace.db.transaction() as session:
            wanted = Plan(
                When(Mode.ABSOLUTE, instant=DUE, tz="UTC"),
                asset=content.find(session, slug),
                channel=channel,
                connection=connections.find(session, channel, "main"),
            )
            return arming.arm(session, self.workspace, plan(session, wanted)).public_id

    def publish(self, channel: str, text: Any = "Hello, world.", slug: str = "hello") -> str:
        """Write, arm, and work until idle."""
        self.write(slug, text)
        key = self.arm(slug, channel)
        self.work()
        return key

    def work(self, hours: float = 0) -> None:
        """Work until idle, letting all clocks jump over each wait, and on over ``hours``."""
        until = self.clock.at + timedelta(hours=hours)
        for _ in range(MOST_STEPS):
            if self.worker.work_once():
                continue
            wait = self.worker._next_wait()
            if wait is None and self.clock.at >= until:
                return
            self.jump(timedelta(minutes=20) if wait is None else timedelta(seconds=max(wait, 0.01)))
        raise AssertionError(f"still not idle after {MOST_STEPS} steps")

    def jump(self, time: timedelta) -> None:
        """Move all clocks."""
        self.clock.at += time
        self.their_clock.at += time

    def act(self, key: str, name: str, **more: object) -> Any:
        """What a person does by a page or command."""
        with self.workspace.db.transaction() as session:
            return getattr(service, name)(session, service.find(session, key), **more)

    def update(self, key: str) -> str:
        """Put the newest approved words in the place of a publication's; gives the new one's id."""
        with self.workspace.db.transaction() as session:
            found = service.find(session, key)
            new: str = service.update_content(session, self.workspace.plugins, found).public_id
        self.work()
        return new

    def shown(self, key: str) -> dict[str, Any]:
        """The publication as a document."""
        with self.workspace.db.session() as session:
            return listing.publication(session, service.find(session, key))
