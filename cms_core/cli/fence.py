"""``cms fence``: whether this workspace may publish."""

import click

from cms_core.auth import audit
from cms_core.cli.output import print_json
from cms_core.cli.state import State, json_option, pass_state


@click.group()
def command() -> None:
    """Whether this workspace may publish: a copy does not, until a person confirms."""


@command.command()
@json_option
@pass_state
def status(state: State, as_json: bool) -> None:
    """Say whether anything is published from here, and why not."""
    _show(state.workspace.fence.reason, as_json)


@command.command()
@json_option
@pass_state
def accept(state: State, as_json: bool) -> None:
    """Confirm that this workspace is the one that publishes, and that no other copy of it does."""
    with state.writing("system.admin") as (session, _):
        reason = state.workspace.fence.reason
        if reason is not None:
            audit.note(session, "accept", "fence", "workspace", {"reason": reason})
    state.workspace.fence.accept()
    _show(None, as_json)


def _show(reason: str | None, as_json: bool) -> None:
    if as_json:
        print_json({"closed": reason is not None, "reason": reason})
    else:
        click.echo(f"closed: {reason}" if reason is not None else "open: what is due is published")
