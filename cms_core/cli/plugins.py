"""``cms plugins``: what is installed, what it adds, and what is wrong with it. Only ``purge`` needs a database."""

import os
import sys
from contextlib import redirect_stdout

import click

from cms_core.cli.output import print_json, print_table
from cms_core.cli.state import State, json_option, pass_state
from cms_core.config import disabled_plugins, load_config
from cms_core.connections import overview, quality
from cms_core.errors import CmsError, NotFound
from cms_core.plugins import Plugins


@click.group()
def command() -> None:
    """Plugins, their hooks and problems."""


@command.command("list")
@json_option
@pass_state
def list_(state: State, as_json: bool) -> None:
    """All installed plugins; one that cannot be loaded says why."""
    views = overview.plugin_views(_plugins(state))
    rows = [overview.document(view) for view in views]
    if as_json:
        print_json(rows)
    else:
        shown = [{**row, "channels": ", ".join(view.channels)} for row, view in zip(rows, views, strict=True)]
        print_table(shown, ("name", "version", "state", "channels", "error"))


@command.command()
@click.argument("name")
@json_option
@pass_state
def check(state: State, name: str, as_json: bool) -> None:
    """Load one plugin, ask its set-up hooks, draw its forms and rate it; ends with 1 when anything is wrong."""
    plugins = _plugins(state)
    view, found = overview.plugin_view(plugins, name), overview.problems(plugins, name)
    scale = quality.rated(plugins, name) if view.state == "on" else []
    level = quality.level_of(plugins, name) if scale else ""
    if as_json:
        rules = [{"level": each, "rule": text, "ok": holds} for each, text, holds in scale]
        document = {"name": name, "state": view.state, "ok": not found, "problems": found}
        print_json({**document, "trace": view.trace, "quality": level, "rules": rules})
    else:
        for each, text, holds in scale:
            click.echo(f"{'✓' if holds else '–'} {each:6} {text}")
        for label, names in overview.added_by(plugins, name):
            click.echo(f"{label}: {names}")
        click.echo(view.trace, nl=False, err=True)
    if found and as_json:
        sys.exit(CmsError.exit_code)
    if found:
        raise CmsError(
            f"plugin {name}: {'; '.join(found)}", "correct it, or switch it off with CMS_DISABLE_PLUGINS"
        )
    if not as_json:
        quality_words = f", quality {level}" if level else ""
        click.echo(f"{name} is {view.state}; nothing is wrong with it{quality_words}")


@command.command("purge")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do it; without this, tell what would be gone.")
@json_option
@pass_state
def purge_(state: State, name: str, yes: bool, as_json: bool) -> None:
    """Take away the tables, settings and cursors that a removed plugin left behind; its package is not needed.

    Publications, connections and events stay: they are history.
    """
    from cms_core.auth import audit
    from cms_core.migrations import purge

    workspace = state.workspace
    if yes:
        tables = purge.purge(workspace.db.engine, workspace.plugins, name)
        with state.writing("system.admin") as (session, _):
            audit.note(session, "purge", "plugin", name, {"tables": tables})
    else:
        tables = purge.tables_of(workspace.db.engine, workspace.plugins, name)
    if as_json:
        print_json({"name": name, "purged": yes, "tables": tables})
    else:
        click.echo(f"{'Gone' if yes else 'Would be gone'}: {', '.join(tables) or 'no tables'}")


@command.command()
@click.argument("name", required=False)
@json_option
@pass_state
def hooks(state: State, name: str | None, as_json: bool) -> None:
    """Every hook, or those of one plugin, or one hook by name."""
    rows = overview.hook_listing(_plugins(state))
    if name is not None:
        rows = [row for row in rows if name == row["name"] or name in row["plugins"]]
        if not rows:
            raise NotFound(f"there is no hook or plugin {name!r}", "`cms plugins hooks` lists all hooks")
    if as_json:
        print_json(rows)
        return
    for row in rows:
        click.echo(f"{row['name']}({', '.join(row['arguments'])})")
        click.echo(f"    {row['about']}")
        if row["plugins"]:
            click.echo(f"    used by {', '.join(row['plugins'])}")


def _plugins(state: State) -> Plugins:
    """The plugins of the workspace, or without one those installed; what they print goes to stderr."""
    with redirect_stdout(sys.stderr):
        if state.home or os.environ.get("CMS_HOME"):
            config = load_config(state.home)
            plugins = Plugins(folder=config.home / "plugins", disabled=config.disabled_plugins)
        else:
            plugins = Plugins(disabled=disabled_plugins(os.environ))
        plugins.set_up()
    return plugins
