"""``cms webhooks``: addresses that are told of events by a signed POST."""

import click

from cms_core.cli.output import print_json, print_table, progress
from cms_core.cli.state import State, json_option, pass_state
from cms_core.webhooks import service

PERMISSION = "system.admin"


@click.group()
def command() -> None:
    """Addresses that are told of events by a signed POST."""


@command.command()
@click.argument("url")
@click.option(
    "--kind", "kinds", multiple=True, help="Only events of this kind; may be repeated. Default: all."
)
@click.option("--chat", is_flag=True, help="An incoming webhook of Slack, Mattermost, …: notices as text.")
@json_option
@pass_state
def add(state: State, url: str, kinds: tuple[str, ...], *, chat: bool, as_json: bool) -> None:
    """Tell URL of events from now on. The secret to check signatures with is shown this once."""
    with state.writing(PERMISSION) as (session, _):
        made, secret = service.add(session, state.workspace, url, kinds, chat=chat)
        document = {**service.document(made), "secret": secret}
    if as_json:
        print_json(document)
    else:
        click.echo(secret)
        progress(f"webhook {document['id']} is added; its secret is not shown again")


@command.command("list")
@json_option
@pass_state
def list_(state: State, *, as_json: bool) -> None:
    """All webhooks and whether they work."""
    with state.reading(PERMISSION) as session:
        rows = [service.document(each) for each in service.webhooks(session)]
    if as_json:
        print_json(rows)
    else:
        print_table(rows, ("id", "url", "state", "reason"))


@command.command()
@click.argument("webhook", metavar="ID")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True)
@json_option
@pass_state
def messages(state: State, webhook: str, limit: int, *, as_json: bool) -> None:
    """What a webhook was told, the newest first, and what it answered."""
    with state.reading(PERMISSION) as session:
        found = service.messages(session, service.find(session, webhook), limit)
        rows = [service.message_document(each) for each in found]
    if as_json:
        print_json(rows)
    else:
        print_table(rows, ("id", "kind", "state", "tries", "status", "reason"))


@command.command()
@click.argument("webhook", metavar="ID")
@json_option
@pass_state
def test(state: State, webhook: str, *, as_json: bool) -> None:
    """Send a ping now and say what was answered."""
    from cms_core.webhooks.sending import ping_now

    with state.writing(PERMISSION) as (session, _):
        message = service.ping(session, service.find(session, webhook))
    document = ping_now(state.workspace, message.id)
    if as_json:
        print_json(document)
    else:
        click.echo(f"{document['state']}: {document['reason'] or document['status']}")


@command.command()
@click.argument("webhook", metavar="ID")
@click.argument("message")
@json_option
@pass_state
def resend(state: State, webhook: str, message: str, *, as_json: bool) -> None:
    """Send a message again; the worker does it."""
    with state.writing(PERMISSION) as (session, _):
        found = service.find_message(session, service.find(session, webhook), message)
        service.resend(session, found)
        document = service.message_document(found)
    if as_json:
        print_json(document)
    else:
        click.echo(f"{document['id']} is sent again")


@command.command()
@click.argument("webhook", metavar="ID")
@json_option
@pass_state
def enable(state: State, webhook: str, *, as_json: bool) -> None:
    """Switch a webhook on again; what happened meanwhile it is not told of."""
    with state.writing(PERMISSION) as (session, _):
        found = service.find(session, webhook)
        service.enable(session, found)
        document = service.document(found)
    if as_json:
        print_json(document)
    else:
        click.echo(f"{document['id']} is {document['state']}")


@command.command()
@click.argument("webhook", metavar="ID")
@json_option
@pass_state
def remove(state: State, webhook: str, *, as_json: bool) -> None:
    """Delete a webhook with its messages."""
    with state.writing(PERMISSION) as (session, _):
        service.remove(session, service.find(session, webhook))
    if as_json:
        print_json({"id": webhook, "removed": True})
    else:
        click.echo(f"{webhook} is removed")
