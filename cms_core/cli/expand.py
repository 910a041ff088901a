"""``cms calendar expand``: when a recurring entry would fall, before it is planned. Needs no workspace."""

import click

from cms_core.campaigns import recurrence
from cms_core.campaigns.when import describe, parse_wall
from cms_core.cli.output import print_json
from cms_core.cli.state import json_option


@click.command("expand")
@click.option("--rrule", required=True, metavar="RULE", help="RFC 5545, such as FREQ=WEEKLY;BYDAY=MO.")
@click.option(
    "--start", required=True, metavar="LOCAL", help="The first, on the zone's wall clock: 2026-05-04 09:00."
)
@click.option("--tz", required=True, metavar="ZONE", help="IANA name, such as Europe/Paris.")
@click.option("--count", type=click.IntRange(min=1), default=10, show_default=True, help="How many at most.")
@json_option
def expand(rrule: str, start: str, tz: str, count: int, *, as_json: bool) -> None:
    """List when a recurring entry falls, with what clock changes do to it."""
    occurrences = recurrence.expand(rrule, parse_wall(start), tz, count)
    if as_json:
        print_json([recurrence.document(occurrence, tz) for occurrence in occurrences])
        return
    for occurrence in occurrences:
        note = f"  {occurrence.note}" if occurrence.note else ""
        click.echo(f"{describe(occurrence.instant, tz)}{note}")
