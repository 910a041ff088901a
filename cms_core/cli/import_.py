"""``cms import``: an empty workspace filled from a file that ``cms export`` wrote."""

from pathlib import Path

import click

from cms_core.cli.output import print_json, progress
from cms_core.cli.state import State, json_option, pass_state


@click.command()
@click.argument("file", metavar="FILE.zip", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@json_option
@pass_state
def command(state: State, file: Path, as_json: bool) -> None:
    """Fill this empty workspace from FILE.zip: all of it or nothing.

    The copy publishes nothing until `cms fence accept`. Links that were sent stay valid. Connections and people need their
    credentials again; whoever has an account here keeps their password.
    """
    from cms_core.transfer.restore import restore

    state.require("system.admin")
    found = restore(state.workspace, file)
    rows = sum(found.tables.values())
    if as_json:
        document = {"file": str(file), "rows": rows, "tables": found.tables, "media": found.media}
        print_json(
            document
            | {"left_out": found.left_out, "without_password": found.without_password, "fenced": True}
        )
        return
    click.echo(f"{rows:,} rows, {found.media:,} media files")
    for each in found.without_password:
        progress(f"{each} has no password here: `cms users password {each}`")
    for each in found.left_out:
        if each["table"] != "core_user":
            progress(f"not in the file: {each['secret']} of {each['of']}")
    progress("Nothing is published from here until `cms fence accept`.")
