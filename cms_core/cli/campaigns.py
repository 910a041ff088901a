"""``cms campaigns``: create and list campaigns, move and copy whole ones."""

from datetime import datetime
from typing import Any

import click

from cms_core.campaigns import service, shifting
from cms_core.cli.output import print_json, print_table, progress
from cms_core.cli.state import State, json_option, pass_state

DAY = click.DateTime(["%Y-%m-%d"])


@click.group()
def command() -> None:
    """Campaigns."""


@command.command()
@click.argument("name")
@click.option("--start", type=DAY, required=True, help="First day.")
@click.option("--end", type=DAY, required=True, help="Last day.")
@click.option("--tz", required=True, metavar="ZONE", help="Its zone, such as Europe/Paris.")
@click.option("--budget", default="", metavar="AMOUNT", help='Such as "500 EUR".')
@click.option("--goal", default="", help="What it shall reach, in words.")
@click.option(
    "--utm",
    "utm",
    multiple=True,
    metavar="KEY=VALUE",
    help="source, medium, content or term; may be repeated.",
)
@json_option
@pass_state
def create(state: State, /, name: str, start: datetime, end: datetime, as_json: bool, **more: Any) -> None:
    """Create a campaign."""
    more["utm"] = dict(pair.partition("=")[::2] for pair in more["utm"])
    with state.writing("calendar.edit") as (session, _):
        campaign = service.create_campaign(session, name, start.date(), end.date(), **more)
        row = service.document(campaign)
    if as_json:
        print_json(row)
    else:
        click.echo(f"Campaign {row['name']!r} created; its key in links and events is {row['key']}.")


@command.command("list")
@json_option
@pass_state
def list_(state: State, as_json: bool) -> None:
    """All campaigns."""
    with state.reading("calendar.read") as session:
        rows = [service.document(campaign) for campaign in service.campaigns(session)]
    if as_json:
        print_json(rows)
    else:
        print_table(rows, ("name", "start", "end", "tz", "budget", "key"))


@command.command()
@click.argument("name")
@click.option("--by", "days", type=int, metavar="DAYS", help="By so many days; negative: earlier.")
@click.option("--start", type=DAY, metavar="D", help="To begin on this day.")
@click.option("--dry-run", is_flag=True, help="Say what would move; change nothing.")
@json_option
@pass_state
def move(
    state: State, name: str, days: int | None, start: datetime | None, dry_run: bool, as_json: bool
) -> None:
    """Move a whole campaign: times of day stay, armed entries get their new times, what is done stays."""
    from cms_core.campaigns import rules
    from cms_core.publishing import rescheduling

    if (days is None) == (start is None):
        raise click.UsageError("give either --by or --start")
    with state.writing("calendar.edit") as (session, _):
        campaign = service.find_campaign(session, name)
        by = (
            days
            if days is not None
            else shifting.days_to(campaign, start.date() if start else campaign.starts_on)
        )
        done = rescheduling.move_campaign(session, state.workspace.plugins, campaign, by)
        document = rules.move_document(campaign, done)
        if dry_run:
            session.rollback()
    _report(document, dry_run, as_json)


@command.command()
@click.argument("name")
@click.argument("new_name", metavar="NEW")
@click.option("--start", type=DAY, required=True, metavar="D", help="First day of the copy.")
@click.option("--dry-run", is_flag=True, help="Say what would be made; change nothing.")
@json_option
@pass_state
def copy(state: State, name: str, new_name: str, start: datetime, dry_run: bool, as_json: bool) -> None:
    """Copy a campaign to another start: its entries are planned at the same times of day, and follow each other as they did."""
    from cms_core.campaigns import rules

    with state.writing("calendar.edit") as (session, _):
        campaign = service.find_campaign(session, name)
        made, entries = shifting.copy(session, campaign, new_name, start.date())
        document = rules.copy_document(made, entries)
        if dry_run:
            session.rollback()
    _report(document, dry_run, as_json)


def _report(document: dict[str, Any], dry_run: bool, as_json: bool) -> None:
    if as_json:
        print_json(document)
    else:
        print_table(
            document.get("moved", document.get("entries", [])), ("id", "title", "state", "old", "new")
        )
        for row in document.get("stays", ()):
            click.echo(f"stays: {row['title']}: {row['reason']}")
    if dry_run:
        progress("Nothing was changed: this was a dry run.")
