"""``cms doctor``: what is wrong with this workspace, and what to do about it."""

import click

from cms_core.cli.output import print_json
from cms_core.cli.state import State, close_at_end, json_option, pass_state

SIGNS = {"ok": "✓", "note": "·", "warning": "!", "error": "✗"}


@click.command()
@click.option("--offline", is_flag=True, help="Ask no name server.")
@json_option
@pass_state
def command(state: State, offline: bool, as_json: bool) -> None:
    """Look at the machine, the database, the keys and all that publishing needs; ends with 1 when something does not work.

    Changes nothing, and connects to nothing but the database and, for the records of senders, name servers.
    """
    from cms_core.config import load_config
    from cms_core.doctor.checks import examine
    from cms_core.doctor.findings import Finding, Grade, has_error
    from cms_core.errors import CmsError
    from cms_core.workspace import open_workspace

    found: list[Finding]
    try:
        workspace = open_workspace(load_config(state.home))
    except CmsError as fault:
        found = [Finding(Grade.ERROR, fault.message, fault.remedy, "configuration")]
    else:
        close_at_end(workspace)
        found = examine(workspace, offline=offline)
    if as_json:
        print_json([each.document() for each in found])
    else:
        for each in found:
            click.echo(f"{SIGNS[each.level]} {each.check:13} {each.message}")
            if each.remedy:
                click.echo(f"  {'':13} → {each.remedy}")
    if has_error(found):
        raise SystemExit(1)
