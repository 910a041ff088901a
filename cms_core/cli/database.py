"""``cms db``: the tables of the core and of every plugin."""

import click

from cms_core.cli.output import print_json, print_table
from cms_core.cli.state import State, json_option, pass_state
from cms_core.migrations import current as versions
from cms_core.migrations import upgrade as bring_up


@click.group()
def command() -> None:
    """The tables of the core and of every plugin."""


@command.command()
@pass_state
def upgrade(state: State) -> None:
    """Bring the database to the newest version (make a backup first)."""
    workspace = state.open(check=False)
    before = versions(workspace.db.engine, workspace.plugins)
    bring_up(workspace.db.engine, workspace.plugins)
    for owner, (version, newest) in before.items():
        click.echo(
            f"{owner}: {version or 'nothing'} → {newest}"
            if version != newest
            else f"{owner}: {newest}, as before"
        )


@command.command()
@json_option
@pass_state
def current(state: State, as_json: bool) -> None:
    """The version of the database, and the newest that this program knows, by owner."""
    workspace = state.open(check=False)
    rows = [
        {"owner": owner, "version": version, "newest": newest, "up_to_date": version == newest}
        for owner, (version, newest) in versions(workspace.db.engine, workspace.plugins).items()
    ]
    if as_json:
        print_json(rows)
    else:
        print_table(rows, ("owner", "version", "newest"))
