"""The audit log: what is recorded, what never is, and that it only grows."""

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from cms_core.auth import audit, service
from cms_core.auth.models import AuditEntry, User
from cms_core.connections.models import Connection
from cms_core.db import now

PASSWORD = "canary-password-7f3a"


def entries(session: Session) -> list[AuditEntry]:
    session.flush()
    return list(session.scalars(select(AuditEntry).order_by(AuditEntry.id)))


@pytest.fixture
def user(session: Session) -> User:
    return service.create_user(session, "ann@example.com", "Ann", "admin", PASSWORD)


def test_a_new_row_is_recorded_with_its_public_id_and_values(session: Session, user: User) -> None:
    [entry] = entries(session)

    assert (entry.action, entry.kind, entry.subject) == ("create", "user", user.public_id)
    assert entry.changes["email"] == [None, "ann@example.com"]
    assert entry.at == now(session)
    assert (entry.user_id, entry.via) == (None, "system")


def test_a_change_names_old_and_new_value_and_who_did_it(session: Session, user: User) -> None:
    session.info["actor"] = (user.id, "web")
    user.name = "Ann Example"

    entry = entries(session)[-1]
    assert entry.action == "update"
    assert entry.changes == {"name": ["Ann", "Ann Example"]}
    assert (entry.user_id, entry.via) == (user.id, "web")


def test_a_value_set_to_what_it_was_is_no_change(session: Session, user: User) -> None:
    user.name = "Ann"

    assert [entry.action for entry in entries(session)] == ["create"]


def test_a_deleted_row_leaves_its_last_values(session: Session) -> None:
    row = Connection(channel="site", name="main", settings={"base_url": "https://x"}, created_at=now(session))
    session.add(row)
    session.flush()
    session.delete(row)

    entry = entries(session)[-1]
    assert (entry.action, entry.kind, entry.subject) == ("delete", "connection", row.public_id)
    assert entry.changes["settings"] == [{"base_url": "https://x"}, None]


def test_secrets_are_recorded_as_changed_and_never_shown(session: Session, user: User) -> None:
    service.set_password(session, user, "another-canary-1b2c")
    row = Connection(channel="x", name="y", settings={}, secrets="gAAAA-cipher", created_at=now(session))
    session.add(row)
    session.flush()
    audit.note(session, "test", "connection", row.public_id, {"token": "canary-token"})

    text = " ".join(f"{entry.subject} {entry.changes}" for entry in entries(session))
    assert "canary" not in text
    assert "argon2" not in text
    assert "gAAAA" not in text
    assert entries(session)[1].changes["password_hash"] == [audit.HIDDEN_VALUE, audit.HIDDEN_VALUE]


def test_long_values_are_shortened_and_say_how_long_they_were(session: Session) -> None:
    audit.note(session, "import", "content", "x", {"body": "a" * 5000, "data": {"k": ["b" * 5000]}})

    changes = entries(session)[-1].changes
    assert len(changes["body"]) < 300
    assert changes["body"].endswith("(5000 characters)")
    assert len(changes["data"]) < 300


def test_instants_and_odd_values_become_json(session: Session, user: User) -> None:
    service.create_user(session, "bob@example.com", "Bob", "admin", PASSWORD)
    service.disable(session, user)

    assert entries(session)[-1].changes["disabled_at"] == [None, now(session).isoformat()]


def test_the_log_cannot_be_rewritten(session: Session, user: User) -> None:
    [entry] = entries(session)
    entry.action = "nothing"
    with pytest.raises(RuntimeError, match="append-only"):
        session.flush()


def test_the_log_cannot_be_deleted(session: Session, user: User) -> None:
    [entry] = entries(session)
    session.delete(entry)
    with pytest.raises(RuntimeError, match="append-only"):
        session.flush()


@pytest.mark.parametrize("statement", [delete(AuditEntry), update(AuditEntry).values(via="web")])
def test_the_log_cannot_be_changed_in_bulk(session: Session, user: User, statement: object) -> None:
    with pytest.raises(RuntimeError, match="append-only"):
        session.execute(statement)  # type: ignore[call-overload]


def test_what_is_rolled_back_leaves_no_entry(session: Session) -> None:
    service.create_user(session, "ann@example.com", "Ann", "admin", PASSWORD)
    session.rollback()

    assert entries(session) == []
