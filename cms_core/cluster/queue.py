"""The worker's side of the queue: jobs from any machine ring its bell; a job ends when the worker has nothing left to do."""

import asyncio
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from cms_core.cluster.jobs import QUEUES, install, make_app
from cms_core.queue import run_job
from cms_core.workspace import Workspace

log = logging.getLogger(__name__)

# It would tell with a trace that it stops, each time that the database is away; whoever listens tells it in a line, and goes on.
logging.getLogger("procrastinate").setLevel(logging.CRITICAL)

LOOKS_BY_ITSELF = 5.0
RETRY_SECONDS = 2.0
ABORT_POLLING = 60.0  # nobody aborts a job: rows are cancelled


class ClusterQueue:
    """A doorbell that is rung over the database. While the worker is busy it keeps one bell at most: the others ring elsewhere."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._bell, self._idle, self._ended = threading.Event(), threading.Event(), threading.Event()
        self._app = make_app(workspace.config, self._answer, self._run_job)

    def ring(self) -> None:
        """Something may be claimable."""
        self._bell.set()

    def wait(self, seconds: float) -> None:
        """Whoever rang is answered; sleep until the bell rings, or a little longer than a worker that hears of nothing would."""
        self._idle.set()
        self._bell.wait(max(seconds, LOOKS_BY_ITSELF))
        self._bell.clear()

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take jobs from the queue as long as the block runs."""
        install(self._workspace.db)
        loop = asyncio.new_event_loop()
        listener = loop.create_task(self._listen())
        thread = threading.Thread(target=_run, args=(loop, listener), name="cms-cluster")
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            loop.call_soon_threadsafe(listener.cancel)
            thread.join()

    # --- on the thread of the queue, and those that it makes ----------------------------------------------------------

    async def _listen(self) -> None:
        # Cancelling is not all: who cannot take leave of a database that is away raises that instead.
        while not self._ended.is_set():
            try:
                async with self._app.open_async(), asyncio.TaskGroup() as group:
                    for queue in QUEUES:
                        group.create_task(self._take_from(queue))
            except Exception as fault:
                if not self._ended.is_set():
                    log.warning("the queue cannot be heard; trying again: %s", _first(fault))
                    await asyncio.sleep(RETRY_SECONDS)

    async def _take_from(self, queue: str) -> None:
        await self._app.run_worker_async(
            queues=[queue],
            install_signal_handlers=False,
            delete_jobs="always",
            abort_job_polling_interval=ABORT_POLLING,
        )
        raise ConnectionError("the connection to the queue was lost")

    def _answer(self) -> None:
        self._idle.clear()
        self._bell.set()
        while not self._idle.wait(LOOKS_BY_ITSELF / 10) and not self._ended.is_set():
            pass

    def _run_job(self, plugin: str, name: str) -> None:
        found = [job for owner, job in self._workspace.plugins.jobs if (owner, job.id) == (plugin, name)]
        if found:
            run_job(self._workspace, plugin, found[0])
        else:
            log.error(
                "job %s of plugin %s is unknown here: is the plugin installed on this machine?", name, plugin
            )


def _first(fault: BaseException) -> str:
    """The first of what went wrong at once, in one line."""
    while isinstance(fault, BaseExceptionGroup):
        fault = fault.exceptions[0]
    return f"{type(fault).__name__}: {' '.join(str(fault).split())}"


def _run(loop: asyncio.AbstractEventLoop, listener: "asyncio.Task[None]") -> None:
    try:
        loop.run_until_complete(asyncio.wait([listener]))
    finally:
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
