"""What the people of the demo type: commands of the core and of plugins, in their name, on the open workspace."""

import io
import json
from contextlib import redirect_stdout
from typing import Any

import click

from cms_core.cli import cli
from cms_core.cli.state import State
from cms_core.demo.home import Account
from cms_core.errors import CmsError
from cms_core.workspace import Workspace


class _Here(State):
    """Answers with a workspace that is open already."""

    def __init__(self, workspace: Workspace, who: Account) -> None:
        super().__init__(None, who.email)
        vars(self)["workspace"] = workspace


def typed(workspace: Workspace, who: Account, name: str, *words: str) -> Any:
    """What ``cms --as WHO NAME WORDS --json`` answers; raises CmsError when it does not end well."""
    command = cli.get_command(click.Context(cli), name)
    if command is None:
        raise CmsError(f"the demo needs the command cms {name}", "install the plugin that brings it")
    said = io.StringIO()
    with redirect_stdout(said):
        code = command.main(
            [*words, "--json"], f"cms {name}", standalone_mode=False, obj=_Here(workspace, who)
        )
    if code:
        raise CmsError(f"cms {name} {' '.join(words)} ended with {code}: {said.getvalue()[:500]}")
    return json.loads(said.getvalue())
