"""``cms status``: what is due, sent, failed and unknown."""

import click

from cms_core.cli.output import print_json
from cms_core.cli.state import State, json_option, pass_state
from cms_core.publishing import status


@click.command()
@json_option
@pass_state
def command(state: State, as_json: bool) -> None:
    """What is due, what was sent today, what needs a person."""
    with state.reading() as session:
        document = status.document(session, state.workspace.plugins)
    if as_json:
        print_json(document)
        return
    for key, value in document.items():
        shown = (
            ", ".join(f"{count} {name}" for name, count in value.items())
            if isinstance(value, dict)
            else value
        )
        click.echo(f"{key.replace('_', ' '):20} {shown if shown not in (None, '') else '-'}")
