"""``cms export``: the whole workspace as one file."""

from pathlib import Path

import click

from cms_core.cli.output import print_json, progress
from cms_core.cli.state import State, json_option, pass_state


@click.command()
@click.argument("file", metavar="FILE.zip", type=click.Path(path_type=Path))
@json_option
@pass_state
def command(state: State, file: Path, as_json: bool) -> None:
    """Write the whole workspace to FILE.zip: content, media, people, calendar, publications, deliveries, events.

    Passwords, credentials of connections and secret settings are left out and listed. Keep the file as you keep the database.
    """
    from cms_core.transfer.archive import write_archive

    state.require("system.admin")
    written = write_archive(state.workspace, file)
    rows = sum(content.rows for content in written.tables.values())
    if as_json:
        tables = {name: content.rows for name, content in written.tables.items()}
        print_json(
            {
                "file": str(file),
                "rows": rows,
                "tables": tables,
                "media": written.media,
                "left_out": written.left_out,
            }
        )
        return
    click.echo(f"{file}: {rows:,} rows, {written.media:,} media files")
    for each in written.left_out:
        progress(f"left out: {each['secret']} of {each['of']}")
