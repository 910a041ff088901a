"""``cms publications``: what goes out, and what became of it."""

from collections.abc import Callable
from typing import Any

import click

from cms_core.cli.output import plain, print_json, print_table
from cms_core.cli.state import State, json_option, pass_state
from cms_core.errors import RemoteRefused
from cms_core.publishing import experiments, listing, live, resolving, service
from cms_core.publishing.models import Publication, PublicationState
from cms_core.worker import Worker


@click.group()
def command() -> None:
    """What goes out, and what became of it."""


@command.command("list")
@click.option(
    "--state", "wanted", type=click.Choice([str(each) for each in PublicationState]), help="Only this state."
)
@json_option
@pass_state
def list_(state: State, wanted: str | None, as_json: bool) -> None:
    """All publications by due time."""
    with state.reading("calendar.read") as session:
        rows = listing.publications(session, state=wanted)
    if as_json:
        print_json(rows)
    else:
        shown = [{**row, **_marks(row)} for row in rows]
        print_table(shown, ("id", "state", "channel", "connection", "asset", "due_at", "reason"))


def _marks(row: dict[str, Any]) -> dict[str, str]:
    """What the table adds to a state: that it goes on only when somebody resumes it, or that another took its place."""
    if row["superseded_by"]:
        return {"state": f"{row['state']}, replaced"}
    return {"state": f"{row['state']}, paused", "reason": row["paused"]} if row["paused"] else {}


@command.command()
@click.argument("publication_id", metavar="ID")
@json_option
@pass_state
def show(state: State, publication_id: str, as_json: bool) -> None:
    """One publication with its attempts."""
    with state.reading("calendar.read") as session:
        document = listing.publication(session, service.find(session, publication_id))
    if as_json:
        print_json(document)
        return
    test = document.pop("test")
    for key, value in document.items():
        if key != "attempts":
            click.echo(f"{key:15} {plain(value) if value not in (None, '') else '-'}")
    if test:
        click.echo(f"{'test':15} {test['metric']}, winner {test['winner'] or '-'}")
        print_table(test["arms"], ("name", "variant", "share", "sent", test["metric"], "rate"))
    print_table(document["attempts"], ("n", "phase", "started_at", "outcome", "reason"))


def _act(state: State, publication_id: str, as_json: bool, act: Callable[[Any, Publication], Any]) -> None:
    with state.writing("publishing.act") as (session, _):
        found = service.find(session, publication_id)
        act(session, found)
        session.refresh(found)
        document = listing.publication(session, found)
    _print_outcome(document, as_json)


