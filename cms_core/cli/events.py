"""``cms events``: the ledger of what happened."""

import sys
from collections.abc import Iterable, Iterator

import click

from cms_core.campaigns.service import find_campaign
from cms_core.cli.output import json_line
from cms_core.cli.state import State, json_option, pass_state
from cms_core.reports.export import exported


@click.group()
def command() -> None:
    """The ledger of what happened."""


@command.command()
@click.option("--campaign", metavar="NAME", help="Only what happened in this campaign.")
@click.option("--json-lines", is_flag=True, help="One JSON object a line (the default).")
@json_option
@pass_state
def export(state: State, campaign: str | None, json_lines: bool, as_json: bool) -> None:
    """All events in the order in which they were recorded; "campaign" is the campaign's key.

    Each is printed as it is read, so that a long ledger needs no memory.
    """
    if json_lines and as_json:
        raise click.UsageError("give either --json-lines or --json")
    with state.reading("reports.read") as session:
        key = find_campaign(session, campaign).key if campaign is not None else None
        events = map(json_line, exported(session, key))
        sys.stdout.writelines(_as_array(events) if as_json else (f"{event}\n" for event in events))


def _as_array(events: Iterable[str]) -> Iterator[str]:
    yield "["
    for number, event in enumerate(events):
        yield f",\n{event}" if number else f"\n{event}"
    yield "\n]\n"
