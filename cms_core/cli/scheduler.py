"""``cms scheduler``: the ticker alone."""

import time
from typing import TYPE_CHECKING

import click
from sqlalchemy.exc import SQLAlchemyError

from cms_core.cli.serving import until_stopped
from cms_core.cli.state import State, log_json_option, pass_state
from cms_core.workspace import Workspace

if TYPE_CHECKING:
    from cms_core.queue import Dispatcher

LOOK_SECONDS = 1.0


@click.command()
@log_json_option
@pass_state
def command(state: State, log_json: bool) -> None:
    """Ring the workers and have the jobs of plugins done, until stopped.

    Any number of schedulers may run, on any machine: each second one of them does what is to be done.
    """
    from cms_core.ticker import Ticker

    with until_stopped(state, log_json=log_json) as (workspace, announce):
        ticker = Ticker(workspace.plugins, _dispatcher(workspace))
        ticker.start()
        try:
            announce("scheduler ready")
            while not _outdated(workspace):
                time.sleep(LOOK_SECONDS)
            announce(f"{workspace.fence.reason}: this scheduler leaves")
        finally:
            ticker.stop()


def _outdated(workspace: Workspace) -> bool:
    try:
        return workspace.fence.outdated
    except SQLAlchemyError:  # the ticker says so, each second, until the database answers again
        return False


def _dispatcher(workspace: Workspace) -> "Dispatcher":
    from cms_core import cluster
    from cms_core.queue import EmbeddedDispatcher

    if not cluster.available(workspace.config):
        return EmbeddedDispatcher(workspace)
    from cms_core.cluster.dispatcher import ClusterDispatcher

    return ClusterDispatcher(workspace)
