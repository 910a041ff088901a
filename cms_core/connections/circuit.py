"""The circuit breaker of a connection: where nothing gets through, what is due waits instead of being tried in vain.

It opens after ``LIMIT`` failures in a row. Then one piece of work each ``PROBE`` goes out to see whether the other side is back,
and one success closes it. Only the weather counts (no answer, overload, a limit): what the other side refuses, it has answered.
"""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, String, Update, and_, case, cast, func, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from cms_core import contract as c
from cms_core.connections.models import Connection

LIMIT = 5
PROBE = timedelta(seconds=30)
WAITED_FOR = 2  # probes that a run which ends by itself waits for
WEATHER = (c.Retryable, c.OutcomeUnknown)
RESTS, IN_A_ROW = " rests after ", " failures in a row: "


def resting(column: InstrumentedAttribute[int], real: datetime) -> ColumnElement[bool]:
    """SQL: the connection with this id rests, and it is not yet time for a probe."""
    return column.in_(select(Connection.id).where(Connection.probe_at > real))


def may_try(session: Session, connection_id: int, probe_at: datetime | None, real: datetime) -> bool:
    """Whether a piece of work may be taken, given the connection's ``probe_at``; of those who come for a probe, one may."""
    if probe_at is None:
        return True
    taken = _update(connection_id).where(Connection.probe_at <= real).values(probe_at=real + PROBE)
    return session.scalar(taken.returning(Connection.id)) is not None


def heard(
    session: Session, connection_id: int, error: BaseException | None, real: datetime, reason: str
) -> None:
    """Count how a call ended: ``error`` is what came of it, None when it worked; ``reason`` tells people."""
    if isinstance(error, WEATHER):
        failures, probe_at = Connection.failures + 1, func.coalesce(Connection.probe_at, real + PROBE)
        opened = case((failures >= LIMIT, probe_at), else_=Connection.probe_at)
        counted = _update(connection_id).values(failures=failures, circuit_reason=reason, probe_at=opened)
        session.execute(counted)
    elif error is None or isinstance(error, c.Refused | c.NotConnected):
        close(session, connection_id)


def close(session: Session, connection_id: int) -> None:
    """It works again, or a person has tried it or set it up anew."""
    closed = {"failures": 0, "probe_at": None, "circuit_reason": ""}
    session.execute(_update(connection_id).where(Connection.failures > 0).values(**closed))


def hopeful(real: datetime) -> ColumnElement[bool]:
    """SQL: a connection that rests, but whose next probe is worth waiting for."""
    return and_(Connection.probe_at > real, Connection.failures < LIMIT + WAITED_FOR)


def in_words(connection: Connection) -> str:
    """Why what is due on this connection waits; "" while the circuit is closed."""
    if connection.probe_at is None:
        return ""
    name = f"{connection.channel}:{connection.name}"
    return f"{name}{RESTS}{connection.failures}{IN_A_ROW}{connection.circuit_reason}"


def words() -> ColumnElement[str]:
    """SQL, with the connection joined: the same; NULL while the circuit is closed."""
    name = Connection.channel + ":" + Connection.name
    said = name + RESTS + cast(Connection.failures, String) + IN_A_ROW + Connection.circuit_reason
    return case((Connection.probe_at.is_not(None), said))


def _update(connection_id: int) -> Update:
    """Without a new version of the row: nobody has edited it."""
    changed = update(Connection).where(Connection.id == connection_id)
    return changed.execution_options(synchronize_session=False)
