"""What a channel is handed of a connection, and the test that asks the remote who we are there."""

from collections.abc import Iterable
from typing import Any

from cms_core import contract as c
from cms_core.auth.audit import SYSTEM, Actor
from cms_core.connections import circuit
from cms_core.connections.models import Connection, ConnectionState
from cms_core.connections.service import credentials
from cms_core.db import now
from cms_core.errors import CmsError, Conflict, RemoteRefused, TryLater
from cms_core.outbound import HttpClient
from cms_core.plugins import PLUGIN_FAULTS
from cms_core.secrets import conceal
from cms_core.workspace import Workspace


def make_link(
    workspace: Workspace,
    connection: Connection,
    *,
    links: c.TrackedLinks | None = None,
    wire: c.Wire | None = None,
) -> c.Link:
    """A channel's handle on a connection: a picture of now, with which no session goes along."""
    # The services stand on all rooms, so they cannot be there when this one is loaded.
    from cms_core.services import Services

    clock, plugin = workspace.db.clock, workspace.plugins.owner_of_channel(connection.channel)
    return c.Link(
        connection=connection.name,
        settings=dict(connection.settings),
        secrets=credentials(workspace.vault, connection),
        http=HttpClient(workspace.guard, clock=clock),
        now=clock.now,
        data_dir=str(workspace.config.home / "data" / plugin),
        base_url=workspace.config.base_url,
        guard=workspace.guard,
        services=Services(workspace, plugin),
        wire=wire,
        links=links,
    )


def verify_connection(workspace: Workspace, connection_id: int, actor: Actor = SYSTEM) -> c.Identity:
    """Ask the remote who we are there, outside any transaction, and keep the answer on the connection.

    Raises RemoteRefused when it says no (the connection is broken then), TryLater when it cannot be reached (its state stays), and
    CmsError when the plugin itself fails.
    """
    with workspace.db.session() as session:
        connection = session.get_one(Connection, connection_id)
    channel = workspace.plugins.channel(connection.channel)
    link = make_link(workspace, connection)
    try:
        identity = _asked(channel, link)
    except c.ChannelError as error:
        broken = isinstance(error, c.NotConnected | c.Refused)
        state = ConnectionState.BROKEN if broken else ConnectionState(connection.state)
        reason = conceal(error.reason, link.secrets.values())
        _record(workspace, connection, actor, state, reason, None)
        raise _for_people(connection, error, reason) from None
    except PLUGIN_FAULTS as error:
        raise _plugin_fault(workspace, connection, error, link.secrets.values()) from None
    _record(workspace, connection, actor, ConnectionState.OK, "", identity)
    return identity


def _asked(channel: c.Channel, link: c.Link) -> c.Identity:
    answer: Any = channel.test(link)
    if not isinstance(answer, c.Identity):
        raise TypeError(f"test must return an Identity, not a {type(answer).__name__}")
    return answer


def _record(
    workspace: Workspace,
    tested: Connection,
    actor: Actor,
    state: ConnectionState,
    reason: str,
    identity: c.Identity | None,
) -> None:
    with workspace.db.transaction() as session:
        session.info["actor"] = actor
        row = session.get_one(Connection, tested.id)
        if (row.settings, row.secrets) != (tested.settings, tested.secrets):
            raise Conflict(
                f"connection {row.channel}:{row.name} was changed while it was tested", "test it again"
            )
        if identity is not None:
            circuit.close(session, row.id)
        row.state, row.reason, row.checked_at = state, reason, now(session)
        if identity is not None:
            row.identity, row.expires_at = identity.name or row.identity, identity.expires_at


def _for_people(connection: Connection, error: c.ChannelError, reason: str) -> CmsError:
    if isinstance(error, CmsError):
        return error
    message = f"connection {connection.channel}:{connection.name}: {reason}"
    if isinstance(error, c.NotConnected | c.Refused):
        return RemoteRefused(message, "check its settings and credentials, then test it again")
    return TryLater(message, "check its settings, or test it again later")


def _plugin_fault(
    workspace: Workspace, connection: Connection, error: BaseException, secrets: Iterable[str]
) -> CmsError:
    plugin = workspace.plugins.owner_of_channel(connection.channel)
    workspace.plugins.report(plugin, f"{connection.channel}.test", error, secrets)
    message = f"the plugin {plugin} failed while it tested {connection.channel}:{connection.name}"
    return CmsError(message, f"`cms plugins check {plugin}` and the page of the plugin show more")
