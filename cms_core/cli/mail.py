"""``cms mail``: mail of the system itself, apart from campaigns."""

import click

from cms_core.cli.output import print_json, print_table
from cms_core.cli.state import State, json_option, pass_state
from cms_core.errors import RemoteRefused, TryLater
from cms_core.notices import outbox
from cms_core.notices.models import MailState
from cms_core.notices.transport import NONE, document

PERMISSION = "system.admin"


@click.group()
def command() -> None:
    """Mail of the system itself: invitations, new passwords, notices."""


@command.command()
@json_option
@pass_state
def status(state: State, as_json: bool) -> None:
    """How it goes out (CMS_MAIL_URL, CMS_MAIL_FROM); connects to nothing."""
    shown = document(state.workspace.config)
    if as_json:
        print_json(shown)
    elif shown["configured"]:
        click.echo(f"from {shown['from']} by {shown['server']}, security {shown['security']}")
    else:
        click.echo(f"{NONE}: {shown['remedy']}")


@command.command("list")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True)
@json_option
@pass_state
def list_(state: State, limit: int, as_json: bool) -> None:
    """What was sent and what became of it, the newest first; kept for 30 days, without the words."""
    with state.reading(PERMISSION) as session:
        rows = [outbox.document(each) for each in outbox.listed(session, limit)]
    if as_json:
        print_json(rows)
    else:
        print_table(rows, ("id", "purpose", "address", "state", "tries", "reason"))


@command.command()
@click.argument("address")
@json_option
@pass_state
def test(state: State, address: str, as_json: bool) -> None:
    """Send a mail to ADDRESS now and say what became of it."""
    from cms_core.notices.trial import said, send_trial

    with state.writing(PERMISSION) as (_, user):
        actor = (user.id, "cli")
    told = send_trial(state.workspace, address, actor)
    if told["state"] == MailState.PENDING:
        raise TryLater(
            said(told), "`cms mail list` shows what becomes of it; if it stays so, look at CMS_MAIL_URL"
        )
    if told["state"] != MailState.SENT:
        raise RemoteRefused(said(told), "look at CMS_MAIL_URL and at the mail server's log")
    if as_json:
        print_json(told)
    else:
        click.echo(said(told))


@command.command()
@click.argument("mail", metavar="ID")
@json_option
@pass_state
def again(state: State, mail: str, as_json: bool) -> None:
    """Send a mail again that did not arrive; the worker does it."""
    with state.writing(PERMISSION) as (session, _):
        found = outbox.find(session, mail)
        outbox.again(session, state.workspace, found)
        told = outbox.document(found)
    if as_json:
        print_json(told)
    else:
        click.echo(f"{told['id']} is sent again")
