"""``cms calendar series``: entries that come again."""

from collections.abc import Sequence

import click

from cms_core.cli.output import print_json, print_table, progress
from cms_core.cli.state import State, json_option, pass_state

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
    from cms_core.campaigns import rules
    from cms_core.publishing import rescheduling

    with state.writing("calendar.edit") as (session, user):
        made = rules.add_series(session, {**given, "rrule": rrule}, user.timezone)
        problems = rules.refused(session, made)
        if arm:
            problems += rescheduling.arm_series(session, state.workspace, made)[1]
        row = {**rules.series_with_entries(session, made), "problems": list(dict.fromkeys(problems))}
    _tell(row["problems"])
    if as_json:
        print_json(row)
    else:
        click.echo(f"{len(row['entries'])} entries; the series is {row['id']}.")


@series.command("list")
@json_option
@pass_state
def list_(state: State, as_json: bool) -> None:
    """All series."""
    from cms_core.campaigns import rules
    from cms_core.campaigns import series as recurring

    with state.reading("calendar.read") as session:
        rows = [rules.series_with_entries(session, each) for each in recurring.list_all(session)]
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
    from cms_core.campaigns import rules
    from cms_core.campaigns import series as recurring

    with state.reading("calendar.read") as session:
        row = rules.series_with_entries(session, recurring.find(session, series_id))
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
    from cms_core.campaigns import rules, service
    from cms_core.campaigns import series as recurring

    with state.writing("calendar.edit") as (session, _):
        entry = service.find_entry(session, entry_id) if entry_id else None
        changed = recurring.change_rule(session, recurring.find(session, series_id), rrule, entry)
        row = rules.series_with_entries(session, changed)
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

    with state.writing("calendar.edit") as (session, _):
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

    with state.writing("calendar.edit") as (session, _):
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

    with state.writing("calendar.edit") as (session, _):
        entry = service.find_entry(session, entry_id) if entry_id else None
        ids = [each.public_id for each in recurring.end(session, recurring.find(session, series_id), entry)]
    _say(ids, "dropped", as_json)


def _tell(problems: Sequence[str]) -> None:
    for problem in problems:
        progress(f"stays planned: {problem}")


def _say(ids: list[str], state: str, as_json: bool) -> None:
    if as_json:
        print_json([{"id": each, "state": state} for each in ids])
    else:
        click.echo(f"{len(ids)} {state}")
