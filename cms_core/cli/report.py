"""``cms report``: the figures of a campaign."""

from pathlib import Path

import click

from cms_core.campaigns.service import find_campaign
from cms_core.cli.output import print_json, print_table, progress
from cms_core.cli.state import State, json_option, pass_state
from cms_core.errors import Invalid
from cms_core.reports import rollups
from cms_core.reports.campaign import CampaignReport, report
from cms_core.reports.figures import DEFINITIONS

STDOUT = "-"
BRIEF = ("addressed", "sent", "opened_people", "clicked_people", "visits", "conversions", "cost")


@click.group()
def command() -> None:
    """The figures of a campaign."""


@command.command()
@click.argument("name")
@json_option
@click.option("--csv", "csv_file", is_flag=False, flag_value=STDOUT, metavar="[FILE]", help="As CSV.")
@click.option(
    "--html", "html_file", is_flag=False, flag_value=STDOUT, metavar="[FILE]", help="As a page to print."
)
@pass_state
def campaign(state: State, name: str, as_json: bool, csv_file: str | None, html_file: str | None) -> None:
    """What the campaign NAME reached: in all, by channel and by asset.

    --csv and --html write to FILE, or without one (or with "-") to stdout. docs/figures.md says what each figure counts.
    """
    if [as_json, csv_file == STDOUT, html_file == STDOUT].count(True) > 1:
        raise click.UsageError(
            "only one of --json, --csv and --html can go to stdout: name a FILE for the others"
        )
    rollups.keep_up(state.workspace.db)
    with state.reading("reports.read") as session:
        made = report(session, find_campaign(session, name))
    _write_files(made, csv_file, html_file)
    if as_json:
        print_json(made.document())
    elif csv_file is None and html_file is None:
        print_report(made)


@command.command()
@json_option
@pass_state
def rebuild(state: State, as_json: bool) -> None:
    """Count all events anew. The figures stay the same; it takes a while and nobody can write meanwhile."""
    with state.writing("system.admin") as (session, _):
        count = rollups.rebuild(session)
    if as_json:
        print_json({"events": count})
    else:
        click.echo(f"{count} events counted")


def _write_files(made: CampaignReport, csv_file: str | None, html_file: str | None) -> None:
    from cms_core.reports.files import as_csv, as_html

    for target, make in ((csv_file, as_csv), (html_file, as_html)):
        if target is not None:
            _write(target, make(made))


def _write(target: str, text: str) -> None:
    if target == STDOUT:
        click.echo(text, nl=False)
        return
    try:
        Path(target).write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise Invalid(
            f"{target} cannot be written: {error.strerror}", "name a file in a folder that exists"
        ) from None
    progress(f"written to {target}")


def print_report(made: CampaignReport) -> None:
    """Print all figures of a campaign, then the most asked ones by channel and by asset."""
    totals = made.totals.document()
    click.echo(f"{made.campaign} ({made.key})")
    for key, definition in DEFINITIONS.items():
        amount = f" {made.currency}" if key == "cost" and made.currency else ""
        click.echo(f"  {definition.label:24} {totals[key]}{amount}")
    for level, found in (("channel", made.by_channel), ("asset", made.by_asset)):
        click.echo()
        print_table([{level: name or "none", **row.document()} for name, row in found], (level, *BRIEF))
    for note in made.notes:
        progress(note)
