"""``cms db``: the tables of the core and of every plugin."""

import os

import click

from cms_core.cli.output import print_json, print_table, progress
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
@click.option("--to", "url", required=True, metavar="URL", help="An empty database.")
@json_option
@pass_state
def move(state: State, url: str, as_json: bool) -> None:
    """Take the workspace over into another database; counts and hashes of all tables are compared before it is used.

    End `cms run` and workers first. The old database stays as it is.
    """
    from cms_core.config import check_database_url
    from cms_core.transfer.move import move as take_over

    state.require("system.admin")
    moved = take_over(state.workspace, check_database_url(url))
    rows = [
        {"table": name, "rows": content.rows, "sha256": content.sha256}
        for name, content in moved.tables.items()
    ]
    if as_json:
        print_json({"rows": sum(content.rows for content in moved.tables.values()), "tables": rows})
    else:
        print_table(rows, ("table", "rows", "sha256"))
    if "CMS_DATABASE_URL" in os.environ:
        progress(
            "CMS_DATABASE_URL is set in your environment and goes over the workspace's file: set it anew."
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
