"""How work is rung up. Rows are the truth and carry lease and fence; a ring is only a doorbell, and ringing twice is harmless."""

import logging
import threading
from typing import Protocol

from cms_core import rounds, services
from cms_core.contract import Job, JobContext
from cms_core.plugins import PLUGIN_FAULTS
from cms_core.workspace import Workspace

log = logging.getLogger(__name__)


class Queue(Protocol):
    """The worker's side: it sleeps here until there may be work."""

    def ring(self) -> None:
        """Something may be claimable."""
        ...

    def wait(self, seconds: float) -> None:
        """Sleep until the bell rings, at most this long."""
        ...


class Dispatcher(Protocol):
    """The ticker's side: it tells whoever does the work."""

    def ring(self) -> None:
        """Something may be due."""
        ...

    def run(self, plugin: str, job: Job) -> None:
        """The interval of a plugin's job is over."""
        ...


class EmbeddedQueue:
    """The doorbell inside one process."""

    def __init__(self) -> None:
        self._bell = threading.Event()

    def ring(self) -> None:
        """Something may be claimable."""
        self._bell.set()

    def wait(self, seconds: float) -> None:
        """Sleep until the bell rings, at most this long."""
        self._bell.wait(seconds)
        self._bell.clear()


class EmbeddedDispatcher:
    """Runs plugins' jobs in this process, and rings the bell of the worker in it, if there is one."""

    def __init__(self, workspace: Workspace, queue: Queue | None = None) -> None:
        self._workspace = workspace
        self._queue = queue

    def ring(self) -> None:
        """Something may be due."""
        if self._queue is not None:
            self._queue.ring()

    def run(self, plugin: str, job: Job) -> None:
        """The interval of a plugin's job is over: run it, unless another process has."""
        with self._workspace.db.transaction() as session:
            ours = rounds.take(session, job_round(plugin, job), job.every)
        if ours:
            run_job(self._workspace, plugin, job)


def job_round(plugin: str, job: Job) -> str:
    """The name of the round of a plugin's job."""
    return f"{rounds.JOB_ROUNDS}{plugin}:{job.id}"


def run_job(workspace: Workspace, plugin: str, job: Job) -> None:
    """Run a job of a plugin; one that fails is reported."""
    try:
        job.run(JobContext(workspace.db.clock.now(), services.Services(workspace, plugin)))
    except PLUGIN_FAULTS as error:
        log.exception("job %s of plugin %s failed", job.id, plugin)
        workspace.plugins.report(plugin, f"job {job.id}", error)
