"""``cms leads``, ``cms deals`` and ``cms companies``."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import click

from cms_core import Invalid, State, json_option, pass_state, print_json, print_table, progress
from cms_leads import companies as company_files
from cms_leads import imports, listing
from cms_leads import points as scores
from cms_leads.plugin import READ, RULES, WORK

PLUGIN = "leads"
PARTLY = 5
SHOWN_FAULTS = 20
FILE = click.Path(exists=True, dir_okay=False)
MAP = click.option(
    "--map",
    "mapping",
    multiple=True,
    metavar="CSV_COLUMN=field",
    help="Which field a column is, - to leave it out; may be repeated.",
)
DRY_RUN = click.option("--dry-run", is_flag=True, help="Tell what would happen and save nothing.")
ALL_OR_NOTHING = click.option("--all-or-nothing", is_flag=True, help="Save nothing when any row is faulty.")


@click.group()
def leads() -> None:
    """Points of contacts, with the reasons."""


@leads.command("list")
@click.option("--at", metavar="ISO", help="As of this instant (default: now).")
@click.option("--min", "least", type=int, help="Only those with at least so many points.")
@json_option
@pass_state
def list_leads(state: State, at: str | None, least: int | None, as_json: bool) -> None:
    """List who has points, counted from the ledger, the most first. The reasons add up to the points."""
    svc = state.services(PLUGIN, READ)
    rows = listing.all_leads(svc, _instant(at) if at else svc.now(), least)
    if as_json:
        print_json(rows)
    else:
        shown = [{**row, "why": f"{len(row['reasons'])} reasons"} for row in rows]
        print_table(shown, ("points", "name", "email", "company", "why"))


@leads.command()
@json_option
@pass_state
def rebuild(state: State, as_json: bool) -> None:
    """Count everybody's points anew from the whole ledger."""
    count = scores.rebuild(state.services(PLUGIN, RULES))
    if as_json:
        print_json({"leads": count})
    else:
        click.echo(f"{count} have points")


@click.group()
def deals() -> None:
    """Deals."""


@deals.command("import")
@click.argument("file", type=FILE)
@MAP
@click.option(
    "--currency",
    default="",
    metavar="CODE",
    help="Of amounts that name none (default: that of the settings).",
)
@click.option(
    "--dates", default="", type=click.Choice(["", "mdy", "dmy"]), help="How days like 5/4/2026 are meant."
)
@DRY_RUN
@ALL_OR_NOTHING
@json_option
@pass_state
@click.pass_context
def import_deals(
    ctx: click.Context,
    state: State,
    /,
    file: str,
    mapping: tuple[str, ...],
    currency: str,
    dates: str,
    as_json: bool,
    **how: bool,
) -> None:
    """Create and change deals from a CSV file.

    Columns: name, company, contacts (e-mail addresses), amount, currency, stage, outcome (open, won or lost), closed_at, owner,
    external_id. Exports of HubSpot and Salesforce are understood as they are. An empty cell never erases what is known.
    """
    options = imports.Options(_mapping(mapping), currency.upper(), dates)
    result = imports.import_deals(
        state.services(PLUGIN, WORK),
        file,
        options,
        dry_run=how["dry_run"],
        all_or_nothing=how["all_or_nothing"],
    )
    ctx.exit(_tell(result, how["all_or_nothing"], as_json))


@deals.command("list")
@click.option("--outcome", default="", type=click.Choice(["", "open", "won", "lost"]), help="Only such.")
@json_option
@pass_state
def list_deals(state: State, outcome: str, as_json: bool) -> None:
    """List all deals, the newest first."""
    svc = state.services(PLUGIN, READ)
    rows = listing.deal_rows(svc, listing.deal_page(svc, outcome=outcome, limit=None))
    if as_json:
        print_json(rows)
    else:
        print_table(rows, ("name", "company", "amount", "currency", "stage", "outcome", "owner"))


@click.group()
def companies() -> None:
    """Companies."""


@companies.command("import")
@click.argument("file", type=FILE)
@DRY_RUN
@ALL_OR_NOTHING
@json_option
@pass_state
@click.pass_context
def import_companies(
    ctx: click.Context, state: State, file: str, dry_run: bool, all_or_nothing: bool, as_json: bool
) -> None:
    """Create and complete companies from a CSV file.

    Columns: name, domain; any other becomes a field of your own. Contacts without a company join that of their address's domain.
    """
    result = company_files.import_companies(
        state.services(PLUGIN, WORK), file, dry_run=dry_run, all_or_nothing=all_or_nothing
    )
    ctx.exit(_tell(result, all_or_nothing, as_json))


@companies.command("list")
@json_option
@pass_state
def list_companies(state: State, as_json: bool) -> None:
    """List all companies by name."""
    rows = [listing.company(*each) for each in state.services(PLUGIN, READ).list_companies()]
    if as_json:
        print_json(rows)
    else:
        print_table(rows, ("name", "domain", "contacts"))


def _instant(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is not an instant such as 2026-05-04T09:00+02:00", param_hint="--at"
        ) from None
    if found.tzinfo is None:
        raise click.BadParameter(f"{text!r} has no offset: write 2026-05-04T09:00+02:00", param_hint="--at")
    return found.astimezone(UTC)


def _mapping(pairs: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for pair in pairs:
        column, sign, target = pair.rpartition("=")
        if not sign or not column.strip() or not target.strip():
            raise click.BadParameter(f"{pair!r} is not CSV_COLUMN=field", param_hint="--map")
        found[column.strip()] = target.strip()
    return found


def _tell(result: imports.ImportResult, all_or_nothing: bool, as_json: bool) -> int:
    """Print what became of a file; the exit code."""
    failed = bool(result.skipped) and (all_or_nothing or not result.accepted)
    failure = Invalid(
        "no row could be saved" if not result.accepted else "rows are faulty; nothing was saved",
        "mend the rows listed in skipped and import again",
    )
    if as_json:
        document: dict[str, Any] = asdict(result)
        if failed:
            document["error"] = {"message": failure.message, "remedy": failure.remedy}
        print_json(document)
    else:
        _print(result, failure.message if failed else "")
    return 1 if failed else PARTLY if result.skipped else 0


def _print(result: imports.ImportResult, failure: str) -> None:
    click.echo(
        f"{result.created} created, {result.updated} updated, {result.unchanged} unchanged, {len(result.skipped)} left out"
    )
    for each in result.skipped[:SHOWN_FAULTS]:
        progress(f"row {each['row']}: {each['reason']}")
    if len(result.skipped) > SHOWN_FAULTS:
        progress(f"… and {len(result.skipped) - SHOWN_FAULTS} more (--json lists all)")
    for note in result.notes:
        progress(f"Note: {note}")
    if failure:
        progress(f"Error: {failure}")
    elif not result.saved:
        click.echo("Nothing was saved; run it again without --dry-run.")
