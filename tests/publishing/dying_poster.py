"""A worker that posts to a file and is killed at a named point.

``python -m tests.publishing.dying_poster HOME KIND POINT POSTS``
"""

import os
import signal
import sys
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from cms_core import contract as c
from cms_core.clock import FrozenClock
from cms_core.config import load_config
from cms_core.publishing.runner import Pace, Runner
from cms_core.worker import Worker
from cms_core.workspace import open_workspace
from tests.publishing.dying_sender import DUE
from tests.publishing.toys import Remote, ToyChannel, Toys

# The commits of a run by the method that makes them; a worker dies before or after one, or when the post is written.
POINTS = (
    "before claim",
    "after claim",
    "before _intend_all",
    "after _intend_all",
    "posted",
    "before _settle",
    "after _settle",
    "after run",
)


class FileChannel(ToyChannel):
    """Posts a line with the key; the other side takes a key once where the kind says so, and can be asked where it says so."""

    def __init__(self, kind: str, point: str, posts: Path) -> None:
        super().__init__(Remote())
        self.point, self.posts = point, posts
        self.idempotency = c.IdempotencyRule(c.Idempotency(kind))  # type: ignore[misc]

    def publish(self, link: c.Link, prepared: c.Prepared, key: str, previous: c.Receipt | None) -> c.Receipt:
        once = self.idempotency.kind in (c.Idempotency.KEYED, c.Idempotency.CLIENT_ID, c.Idempotency.NATURAL)
        if not (once and self._has(key)):
            with self.posts.open("a") as file:
                file.write(f"{key}\n")
        if self.point == "posted":
            die()
        return c.Receipt(key, f"https://toy.example/{key}")

    def reconcile(self, link: c.Link, prepared: c.Prepared, key: str) -> c.Receipt | c.Absent | None:
        if self.idempotency.kind not in (c.Idempotency.LOOKUP, c.Idempotency.TWO_PHASE):
            return None
        return c.Receipt(key) if self._has(key) else c.Absent()

    def _has(self, key: str) -> bool:
        return self.posts.exists() and key in self.posts.read_text().split()


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def deadly(point: str) -> None:
    """Let the runner's method of this name end the process."""
    when, _, name = point.partition(" ")
    method: Callable[..., Any] = getattr(Runner, name)

    def dying(self: Runner, *given: Any) -> Any:
        if when == "before":
            die()
        answer = method(self, *given)
        if answer or name != "claim":
            die()
        return answer

    setattr(Runner, name, dying)


def main(home: str, kind: str, point: str, posts: str) -> None:
    """Run until idle, or until the point is reached."""
    toys = Toys()
    toys.toy = FileChannel(kind, point, Path(posts))
    config = load_config(home, {"CMS_LEASE_SECONDS": "10" if point == "never" else "0.5"})
    workspace = open_workspace(config, plugins=[], extra_plugins=[("toys", toys)])
    if " " in point:
        deadly(point)
    worker = Worker(workspace.for_publishing(), FrozenClock(datetime.fromisoformat(DUE)))
    worker.runner.paces = defaultdict(partial(Pace, 8))  # where the kind allows it, all go out together
    worker.run_until_idle()


if __name__ == "__main__":
    main(*sys.argv[1:])
