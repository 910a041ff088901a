"""``cms backup``: the whole workspace as one file that can be restored."""

from pathlib import Path

import click

from cms_core.cli.output import print_json, progress
from cms_core.cli.state import State, json_option, pass_state

PARTLY = 5


@click.command()
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--with-key", is_flag=True, help="Put the workspace's secret key into the file too.")
@json_option
@pass_state
def command(state: State, file: Path, with_key: bool, as_json: bool) -> None:
    """Write the whole workspace to FILE as it is at one instant, while it goes on working.

    The file is read again and compared before it gets its name. Credentials are in it as they are encrypted; without
    --with-key they can only be read with the CMS_SECRET_KEY of the workspace's .env file, so keep that apart. Code of
    plugins, their folder `data` and the journals of running senders are not in it. Ends with 5 when files of media were missing.
    """
    from cms_core.transfer.archive import write_backup

    state.require("system.admin")
    written = write_backup(state.workspace, file, with_key=with_key)
    tables = {name: content.rows for name, content in written.tables.items()}
    if as_json:
        told = {"file": str(file), "made_at": written.made_at, "rows": sum(tables.values()), "tables": tables}
        print_json({**told, "media": written.media, "missing": written.missing, "with_key": with_key})
    else:
        click.echo(
            f"{file}: {sum(tables.values()):,} rows, {written.media:,} media files, as of {written.made_at:%F %T} UTC"
        )
    for sha256 in written.missing:
        progress(f"missing, and so not in the file: media {sha256}")
    if not with_key:
        progress("The key is not in the file: keep CMS_SECRET_KEY of the .env file apart.")
    if written.missing:
        raise SystemExit(PARTLY)
