"""``cms caps``: how much people get at most."""

import click

from cms_core.audience import caps, limits
from cms_core.cli.output import print_json, print_table
from cms_core.cli.state import State, json_option, pass_state


@click.group()
def command() -> None:
    """How much people get at most, on all channels together or on one."""


@command.command()
@click.argument("most", type=int, metavar="N")
@click.option("--days", type=int, required=True, metavar="D", help="Within so many days; they roll.")
@click.option("--channel", default="", help="Count this channel alone; otherwise all together.")
@json_option
@pass_state
def add(state: State, most: int, days: int, channel: str, as_json: bool) -> None:
    """Let nobody get more than N messages within D days; who has got them is skipped, and the reason says so."""
    plugins = state.workspace.plugins
    with state.writing(limits.EDIT) as (session, _):
        made = limits.add_cap(session, plugins, most, days, channel)
        document, words = caps.document(made), caps.in_words(made)
    if as_json:
        print_json(document)
    else:
        click.echo(f"The cap {words} holds from now on.")


@command.command("list")
@json_option
@pass_state
def list_(state: State, as_json: bool) -> None:
    """All caps."""
    with state.reading(limits.EDIT) as session:
        rows = [caps.document(each) for each in caps.list_all(session)]
    if as_json:
        print_json(rows)
    else:
        print_table(rows, ("id", "most", "days", "channel"))


@command.command()
@click.argument("cap_id", metavar="ID")
@json_option
@pass_state
def remove(state: State, cap_id: str, as_json: bool) -> None:
    """Take a cap away; who was skipped for it stays skipped."""
    with state.writing(limits.EDIT) as (session, _):
        found = caps.find(session, cap_id)
        document = caps.document(found)
        caps.remove(session, found)
    if as_json:
        print_json(document)
    else:
        click.echo("removed")
