"""``cms status``: what is due, sent, failed and unknown."""

from typing import Any

import click

from cms_core.cli.output import print_json
from cms_core.cli.state import State, json_option, pass_state
from cms_core.publishing import status


@click.command()
@json_option
@pass_state
def command(state: State, as_json: bool) -> None:
    """What is due, what was sent today, what needs a person."""
    with state.reading("calendar.read") as session:
        document = status.document(session, state.workspace)
    if as_json:
        print_json(document)
        return
    if reason := document.pop("closed"):
        click.echo(f"Nothing is published: {reason}; {state.workspace.fence.remedy}.\n")
    for key, value in document.items():
        shown = _worker(value) if key == "worker" else _counts(value) if isinstance(value, dict) else value
        click.echo(f"{key.replace('_', ' '):20} {shown if shown not in (None, '') else '-'}")


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())


def _worker(worker: dict[str, Any] | None) -> str:
    if worker is None:
        return "none has been seen"
    at = "at work" if worker["alive"] else "not at work"
    return f"{worker['name']}, {worker['version']}, {at}, seen {worker['seen_at']:%Y-%m-%d %H:%M:%S} UTC"
