"""``cms restore``: a workspace from a file that ``cms backup`` wrote."""

import os
from pathlib import Path

import click

from cms_core.cli.output import print_json, progress
from cms_core.cli.state import State, close_at_end, json_option, pass_state
from cms_core.errors import ConfigError


@click.command()
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--database-url",
    metavar="URL",
    help="Of a new workspace: where the data is kept (default: SQLite in it).",
)
@json_option
@pass_state
def command(state: State, file: Path, database_url: str | None, as_json: bool) -> None:
    """Restore FILE into the folder of --home or CMS_HOME, which is made; or into a workspace that nobody has used yet.

    All of it or nothing; what is in use is never written over. The restored workspace publishes nothing until `cms fence accept`.
    """
    from cms_core.doctor.house import unreadable_secrets
    from cms_core.transfer.home import restore_home

    home = state.home or os.environ.get("CMS_HOME")
    if not home:
        raise ConfigError("no folder named", "give --home DIR or set CMS_HOME; it is made")
    workspace, found = restore_home(Path(home).expanduser().resolve(), file, database_url)
    close_at_end(workspace)
    unreadable, rows = unreadable_secrets(workspace), sum(found.tables.values())
    if as_json:
        told = {"file": str(file), "made_at": found.made_at, "rows": rows, "tables": found.tables}
        print_json({**told, "media": found.media, "fenced": True, "unreadable": unreadable})
    else:
        click.echo(f"{rows:,} rows, {found.media:,} media files, as of {found.made_at}")
    if unreadable:
        progress(f"The key of this workspace does not open: {', '.join(unreadable)}.")
        progress("Add the key of the old one to CMS_SECRET_KEY in .env, behind a comma, or enter them again.")
    progress("Nothing is published from here until `cms fence accept`.")
