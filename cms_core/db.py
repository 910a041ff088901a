"""The database: engine, base class of all models, column types, and the two ways to open a session.

``Database.session()`` reads; ``Database.transaction()`` writes and commits at its end. On SQLite a writing transaction begins
with BEGIN IMMEDIATE: the lock is taken before the first read, so a transaction never fails half-way with "database is locked".
"""

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    Index,
    MetaData,
    String,
    create_engine,
    event,
    inspect,
)
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.sql.functions import GenericFunction
from sqlalchemy.types import TypeDecorator

from cms_core.clock import Clock, SystemClock
from cms_core.errors import CmsError, Conflict, Invalid, TryLater
from cms_core.ids import new_id

BUSY_TIMEOUT_SECONDS = 30
CONNECT_SECONDS = 10
VERSION_TABLE = "alembic_version_"  # and the name of an owner of tables
QUEUE_TABLES = "procrastinate_"  # of the extra `cluster`: bells that ring, nothing that is known
# One for each thread of ``cms run`` and some more: opening one costs as much as many requests.
KEPT_CONNECTIONS = 12


class UTCDateTime(TypeDecorator[datetime]):
    """An instant: refuses naive values, stores UTC, gives back aware UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive datetime {value!r}: say in which zone it is")
        if value.tzinfo is not UTC:
            value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """Base of all models; every table of the core is called ``core_…``, a plugin's ``<plugin>_…``."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UTCDateTime, dict[str, Any]: JSON, list[Any]: JSON}


class PublicId:
    """Mixin: an integer inside, a UUIDv7 ``public_id`` at every door."""

    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = mapped_column(String(36), unique=True, default=new_id)


class current_xid(GenericFunction[int]):  # noqa: N801 - SQL writes its functions small
    """SQL: the number of this transaction; 0 on SQLite."""

    type = BigInteger()
    inherit_cache = True


@compiles(current_xid, "postgresql")
def _numbered(*_: Any, **__: Any) -> str:
    return "pg_current_xact_id()::text::bigint"


@compiles(current_xid, "sqlite")
def _not_numbered(*_: Any, **__: Any) -> str:
    return "0"


class Ledger:
    """Mixin: a table that is added to and read by cursors, in the order of ``xid`` and ``id`` (see ``events/ledger.py``)."""

    id: Mapped[int] = mapped_column(primary_key=True)
    xid: Mapped[int] = mapped_column(BigInteger, server_default=current_xid())


def ledger_index(table: str) -> Index:
    """The index that a ledger is read by on PostgreSQL; SQLite reads by the primary key."""
    return Index(f"ix_{table}_xid", "xid", "id").ddl_if(dialect="postgresql")


class Database:
    """One database of one workspace.

    ``key`` is the key of address hashes; ``durable`` makes SQLite commits survive power loss (used where claims are made).
    Sessions carry the clock and the key in ``session.info``; the edges add ``actor`` for the audit log.
    """

    def __init__(
        self, url: str, clock: Clock | None = None, *, key: bytes = b"", durable: bool = False
    ) -> None:
        self.clock = clock or SystemClock()
        self.key = key
        self._info = {"clock": self.clock, "key": key}
        self.engine = make_engine(url, durable=durable)
        self._write_engine = self.engine.execution_options(cms_immediate=True)

    def info(self) -> dict[str, Any]:
        """What a session of this database carries: the clock and the key of address hashes."""
        return dict(self._info)

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A session for reading; what it changes is not kept."""
        with Session(self.engine, expire_on_commit=False, info=self.info()) as session:
            yield session

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A session that commits at the end, or rolls back on any error."""
        with self.open_transaction() as session, session.begin():
            yield session

    def open_transaction(self) -> Session:
        """A writing session whose caller commits (a web request that decides late)."""
        return Session(self._write_engine, expire_on_commit=False, info=self.info())

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A plain connection in a transaction that commits at the end: half the cost of a session, for what happens at each hit."""
        with self._write_engine.begin() as connection:
            yield connection

    def own_connection(self) -> "OwnConnection":
        """A connection for one long job; the caller closes it."""
        return OwnConnection(self._write_engine, self.info())

    def dispose(self) -> None:
        """Close all connections."""
        self.engine.dispose()


class OwnConnection:
    """A connection that one job keeps: it writes in short transactions; between them ``cursor`` sees the newest committed state.

    ``cursor`` is the driver's own, for what is asked once per recipient (``quick.QuickStatement``).
    """

    def __init__(self, engine: Engine, info: dict[str, Any]) -> None:
        self._info = info
        self._writing = engine.connect()
        self._tells = engine.dialect.name == "sqlite"
        self._reading = self._writing if self._tells else engine.connect()
        if not self._tells:
            self._reading.execution_options(isolation_level="AUTOCOMMIT")
        self.dialect = engine.dialect
        self.cursor: Any = self._reading.connection.cursor()

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A session that commits at the end, or rolls back on any error; its lock is taken before anything is read."""
        with Session(self._writing, expire_on_commit=False, info=self._info) as session, session.begin():
            session.connection()
            yield session

    def version(self) -> object:
        """Equal to what it was before if nobody else has committed since: then everything that was read before still holds.

        Within a transaction it is that of the state that the transaction sees. PostgreSQL does not tell: there it is always new.
        """
        if not self._tells:
            return object()
        return self.cursor.execute("PRAGMA data_version").fetchone()[0]

    def close(self) -> None:
        """Give the connection back."""
        self.cursor.close()
        self._writing.close()
        if not self._tells:
            self._reading.close()


