"""``cms campaigns``: create and list campaigns."""

from datetime import datetime
from typing import Any

import click

from cms_core.campaigns import service
from cms_core.cli.output import print_json, print_table
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
    with state.writing() as (session, _):
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
    with state.reading() as session:
        rows = [service.document(campaign) for campaign in service.campaigns(session)]
    if as_json:
        print_json(rows)
    else:
        print_table(rows, ("name", "start", "end", "tz", "budget", "key"))
