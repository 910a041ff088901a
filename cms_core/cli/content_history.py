"""``cms content history``, ``compare`` and ``restore``: what an asset was, what changed, and back to it."""

from dataclasses import asdict
from typing import Any

import click

from cms_core.cli.output import print_json, print_table
from cms_core.cli.state import State, json_option, pass_state
from cms_core.content import service
from cms_core.content.compare import Change, Run, find_revision
from cms_core.content.compare import compare as changes_between
from cms_core.content.listing import details

_SIGNS = {"gone": ("[-", "-]"), "new": ("{+", "+}"), "same": ("", "")}


@click.command("history")
@click.argument("slug")
@json_option
@pass_state
def history(state: State, slug: str, as_json: bool) -> None:
    """All revisions of an asset, the newest first."""
    with state.reading("content.read") as session:
        rows = details(session, service.find(session, slug))["revisions"]
    if as_json:
        print_json(rows)
    else:
        print_table(rows, ("n", "state", "author", "created_at", "content_hash"))


@click.command("compare")
@click.argument("slug")
@click.argument("a", type=int)
@click.argument("b", type=int)
@json_option
@pass_state
def compare(state: State, slug: str, a: int, b: int, as_json: bool) -> None:
    """What revision B says otherwise than revision A, word by word: [-gone-] and {+new+}."""
    with state.reading("content.read") as session:
        asset = service.find(session, slug)
        found = changes_between(session, find_revision(session, asset, a), find_revision(session, asset, b))
    if as_json:
        print_json({"slug": slug, "from": a, "to": b, "changes": [_document(each) for each in found]})
    for change in [] if as_json else found:
        words = "".join(_marked(run) for run in change.runs)
        click.echo(f"{change.field}\n  {words.replace(chr(10), chr(10) + '  ')}\n")
    if not found and not as_json:
        click.echo("The two revisions say the same.")


def _marked(run: Run) -> str:
    before, after = _SIGNS[run.op]
    return f"{before}{run.text}{after}"


def _document(change: Change) -> dict[str, Any]:
    runs = [asdict(run) for run in change.runs]
    return {"field": change.field, "before": change.before, "after": change.after, "runs": runs}


@click.command("restore")
@click.argument("slug")
@click.argument("n", type=int)
@json_option
@pass_state
def restore(state: State, slug: str, n: int, as_json: bool) -> None:
    """Make the words of revision N the newest again; they are a draft, and need approval."""
    with state.writing("content.edit") as (session, user):
        asset = service.find(session, slug)
        new = service.restore(session, state.workspace.plugins, asset, find_revision(session, asset, n), user)
        row = {
            "id": asset.public_id,
            "slug": slug,
            "revision": new.n,
            "state": str(new.state),
            "restored": n,
        }
    if as_json:
        print_json(row)
    else:
        click.echo(f"{slug}: revision {new.n} has the words of revision {n}; it is a {new.state}.")
