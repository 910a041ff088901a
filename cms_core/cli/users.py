"""``cms users``: people who sign in."""

import click

from cms_core.auth import service
from cms_core.auth.models import Role
from cms_core.cli.output import print_json, print_table
from cms_core.cli.state import State, json_option, pass_state


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
    with state.writing() as (session, user):
        service.require(state.workspace.plugins, user, "system.admin")
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
    with state.writing() as (session, user):
        service.require(state.workspace.plugins, user, "system.admin")
        service.set_password(session, service.find_user(session, email), password)
    click.echo(f"{email} signs in with the new password")


@command.command("list")
@json_option
@pass_state
def list_(state: State, as_json: bool) -> None:
    """Everybody who signs in."""
    with state.reading() as session:
        rows = [service.document(user) for user in service.users(session)]
    if as_json:
        print_json(rows)
    else:
        print_table(rows, ("email", "name", "role", "state"))
