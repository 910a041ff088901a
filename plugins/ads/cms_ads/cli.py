"""``cms ads``: cost reports of vendors, to what they belong, rates, and the guard of budgets."""

from dataclasses import asdict
from typing import Any

import click

from cms_ads import belonging, guard, telling
from cms_ads import rates as exchange
from cms_ads.importing import Result, import_report
from cms_ads.vendors import VENDORS
from cms_core import State, json_option, pass_state, print_json, print_table

PLUGIN = "ads"
PARTLY = 5
SHOWN = 20


@click.group()
def command() -> None:
    """What ads cost, and the guard of their budgets."""


@command.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option(
    "--format",
    "vendor",
    type=click.Choice(list(VENDORS)),
    default=None,
    help="Whose report it is (default: found out).",
)
@click.option("--currency", default="", metavar="CODE", help="Of amounts that name none.")
@json_option
@pass_state
@click.pass_context
def import_(
    ctx: click.Context, state: State, file: str, vendor: str | None, currency: str, as_json: bool
) -> None:
    """Take up a cost report (CSV) of Google Ads, Microsoft Advertising or Meta.

    What it says of a campaign and day replaces what was said before, so that importing it again changes nothing. Campaigns that are
    none of ours yet are kept: `cms ads map` says which they are.
    """
    svc = state.services(PLUGIN)
    svc.require("ads.import")
    result = import_report(svc, file, vendor or "", currency.upper())
    failed = bool(result.faulty) and not result.rows
    if as_json:
        document: dict[str, Any] = asdict(result)
        if failed:
            document["error"] = {
                "message": "all rows are faulty; nothing was saved",
                "remedy": "mend the rows listed in faulty",
            }
        print_json(document)
    else:
        _print(result)
    ctx.exit(1 if failed else PARTLY if result.faulty else 0)


@command.command("map")
@click.argument("name")
@click.argument("campaign")
@json_option
@pass_state
def map_(state: State, name: str, campaign: str, as_json: bool) -> None:
    """Say that a vendor's campaign NAME is our CAMPAIGN; what was imported of it counts there from now on."""
    svc = state.services(PLUGIN)
    svc.require("ads.import")
    key = belonging.say(svc, name, campaign)
    telling.tell(svc)
    if as_json:
        print_json({"name": name, "campaign": key})
    else:
        click.echo(f"{name!r} belongs to the campaign {key}.")


@command.group()
def rates() -> None:
    """What currencies are worth in each other."""


@rates.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@json_option
@pass_state
@click.pass_context
def import_rates(ctx: click.Context, state: State, file: str, as_json: bool) -> None:
    """Take up rates from a CSV file with the columns date, from, to, rate (one unit of "from" in "to")."""
    svc = state.services(PLUGIN)
    svc.require("ads.import")
    result = exchange.import_rates(svc, file)
    telling.tell(svc)
    if as_json:
        print_json(result)
    else:
        click.echo(f"{result['saved']} rates saved, {len(result['faulty'])} rows left out")
    ctx.exit(0 if not result["faulty"] else PARTLY if result["saved"] else 1)


@command.command("budgets")
@json_option
@pass_state
def budgets(state: State, as_json: bool) -> None:
    """Every budget with what was spent of it; warns and pauses where a line was crossed."""
    svc = state.services(PLUGIN)
    svc.require("ads.import")
    said = guard.keep(svc)
    rows = [guard.document(each) for each in guard.watched(svc)]
    if as_json:
        print_json({"budgets": rows, "said": said})
    else:
        print_table(rows, ("kind", "title", "spent", "budget", "currency"))
        for words in said:
            click.echo(words, err=True)


def _print(result: Result) -> None:
    spent = ", ".join(f"{amount:f} {code}" for code, amount in result.by_currency.items()) or "nothing"
    click.echo(
        f"{result.rows} rows of {VENDORS[result.format]}: {spent}, {result.clicks} clicks; {result.unchanged} unchanged"
    )
    for each in result.faulty[:SHOWN]:
        click.echo(f"row {each['row']}, {each['column']}: {each['reason']}", err=True)
    if len(result.faulty) > SHOWN:
        click.echo(f"… and {len(result.faulty) - SHOWN} more (--json lists all)", err=True)
    for each in result.findings:
        click.echo(f"Note: {each['message']}", err=True)
    for each in result.unmapped:
        click.echo(
            f"{each['campaign']!r} ({each['spend']:f} {each['currency']}) is no campaign of ours: `cms ads map`",
            err=True,
        )
