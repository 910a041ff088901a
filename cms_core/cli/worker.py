"""``cms worker``: publish what is due."""

import signal
from collections.abc import Callable
from contextlib import nullcontext
from datetime import datetime
from typing import TYPE_CHECKING

import click

from cms_core import cluster
from cms_core.cli.output import print_json
from cms_core.cli.state import State, json_option, log_json_option, pass_state
from cms_core.clock import FrozenClock
from cms_core.logs import written
from cms_core.worker import Result, Worker, spare_the_collector
from cms_core.workspace import Workspace

if TYPE_CHECKING:
    from cms_core.cluster.queue import ClusterQueue

PARTLY = 5
INTERRUPTED = 130


def _instant(_context: click.Context, _option: click.Parameter, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise click.BadParameter(
            f"{text!r} is not an instant; give it with its offset: 2026-05-04T09:00:00+02:00"
        )
    return instant


@click.command()
@click.option("--until-idle", is_flag=True, help="End when nothing is left to do.")
@click.option(
    "--now",
    "at",
    metavar="ISO",
    callback=_instant,
    help="Take this instant as the present for what is due, late or asleep.",
)
@log_json_option
@json_option
@pass_state
def command(state: State, until_idle: bool, at: datetime | None, log_json: bool, as_json: bool) -> None:
    """Publish what is due, until stopped or until nothing is left."""
    queue = _queue(state.publishing) if not until_idle else None
    worker = Worker(state.publishing, FrozenClock(at) if at else None, queue)
    caught: list[int] = []

    def stop(number: int, _: object) -> None:
        caught.append(number)
        worker.stop()

    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, stop)
    with (
        written(state.workspace, as_json=log_json or state.workspace.config.log_json) as announce,
        queue.listening() if queue else nullcontext(),
    ):
        result = _work(worker, announce, until_idle=until_idle)
    if until_idle and as_json:
        print_json(result.document())
    elif until_idle:
        click.echo(_in_words(result))
    if signal.SIGINT in caught:
        raise SystemExit(INTERRUPTED)
    if until_idle and result.partly:
        raise SystemExit(PARTLY)


def _queue(workspace: Workspace) -> "ClusterQueue | None":
    if not cluster.available(workspace.config):
        return None
    from cms_core.cluster.queue import ClusterQueue

    return ClusterQueue(workspace)


def _work(worker: Worker, announce: Callable[[str], None], *, until_idle: bool) -> Result:
    announce(f"worker {worker.name} ready")
    if (reason := worker.workspace.fence.reason) is not None:
        announce(f"nothing is published: {reason}; {worker.workspace.fence.remedy}")
    if not until_idle:
        spare_the_collector()
        worker.run_forever()
        return Result()
    result = worker.run_until_idle()
    for line in result.open_ends:
        announce(line)
    return result


def _in_words(result: Result) -> str:
    states = [f"{count} {state}" for state, count in sorted(result.states.items())]
    deliveries = [f"{count} {state}" for state, count in sorted(result.deliveries.items())]
    return (
        f"Publications: {', '.join(states) or 'none touched'}. Deliveries: {', '.join(deliveries) or 'none'}."
    )
