"""A connection that one job keeps: what it sees between its transactions, and what it knows of commits of others."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from cms_core.db import Database, OwnConnection


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'own.db'}")
    write(database, "CREATE TABLE t (n INTEGER)")
    yield database
    database.dispose()


@pytest.fixture
def own(db: Database) -> Iterator[OwnConnection]:
    connection = db.own_connection()
    yield connection
    connection.close()


def write(db: Database, sql: str) -> None:
    with db.transaction() as session:
        session.execute(text(sql))


def fail_half_way(own: OwnConnection) -> None:
    with own.transaction() as session:
        session.execute(text("INSERT INTO t VALUES (1)"))
        session.execute(text("INSERT INTO nowhere VALUES (1)"))


def test_a_commit_of_somebody_else_changes_the_version_and_is_seen(db: Database, own: OwnConnection) -> None:
    before = own.version()
    assert own.version() == before
    write(db, "INSERT INTO t VALUES (1)")
    assert own.version() != before
    assert own.cursor.execute("SELECT n FROM t").fetchall() == [(1,)]


def test_its_own_commit_does_not_change_the_version(own: OwnConnection) -> None:
    with own.transaction() as session:
        session.execute(text("INSERT INTO t VALUES (1)"))
        within = own.version()
    assert own.version() == within


def test_a_commit_just_before_the_transaction_belongs_to_what_it_sees(
    db: Database, own: OwnConnection
) -> None:
    write(db, "INSERT INTO t VALUES (1)")
    with own.transaction() as session:
        within = own.version()
        assert session.execute(text("SELECT count(*) FROM t")).scalar_one() == 1
    assert own.version() == within


def test_the_lock_is_taken_before_anything_is_read(db: Database, own: OwnConnection) -> None:
    with own.transaction(), db.engine.connect() as other:
        raw = other.connection.cursor()
        raw.execute("PRAGMA busy_timeout=0")
        with pytest.raises(Exception, match="locked"):
            raw.execute("BEGIN IMMEDIATE")
        raw.close()


def test_an_error_rolls_back_and_the_connection_goes_on(own: OwnConnection) -> None:
    with pytest.raises(OperationalError):
        fail_half_way(own)
    with own.transaction() as session:
        session.execute(text("INSERT INTO t VALUES (2)"))
    assert own.cursor.execute("SELECT n FROM t").fetchall() == [(2,)]
