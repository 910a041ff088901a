"""A worker that is killed at a named point of its run."""

import os
import signal
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

from cms_core import contract as c
from cms_core.clock import FrozenClock
from cms_core.config import load_config
from cms_core.hookspecs import hookimpl
from cms_core.worker import Worker
from cms_core.workspace import open_workspace
from tests.publishing.toys import LetterChannel, Remote

DUE = "2026-05-04T07:00:00+00:00"


class FileChannel(LetterChannel):
    """Delivers to a file, one address a line, and dies at the named point of the nth recipient."""

    def __init__(self, point: str, nth: int, mailbox: Path) -> None:
        super().__init__(Remote())
        self.point, self.nth, self.mailbox = point, nth, mailbox

    def deliver(
        self, link: c.Link, prepared: c.Prepared, recipients: Iterator[c.Recipient | None]
    ) -> Iterator[c.Outcome]:
        assert link.wire is not None
        with self.mailbox.open("a") as file:
            for n, recipient in enumerate(recipients, 1):
                assert recipient is not None
                self._die("pulled", n)
                link.wire.on_wire(recipient.key)
                link.wire.flush()
                self._die("on-wire", n)
                file.write(f"{recipient.address}\n")
                file.flush()
                self._die("sent", n)
                yield c.Outcome(recipient, c.OutcomeStatus.ACCEPTED, "250 ok", 250)
                self._die("settled", n)

    def _die(self, point: str, n: int) -> None:
        if (point, n) == (self.point, self.nth):
            os.kill(os.getpid(), signal.SIGKILL)


class Plugin:
    """Registers the channel under the name that the tests use."""

    def __init__(self, channel: LetterChannel) -> None:
        self.channel = channel

    @hookimpl
    def register_channels(self) -> Iterable[c.Channel]:
        return [self.channel]


def main(home: Path, point: str, nth: int, mailbox: Path) -> None:
    """Run until idle, or until the point is reached."""
    config = load_config(home, {"CMS_LEASE_SECONDS": "0.5"})
    plugin = Plugin(FileChannel(point, nth, mailbox))
    workspace = open_workspace(config, plugins=[], extra_plugins=[("toys", plugin)])
    Worker(workspace.for_publishing(), FrozenClock(datetime.fromisoformat(DUE))).run_until_idle()