def _print_outcome(document: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(document)
    else:
        reason = f": {document['reason']}" if document["reason"] else ""
        paused = ", paused" if document["paused"] else ""
        click.echo(plain(f"{document['id']} is {document['state']}{paused}{reason}"))


@command.command()
@click.argument("publication_id", metavar="ID")
@json_option
@pass_state
def retry(state: State, publication_id: str, as_json: bool) -> None:
    """Make it due now; of a mailing that has gone out, those who were refused. Refused while its outcome is unknown."""
    _act(state, publication_id, as_json, resolving.retry)


@command.command()
@click.argument("publication_id", metavar="ID")
@click.option("--reason", default="held by a person", show_default=True)
@json_option
@pass_state
def hold(state: State, publication_id: str, reason: str, as_json: bool) -> None:
    """Stop it until it is resumed: held before it goes out, paused while it is sent, or where it is live."""
    _switch(
        state,
        publication_id,
        as_json,
        lambda session, plugins, found: live.pause(session, plugins, found, reason),
    )


@command.command()
@click.argument("publication_id", metavar="ID")
@json_option
@pass_state
def resume(state: State, publication_id: str, as_json: bool) -> None:
    """Undo a hold or a pause."""
    _switch(state, publication_id, as_json, live.resume)


def _switch(
    state: State, publication_id: str, as_json: bool, act: Callable[[Any, Any, Publication], None]
) -> None:
    """What is live is switched now, in this process; a running worker that was faster is just as good."""
    with state.writing("publishing.act") as (session, _):
        found = service.find(session, publication_id)
        act(session, state.workspace.plugins, found)
        row_id, asked = found.id, found.switch_to
        if asked:
            state.workspace.fence.require_open()
    if asked:
        Worker(state.publishing).run_one(row_id)
    with state.reading("calendar.read") as session:
        document = listing.publication(session, session.get_one(Publication, row_id))
    done = {"pause": bool(document["paused"]), "resume": not document["paused"]}
    if asked and not done[asked] and not document["switching_to"]:
        raise RemoteRefused(
            f"publication {document['id']} {document['reason']}",
            f"`cms publications show {document['id']}` lists its attempts",
        )
    _print_outcome(document, as_json)


@command.command()
@click.argument("publication_id", metavar="ID")
@click.argument("arm")
@json_option
@pass_state
def pick(state: State, publication_id: str, arm: str, as_json: bool) -> None:
    """End a test: everybody who waits for it gets this arm."""
    with state.writing("publishing.act") as (session, user):
        found = service.find(session, publication_id)
        experiments.pick(session, found, arm, user.id)
        document = listing.publication(session, found)
    _print_outcome(document, as_json)


@command.command()
@click.argument("publication_id", metavar="ID")
@json_option
@pass_state
def cancel(state: State, publication_id: str, as_json: bool) -> None:
    """Never send it; of a running send, the rest."""
    _act(state, publication_id, as_json, service.cancel)


@command.command()
@click.argument("publication_id", metavar="ID")
@click.option("--published", metavar="URL", help="It is public at this address.")
@click.option("--not-published", is_flag=True, help="It did not go out; it may then be retried.")
@json_option
@pass_state
def resolve(
    state: State, publication_id: str, published: str | None, not_published: bool, as_json: bool
) -> None:
    """Say what became of an unknown one."""
    if bool(published) == not_published:
        raise click.UsageError("give either --published URL or --not-published")
    _act(
        state,
        publication_id,
        as_json,
        lambda session, found: service.resolve(session, found, published_url=published),
    )


@command.command()
@click.argument("publication_id", metavar="ID")
@json_option
@pass_state
def update(state: State, publication_id: str, as_json: bool) -> None:
    """Put the newest approved revision in the place of what is public; ID may be any of its earlier publications."""
    with state.writing("publishing.act") as (session, _):
        found = service.head(session, service.find(session, publication_id))
        successor = service.update_content(session, state.workspace.plugins, found)
        row_id = successor.id
        state.workspace.fence.require_open()
    _finish(state, row_id, PublicationState.PUBLISHED, as_json)


@command.command()
@click.argument("publication_id", metavar="ID")
@json_option
@pass_state
def withdraw(state: State, publication_id: str, as_json: bool) -> None:
    """Take back what is public; ID may be any of its earlier publications."""
    with state.writing("publishing.act") as (session, _):
        found = service.head(session, service.find(session, publication_id))
        service.ask_withdrawal(session, found)
        row_id = found.id
        state.workspace.fence.require_open()
    _finish(state, row_id, PublicationState.WITHDRAWN, as_json)


def _finish(state: State, row_id: int, wanted: PublicationState, as_json: bool) -> None:
    """Do it now, in this process; a running worker that was faster is just as good."""
    Worker(state.publishing).run_one(row_id)
    with state.reading("calendar.read") as session:
        document = listing.publication(session, session.get_one(Publication, row_id))
    if document["state"] not in (wanted, PublicationState.COMMITTING, PublicationState.PREPARING):
        raise RemoteRefused(
            f"publication {document['id']} is {document['state']}: {document['reason']}",
            f"`cms publications show {document['id']}` lists its attempts; the worker goes on where that makes sense",
        )
    _print_outcome(document, as_json)
