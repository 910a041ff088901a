"""``cms connections``: connected accounts of channels."""

from pathlib import Path

import click

from cms_core.auth import service as auth
from cms_core.cli.output import plain, print_json, print_table
from cms_core.cli.state import State, json_option, pass_state
from cms_core.connections import service
from cms_core.connections.links import verify_connection
from cms_core.errors import Invalid

PERMISSION = "connections.edit"


@click.group()
def command() -> None:
    """Connected accounts of channels."""


@command.command()
@click.argument("channel")
@click.argument("name")
@click.option(
    "--set",
    "pairs",
    multiple=True,
    metavar="KEY=VALUE",
    help="A setting; KEY=@FILE reads the value from a file, KEY=@@… is a value that starts with @.",
)
@json_option
@pass_state
def add(state: State, channel: str, name: str, pairs: tuple[str, ...], as_json: bool) -> None:
    """Add an account of a channel; connects to nothing."""
    values = _values(pairs)
    work = state.workspace
    with state.writing(PERMISSION) as (session, _):
        added = service.add(session, work.vault, work.plugins, channel, name, values)
        full = f"{added.channel}:{added.name}"
        document = {"id": added.public_id, "channel": added.channel, "name": added.name, "state": added.state}
    if as_json:
        print_json(document)
    else:
        click.echo(f"added {full}; `cms connections test {full}` tries it")


@command.command("list")
@json_option
@pass_state
def list_(state: State, as_json: bool) -> None:
    """All connections and how the last test or use went."""
    with state.reading(PERMISSION) as session:
        rows = service.listing(session)
    if as_json:
        print_json(rows)
    else:
        print_table(rows, ("channel", "name", "state", "identity", "reason"))


@command.command()
@click.argument("name")
@json_option
@pass_state
def test(state: State, name: str, as_json: bool) -> None:
    """Ask the other side who we are there. NAME may be CHANNEL:NAME."""
    with state.reading(PERMISSION) as session:
        user = auth.acting_user(session, state.as_email)
        found = service.find_by_name(session, name)
    identity = verify_connection(state.workspace, found.id, (user.id, "cli"))
    if as_json:
        document = {"channel": found.channel, "name": found.name, "state": "ok"}
        print_json(
            document | {"identity": identity.name, "url": identity.url, "rights": list(identity.rights)}
        )
    else:
        click.echo(plain(f"{found.channel}:{found.name} works: {identity.name} {identity.url}").rstrip())


def _values(pairs: tuple[str, ...]) -> dict[str, str]:
    values: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            raise click.UsageError(f"--set takes KEY=VALUE, not {key!r}")
        if key.strip() in values:
            raise click.UsageError(f"--set {key.strip()} is given twice")
        values[key.strip()] = _value(key.strip(), value)
    return values


def _value(key: str, text: str) -> str:
    if text.startswith("@@") or not text.startswith("@"):
        return text.removeprefix("@") if text.startswith("@@") else text
    path = Path(text[1:])
    try:
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise Invalid(f"--set {key}=@{path}: {reason}", "name a readable text file") from None
