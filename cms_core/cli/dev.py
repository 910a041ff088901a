"""``cms dev``: what those need who write channels and clients."""

import json
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cms_core.errors import Invalid, NotFound

if TYPE_CHECKING:
    from cms_core.testing.network import FakeNetwork, Sandbox


@click.group()
def command() -> None:
    """For those who write channels: networks to try them with."""


@command.command()
@click.argument("name")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="Port on 127.0.0.1 (default: a free one)."
)
@click.option(
    "--faults",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.json",
    help='What is to go wrong: [{"on": "publish", "nth": 1, "do": "accept-then-drop"}].',
)
def sandbox(name: str, port: int, file: Path | None) -> None:
    """Serve the network NAME (mastodon, bluesky, …) on this machine until Ctrl-C.

    It speaks the documented protocol and forgets everything at the end. CMS_OUTBOUND_ALLOW=127.0.0.1 lets connections reach it.
    """
    network = open_sandbox(name, port, read_faults(file) if file else [])
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        click.echo(f"{name} at {network.url}")
        click.echo(f"cms connections add {name} NAME {network.hint}")
        network.serve_forever()
    except KeyboardInterrupt:
        click.echo("The sandbox has ended.", err=True)
    finally:
        network.close()


def open_sandbox(name: str, port: int, faults: list[Mapping[str, Any]]) -> "FakeNetwork":
    """A network that listens on a port of this machine and is yet to be served."""
    from cms_core.testing.network import FakeNetwork

    made = _made(name)
    try:
        return FakeNetwork(made, faults, port)
    except (ValueError, TypeError) as error:
        raise Invalid(
            f"the faults cannot be used: {error}", f"operations: {', '.join(made.operations)}"
        ) from None
    except OSError as error:
        raise Invalid(f"port {port} cannot be used: {error.strerror}", "choose another port") from None


def read_faults(file: Path) -> list[Mapping[str, Any]]:
    """The faults of a file; raises Invalid that names what is wrong with it."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise Invalid(f"{file}: {error.strerror}", "name a readable file") from None
    except ValueError as error:
        raise Invalid(
            f"{file} is not JSON: {error}", 'write [{"on": "publish", "nth": 1, "do": "drop"}]'
        ) from None
    if not isinstance(found, list) or not all(isinstance(each, dict) and "do" in each for each in found):
        raise Invalid(f"{file} is not a list of faults", 'write [{"on": "publish", "nth": 1, "do": "drop"}]')
    _check_keys(file, found)
    return found


def _check_keys(file: Path, found: list[Mapping[str, Any]]) -> None:
    from marshmallow import Schema, ValidationError, fields, validate

    keys: dict[str, Any] = {
        "do": fields.String(),
        "on": fields.String(),
        "nth": fields.Integer(strict=True, validate=validate.Range(0)),
        "seconds": fields.Float(validate=validate.Range(0)),
        "status": fields.Integer(strict=True, validate=validate.Range(100, 599)),
        "retry_after": fields.Function(deserialize=str),
        "document": fields.Raw(allow_none=True),
    }
    try:
        Schema.from_dict(keys)(many=True).load(found)
    except ValidationError as error:
        wrong = "; ".join(
            f"entry {int(index) + 1}, {key!r}: {' '.join(words)}"
            for index, faults in error.messages_dict.items()
            for key, words in faults.items()
        )
        raise Invalid(f"{file}: {wrong}", f"keys of a fault: {', '.join(keys)}") from None


def _made(name: str) -> "Sandbox":
    from cms_core.testing.sandboxes import sandboxes

    known = sandboxes()
    if name not in known:
        raise NotFound(
            f"there is no sandbox {name[:80]!r}", f"sandboxes: {', '.join(sorted(known)) or 'none'}"
        )
    return known[name]()
