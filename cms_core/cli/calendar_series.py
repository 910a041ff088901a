"""``cms calendar series``: entries that come again."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from cms_core.cli.output import print_json, print_table, progress
from cms_core.cli.state import State, json_option, pass_state

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from cms_core.campaigns.models import Entry, Series
    from cms_core.campaigns.service import Plan

ID = click.argument("series_id", metavar="SERIES")
COLUMNS = ("id", "title", "rrule", "start", "tz", "until", "armed", "entries")


@click.group("series")
def series() -> None:
    """Entries that come again by a rule; SERIES is its id, or that of one of its entries."""


@series.command()
@click.option("--rrule", required=True, metavar="RULE", help="RFC 5545, such as FREQ=WEEKLY;BYDAY=MO.")
@click.option(
    "--start", required=True, metavar="LOCAL", help="The first, on the zone's wall clock: 2026-05-04 09:00."
)
@click.option("--tz", default="", metavar="ZONE", help="Default: the campaign's zone, or yours.")
@click.option("--asset", default="", help="The content that goes out.")
@click.option("--connection", default="", metavar="CHANNEL:NAME", help="Where it goes out.")
@click.option("--segment", default="", help="To whom, for channels that go to people.")
@click.option("--campaign", default="")
@click.option("--title", default="", help="Default: the content's own.")
@click.option(
    "--kind", type=click.Choice(["publish", "task", "milestone"]), default="publish", show_default=True
)
@click.option("--arm", is_flag=True, help="Let all of them go out by themselves, those to come too.")
@json_option
@pass_state
def create(state: State, /, *, as_json: bool, rrule: str, arm: bool, **given: str) -> None:
    """Make a series; its entries stand on the calendar up to 90 days ahead, and the worker adds to them.

    Armed ones are armed as they are made, if the content is approved then; otherwise they stay planned.
    """
    from cms_core.campaigns import series as recurring
    from cms_core.publishing import rescheduling

    with state.writing() as (session, user):
        made = recurring.create(session, _plan(session, given, user.timezone), rrule)
        problems = rescheduling.arm_series(session, state.workspace, made)[1] if arm else []
        row = _document(session, made)
    _tell(problems)
    if as_json:
        print_json(row)
    else:
        click.echo(f"{len(row['entries'])} entries; the series is {row['id']}.")


@series.command("list")
@json_option
@pass_state
def list_(state: State, as_json: bool) -> None:
    """All series."""
    from cms_core.campaigns import series as recurring

    with state.reading() as session:
        rows = [_document(session, each) for each in recurring.list_all(session)]
    if as_json:
        print_json(rows)
    else:
        print_table([{**row, "entries": len(row["entries"])} for row in rows], COLUMNS)


@series.command()
@ID
@json_option
@pass_state
def show(state: State, series_id: str, as_json: bool) -> None:
    """A series with its entries."""
    from cms_core.campaigns import series as recurring

    with state.reading() as session:
        row = _document(session, recurring.find(session, series_id))
    if as_json:
        print_json(row)
    else:
        print_table(row["entries"], ("id", "original", "when", "state", "moved"))


@series.command()
@ID
@click.option("--rrule", required=True, metavar="RULE")
@click.option(
    "--from", "entry_id", default="", metavar="ENTRY", help="From this entry on; default: from now on."
)
@json_option
@pass_state
def change(state: State, series_id: str, rrule: str, entry_id: str, as_json: bool) -> None:
    """Give a series another rule; what is past, armed or was moved by itself stays."""
    from cms_core.campaigns import series as recurring
    from cms_core.campaigns import service

    with state.writing() as (session, _):
        entry = service.find_entry(session, entry_id) if entry_id else None
        changed = recurring.change_rule(session, recurring.find(session, series_id), rrule, entry)
        row = _document(session, changed)
    if as_json:
        print_json(row)
    else:
        click.echo(f"{len(row['entries'])} entries; the series is {row['id']}.")


@series.command()
@ID
@json_option
@pass_state
def arm(state: State, series_id: str, as_json: bool) -> None:
    """Arm what is planned of a series, and from now on what is added to it."""
    from cms_core.campaigns import series as recurring
    from cms_core.publishing import rescheduling

    with state.writing() as (session, _):
        armed, problems = rescheduling.arm_series(
            session, state.workspace, recurring.find(session, series_id)
        )
        ids = [each.public_id for each in armed]
    _tell(problems)
    _say(ids, "armed", as_json)
    if problems:
        raise SystemExit(5)


@series.command()
@ID
@json_option
@pass_state
def disarm(state: State, series_id: str, as_json: bool) -> None:
    """Back to planned, what is added later too; what has begun to go out stays."""
    from cms_core.campaigns import series as recurring
    from cms_core.publishing import rescheduling

    with state.writing() as (session, _):
        found = recurring.find(session, series_id)
        ids = [each.public_id for each in rescheduling.disarm_series(session, found)]
    _say(ids, "planned", as_json)


@series.command()
@ID
@click.option("--from", "entry_id", default="", metavar="ENTRY", help="Before this entry; default: now.")
@json_option
@pass_state
def end(state: State, series_id: str, entry_id: str, as_json: bool) -> None:
    """End a series: what is planned from there on leaves the calendar, armed entries stay."""
    from cms_core.campaigns import series as recurring
    from cms_core.campaigns import service

    with state.writing() as (session, _):
        entry = service.find_entry(session, entry_id) if entry_id else None
        ids = [each.public_id for each in recurring.end(session, recurring.find(session, series_id), entry)]
    _say(ids, "dropped", as_json)


def _plan(session: "Session", given: dict[str, str], tz: str) -> "Plan":
    from cms_core.audience import segments
    from cms_core.campaigns import service
    from cms_core.campaigns.models import EntryKind
    from cms_core.campaigns.when import Mode, When, parse_wall, zone
    from cms_core.connections import service as connections
    from cms_core.content import service as content

    campaign = service.find_campaign(session, given["campaign"]) if given["campaign"] else None
    connection = connections.find_by_name(session, given["connection"]) if given["connection"] else None
    key = zone(given["tz"] or (campaign.tz if campaign else tz)).key
    return service.Plan(
        When(Mode.ZONED, wall=parse_wall(given["start"]), tz=key),
        title=given["title"],
        kind=EntryKind(given["kind"]),
        asset=content.find(session, given["asset"]) if given["asset"] else None,
        channel=connection.channel if connection else "",
        connection=connection,
        campaign=campaign,
        segment=segments.find(session, given["segment"]) if given["segment"] else None,
    )


def _document(session: "Session", found: "Series") -> dict[str, Any]:
    from cms_core.campaigns import series as recurring

    return {
        "id": found.public_id,
        "title": found.title,
        "rrule": found.rrule,
        "start": found.start.isoformat(" ", "minutes"),
        "tz": found.tz,
        "until": found.until.isoformat(" ", "minutes") if found.until else None,
        "shift_seconds": found.shift,
        "armed": found.armed,
        "made_until": found.made_until,
        "entries": [_row(each, found) for each in recurring.entries_of(session, found)],
    }


def _row(entry: "Entry", found: "Series") -> dict[str, Any]:
    from cms_core.campaigns.series import is_moved
    from cms_core.campaigns.when import zone

    original = entry.original_wall
    return {
        "id": entry.public_id,
        "original": original.isoformat(" ", "minutes") if original else None,
        "when": entry.instant.astimezone(zone(entry.tz)),
        "state": entry.state,
        "moved": is_moved(entry, found),
    }


def _tell(problems: Sequence[str]) -> None:
    for problem in problems:
        progress(f"stays planned: {problem}")


def _say(ids: list[str], state: str, as_json: bool) -> None:
    if as_json:
        print_json([{"id": each, "state": state} for each in ids])
    else:
        click.echo(f"{len(ids)} {state}")
