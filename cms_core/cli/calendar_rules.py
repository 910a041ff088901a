"""``cms calendar blackouts|slots|check|feed|replan``: when nothing goes out, when a connection posts, who gets too much, the feed,
new rules of time zones."""

import click

from cms_core.cli.output import print_json, print_table, progress
from cms_core.cli.state import State, json_option, pass_state


@click.group()
def blackouts() -> None:
    """Times in which nothing goes out, and holidays."""


@blackouts.command()
@click.argument("name")
@click.option(
    "--policy",
    required=True,
    metavar="POLICY",
    help="block, warn, defer (to the first free time after), show.",
)
@click.option(
    "--from", "starts", default="", metavar="LOCAL", help="Beginning: 2026-12-24 or 2026-12-24 18:00."
)
@click.option("--to", "ends", default="", metavar="LOCAL", help="End; a day counts whole.")
@click.option("--tz", default="", metavar="ZONE", help="Default: your zone.")
@click.option("--rrule", default="", metavar="RULE", help="Comes again: FREQ=WEEKLY;BYDAY=SA.")
@click.option(
    "--country", default="", metavar="CODE", help="Its public holidays, instead of a beginning and an end."
)
@click.option("--subdivision", default="", metavar="CODE", help="A part of the country, such as BY.")
@click.option("--campaign", default="", help="For this campaign only.")
@click.option("--connection", default="", metavar="CHANNEL:NAME", help="For this connection only.")
@json_option
@pass_state
def add(state: State, /, *, name: str, as_json: bool, **given: str) -> None:
    """Add a window, or the holidays of a country."""
    from cms_core.campaigns import rules

    with state.writing("calendar.edit") as (session, user):
        row = rules.blackout_document(rules.add_blackout(session, {"name": name, **given}, user.timezone))
    if as_json:
        print_json(row)
    else:
        click.echo(f"Blackout {row['name']!r} added.")


@blackouts.command("list")
@json_option
@pass_state
def list_(state: State, as_json: bool) -> None:
    """All blackouts."""
    from cms_core.campaigns import blackouts as windows
    from cms_core.campaigns import rules

    with state.reading("calendar.read") as session:
        rows = [rules.blackout_document(each) for each in windows.list_all(session)]
    if as_json:
        print_json(rows)
    else:
        print_table(rows, ("name", "policy", "from", "to", "tz", "rrule", "country", "subdivision"))


@blackouts.command()
@click.argument("name")
@pass_state
def remove(state: State, name: str) -> None:
    """Take a blackout away; what it moved stays where it is."""
    from cms_core.campaigns import blackouts as windows

    with state.writing("calendar.edit") as (session, _):
        windows.remove(session, windows.find(session, name))
    click.echo(f"Blackout {name!r} removed.")


@click.command()
@click.argument("connection", metavar="CHANNEL:NAME")
@click.option(
    "--set", "text", metavar="TIMES", help='Replace them: "mon-fri 09:00 16:30, sat 11:00"; "" for none.'
)
@click.option("--tz", default="", metavar="ZONE", help="Default: your zone.")
@click.option(
    "--next",
    "count",
    type=click.IntRange(0, 100),
    default=5,
    show_default=True,
    help="How many free ones to list.",
)
@json_option
@pass_state
def slots(state: State, connection: str, text: str | None, tz: str, count: int, as_json: bool) -> None:
    """The posting times of a connection and its next free slots; an entry takes one with --to slot."""
    from cms_core.campaigns import rules
    from cms_core.campaigns import slots as posting
    from cms_core.connections import service as connections

    if text is not None:
        with state.writing("calendar.edit") as (session, user):
            found = connections.find_by_name(session, connection)
            posting.replace(session, found, text, tz or user.timezone)
    with state.reading("calendar.read") as session:
        row = rules.slots_document(session, connections.find_by_name(session, connection), count)
    if as_json:
        print_json(row)
    else:
        click.echo(f"{row['slots'] or 'none'} ({row['tz'] or 'no zone'})")
        for instant in row["next"]:
            click.echo(instant.isoformat(" ", "minutes"))


@click.command()
@click.option("--from", "first", required=True, metavar="D", help="First day, or an instant.")
@click.option("--to", "last", required=True, metavar="D", help="Last day (included), or an instant.")
@click.option(
    "--limit", type=click.IntRange(1, 100), help="Items in seven days; default: the workspace's setting."
)
@json_option
@pass_state
def check(state: State, first: str, last: str, limit: int | None, as_json: bool) -> None:
    """How many people would get more than so many items within seven days."""
    from cms_core.campaigns import advice, calendar, rules

    start, end = calendar.day_range(first, last)
    with state.reading("calendar.read") as session:
        found = advice.fatigue_between(session, state.workspace, start, end, limit)
    row = rules.fatigue_document(found)
    for name in found.unread:
        progress(f"segment {name!r} was left out: its rule does not hold any more")
    if as_json:
        print_json(row)
        return
    click.echo(f"{found.people} people would get more than {found.limit} in seven days.")
    if row["overlaps"]:
        print_table(row["overlaps"], ("id", "when", "people", "most", "title"))


@click.command()
@click.option("--revoke", is_flag=True, help="Take the address away instead.")
@json_option
@pass_state
def feed(state: State, revoke: bool, as_json: bool) -> None:
    """Make a secret address for your calendar programs; an older one leads nowhere from then on."""
    from cms_core.auth import audit
    from cms_core.campaigns import feed as feeds

    with state.writing("calendar.read") as (session, user):
        token = "" if revoke else feeds.renew(session, user)
        if revoke:
            feeds.revoke(session, user)
        audit.note(session, "revoke-feed" if revoke else "renew-feed", "user", user.public_id, {})
    url = f"{state.workspace.config.base_url}/calendar/{token}.ics" if token else None
    if as_json:
        print_json({"url": url})
    else:
        click.echo(url or "The address leads nowhere from now on.")


@click.command()
@click.option("--dry-run", is_flag=True, help="Say what would move, and move nothing.")
@json_option
@pass_state
def replan(state: State, dry_run: bool, as_json: bool) -> None:
    """After an upgrade of the rules of time zones: move what is to come to what its wall clock means now."""
    from cms_core.publishing.replanning import replan as replan_all

    with state.writing("calendar.edit") as (session, _):
        rows = [each.document() for each in replan_all(session, state.workspace.plugins)]
        if dry_run:
            session.rollback()
    if as_json:
        print_json(rows)
    elif rows:
        print_table(rows, ("title", "tz", "old", "new", "stays"))
    else:
        click.echo("every entry stands where its wall clock means")
