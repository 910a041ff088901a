"""``cms tokens``: keys to the REST interface."""

import click

from cms_core.auth import service, tokens
from cms_core.cli.output import print_json, print_table, progress
from cms_core.cli.state import State, json_option, pass_state
from cms_core.db import now


@click.group()
def command() -> None:
    """Keys to the REST interface."""


@command.command()
@click.option("--user", "email", required=True, metavar="EMAIL", help="Whose token; it acts as this user.")
@click.option("--name", default="", help="What it is for.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    help="read, write, admin, or for one room content:read, content:write, …; may be repeated. Default: all.",
)
@click.option("--expires", default="", metavar="D", help="Last day (UTC), or an instant. Default: never.")
@json_option
@pass_state
def add(state: State, email: str, name: str, scopes: tuple[str, ...], expires: str, *, as_json: bool) -> None:
    """Make a token. It is shown this once: only its hash is kept."""
    with state.writing(None) as (session, actor):
        owner = service.find_user(session, email)
        made, text = tokens.add(
            session, state.workspace.plugins, actor, owner, name=name, scopes=scopes, expires=expires
        )
        document = {"token": text, **tokens.document(made, now(session))}
    if as_json:
        print_json(document)
    else:
        click.echo(text)
        progress(f"a token of {document['user']}; it is not shown again")


@command.command("list")
@click.option("--user", "email", metavar="EMAIL", help="Only those of this user.")
@json_option
@pass_state
def list_(state: State, email: str | None, *, as_json: bool) -> None:
    """All tokens, by their first characters."""
    with state.reading("system.admin") as session:
        owner = service.find_user(session, email) if email else None
        rows = [tokens.document(each, now(session)) for each in tokens.listed(session, owner)]
    if as_json:
        print_json(rows)
    else:
        print_table(rows, ("prefix", "user", "name", "state", "expires_at", "last_used_at"))


@command.command()
@click.argument("token", metavar="ID|PREFIX")
@json_option
@pass_state
def revoke(state: State, token: str, *, as_json: bool) -> None:
    """End a token at once, for good."""
    with state.writing(None) as (session, actor):
        found = tokens.find(session, token)
        tokens.revoke(session, state.workspace.plugins, actor, found)
        document = tokens.document(found, now(session))
    if as_json:
        print_json(document)
    else:
        click.echo(f"{document['prefix']} of {document['user']} is revoked")
