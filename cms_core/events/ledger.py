"""Reading a ledger by a cursor, in an order in which nothing ever appears behind the reader.

Ids are given out when a row is written, and rows become visible when they are committed: on PostgreSQL a lower id may come after a
higher one, and a reader that goes by ids would pass over it. So a ledger is read by the number of the transaction first (``xid``),
then by id, and only below the *commit horizon*, the oldest transaction that is still running: what is below is complete. On SQLite
writers come one after another, so ids are in the order of the commits; ``xid`` is 0 there.

A transaction that stays open holds the horizon back, in whichever database of the server it writes; readers wait and lose nothing.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    ScalarSelect,
    Select,
    Text,
    cast,
    func,
    literal,
    select,
    tuple_,
    update,
)
from sqlalchemy.orm import Session

from cms_core.db import Ledger
from cms_core.dialect import insert_missing
from cms_core.events.models import Cursor


class Place(NamedTuple):
    """A place in a ledger: what stands up to this row, itself included, was read."""

    xid: int
    id: int


START = Place(0, 0)


def after(session: Session, ledger: type[Ledger], place: Place) -> ColumnElement[bool]:
    """SQL: the row stands behind this place."""
    if _by_id(session):
        return ledger.id > place.id
    return tuple_(ledger.xid, ledger.id) > tuple_(*map(literal, place))


def up_to(session: Session, ledger: type[Ledger], place: Place) -> ColumnElement[bool]:
    """SQL: the row stands up to this place."""
    if _by_id(session):
        return ledger.id <= place.id
    return tuple_(ledger.xid, ledger.id) <= tuple_(*map(literal, place))


def order(session: Session, ledger: type[Ledger]) -> tuple[Any, ...]:
    """SQL: the order of reading, for ORDER BY."""
    return (ledger.id,) if _by_id(session) else (ledger.xid, ledger.id)


def end(session: Session, ledger: type[Ledger]) -> Place:
    """The last place that may be read now; START where there is none."""
    found = session.execute(_last(session, ledger, ledger.xid, ledger.id)).first()
    return Place(*found) if found else START


def end_id(session: Session, ledger: type[Ledger]) -> ScalarSelect[int]:
    """SQL: the id of the last row that may be read now; another one means that there is something new."""
    return _last(session, ledger, ledger.id).scalar_subquery()


def _last(session: Session, ledger: type[Ledger], *columns: Any) -> Select[*tuple[Any, ...]]:
    query = select(*columns).limit(1)
    if _by_id(session):
        return query.order_by(ledger.id.desc())
    return query.where(ledger.xid < _horizon()).order_by(ledger.xid.desc(), ledger.id.desc())


def _horizon() -> ColumnElement[int]:
    return cast(cast(func.pg_snapshot_xmin(func.pg_current_snapshot()), Text), BigInteger)


@dataclass(frozen=True)
class Reader:
    """Who reads a ledger, by name; one row of ``core_cursor`` tells how far it has come."""

    name: str
    ledger: type[Ledger]


def find_position(session: Session, reader: Reader, *, lock: bool = False) -> Place | None:
    """How far this reader has come, or None when it is not known yet; ``lock`` keeps other processes from reading on meanwhile."""
    query = select(Cursor.xid, Cursor.position).where(Cursor.name == reader.name)
    found = session.execute(query.with_for_update() if lock else query).first()
    return Place(*found) if found else None


def position(session: Session, reader: Reader) -> Place:
    """How far this reader has come; START when it is not known yet."""
    return find_position(session, reader) or START


def begin_at(session: Session, reader: Reader, place: Place) -> None:
    """Let a reader that is not known yet begin behind this place."""
    row = {"name": reader.name, "ledger": _table(reader), "xid": place.xid, "position": place.id}
    insert_missing(session, Cursor, [row])


def locked_position(session: Session, reader: Reader) -> Place:
    """How far this reader has come; until this transaction ends, no other one moves it."""
    begin_at(session, reader, START)
    return find_position(session, reader, lock=True) or START


def advance(session: Session, reader: Reader, start: Place, to: Place) -> bool:
    """Move a reader from where it was found to here; False when another process has moved it meanwhile."""
    begin_at(session, reader, START)
    moved = (
        update(Cursor)
        .where(Cursor.name == reader.name, Cursor.xid == start.xid, Cursor.position == start.id)
        .values(xid=to.xid, position=to.id)
        .returning(Cursor.name)
        .execution_options(synchronize_session=False)
    )
    return session.scalar(moved) is not None


def is_behind(session: Session, reader: Reader) -> bool:
    """Whether there is something that this reader has not read."""
    return end(session, reader.ledger) > position(session, reader)


def _table(reader: Reader) -> str:
    return str(reader.ledger.__tablename__)  # type: ignore[attr-defined]


def _by_id(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"
