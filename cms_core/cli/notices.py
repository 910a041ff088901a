"""``cms notices``: what needs somebody."""

import click

from cms_core.auth import service as auth
from cms_core.cli.output import print_json, print_table
from cms_core.cli.state import State, json_option, pass_state
from cms_core.errors import Invalid
from cms_core.notices import inbox


@click.group()
def command() -> None:
    """What needs somebody: failed, unknown, held, missed, asked for approval, about to end."""


@command.command("list")
@click.option("--all", "everything", is_flag=True, help="Also what is settled.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=200, show_default=True)
@json_option
@pass_state
def list_(state: State, everything: bool, limit: int, as_json: bool) -> None:
    """What needs the user who acts, the newest first."""
    work = state.workspace
    with state.reading(None) as session:
        user = auth.acting_user(session, state.as_email)
        found = inbox.listed(session, work.plugins, user, everything=everything, limit=limit)
        rows = inbox.documents(found, work.config.base_url)
    if as_json:
        print_json(rows)
    else:
        print_table(rows, ("id", "label", "title", "reason", "at"))


@command.command()
@click.argument("ids", metavar="[ID]…", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All that are open.")
@json_option
@pass_state
def read(state: State, ids: tuple[str, ...], everything: bool, as_json: bool) -> None:
    """Mark notices as read, for the user who acts."""
    if bool(ids) == everything:
        raise Invalid("name notices, or give --all", "`cms notices list` shows them")
    plugins = state.workspace.plugins
    with state.writing(None) as (session, user):
        if everything:
            number = inbox.mark_all_read(session, plugins, user)
        else:
            for notice in [inbox.find(session, plugins, user, each) for each in ids]:
                inbox.mark_read(session, user, notice)
            number = len(ids)
    if as_json:
        print_json({"read": number})
    else:
        click.echo(f"{number} marked as read")
