"""What the ticker of a cluster does: it puts a bell for each worker into the queue while something is due."""

from datetime import timedelta

from sqlalchemy import or_, select, text
from sqlalchemy.orm import Session

from cms_core import rounds
from cms_core.cluster.jobs import PLUGIN_JOBS, WORK, install, make_app
from cms_core.contract import Job
from cms_core.publishing import claims, followers, status
from cms_core.publishing.leases import Leases
from cms_core.queue import job_round
from cms_core.ticker import TICK_SECONDS
from cms_core.workspace import Workspace

WAITING = text("SELECT id FROM procrastinate_jobs WHERE status = 'todo' AND queueing_lock = :lock")


class ClusterDispatcher:
    """Any number of these may tick on any number of machines: each round is taken by one of them."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._app = make_app(workspace.config, _nothing, _nothing)
        self._leases = Leases(timedelta(seconds=workspace.config.lease_seconds))
        install(workspace.db)

    def ring(self) -> None:
        """Give up leases that ran out, and ring while something may be claimed; both in one transaction."""
        if self._workspace.fence.reason is not None:
            return
        with self._workspace.db.transaction() as session:
            if not rounds.take(session, "tick", timedelta(seconds=TICK_SECONDS)):
                return
            present = self._workspace.db.clock.now()
            wanted = claims.something(self._workspace.plugins, present, present), followers.something()
            if session.scalar(select(or_(*wanted))):
                claims.sweep(session, present, present, self._leases.bounds(self._workspace.db.clock))
                self._ring(session)

    def run(self, plugin: str, job: Job) -> None:
        """The interval of a plugin's job is over: one worker is to run it.

        While it still waits for a worker, the round is left to whoever runs jobs itself (`cms run`).
        """
        lock = f"{plugin}:{job.id}"
        with self._workspace.db.transaction() as session:
            if not _waits(session, lock) and rounds.take(session, job_round(plugin, job), job.every):
                self._defer(session, PLUGIN_JOBS, lock, plugin=plugin, job=job.id)

    def _ring(self, session: Session) -> None:
        for number in range(max(1, status.workers_alive(session))):
            if not _waits(session, lock := f"{WORK}:{number}"):
                self._defer(session, WORK, lock)

    def _defer(self, session: Session, task: str, lock: str, **arguments: str) -> None:
        driver = session.connection().connection.driver_connection
        self._app.configure_task(task, queueing_lock=lock, queue=task, connection=driver).defer(**arguments)


def _waits(session: Session, lock: str) -> bool:
    """Whether there is a job of this name that nobody has begun yet: one is enough."""
    return session.scalar(WAITING, {"lock": lock}) is not None


def _nothing(*_: str) -> None:
    """Who only puts jobs into the queue does none."""
