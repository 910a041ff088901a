"""``cms content``: import Markdown and WordPress exports, list, show, check and approve."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from cms_core.auth.service import acting_user
from cms_core.cli import content_care, content_history
from cms_core.cli.output import print_json, print_table, progress
from cms_core.cli.state import State, json_option, pass_state
from cms_core.content.listing import details, list_assets
from cms_core.content.review import approve_newest
from cms_core.content.service import find
from cms_core.content.trial import findings_for
from cms_core.imports.fetching import fetch_files
from cms_core.imports.folder import read_folder
from cms_core.imports.saving import Outcome, save_folder

PARTLY_DONE = 5


@click.group("content")
def command() -> None:
    """Import, check and approve content."""


for module in (content_history, content_care):
    for each in vars(module).values():
        if isinstance(each, click.Command):
            command.add_command(each)


# --- import ---------------------------------------------------------------------------------------------------------------


@command.command("import")
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option("--approve-as", metavar="EMAIL", help="Also approve what was imported, as this user.")
@click.option("--fetch-media", is_flag=True, help="Fetch the pictures that texts of a WordPress site show.")
@click.option("--dry-run", is_flag=True, help="Say what would happen; save nothing.")
@json_option
@pass_state
def import_folder(
    state: State, path: Path, approve_as: str | None, fetch_media: bool, dry_run: bool, as_json: bool
) -> None:
    """Import Markdown or a WordPress export: a file, a zip archive, or all below a folder.

    What a file is, its content says. Importing the same again adds nothing; what changed is updated.
    """
    with _media_dir(state, dry_run) as media_dir:
        with state.reading("content.read") as session:
            tz = acting_user(session, state.as_email).timezone
            folder = read_folder(session, state.workspace, path, media_dir, tz)
        if fetch_media and not dry_run:
            fetch_files(state.workspace.guard, folder, media_dir, progress)
        with state.writing("content.edit") as (session, user):
            approver = acting_user(session, approve_as) if approve_as else None
            outcome = save_folder(session, state.workspace, folder, user, approver)
            if dry_run or not outcome.good:
                session.rollback()
    _report_import(outcome, dry_run, as_json)


@contextmanager
def _media_dir(state: State, dry_run: bool) -> Iterator[Path]:
    """Where pictures go: in a dry run to a folder that vanishes."""
    if not dry_run:
        yield state.workspace.config.media_dir
        return
    with tempfile.TemporaryDirectory() as scratch:
        yield Path(scratch)


def _report_import(outcome: Outcome, dry_run: bool, as_json: bool) -> None:
    """Print the outcome; exit code 1 when every file was faulty, 5 when some were."""
    result: dict[str, Any] = asdict(outcome)
    errors = outcome.errors
    if errors and not outcome.good:
        result["error"] = {
            "message": "nothing could be imported: "
            + ("one fault" if len(errors) == 1 else f"{len(errors)} faults"),
            "remedy": errors[0].reason,
        }
    if as_json:
        print_json(result)
    else:
        words = [f"{result[name]} {name}" for name in ("created", "updated", "unchanged", "scheduled")]
        click.echo(", ".join([*words, f"{len(errors)} with errors"] if errors else words))
    for problem in errors:
        progress(f"{problem.file}:{problem.line}: {problem.reason}")
    for note in outcome.notes:
        progress(f"{note.file}:{note.line}: note: {note.reason}")
    if dry_run:
        progress("Nothing was saved: this was a dry run.")
    if errors:
        click.get_current_context().exit(PARTLY_DONE if outcome.good else 1)


# --- list, show, approve, check -------------------------------------------------------------------------------------------


@command.command("list")
@json_option
@pass_state
def list_content(state: State, as_json: bool) -> None:
    """All content, the last changed first."""
    with state.reading("content.read") as session:
        rows = [asdict(row) for row in list_assets(session)]
    for row in rows:
        del row["key"]
    if as_json:
        print_json(rows)
    else:
        print_table(rows, ("slug", "kind", "title", "state", "revision", "updated_at"))


@command.command("show")
@click.argument("slug")
@json_option
@pass_state
def show(state: State, slug: str, as_json: bool) -> None:
    """One asset with its words, variants, files and reviews."""
    with state.reading("content.read") as session:
        found = details(session, find(session, slug))
    if as_json:
        print_json(found)
        return
    for name in ("slug", "kind", "title", "summary", "state", "revision", "content_hash", "locale"):
        click.echo(f"{name + ':':<14}{found[name]}")
    for name in sorted(found["body"].keys() - {"text"}):
        click.echo(f"{name + ':':<14}{found['body'][name]}")
    click.echo(f"{'tags:':<14}{', '.join(found['tags'])}\n\n{found['body'].get('text', '')}")


@command.command("approve")
@click.argument("slugs", metavar="SLUG…", nargs=-1, required=True)
@json_option
@pass_state
def approve(state: State, slugs: tuple[str, ...], as_json: bool) -> None:
    """Approve the newest words of assets; all of them, or none."""
    with state.writing("content.approve") as (session, user):
        revisions = [approve_newest(session, state.workspace, find(session, slug), user) for slug in slugs]
        rows = [
            {"id": each.asset.public_id, "slug": each.asset.slug, "state": each.state, "revision": each.n}
            for each in revisions
        ]
    if as_json:
        print_json(rows)
    else:
        print_table(rows, ("slug", "revision", "state"))


@command.command("check")
@click.argument("slug")
@click.option("--channel", required=True, help="The channel to check for.")
@click.option("--connection", "name", help="One of its connections.")
@json_option
@pass_state
def check(state: State, slug: str, channel: str, name: str | None, as_json: bool) -> None:
    """What a channel and the plugins remark on an asset's newest words."""
    with state.reading("content.read") as session:
        findings = findings_for(session, state.workspace, slug, channel, name or "")
    rows = [{"level": str(each.level), "field": each.field, "message": each.message} for each in findings]
    if as_json:
        print_json(rows)
    elif rows:
        print_table(rows, ("level", "field", "message"))
    else:
        click.echo("Nothing to remark.")
