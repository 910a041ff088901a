"""``cms run``: the app, the ticker and the worker in one process."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from cms_core.cli.serving import host_option, port_option, serve, until_stopped
from cms_core.cli.state import State, log_json_option, pass_state
from cms_core.workspace import Workspace

if TYPE_CHECKING:
    from cms_core.worker import Worker


@click.command()
@host_option
@port_option
@log_json_option
@pass_state
def command(state: State, host: str | None, port: int | None, log_json: bool) -> None:
    """Serve the app and publish what is due, in one process."""
    with until_stopped(state, log_json=log_json) as (workspace, announce):
        serve(workspace, host, port, announce, around=working(workspace))


@contextmanager
def working(workspace: Workspace) -> Iterator[None]:
    """A worker and a ticker in threads of their own; at the end the worker finishes its current item."""
    from cms_core.queue import EmbeddedDispatcher, EmbeddedQueue
    from cms_core.ticker import Ticker
    from cms_core.worker import Worker

    queue = EmbeddedQueue()
    publishing = workspace.for_publishing()
    worker = Worker(publishing, queue=queue)
    ticker = Ticker(publishing.plugins, EmbeddedDispatcher(publishing, queue))
    thread = threading.Thread(target=_work, args=[worker], name="cms-worker")
    thread.start()
    ticker.start()
    try:
        yield
    finally:
        # First, for who is interrupted again while a job of a plugin ends: then nobody comes back here.
        worker.stop()
        ticker.stop()
        thread.join()
        publishing.db.dispose()


def _work(worker: "Worker") -> None:
    worker.run_forever()
    if not worker.stopping.is_set():  # it left by itself: so does the process, for whoever starts it again
        os.kill(os.getpid(), signal.SIGTERM)
