"""Connections: validated by the channel's schema, secrets apart and encrypted, found by name without guessing."""

from collections.abc import Callable

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from cms_core.auth.models import AuditEntry
from cms_core.connections import service
from cms_core.connections.models import Connection
from cms_core.connections.values import InvalidValues
from cms_core.errors import Conflict, Invalid, NotFound
from cms_core.workspace import Workspace

from .conftest import GOOD

Add = Callable[..., Connection]


@pytest.fixture
def add(workspace: Workspace, session: Session) -> Add:
    def made(name: str = "main", channel: str = "toy", **values: str) -> Connection:
        return service.add(session, workspace.vault, workspace.plugins, channel, name, {**GOOD, **values})

    return made


def test_text_becomes_what_the_schema_says_and_secrets_stand_apart(add: Add, workspace: Workspace) -> None:
    connection = add(port="2525", retry="true", domains="a.example, b.example", spare="canary-2")

    assert connection.settings == {
        "host": "mail.example",
        "port": 2525,
        "security": "none",
        "retry": True,
        "domains": ["a.example", "b.example"],
    }
    assert service.credentials(workspace.vault, connection) == {
        "token": "canary-token-1",
        "spare": "canary-2",
    }
    assert connection.state == "new"


def test_a_secret_is_stored_encrypted_and_shows_nowhere(add: Add, session: Session) -> None:
    connection = add()
    rows = session.execute(text("select * from core_connection")).mappings().all()
    log = session.scalars(select(AuditEntry)).all()

    assert "canary" not in str([dict(row) for row in rows])
    assert "canary" not in repr(connection)
    assert "canary" not in str([entry.changes for entry in log])
    assert "canary" not in str(service.listing(session))
    assert (
        log[-1].changes["secrets"] == ["(hidden)", "(hidden)"] or log[-1].changes["secrets"][1] == "(hidden)"
    )


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"hots": "x"}, "hots: Unknown field"),
        ({"port": "many"}, "port: Not a valid integer"),
        ({"port": "70000"}, "port: Must be greater than"),
        ({"host": ""}, "host: Shorter than"),
        ({"security": "ssl"}, "security: Must be one of"),
    ],
)
def test_what_does_not_fit_is_refused_with_field_reason_and_known_names(
    add: Add, session: Session, values: dict[str, str], words: str
) -> None:
    with pytest.raises(InvalidValues) as caught:
        add(**values)

    assert caught.value.message.startswith("connection toy:main: ")
    assert words in caught.value.message
    assert caught.value.remedy.startswith(
        "settings: host (required), port, security, retry, domains, token (required)"
    )
    assert "canary" not in f"{caught.value} {caught.value.remedy} {caught.value.errors}"
    assert session.scalar(select(func.count()).select_from(Connection)) == 0


def test_what_is_missing_is_named(workspace: Workspace, session: Session) -> None:
    with pytest.raises(InvalidValues, match=r"host: Missing data .*; token: Missing data"):
        service.add(session, workspace.vault, workspace.plugins, "toy", "main", {})


@pytest.mark.parametrize("name", ["", "  ", "a:b", "a\nb", "x" * 101])
def test_a_name_that_cannot_be_written_elsewhere_is_refused(add: Add, name: str) -> None:
    with pytest.raises(Invalid, match="cannot be the name"):
        add(name)


def test_a_taken_name_and_an_unknown_channel_are_refused(add: Add) -> None:
    add()
    with pytest.raises(Conflict, match="toy:main already"):
        add(" main ")
    with pytest.raises(NotFound) as caught:
        add(channel="smoke")
    assert caught.value.remedy == "channels: toy"


def test_an_empty_secret_keeps_the_stored_one_and_a_missing_one_is_gone(
    add: Add, workspace: Workspace, session: Session
) -> None:
    connection = add(spare="canary-2")
    update = {"host": "other.example", "token": "", "spare": ""}
    service.update(session, workspace.vault, workspace.plugins, connection, update)
    assert service.credentials(workspace.vault, connection) == {
        "token": "canary-token-1",
        "spare": "canary-2",
    }
    assert connection.settings["host"] == "other.example"

    service.update(
        session, workspace.vault, workspace.plugins, connection, {"host": "h", "token": "canary-3"}
    )
    assert service.credentials(workspace.vault, connection) == {"token": "canary-3"}


def test_a_change_makes_a_connection_untested_and_no_change_leaves_it(
    add: Add, workspace: Workspace, session: Session
) -> None:
    connection = add()
    connection.state, connection.identity = "ok", "toy user"
    service.update(session, workspace.vault, workspace.plugins, connection, {**GOOD, "token": ""})
    assert connection.state == "ok"
    service.update(session, workspace.vault, workspace.plugins, connection, {**GOOD, "port": "26"})
    assert (connection.state, connection.identity) == ("new", "")


def test_a_connection_is_found_by_name_or_channel_and_name(add: Add, session: Session) -> None:
    main = add()
    session.add(Connection(channel="gone", name="main", settings={}, created_at=main.created_at))
    other = add("other")

    assert service.find(session, "toy", "main") is main
    assert service.find_by_name(session, "other") is other
    assert service.find_by_name(session, " toy : main ") is main
    with pytest.raises(Invalid) as several:
        service.find_by_name(session, "main")
    assert several.value.remedy == "say which one: gone:main, toy:main"
    with pytest.raises(NotFound) as nothing:
        service.find_by_name(session, "nothing")
    assert nothing.value.remedy == "connections: gone:main, toy:main, toy:other"


def test_the_listing_is_sorted_and_may_be_of_some_channels(add: Add, session: Session) -> None:
    add("b")
    add("a")
    session.add(Connection(channel="gone", name="z", settings={}, created_at=add("c").created_at))
    session.flush()

    assert [f"{row['channel']}:{row['name']}" for row in service.listing(session)] == [
        "gone:z",
        "toy:a",
        "toy:b",
        "toy:c",
    ]
    assert [row["name"] for row in service.listing(session, frozenset({"gone"}))] == ["z"]
