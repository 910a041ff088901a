"""All tables of a workspace, and their rows in a form that is the same whatever database they stand in."""

import base64
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Date,
    DateTime,
    LargeBinary,
    String,
    Table,
    func,
    insert,
    inspect,
    select,
    text,
    tuple_,
)
from sqlalchemy.exc import IntegrityError

from cms_core import migrations, models
from cms_core.db import QUEUE_TABLES, VERSION_TABLE
from cms_core.errors import Conflict, Invalid
from cms_core.events.models import Cursor
from cms_core.plugins import Plugins

Row = dict[str, Any]
BATCH = 1_000
LEDGER_ORDER = "xid"  # see events/ledger.py


@dataclass(frozen=True)
class Content:
    """How many rows a table has, and the hash of all of them in order."""

    rows: int
    sha256: str


def tables(plugins: Plugins, connection: Connection) -> list[Table]:
    """The tables that hold what is known: of the core and of all plugins, without those that are made from others.

    Raises Conflict for tables of a plugin that is not installed: nobody here knows what they mean.
    """
    names = [owner.name for owner in migrations.owners(plugins)]
    migrations.load_models(plugins)
    known = [table for table in models.metadata.sorted_tables if migrations.owner_of(table.name, names)]
    strange = sorted(_there(connection) - {table.name for table in known})
    if strange:
        raise Conflict(
            f"the database has tables that belong to no running plugin: {', '.join(strange)}",
            "install the plugin that they belong to, and run this again",
        )
    return [table for table in known if not table.info.get("not_taken")]


def in_files(all_tables: Iterable[Table]) -> list[Table]:
    """Those of these tables that are written to files: without keys to this workspace, and the systems that it tells of events."""
    return [table for table in all_tables if not table.info.get("secret")]


def secret_columns(table: Table) -> list[str]:
    """The columns that hold secrets; those are never written to a file."""
    return [column.name for column in table.columns if column.info.get("secret")]


def read(connection: Connection, table: Table) -> Iterator[Row]:
    """All rows by primary key, as they are taken elsewhere; flat in memory."""
    # Sorted by bytes everywhere, as SQLite does.
    plain = connection.dialect.name == "sqlite"
    keys = [
        column if plain or not isinstance(column.type, String) else column.collate("C")
        for column in table.primary_key
    ]
    query = select(table).order_by(*keys).execution_options(yield_per=BATCH)
    for found in connection.execute(query).mappings():
        row = dict(found)
        if table is Cursor.__table__ and row["xid"]:
            row["position"] = _position_by_id(connection, row)
        if LEDGER_ORDER in row:  # there all rows are visible, in the order of their ids
            row[LEDGER_ORDER] = 0
        yield row


def write(connection: Connection, table: Table, rows: Iterable[Row]) -> int:
    """Add rows as they are; returns how many."""
    rows, number = iter(rows), 0
    while batch := list(islice(rows, BATCH)):
        connection.execute(insert(table), batch)
        number += len(batch)
    return number


def content(connection: Connection, table: Table) -> Content:
    """Count and hash of what a table holds."""
    return digest(to_line(row) for row in read(connection, table))


def digest(lines: Iterable[bytes]) -> Content:
    """Count and hash of lines."""
    number, hashed = 0, hashlib.sha256()
    for line in lines:
        number += 1
        hashed.update(line)
    return Content(number, hashed.hexdigest())


# --- rows as text ---------------------------------------------------------------------------------------------------------


def to_line(row: Mapping[str, Any]) -> bytes:
    """A row as one line of JSON, always the same for the same values."""
    line = json.dumps(row, default=_plain, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return line.encode() + b"\n"


def line_reader(table: Table) -> Callable[[bytes], Row]:
    """Makes the row of a line; that raises ValueError, KeyError or TypeError for what is no row of this table."""
    readers = {column.name: _reader(column) for column in table.columns}

    def from_line(line: bytes) -> Row:
        return {name: readers[name](value) for name, value in json.loads(line).items()}

    return from_line


def _plain(value: Any) -> str:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"{type(value).__name__} has no form in a file")


def _reader(column: Column[Any]) -> Callable[[Any], Any]:
    kind: Any = getattr(column.type, "impl_instance", column.type)
    if isinstance(kind, JSON):
        return _unchanged
    if isinstance(kind, DateTime):
        return _or_none(datetime.fromisoformat)
    if isinstance(kind, Date):
        return _or_none(date.fromisoformat)
    if isinstance(kind, LargeBinary):
        return _or_none(base64.b64decode)
    return _unchanged


def _or_none(read_text: Callable[[str], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else read_text(value)


def _unchanged(value: Any) -> Any:
    return value


# --- what stands otherwise in another database ----------------------------------------------------------------------------


def _position_by_id(connection: Connection, cursor: Row) -> int:
    """Before the first row that a reader has not read; what it has read behind that, it is given once more."""
    ledger = models.metadata.tables[cursor["ledger"]].c
    unread = tuple_(ledger.xid, ledger.id) > tuple_(cursor["xid"], cursor["position"])
    first = connection.scalar(select(func.min(ledger.id)).where(unread))
    if first is not None:
        return int(first) - 1
    return connection.scalar(select(func.max(ledger.id))) or 0


def _there(connection: Connection) -> set[str]:
    names = inspect(connection).get_table_names()
    return {name for name in names if not name.startswith((VERSION_TABLE, QUEUE_TABLES))}


# --- what databases do not share ------------------------------------------------------------------------------------------


def postpone_foreign_keys(connection: Connection, all_tables: Iterable[Table]) -> None:
    """Let rows refer to rows that are written later in this transaction."""
    if connection.dialect.name == "sqlite":
        connection.execute(text("PRAGMA defer_foreign_keys = ON"))
    else:
        _alter_foreign_keys(connection, all_tables, "DEFERRABLE INITIALLY DEFERRED")


def check_foreign_keys(connection: Connection, all_tables: Iterable[Table]) -> None:
    """Check all references, and let the database do so at once again; raises Invalid for rows that refer to nothing."""
    if connection.dialect.name == "sqlite":
        if broken := connection.execute(text("PRAGMA foreign_key_check")).first():
            raise _broken(f"a row of {broken[0]} names a row of {broken[2]} that is not there")
        return
    try:
        connection.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
    except IntegrityError as error:
        raise _broken(str(error.orig)) from None
    _alter_foreign_keys(connection, all_tables, "NOT DEFERRABLE")


def _broken(reason: str) -> Invalid:
    return Invalid(f"the rows do not fit together: {' '.join(reason.split())}", "export the workspace again")


def count_on(connection: Connection, all_tables: Iterable[Table]) -> None:
    """Let the ids of new rows go on behind those that were written."""
    if connection.dialect.name == "sqlite":
        return
    for table in all_tables:
        column = table.autoincrement_column
        if column is not None:
            sequence = func.pg_get_serial_sequence(table.name, column.name)
            highest = connection.scalar(select(func.max(column)))
            if highest is not None:
                connection.execute(select(func.setval(sequence, highest)))


def _alter_foreign_keys(connection: Connection, all_tables: Iterable[Table], how: str) -> None:
    quoted = connection.dialect.identifier_preparer.quote
    for table in all_tables:
        for each in inspect(connection).get_foreign_keys(table.name):
            constraint = quoted(str(each["name"]))
            connection.execute(text(f"ALTER TABLE {quoted(table.name)} ALTER CONSTRAINT {constraint} {how}"))
