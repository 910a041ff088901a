"""``cms quiet-hours``: when a channel sends nothing."""

import click

from cms_core.audience import limits, quiet
from cms_core.cli.output import print_json, print_table
from cms_core.cli.state import State, json_option, pass_state


@click.group()
def command() -> None:
    """When a channel sends nothing, by the clock of the recipient."""


@command.command("set")
@click.argument("channel")
@click.option("--from", "starts", required=True, metavar="TIME", help="Such as 21:00.")
@click.option("--to", "ends", required=True, metavar="TIME", help="Such as 08:00.")
@json_option
@pass_state
def set_(state: State, channel: str, starts: str, ends: str, as_json: bool) -> None:
    """Send nothing between two times of the recipient's day; what falls into them waits for their end."""
    plugins = state.workspace.plugins
    with state.writing(limits.EDIT) as (session, _):
        document = quiet.document(limits.set_quiet(session, plugins, channel, starts, ends))
    if as_json:
        print_json(document)
    else:
        click.echo(f"{document['channel']} sends nothing from {document['from']} to {document['to']}")


@command.command("list")
@json_option
@pass_state
def list_(state: State, as_json: bool) -> None:
    """The quiet hours of all channels."""
    with state.reading(limits.EDIT) as session:
        rows = [quiet.document(each) for each in quiet.list_all(session)]
    if as_json:
        print_json(rows)
    else:
        print_table(rows, ("channel", "from", "to"))


@command.command()
@click.argument("channel")
@json_option
@pass_state
def remove(state: State, channel: str, as_json: bool) -> None:
    """Take the quiet hours of a channel away."""
    with state.writing(limits.EDIT) as (session, _):
        found = quiet.find(session, channel)
        document = quiet.document(found)
        quiet.remove(session, found)
    if as_json:
        print_json(document)
    else:
        click.echo("removed")
