"""``cms users``: people who sign in."""

import click

from cms_core.auth import service
from cms_core.auth.models import Role
from cms_core.cli.output import print_json, print_table, progress
from cms_core.cli.state import State, json_option, pass_state
from cms_core.db import now
from cms_core.notices import invitations, resets
from cms_core.notices.transport import NONE, REMEDY


@click.group()
def command() -> None:
    """People who sign in."""


@command.command()
@click.argument("email")
@click.option(
    "--role", required=True, type=click.Choice([str(role) for role in Role]), help="What they may do."
)
@click.option(
    "--password", prompt=True, hide_input=True, confirmation_prompt=True, help="Asked for when left out."
)
@click.option("--name", default="", help="As it is shown to others.")
@json_option
@pass_state
def add(state: State, email: str, role: str, password: str, name: str, as_json: bool) -> None:
    """Add somebody."""
    with state.writing("system.admin") as (session, _):
        added = service.create_user(session, email, name, role, password)
        document = {"id": added.public_id, "email": added.email, "name": added.name, "role": added.role}
    if as_json:
        print_json(document)
    else:
        click.echo(f"{document['email']} can sign in as {document['role']}")


@command.command()
@click.argument("email")
@click.option(
    "--password", prompt=True, hide_input=True, confirmation_prompt=True, help="Asked for when left out."
)
@pass_state
def password(state: State, email: str, password: str) -> None:
    """Give somebody a new password, and end their sessions."""
    with state.writing("system.admin") as (session, _):
        service.set_password(session, service.find_user(session, email), password)
    click.echo(f"{email} signs in with the new password")


@command.command("list")
@json_option
@pass_state
def list_(state: State, as_json: bool) -> None:
    """Everybody who signs in."""
    with state.reading("system.admin") as session:
        rows = [service.document(user) for user in service.users(session)]
    if as_json:
        print_json(rows)
    else:
        print_table(rows, ("email", "name", "role", "state"))


@command.command()
@click.argument("email")
@click.option(
    "--role", required=True, type=click.Choice([str(role) for role in Role]), help="What they may do."
)
@click.option("--name", default="", help="As it is shown to others; they may change it.")
@json_option
@pass_state
def invite(state: State, email: str, role: str, name: str, as_json: bool) -> None:
    """Invite somebody, who chooses a password; again: with a new link. Without mail the link is printed this once."""
    with state.writing("system.admin") as (session, user):
        made = invitations.invite(session, state.workspace, user, email, role, name)
        document = invitations.told(made, now(session))
    if as_json:
        print_json(document)
    elif made.mailed:
        click.echo(f"an invitation is on its way to {document['email']}")
    else:
        click.echo(made.url)
        progress(f"{NONE}: hand this link over, it is not shown again. {REMEDY}")


@command.command("invitations")
@json_option
@pass_state
def list_invitations(state: State, as_json: bool) -> None:
    """Invitations that nobody has accepted yet."""
    with state.reading("system.admin") as session:
        at = now(session)
        rows = [invitations.document(each, at) for each in invitations.waiting(session)]
    if as_json:
        print_json(rows)
    else:
        print_table(rows, ("id", "email", "role", "state", "expires_at"))


@command.command()
@click.argument("invitation", metavar="EMAIL|ID")
@json_option
@pass_state
def uninvite(state: State, invitation: str, as_json: bool) -> None:
    """Take an invitation back."""
    with state.writing("system.admin") as (session, _):
        found = invitations.find(session, invitation)
        invitations.revoke(session, found)
        document = invitations.document(found, now(session))
    if as_json:
        print_json(document)
    else:
        click.echo(f"the invitation of {document['email']} is taken back")


@command.command("reset-link")
@click.argument("email")
@json_option
@pass_state
def reset_link(state: State, email: str, as_json: bool) -> None:
    """Print a link by which somebody chooses a new password: good once, and for an hour."""
    with state.writing("system.admin") as (session, user):
        document = resets.told(session, state.workspace, service.find_user(session, email), user)
    if as_json:
        print_json(document)
    else:
        click.echo(document["link"])
        progress(
            f"good until {document['expires_at']:%Y-%m-%d %H:%M} UTC; all sessions of {document['email']} end then"
        )
