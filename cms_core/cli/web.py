"""``cms web``: the app alone; what is due is published by `cms worker`, on this machine or on others."""

from contextlib import nullcontext

import click

from cms_core.cli.serving import host_option, port_option, serve, until_stopped
from cms_core.cli.state import State, log_json_option, pass_state


@click.command()
@host_option
@port_option
@log_json_option
@pass_state
def command(state: State, host: str | None, port: int | None, log_json: bool) -> None:
    """Serve the app, and publish nothing: workers do."""
    with until_stopped(state, log_json=log_json) as (workspace, announce):
        serve(workspace, host, port, announce, around=nullcontext())
