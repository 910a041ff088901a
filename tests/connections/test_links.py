"""The link a channel is handed, and the test that asks the remote outside any transaction."""

import logging

import pytest
from sqlalchemy import text

from cms_core import Identity, NotConnected, OutcomeUnknown, Refused, Retryable
from cms_core.connections import links, service
from cms_core.connections.models import Connection
from cms_core.errors import CmsError, Conflict, RemoteRefused, TryLater
from cms_core.outbound import Blocked
from cms_core.workspace import Workspace

from .toys import ToyChannel


def raising(error: Exception) -> object:
    def answer(_link: object) -> Identity:
        raise error

    return answer


def state_of(workspace: Workspace, connection: Connection) -> tuple[str, str, str]:
    with workspace.db.session() as session:
        row = session.get_one(Connection, connection.id)
        return str(row.state), row.reason, row.identity


def test_a_link_holds_what_a_channel_needs_and_shows_no_secret(
    workspace: Workspace, connection: Connection
) -> None:
    link = links.make_link(workspace, connection)

    assert link.connection == "main"
    assert link.settings["host"] == "mail.example"
    assert link.secrets == {"token": "canary-token-1"}
    assert link.now() == workspace.db.clock.now()
    assert link.base_url == workspace.config.base_url
    assert link.data_dir == str(workspace.config.home / "data" / "toy-box")
    assert link.guard is workspace.guard
    assert "canary" not in repr(link)
    assert "canary" not in repr(link.http)


def test_a_good_test_makes_it_ok_and_keeps_who_we_are(
    workspace: Workspace, connection: Connection, channel: ToyChannel
) -> None:
    assert links.verify_connection(workspace, connection.id) == Identity("toy user")
    assert state_of(workspace, connection) == ("ok", "", "toy user")
    assert channel.seen[0].secrets == {"token": "canary-token-1"}


def test_nothing_is_open_while_the_remote_is_asked(
    workspace: Workspace, connection: Connection, channel: ToyChannel
) -> None:
    def answer(_link: object) -> Identity:
        with workspace.db.transaction() as session:
            session.execute(text("update core_connection set reason = 'written meanwhile'"))
        return Identity("toy user")

    channel.answer = answer
    links.verify_connection(workspace, connection.id)
    assert workspace.db.engine.pool.checkedout() == 0  # type: ignore[attr-defined]


@pytest.mark.parametrize("error", [NotConnected("the token is wrong"), Refused("you are banned")])
def test_a_no_breaks_it_with_the_reason(
    workspace: Workspace, connection: Connection, channel: ToyChannel, error: Exception
) -> None:
    channel.answer = raising(error)  # type: ignore[assignment]
    with pytest.raises(RemoteRefused, match=f"connection toy:main: {error}") as caught:
        links.verify_connection(workspace, connection.id)
    assert caught.value.exit_code == 6
    assert state_of(workspace, connection) == ("broken", str(error), "")


@pytest.mark.parametrize("error", [Retryable("no route"), OutcomeUnknown("cut off")])
def test_a_remote_that_cannot_be_reached_breaks_nothing(
    workspace: Workspace, connection: Connection, channel: ToyChannel, error: Exception
) -> None:
    links.verify_connection(workspace, connection.id)
    channel.answer = raising(error)  # type: ignore[assignment]
    with pytest.raises(TryLater):
        links.verify_connection(workspace, connection.id)
    assert state_of(workspace, connection) == ("ok", str(error), "toy user")


def test_a_blocked_address_keeps_its_own_words(
    workspace: Workspace, connection: Connection, channel: ToyChannel
) -> None:
    channel.answer = raising(Blocked("10.0.0.1 is not an address that may be reached from here"))  # type: ignore[assignment]
    with pytest.raises(Blocked) as caught:
        links.verify_connection(workspace, connection.id)
    assert "CMS_OUTBOUND_ALLOW" in caught.value.remedy


@pytest.mark.parametrize("answer", [raising(ValueError("bug")), lambda _link: "nonsense", lambda _link: None])
def test_a_fault_of_the_plugin_is_kept_under_its_name(
    workspace: Workspace,
    connection: Connection,
    channel: ToyChannel,
    answer: object,
    caplog: pytest.LogCaptureFixture,
) -> None:
    channel.answer = answer  # type: ignore[assignment]
    with caplog.at_level(logging.DEBUG), pytest.raises(CmsError, match="the plugin toy-box failed"):
        links.verify_connection(workspace, connection.id)
    fault = workspace.plugins.faults[-1]
    assert (fault.plugin, fault.hook) == ("toy-box", "toy.test")
    assert "canary" not in f"{fault} {caplog.text}"
    assert state_of(workspace, connection)[0] == "new"


def test_a_change_meanwhile_wins(workspace: Workspace, connection: Connection, channel: ToyChannel) -> None:
    def answer(_link: object) -> Identity:
        with workspace.db.transaction() as session:
            row = session.get_one(Connection, connection.id)
            values = {"host": "other.example", "token": ""}
            service.update(session, workspace.vault, workspace.plugins, row, values)
        return Identity("toy user")

    channel.answer = answer
    with pytest.raises(Conflict, match="changed while it was tested"):
        links.verify_connection(workspace, connection.id)
    assert state_of(workspace, connection)[0] == "new"


def test_who_tested_is_in_the_log(workspace: Workspace, connection: Connection) -> None:
    from cms_core.auth import listing

    links.verify_connection(workspace, connection.id, (None, "cli"))
    with workspace.db.session() as session:
        line = listing.audit_page(session).lines[0]
    assert (line.action, line.kind, line.via) == ("update", "connection", "cli")
    assert ("state", "new", "ok") in line.changes


@pytest.mark.parametrize("error", [NotConnected, Retryable, ValueError])
def test_a_secret_in_the_words_of_a_remote_or_plugin_goes_no_further(
    workspace: Workspace,
    connection: Connection,
    channel: ToyChannel,
    error: type[Exception],
    caplog: pytest.LogCaptureFixture,
) -> None:
    channel.answer = raising(error("the token canary-token-1 is wrong"))  # type: ignore[assignment]
    with caplog.at_level(logging.DEBUG), pytest.raises(CmsError) as caught:
        links.verify_connection(workspace, connection.id)

    told = f"{caught.value} {caught.value.remedy} {list(workspace.plugins.faults)} {caplog.text}"
    assert "canary" not in f"{told} {state_of(workspace, connection)}"
    with workspace.db.session() as session:
        assert "canary" not in str(session.execute(text("select changes from core_audit")).all())
