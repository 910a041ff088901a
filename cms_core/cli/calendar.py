"""``cms calendar``: import a plan, list, move and arm entries, expand recurrences."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cms_core.cli.calendar_rules import blackouts, check, feed, replan, slots
from cms_core.cli.calendar_series import series
from cms_core.cli.expand import expand
from cms_core.cli.output import print_json, print_table, progress
from cms_core.cli.state import State, json_option, pass_state

if TYPE_CHECKING:
    from cms_core.imports.plan import PlanResult

PARTLY = 5
SHOWN_FAULTS = 20


@click.group()
def command() -> None:
    """What stands on the calendar."""


for each in (expand, series, blackouts, slots, check, feed, replan):
    command.add_command(each)


@command.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--arm", is_flag=True, help="Let the entries go out by themselves at their times.")
@click.option("--dry-run", is_flag=True, help="Say what would happen; save nothing.")
@click.option(
    "--errors",
    "bad",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the faulty rows to this file.",
)
@click.option("--all-or-nothing", is_flag=True, help="Save nothing when any row is faulty.")
@click.option("--tz", metavar="ZONE", help="The zone of times that name none; otherwise your own.")
@json_option
@pass_state
@click.pass_context
def import_(
    ctx: click.Context,
    state: State,
    /,
    file: Path,
    bad: Path | None,
    tz: str | None,
    as_json: bool,
    **how: bool,
) -> None:
    """Import a plan from CSV; importing the same plan again changes nothing.

    Columns: when, tz, channel, connection, asset, campaign, segment, title, kind, end, budget.

    A sheet of social posts as Buffer and other schedulers have it is recognised by its columns (Text, Link, Image, Date, Time or
    Posting Time, Profile, Tags): each row becomes a social post and its planned entry.
    """
    from cms_core.campaigns.when import zone
    from cms_core.imports.plan import import_plan, write_faulty
    from cms_core.publishing import arming

    arm, dry_run, all_or_nothing = how["arm"], how["dry_run"], how["all_or_nothing"]
    plugins = state.workspace.plugins
    with state.writing("calendar.edit") as (session, user):
        zone_name = zone(tz).key if tz else user.timezone
        armed = (lambda entry: arming.arm(session, state.workspace, entry)) if arm else None
        result, csv_file = import_plan(session, plugins, file, tz=zone_name, arm=armed, author=user)
        failed = bool(result.faulty) and (all_or_nothing or not result.ready)
        if dry_run or failed:
            session.rollback()
    if dry_run or failed:
        result.saved = 0
    if bad is not None and result.faulty:
        write_faulty(csv_file, result, bad)
    _report(result, failed, dry_run, as_json)
    ctx.exit(1 if failed else PARTLY if result.faulty else 0)


def _report(result: "PlanResult", failed: bool, dry_run: bool, as_json: bool) -> None:
    document: dict[str, Any] = asdict(result)
    if failed:
        remedy = "mend the rows listed in faulty and import again"
        document["error"] = {"message": result.failure, "remedy": remedy}
    if as_json:
        print_json(document)
    else:
        click.echo(
            f"{result.ready} ready, {result.saved} saved, {result.unchanged} unchanged, {len(result.faulty)} faulty"
        )
    for fault in result.faulty[:SHOWN_FAULTS]:
        progress(f"row {fault.row}{', ' + fault.column if fault.column else ''}: {fault.reason}")
    for finding in result.findings[:SHOWN_FAULTS]:
        progress(
            f"row {finding.row}{', ' + finding.column if finding.column else ''}: note: {finding.reason}"
        )
    if dry_run:
        progress("Nothing was saved: this was a dry run.")


@command.command("list")
@click.option("--from", "first", required=True, metavar="D", help="First day, or an instant.")
@click.option("--to", "last", required=True, metavar="D", help="Last day (included), or an instant.")
@json_option
@pass_state
def list_(state: State, first: str, last: str, as_json: bool) -> None:
    """The entries of a range of days."""
    from cms_core.campaigns import calendar

    start, end = calendar.day_range(first, last)
    with state.reading("calendar.read") as session:
        rows = calendar.documents_between(session, start, end)
    if as_json:
        print_json(rows)
    else:
        print_table(rows, ("id", "when", "tz", "state", "kind", "channel", "connection", "title"))


@command.command()
@click.argument("entry_id", metavar="ENTRY")
@click.option(
    "--to",
    "when",
    required=True,
    metavar="WHEN",
    help="2026-05-04 09:00, with a zone or offset if it changes; slot; local 2026-05-04 09:00; after:ENTRY[:published]+2d.",
)
@click.option(
    "--scope",
    type=click.Choice(["one", "following", "all"]),
    default="one",
    show_default=True,
    help="Of a series: this entry, also those after it, or all to come.",
)
@json_option
@pass_state
def move(state: State, entry_id: str, when: str, scope: str, as_json: bool) -> None:
    """Give an entry another time; what follows it moves along."""
    from cms_core.campaigns import advice, placing, service
    from cms_core.campaigns.series import Scope
    from cms_core.publishing import rescheduling

    with state.writing("calendar.edit") as (session, _):
        entry = service.find_entry(session, entry_id)
        moved = rescheduling.move(session, state.workspace.plugins, entry, when, Scope(scope))
        rows = [{"id": each.public_id, "title": each.title, "when": placing.shown(each)} for each in moved]
        remarks = advice.remarks(session, state.workspace, entry)
    _warn(remarks)
    if as_json:
        print_json(rows)
    else:
        print_table(rows, ("id", "title", "when"))


@command.command()
@click.argument("entries", nargs=-1, required=True, metavar="ENTRY…")
@click.option(
    "--test",
    "arms",
    multiple=True,
    metavar="NAME[=VARIANT][:PERCENT]",
    help="An arm of a test and the variant of the revision that it shows; give one for each arm.",
)
@click.option("--metric", default="opened_people", show_default=True, help="Or clicked_people, conversions.")
@click.option("--share", default=100, show_default=True, help="How many percent take part in the test.")
@click.option("--hold-out", default=0, show_default=True, help="How many percent of all get nothing.")
@click.option(
    "--decide",
    default="",
    metavar="4h|WHEN|by-hand",
    help="When the rest gets the arm that did best; by-hand: when somebody picks one (cms publications pick).",
)
@json_option
@pass_state
def arm(
    state: State,
    entries: tuple[str, ...],
    arms: tuple[str, ...],
    metric: str,
    share: int,
    hold_out: int,
    decide: str,
    as_json: bool,
) -> None:
    """Let planned entries go out by themselves; all of them, or none.

    With a test: `--test A --test B=short --share 20 --decide 4h` sends the words as they are to one half of a fifth of the
    segment and those of the variant "short" to the other; four hours later the rest gets what more people opened.
    """
    from cms_core.campaigns import advice, service
    from cms_core.publishing import arming, experiment_plan

    with state.writing("calendar.edit") as (session, user):
        test = None
        if arms or hold_out or share != 100 or decide:
            test = experiment_plan.parse(arms, metric, share, hold_out, decide, user.timezone)
        found = [service.find_entry(session, each) for each in entries]
        made = [arming.arm(session, state.workspace, each, test) for each in found]
        rows = [
            {"id": each.public_id, "state": "armed", "publication": one.public_id}
            for each, one in zip(found, made, strict=True)
        ]
        remarks = [line for each in found for line in advice.remarks(session, state.workspace, each)]
    _warn(remarks)
    if as_json:
        print_json(rows)
    else:
        click.echo(f"{len(rows)} armed")


@command.command()
@click.argument("entries", nargs=-1, required=True, metavar="ENTRY…")
@json_option
@pass_state
def disarm(state: State, entries: tuple[str, ...], as_json: bool) -> None:
    """Back to planned, as long as it has not begun to go out; all of them, or none."""
    from cms_core.campaigns import service
    from cms_core.publishing import arming

    with state.writing("calendar.edit") as (session, _):
        for entry_id in entries:
            arming.disarm(session, service.find_entry(session, entry_id))
    if as_json:
        print_json([{"id": each, "state": "planned"} for each in entries])
    else:
        click.echo(f"{len(entries)} back to planned")


@command.command()
@click.argument("entries", nargs=-1, required=True, metavar="ENTRY…")
@json_option
@pass_state
def drop(state: State, entries: tuple[str, ...], as_json: bool) -> None:
    """Take entries off the calendar; what is armed of them does not go out. All of them, or none."""
    from cms_core.campaigns import service
    from cms_core.publishing import arming

    with state.writing("calendar.edit") as (session, _):
        for entry_id in entries:
            entry = service.find_entry(session, entry_id)
            arming.disarm(session, entry)
            service.drop(session, entry)
    if as_json:
        print_json([{"id": each, "state": "dropped"} for each in entries])
    else:
        click.echo(f"{len(entries)} dropped")


@command.command()
@click.argument("entries", nargs=-1, required=True, metavar="ENTRY…")
@json_option
@pass_state
def done(state: State, entries: tuple[str, ...], as_json: bool) -> None:
    """Tick off tasks and milestones; what waits for them goes on. All of them, or none."""
    from cms_core.campaigns import service

    with state.writing("calendar.edit") as (session, _):
        for entry_id in entries:
            service.tick_off(session, service.find_entry(session, entry_id))
    if as_json:
        print_json([{"id": each, "state": "done"} for each in entries])
    else:
        click.echo(f"{len(entries)} done")


def _warn(remarks: list[str]) -> None:
    for remark in dict.fromkeys(remarks):
        progress(f"Warning: {remark}")
