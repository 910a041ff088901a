"""Statements for what is asked once per recipient or per hit: compiled once, then handed to the driver as they are.

SQLAlchemy finds a compiled statement in its cache, but still spends some 100 µs on each execution; this spends one or two.
"""

from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from functools import cache
from itertools import repeat
from operator import itemgetter
from typing import Any, Protocol

from sqlalchemy import BindParameter, ClauseElement, Dialect
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session


class Cursor(Protocol):
    """What a driver's cursor can do (PEP 249)."""

    def execute(self, sql: str, parameters: Any, /) -> Any: ...

    def fetchall(self) -> list[Any]: ...


class QuickStatement:
    """One statement in a dialect; ``names`` are the bound parameters (of an INSERT: the columns) that each execution gives anew."""

    def __init__(self, dialect: Dialect, statement: ClauseElement, names: Iterable[str]) -> None:
        given = tuple(names)
        compiled: Any = statement.compile(dialect=dialect, column_keys=given)
        state = compiled.construct_expanded_state(dict.fromkeys(given))
        order = list(state.positiontup or state.parameters)
        constants = [name for name in order if name not in given]
        pool = [*given, *constants]
        self.sql = str(state.statement)
        self._constants = tuple(
            _constant(state.parameters[name], compiled.binds.get(name), dialect) for name in constants
        )
        self._pick: Callable[[tuple[Any, ...]], tuple[Any, ...]] = _picker(
            [pool.index(name) for name in order]
        )
        self._keys = None if state.positiontup else order
        self._converters = [
            (index, convert)
            for index, name in enumerate(given)
            if (convert := _converter(compiled.binds[name].type, dialect)) is not None
        ]

    def bind(self, *values: Any) -> Any:
        """The driver's parameters for these values, in the order of ``names``."""
        if self._converters:
            converted = list(values)
            for index, convert in self._converters:
                converted[index] = convert(converted[index])
            values = tuple(converted)
        picked = self._pick(values + self._constants)
        return picked if self._keys is None else dict(zip(self._keys, picked, strict=True))

    def run(self, cursor: Cursor, *values: Any) -> None:
        """Execute on a driver's cursor."""
        cursor.execute(self.sql, self.bind(*values))

    def rows(self, cursor: Cursor, *values: Any) -> list[Any]:
        """Execute and fetch all rows, so that no read stays open."""
        cursor.execute(self.sql, self.bind(*values))
        return cursor.fetchall()

    def run_many(self, connection: Connection, rows: Iterable[tuple[Any, ...]]) -> None:
        """Execute once for each row of values; a value that many rows share is converted once."""
        columns: list[Iterable[Any]] = list(zip(*rows, strict=True))
        if not columns:
            return
        for index, convert in self._converters:
            columns[index] = _converted(convert, columns[index])
        columns += map(repeat, self._constants)
        tuples = list(zip(*self._pick(tuple(columns)), strict=False))  # constants have no end
        keys = self._keys
        parameters = tuples if keys is None else [dict(zip(keys, each, strict=True)) for each in tuples]
        connection.exec_driver_sql(self.sql, parameters)


def _converted(convert: Callable[[Any], Any], values: Iterable[Any]) -> list[Any]:
    values = list(values)
    try:
        known = {value: convert(value) for value in set(values)}
    except TypeError:  # documents are not hashed, and seldom alike
        return list(map(convert, values))
    return [known[value] for value in values]


def write_many(
    session: Session, statement: ClauseElement, names: Sequence[str], rows: Iterable[tuple[Any, ...]]
) -> None:
    """Execute a statement once for each row of values of ``names``; it is compiled once, so keep it."""
    connection = session.connection()
    compiled(connection.dialect, statement, tuple(names)).run_many(connection, rows)


@cache
def compiled(dialect: Dialect, statement: ClauseElement, names: tuple[str, ...]) -> QuickStatement:
    """A statement that is kept, in a dialect: made once."""
    return QuickStatement(dialect, statement, names)


def cursor_of(connection: Connection) -> Any:
    """A cursor of the driver, within the transaction that the connection has begun (if any)."""
    return connection.connection.cursor()


def _constant(value: Any, bind: BindParameter[Any] | None, dialect: Dialect) -> Any:
    plain = value.value if isinstance(value, Enum) else value
    convert = _converter(bind.type, dialect) if bind is not None else None
    return plain if convert is None else convert(plain)


def _picker(indexes: list[int]) -> Callable[[tuple[Any, ...]], tuple[Any, ...]]:
    if len(indexes) == 1:
        only = indexes[0]
        return lambda pool: (pool[only],)
    return itemgetter(*indexes)


def _converter(kind: Any, dialect: Dialect) -> Callable[[Any], Any] | None:
    convert: Callable[[Any], Any] | None = kind.dialect_impl(dialect).bind_processor(dialect)
    return convert
