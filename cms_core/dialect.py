"""What SQLAlchemy leaves to the dialect or to the driver: INSERT … ON CONFLICT, long lists in one parameter, many rows at once."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from itertools import repeat
from operator import itemgetter
from typing import Any, TypeVar

import orjson
from sqlalchemy import JSON, ColumnElement, Date, Dialect, Integer, Text, cast, func, insert, literal, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql.elements import KeyedColumnElement

from cms_core.db import Base

FEW = 50

Scalar = TypeVar("Scalar", str, str | None, int)


def insert_for(bound: Session | Connection, model: type[Base]) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that knows ON CONFLICT, in the dialect of this session or connection."""
    dialect = bound.dialect if isinstance(bound, Connection) else bound.get_bind().dialect
    if dialect.name == "postgresql":
        return postgresql.insert(model)
    return sqlite.insert(model)


def insert_missing(bound: Session | Connection, model: type[Base], rows: Sequence[dict[str, Any]]) -> int:
    """Insert rows; those that exist already (any unique key) are left as they are. Returns how many were new."""
    if not rows:
        return 0
    connection = bound if isinstance(bound, Connection) else bound.connection()
    insert = insert_for(connection, model).on_conflict_do_nothing()
    return connection.execute(insert, rows, execution_options={"preserve_rowcount": True}).rowcount


def among(
    session: Session, column: InstrumentedAttribute[Scalar], values: Iterable[Scalar]
) -> ColumnElement[bool]:
    """SQL: the column is one of these; many are one parameter, however many there are, and one statement to compile."""
    given = list(values)
    if len(given) <= FEW:  # which takes a fifth of the time to say
        return column.in_(given)
    listed = literal(orjson.dumps(given).decode(), Text)
    if session.get_bind().dialect.name == "postgresql":
        each = func.json_array_elements_text(cast(listed, JSON)).column_valued()
        # A text is not cast: it would be cut to the length of the column.
        return column.in_(select(cast(each, column.type) if isinstance(column.type, Integer) else each))
    return column.in_(select(func.json_each(listed).table_valued("value").c.value))


def not_by_index(session: Session, column: InstrumentedAttribute[Any]) -> ColumnElement[Any]:
    """SQL: the column, such that SQLite does not look rows up by it.

    SQLite takes any index with as many equal columns as the right one: all events of a campaign instead of those of a contact.
    """
    return func.coalesce(column, "") if session.get_bind().dialect.name == "sqlite" else column.expression


def utc_day(session: Session, column: InstrumentedAttribute[datetime]) -> ColumnElement[date]:
    """SQL: the day (UTC) of an instant."""
    if session.get_bind().dialect.name == "postgresql":
        return cast(func.timezone("UTC", column), Date)
    return func.substr(column, 1, 10, type_=Date)


def insert_rows(
    session: Session,
    model: type[Base],
    rows: Sequence[Mapping[str, Any]],
    *,
    leave_existing: bool = False,
    **same: Any,
) -> None:
    """Insert many rows of the same keys at the driver's speed; ``same`` are values that all rows share, converted once.

    ``leave_existing``: rows that exist already (any unique key) are left as they are; otherwise they are an error.

    Core's executemany converts every value of every row by itself, which is half the time of an import.
    """
    if not rows:
        return
    connection = session.connection()
    names = [*rows[0], *same]
    if connection.dialect.name == "postgresql" and not leave_existing:
        _copy_rows(connection, model, rows, same)
        return
    statement = insert_for(session, model).on_conflict_do_nothing() if leave_existing else insert(model)
    compiled = statement.inline().compile(dialect=connection.dialect, column_keys=names)
    binders = _binders(connection, model, names)
    columns = _columns(binders, rows, same)
    order = compiled.positiontup  # None where the driver's parameters have names
    tuples = zip(*(columns[name] for name in order or names), strict=True)
    parameters = list(tuples) if order else [dict(zip(names, each, strict=True)) for each in tuples]
    connection.exec_driver_sql(str(compiled), parameters)


def _copy_rows(
    connection: Connection, model: type[Base], rows: Sequence[Mapping[str, Any]], same: Mapping[str, Any]
) -> None:
    """COPY: PostgreSQL's own way in for many rows."""
    names = [*rows[0], *same]
    columns = _columns(_binders(connection, model, names), rows, same)
    quote = connection.dialect.identifier_preparer.quote
    listed = ", ".join(map(quote, names))
    cursor: Any = connection.connection.cursor()
    statement = f"COPY {quote(model.__tablename__)} ({listed}) FROM STDIN"
    try:
        with cursor.copy(statement) as copy:
            for each in zip(*(columns[name] for name in names), strict=True):
                copy.write_row(each)
    except connection.dialect.loaded_dbapi.IntegrityError as error:
        raise IntegrityError(statement, None, error) from error


def _binders(
    connection: Connection, model: type[Base], names: Iterable[str]
) -> dict[str, Callable[[Any], Any]]:
    return {name: _binder(model.__table__.columns[name], connection.dialect) for name in names}


def _columns(
    binders: Mapping[str, Callable[[Any], Any]], rows: Sequence[Mapping[str, Any]], same: Mapping[str, Any]
) -> dict[str, Iterable[Any]]:
    """The values of each column, as the driver takes them."""
    columns: dict[str, Iterable[Any]] = {
        name: map(binders[name], map(itemgetter(name), rows)) for name in rows[0]
    }
    return columns | {name: repeat(_plain(binders[name](value)), len(rows)) for name, value in same.items()}


def _plain(value: Any) -> Any:
    """As text what every database reads from one: drivers differ in what they make of enumerations, and are slow with instants."""
    if isinstance(value, StrEnum):
        return str(value)
    return value.isoformat(" ") if isinstance(value, datetime) else value


def _binder(column: KeyedColumnElement[Any], dialect: Dialect) -> Callable[[Any], Any]:
    if isinstance(column.type, JSON):
        return lambda value: orjson.dumps(value).decode()
    return column.type.dialect_impl(dialect).bind_processor(dialect) or _unchanged


def _unchanged(value: Any) -> Any:
    return value
