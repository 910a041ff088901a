"""Connected accounts of channels: add, change, find, and hand out what a channel needs. Nothing here opens a socket."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema
from sqlalchemy import select
from sqlalchemy.orm import Session

from cms_core.connections import circuit
from cms_core.connections import values as v
from cms_core.connections.models import Connection, ConnectionState
from cms_core.connections.throttle import SpeedSettings
from cms_core.contract import AddressedChannel
from cms_core.db import now
from cms_core.errors import Conflict, Invalid, NotFound
from cms_core.plugins import Plugins
from cms_core.secrets import Vault

MAX_NAME = 100


def add(
    session: Session, vault: Vault, plugins: Plugins, channel: str, name: str, values: Mapping[str, Any]
) -> Connection:
    """Add an account of a channel; nothing is connected to.

    Raises NotFound for an unknown channel, Invalid for a name or settings that cannot be used, Conflict when the name is taken.
    """
    schema = schema_of(plugins, channel)
    checked = _checked_name(name)
    if _find(session, channel, checked) is not None:
        raise Conflict(
            f"there is a connection {channel}:{checked} already", "choose another name, or change that one"
        )
    found = v.stored(schema, v.checked(schema, values, f"connection {channel}:{checked}"))
    connection = Connection(
        channel=channel,
        name=checked,
        settings=found.open,
        secrets=vault.encrypt(found.secrets),
        state=ConnectionState.NEW,
        created_at=now(session),
    )
    session.add(connection)
    session.flush()
    return connection


def update(
    session: Session, vault: Vault, plugins: Plugins, connection: Connection, values: Mapping[str, Any]
) -> None:
    """Replace all settings of a connection, which then counts as not tested; an empty secret keeps the stored one."""
    schema = schema_of(plugins, connection.channel)
    old = vault.decrypt(connection.secrets)
    kept = {key: old[key] for key in v.secret_keys(schema) if values.get(key) == "" and key in old}
    what = f"connection {connection.channel}:{connection.name}"
    found = v.stored(schema, v.checked(schema, {**values, **kept}, what))
    if found.open == connection.settings and found.secrets == old:
        return
    connection.settings = found.open
    if found.secrets != old:
        connection.secrets = vault.encrypt(found.secrets)
    connection.state, connection.reason, connection.identity = ConnectionState.NEW, "", ""
    connection.expires_at = None  # the next test says until when
    session.flush()
    circuit.close(session, connection.id)


def schema_of(plugins: Plugins, channel: str) -> Schema:
    """A new schema of the settings of a channel's connections; raises NotFound for an unknown channel.

    Where messages go to people it has the fields of the core for their speed, too.
    """
    found = plugins.channel(channel)
    kind: Any = found.connection_schema
    if isinstance(found, AddressedChannel):
        kind = type(kind.__name__, (kind, SpeedSettings), {})
    schema: Schema = kind()
    return schema


def find(session: Session, channel: str, name: str) -> Connection:
    """The connection of a channel by name; raises NotFound naming those there are."""
    connection = _find(session, channel, name.strip())
    if connection is None:
        raise NotFound(f"there is no connection {channel}:{name.strip()}", _known(session))
    return connection


def find_by_name(session: Session, text: str) -> Connection:
    """The connection called NAME or channel:NAME; raises NotFound, or Invalid when several channels have that name."""
    channel, colon, name = text.partition(":")
    if colon:
        return find(session, channel.strip(), name)
    query = select(Connection).where(Connection.name == text.strip()).order_by(Connection.channel)
    found = list(session.scalars(query))
    if not found:
        raise NotFound(f"there is no connection {text.strip()!r}", _known(session))
    if len(found) > 1:
        names = ", ".join(f"{each.channel}:{each.name}" for each in found)
        raise Invalid(f"several channels have a connection {text.strip()!r}", f"say which one: {names}")
    return found[0]


def find_by_public_id(session: Session, public_id: str) -> Connection:
    """The connection with this public id; raises NotFound."""
    connection = session.scalar(select(Connection).where(Connection.public_id == public_id))
    if connection is None:
        raise NotFound(f"there is no connection {public_id!r}", "go back to the list of connections")
    return connection


def find_named(session: Session, named: str) -> Connection:
    """The connection of this public id, or called NAME or channel:NAME; raises as find_by_name does."""
    found = session.scalar(select(Connection).where(Connection.public_id == named))
    return found or find_by_name(session, named)


def listing(session: Session, channels: frozenset[str] | None = None) -> list[dict[str, Any]]:
    """All connections, or those of some channels, by channel and name, without any secret."""
    query = select(Connection).order_by(Connection.channel, Connection.name)
    if channels is not None:
        query = query.where(Connection.channel.in_(channels))
    return [document(row) for row in session.scalars(query)]


def document(row: Connection) -> dict[str, Any]:
    """A connection with the keys of ``cms connections list --json``; no secret among them."""
    return {
        "id": row.public_id,
        "channel": row.channel,
        "name": row.name,
        "state": str(row.state),
        "reason": row.reason or circuit.in_words(row),
        "identity": row.identity,
        "checked_at": row.checked_at,
        "expires_at": row.expires_at,
        "circuit": "closed" if row.probe_at is None else "open",
        "failures": row.failures,
        "probe_at": row.probe_at,
    }


def credentials(vault: Vault, connection: Connection) -> dict[str, str]:
    """The secrets of a connection in the clear: for channels only, never for a page, a log or an answer."""
    return vault.decrypt(connection.secrets)


def _find(session: Session, channel: str, name: str) -> Connection | None:
    return session.scalar(select(Connection).where(Connection.channel == channel, Connection.name == name))


def _known(session: Session) -> str:
    names = [
        f"{row.channel}:{row.name}" for row in session.execute(select(Connection.channel, Connection.name))
    ]
    if not names:
        return "`cms connections add CHANNEL NAME` makes the first one"
    return f"connections: {', '.join(sorted(names))}"


def _checked_name(name: str) -> str:
    text = name.strip()
    if not text or len(text) > MAX_NAME or ":" in text or not text.isprintable():
        raise Invalid(
            f"{text[:MAX_NAME]!r} cannot be the name of a connection",
            f"choose 1 to {MAX_NAME} printable characters without a colon",
        )
    return text
