"""``cms contacts``: import and list people."""

from dataclasses import asdict
from typing import Any

import click

from cms_core.audience import contacts, imports
from cms_core.cli.output import print_json, print_table
from cms_core.cli.state import State, json_option, pass_state

PARTLY = 5
SHOWN_FAULTS = 20


@click.group()
def command() -> None:
    """Import and list contacts."""


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
    with state.writing() as (session, _):
        result = imports.import_contacts(
            session, file, columns, dry_run=dry_run, all_or_nothing=all_or_nothing
        )
    failed = bool(result.skipped) and (all_or_nothing or not result.accepted)
    if as_json:
        document: dict[str, Any] = asdict(result)
        if failed:
            document["error"] = {
                "message": _failure(result),
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
    with state.reading() as session:
        rows = list(contacts.list_rows(session))
    if as_json:
        print_json(rows)
    else:
        print_table(rows, ("email", "first_name", "last_name", "company", "country", "consent"))


def _mapping(pairs: tuple[str, ...]) -> dict[str, str]:
    columns = {}
    for pair in pairs:
        column, sign, field = pair.rpartition("=")
        if not sign or not column.strip() or not field.strip():
            raise click.BadParameter(f"{pair!r} is not CSV_COLUMN=field", param_hint="--map")
        columns[column.strip()] = field.strip()
    return columns


def _failure(result: imports.ImportResult) -> str:
    rows = (
        "all rows are"
        if not result.accepted
        else "1 row is"
        if len(result.skipped) == 1
        else f"{len(result.skipped)} rows are"
    )
    return f"{rows} faulty; nothing was saved"


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
        click.echo(f"Error: {_failure(result)}", err=True)
    elif not result.saved:
        click.echo("Nothing was saved; run it again without --dry-run.")
