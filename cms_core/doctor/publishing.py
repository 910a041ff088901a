"""Publishing: who does it, what waits for it, what needs a person, and the accounts that it goes out by."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import func, select

from cms_core.connections import circuit
from cms_core.connections.models import Connection, ConnectionState
from cms_core.db import now
from cms_core.doctor.findings import Finding, error, note, ok, warning
from cms_core.publishing import listing, status
from cms_core.rounds import JOB_ROUNDS, Round
from cms_core.workspace import Workspace

LATE = timedelta(minutes=5)
VERY_LATE = timedelta(hours=1)
SILENT = timedelta(minutes=10)  # all jobs of plugins are overdue for so long: nobody ticks
ENDS_SOON = timedelta(days=14)
START_ONE = "start `cms run` or `cms worker`, by a service that starts it again"
SEE_WHY = "see what keeps it: `cms publications list` and `cms connections list` give reasons"
# State → what a person does about publications in it.
NEED_A_PERSON = {
    "unknown": "say what became of each: `cms publications resolve`",
    "missed": "retry or cancel each: `cms publications retry|cancel`",
    "held": "see why: `cms publications list --state held`",
}


def worker(workspace: Workspace) -> Iterator[Finding]:
    """Whether somebody publishes."""
    with workspace.db.session() as session:
        found = status.worker(session)
        ticked = session.scalar(select(func.max(Round.next_at)).where(Round.name.startswith(JOB_ROUNDS)))
        silent = ticked is not None and ticked < now(session) - SILENT
    if found is None:
        yield warning("no worker has ever been seen", START_ONE)
    elif not found["alive"]:
        yield warning(
            f"no worker is at work; {found['name']} was seen last, {found['seen_at']:%F %T} UTC", START_ONE
        )
    else:
        yield ok(f"{found['name']} is at work, seen {found['seen_at']:%F %T} UTC")
        if silent:
            yield warning("nobody has the jobs of plugins done", "start `cms scheduler`, or `cms run`")


def due(workspace: Workspace) -> Iterator[Finding]:
    """How long the oldest of what is due waits to be taken."""
    with workspace.db.session() as session:
        seconds, found = status.oldest_due_seconds(session, workspace.plugins), status.worker(session)
    remedy = SEE_WHY if found and found["alive"] else START_ONE
    if seconds is None:
        yield ok("nothing is due")
        return
    said = f"the oldest of what is due waits for {timedelta(seconds=seconds)}"
    if seconds > VERY_LATE.total_seconds():
        yield error(said, remedy)
    elif seconds > LATE.total_seconds():
        yield warning(said, remedy)
    else:
        yield ok(said)


def publications(workspace: Workspace) -> Iterator[Finding]:
    """What waits for a person."""
    with workspace.db.session() as session:
        counts = listing.state_counts(session)
        unknown = listing.delivery_counts(session).get("unknown", 0)
    found = [
        (note if state == "held" else warning)(f"{counts[state]} publications are {state}", remedy)
        for state, remedy in NEED_A_PERSON.items()
        if counts.get(state)
    ]
    if unknown:
        found.append(
            warning(f"{unknown} deliveries are unknown", "`cms deliveries show PUBLICATION` lists them")
        )
    yield from found or [ok("no publication waits for a person")]


def connections(workspace: Workspace) -> Iterator[Finding]:
    """Accounts that are broken, rest, end soon or were never tried; connects to nothing."""
    with workspace.db.session() as session:
        rows, present = session.scalars(select(Connection).order_by(Connection.id)).all(), now(session)
    found = [each for row in rows for each in _connection(workspace, row, present)]
    yield from found or [ok(f"{len(rows)} connections are in order")]


def _connection(workspace: Workspace, row: Connection, present: datetime) -> Iterator[Finding]:
    name = f"{row.channel}:{row.name}"
    again = f"`cms connections test {name}`"
    if row.channel not in workspace.plugins.channels:
        yield error(f"{name}: the plugin of this channel is missing", "install it, or remove the connection")
    elif row.state == ConnectionState.BROKEN:
        yield error(f"{name} is broken: {row.reason}", f"give its settings anew, then {again}")
    elif row.state == ConnectionState.NEW and not row.failures:
        yield note(f"{name} was never tried", again)
    if rests := circuit.in_words(row):
        yield warning(rests, f"it is tried each half minute; {again} tries it now")
    if row.expires_at is not None and row.expires_at <= present:
        yield error(f"{name} ended {row.expires_at:%F}", f"connect it anew, then {again}")
    elif row.expires_at is not None and row.expires_at <= present + ENDS_SOON:
        yield warning(f"{name} ends {row.expires_at:%F}", f"connect it anew before, then {again}")