def version_tables(engine: Engine) -> list[str]:
    """The tables that keep the versions of the tables of each owner, by name."""
    return sorted(name for name in inspect(engine).get_table_names() if name.startswith(VERSION_TABLE))


def now(session: Session) -> datetime:
    """The present instant by the clock of this session's database."""
    clock: Clock = session.info["clock"]
    return clock.now()


def lock(session: Session, row: Base) -> None:
    """See a row as it is now, and let nobody else change it until this transaction ends.

    On SQLite a writing transaction has locked the whole database before it read the row.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.flush()
        session.refresh(row, with_for_update=True)


def in_words(error: DBAPIError) -> CmsError | None:
    """What a refusal of the database means to a person; None where it is a fault of the program.

    Two did the same at the same moment, somebody writes for very long, or a text holds the NUL that PostgreSQL stores in none.
    """
    text = str(error.orig).casefold()
    if isinstance(error, IntegrityError) and ("unique" in text or "foreign key" in text):
        return Conflict(
            "somebody else saved the same at the same moment; nothing was saved", "look again, then repeat it"
        )
    if "deadlock" in text or "could not serialize" in text:
        return TryLater("two changes waited for each other; nothing was saved", "try again")
    if "database is locked" in text:
        return TryLater("somebody else has been writing for too long; nothing was saved", "try again")
    if "nul (0x00)" in text:
        return Invalid("a text holds a NUL character; nothing was saved", "take the character out")
    return None


# What drivers say when there is nobody to ask: psycopg of a server, SQLite of a file.
_AWAY = ("connect", "closed the connection", "terminating", "starting up", "shutting down", "unable to open")
_NO_ROOM = (
    "disk is full",
    "readonly database",
    "read-only",
    "disk i/o error",
    "no space left",
    "could not extend",
)


def weather(error: DBAPIError) -> CmsError | None:
    """What passes without anybody changing the program: a database that is away, or has no room."""
    if not isinstance(error, OperationalError | InterfaceError) and not error.connection_invalidated:
        return None
    text = str(error.orig).casefold()
    if any(word in text for word in _NO_ROOM):
        return TryLater(
            "the database takes nothing; nothing was saved", "make room on its disk, then try again"
        )
    if error.connection_invalidated or any(word in text for word in _AWAY):
        return TryLater("the database does not answer; nothing was saved", "try again in a moment")
    return None


def make_engine(url: str, *, durable: bool = False) -> Engine:
    """Create an engine; SQLite gets WAL, foreign keys, a busy timeout and explicit BEGIN."""
    if url.startswith("postgresql://"):
        url = url.replace("postgresql://", "postgresql+psycopg://", 1)
    # A server that does not even refuse is told as one that does not answer, not waited for by the minute.
    waits = (
        {"connect_timeout": CONNECT_SECONDS}
        if url.startswith("postgresql") and "connect_timeout" not in url
        else {}
    )
    engine = create_engine(url, pool_size=KEPT_CONNECTIONS, json_deserializer=_from_json, connect_args=waits)
    if engine.dialect.name == "sqlite":
        _tune_sqlite(engine, durable)
    return engine


def _from_json(text: str) -> Any:
    # Most are empty, and contacts are read by the hundred thousand.
    return {} if text == "{}" else json.loads(text)


_compiled = lru_cache(maxsize=64)(re.compile)


def _matches(pattern: str, text: str | None) -> bool | None:
    """REGEXP of SQLite: asked once for each contact, so the pattern is not looked up in ``re`` each time."""
    return None if text is None else _compiled(pattern).search(text) is not None


def _tune_sqlite(engine: Engine, durable: bool) -> None:
    synchronous = "FULL" if durable else "NORMAL"

    @event.listens_for(engine, "connect")
    def on_connect(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            f"busy_timeout={BUSY_TIMEOUT_SECONDS * 1000}",
            "journal_mode=WAL",
            f"synchronous={synchronous}",
            "foreign_keys=ON",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()
        connection.create_function("regexp", 2, _matches, deterministic=True)

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        immediate = connection.get_execution_options().get("cms_immediate")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")
