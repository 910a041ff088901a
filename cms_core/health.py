"""Whether a workspace can work: asked by machines every few seconds, so it costs little, and answers in time whatever hangs.

Each thing is tried, not looked up: a row is written, a file is written. What callers are told is the same for everybody, so no
message holds a path, a name or the words of an error; those are in the log, and ``cms doctor`` tells them at the machine.
"""

import logging
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

from sqlalchemy import update
from sqlalchemy.exc import SQLAlchemyError

from cms_core.doctor.findings import Finding, Grade, error, has_error, ok, warning
from cms_core.fence import Instance
from cms_core.publishing import status
from cms_core.workspace import Workspace

log = logging.getLogger(__name__)

HOLDS_SECONDS = 2.0  # how long an answer is given again
WAIT_SECONDS = 3.0  # for an answer; the promise is to tell within five
NOBODY_CLAIMS = timedelta(minutes=2)
LATE = timedelta(minutes=5)
PROBE = b"\0" * (1 << 16)


class Health:
    """What was found last, and the one thread that finds it anew."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._lock = threading.Lock()
        self._found: list[Finding] = []
        self._until = self._began = 0.0
        self._thread: threading.Thread | None = None

    def look(self) -> list[Finding]:
        """What is wrong now, or was two seconds ago; after three seconds without an answer that itself is the answer."""
        with self._lock:
            if time.monotonic() < self._until:
                return self._found
            if self._thread is None or not self._thread.is_alive():
                self._began = time.monotonic()
                self._thread = threading.Thread(target=self._probe, name="cms-health", daemon=True)
                self._thread.start()
            thread, patience = self._thread, self._began + WAIT_SECONDS - time.monotonic()
        thread.join(max(0.0, patience))
        if thread.is_alive():
            return [_named("database", error(f"no answer within {WAIT_SECONDS:.0f} seconds", ""))]
        return self._found

    def _probe(self) -> None:
        found = [_named(name, each) for name, look in PROBES for each in _answers(look, self._workspace)]
        with self._lock:
            self._found, self._until = found, time.monotonic() + HOLDS_SECONDS


def summary(findings: list[Finding]) -> str:
    """``ok``, ``degraded`` (it works, but somebody should look) or ``failing``."""
    if has_error(findings):
        return "failing"
    return "degraded" if any(each.level is Grade.WARNING for each in findings) else "ok"


def _named(name: str, finding: Finding) -> Finding:
    return Finding(finding.level, finding.message, check=name)


def _answers(look: Callable[[Workspace], Iterator[Finding]], workspace: Workspace) -> Iterator[Finding]:
    try:
        yield from look(workspace)
    except (SQLAlchemyError, OSError) as fault:
        log.warning("/healthz: %s failed: %s", look.__name__, " ".join(str(fault).split()))
        yield error(_FAILED[look.__name__], "")


def database(workspace: Workspace) -> Iterator[Finding]:
    """A row is written as it is."""
    with workspace.db.writing() as connection:
        connection.execute(update(Instance).values(name=Instance.name))
    yield ok("answers and takes what is written")


def files(workspace: Workspace) -> Iterator[Finding]:
    """A file is written where the journals are, and taken away."""
    workspace.config.run_dir.mkdir(exist_ok=True)
    with tempfile.TemporaryFile(dir=workspace.config.run_dir) as file:
        file.write(PROBE)
        file.flush()
        os.fsync(file.fileno())
    yield ok("can be written")


def work(workspace: Workspace) -> Iterator[Finding]:
    """Whether what is due is taken."""
    with workspace.db.session() as session:
        seconds, worker = status.oldest_due_seconds(session, workspace.plugins) or 0, status.worker(session)
    if seconds > NOBODY_CLAIMS.total_seconds() and not (worker and worker["alive"]):
        yield error(f"no worker, and something is due for {seconds} s", "")
    elif seconds > LATE.total_seconds():
        yield warning(f"something is due for {seconds} s", "")
    else:
        yield ok("nothing waits for long")


def fence(workspace: Workspace) -> Iterator[Finding]:
    """Whether anything may be published."""
    if workspace.fence.reason is None:
        yield ok("open")
    else:
        yield warning("closed: nothing is published", "")


PROBES: tuple[tuple[str, Callable[[Workspace], Iterator[Finding]]], ...] = (
    ("database", database),
    ("files", files),
    ("work", work),
    ("fence", fence),
)
_FAILED = {
    "database": "does not answer, or takes nothing",
    "files": "the folder of the workspace takes nothing",
    "work": "cannot be looked at",
    "fence": "cannot be looked at",
}
