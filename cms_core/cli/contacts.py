"""``cms contacts``: import and list people; give out and erase what is kept about one."""

from dataclasses import asdict
from typing import Any

import click

from cms_core import joining, personal
from cms_core.audience import contacts, imports
from cms_core.cli.output import print_json, print_table
from cms_core.cli.state import State, json_option, pass_state

PARTLY = 5
SHOWN_FAULTS = 20


@click.group()
def command() -> None:
    """Import, list, export and erase contacts."""


@command.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option(
    "--map",
    "mapping",
    multiple=True,
    metavar="CSV_COLUMN=field",
    help="Which field a column is, - to leave it out; may be repeated.",
)
@click.option("--dry-run", is_flag=True, help="Tell what would happen and save nothing.")
@click.option("--all-or-nothing", is_flag=True, help="Save nothing when any row is faulty.")
@json_option
@pass_state
@click.pass_context
def import_(
    ctx: click.Context,
    state: State,
    file: str,
    mapping: tuple[str, ...],
    dry_run: bool,
    all_or_nothing: bool,
    as_json: bool,
) -> None:
    """Create and change contacts from a CSV file, or a zip archive of some.

    Columns: email, first_name, last_name, company, country, language, timezone, consent (yes, no or unsubscribed; without it
    nobody is mailed). Any other column becomes a field of your own. An empty cell never erases what is known.

    Exports of HubSpot, Mailchimp, listmonk, Mautic and Salesforce are recognised by their columns: who opted out or bounced is
    not mailed, and tags become static segments (--map "Labels=@tags" does that for a file of your own).
    """
    columns = _mapping(mapping)
    with state.writing("audience.edit") as (session, _):
        result = imports.import_contacts(
            session, file, columns, dry_run=dry_run, all_or_nothing=all_or_nothing
        )
    failed = bool(result.skipped) and (all_or_nothing or not result.accepted)
    if as_json:
        document: dict[str, Any] = asdict(result)
        if failed:
            document["error"] = {
                "message": result.failure,
                "remedy": "mend the rows listed in skipped and import again",
            }
        print_json(document)
    else:
        _print(result, failed)
    ctx.exit(1 if failed else PARTLY if result.skipped else 0)


@command.command("list")
@json_option
@pass_state
def list_(state: State, as_json: bool) -> None:
    """List all contacts; consent is how they stand to e-mail now."""
    with state.reading("audience.read") as session:
        rows = list(contacts.list_rows(session))
    if as_json:
        print_json(rows)
    else:
        print_table(rows, ("email", "first_name", "last_name", "company", "country", "consent"))


@command.command()
@click.argument("address", metavar="EMAIL")
@json_option
@pass_state
def export(state: State, address: str, as_json: bool) -> None:
    """Everything that is kept about one person, also by plugins: what they may ask for."""
    with state.reading("audience.read") as session:
        contact_id = personal.find(session, address).id
    document = personal.export(state.workspace, contact_id)
    if as_json:
        print_json(document)
        return
    for key, value in document["contact"].items():
        click.echo(f"{key:15} {value if value not in (None, '') else '-'}")
    for part in ("consents", "suppressions", "segments", "deliveries", "events", "plugins"):
        click.echo(f"{part:15} {len(document[part])} (--json shows them)")
    for plugin, reason in document["unanswered"].items():
        click.echo(f"Note: {plugin} gave no answer: {reason}", err=True)


@command.command()
@click.argument("address", metavar="EMAIL")
@json_option
@pass_state
@click.pass_context
def erase(ctx: click.Context, state: State, address: str, as_json: bool) -> None:
    """Erase one person; ends with 5 while a plugin still keeps something, which is tried again by itself.

    What stays names nobody: figures, and a keyed hash that keeps the address from being written to again.
    """
    with state.writing("audience.edit") as (session, user):
        contact_id, actor = personal.find(session, address).id, (user.id, "cli")
    outcome = personal.erase(state.workspace, contact_id, actor)
    if as_json:
        print_json(outcome)
    elif outcome["complete"]:
        click.echo("Erased.")
    for plugin, reason in outcome["pending"].items():
        click.echo(f"Not complete: {plugin} has not deleted what it keeps: {reason}", err=True)
    ctx.exit(0 if outcome["complete"] else PARTLY)


@command.command()
@click.argument("keep")
@click.argument("gone")
@json_option
@pass_state
def merge(state: State, keep: str, gone: str, as_json: bool) -> None:
    """Two contacts are one person: KEEP stays and gets all that GONE has (both by address or id).

    What waits for both goes out once; whoever said no under either address has said it for both.
    """
    with state.writing("audience.edit") as (session, _):
        document = joining.merge(session, joining.find(session, keep), joining.find(session, gone))
    if as_json:
        print_json(document)
    else:
        click.echo(
            f"merged: {document['deliveries']} deliveries moved, {document['skipped']} doubles left out"
        )


def _mapping(pairs: tuple[str, ...]) -> dict[str, str]:
    columns = {}
    for pair in pairs:
        column, sign, field = pair.rpartition("=")
        if not sign or not column.strip() or not field.strip():
            raise click.BadParameter(f"{pair!r} is not CSV_COLUMN=field", param_hint="--map")
        columns[column.strip()] = field.strip()
    return columns


def _print(result: imports.ImportResult, failed: bool) -> None:
    click.echo(
        f"{result.created} created, {result.updated} updated, {result.unchanged} unchanged, {len(result.skipped)} left out"
    )
    for each in result.segments:
        click.echo(f"{each['added']} into the segment {each['name']}")
    for each in result.skipped[:SHOWN_FAULTS]:
        place = f"{each['file']}, row" if "file" in each else "row"
        click.echo(f"{place} {each['row']}: {each['reason']}", err=True)
    if len(result.skipped) > SHOWN_FAULTS:
        click.echo(f"… and {len(result.skipped) - SHOWN_FAULTS} more (--json lists all)", err=True)
    for note in result.notes:
        click.echo(f"Note: {note}", err=True)
    if failed:
        click.echo(f"Error: {result.failure}", err=True)
    elif not result.saved:
        click.echo("Nothing was saved; run it again without --dry-run.")
