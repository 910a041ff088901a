"""What waits for a worker, and since when: not only what was never begun, also what a worker has left behind."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, null, select, union, union_all
from sqlalchemy.orm import Session

from cms_core.db import now
from cms_core.plugins import Plugins
from cms_core.publishing import claims
from cms_core.publishing.claims import Task
from cms_core.publishing.models import Attempt, Publication
from cms_core.publishing.models import PublicationState as S

P = Publication
Waiting = tuple[ColumnElement[bool], ColumnElement[Any]]


def count(session: Session, plugins: Plugins) -> int:
    """How many publications wait for a worker."""
    found = union(*(select(P.id).where(where) for where, _ in _waiting(plugins, now(session))))
    return session.scalar(select(func.count()).select_from(found.subquery())) or 0


def oldest(session: Session, plugins: Plugins) -> timedelta | None:
    """How long the first of them has waited; None when nothing waits."""
    present = now(session)
    firsts: list[Select[datetime]] = [
        select(func.min(since).label("since")).where(where) for where, since in _waiting(plugins, present)
    ]
    each = union_all(*firsts).subquery()
    first: datetime | None = session.scalar(select(func.min(each.c.since)))
    return present - first if first else None


def _waiting(plugins: Plugins, present: datetime) -> list[Waiting]:
    left = and_(P.state.in_((S.PREPARING, S.COMMITTING)), P.lease_until < present)
    wanted = claims.work(plugins, present, present)
    swept = (left, _SINCE), (claims.rested(present, present), _SINCE)
    return [*swept, *((where, _SINCES.get(task, _SINCE)) for task, where in wanted)]


# A lease that ended, a pause that is over, or the end of the last try; before the first, the time that was planned.
_TRIED = (
    select(func.max(Attempt.ended_at)).where(Attempt.publication_id == P.id).correlate(P).scalar_subquery()
)
_SINCE: ColumnElement[Any] = func.coalesce(
    P.lease_until, P.retry_at, P.wake_at, case((P.due_at < _TRIED, _TRIED), else_=P.due_at)
)
_SINCES: dict[Task, ColumnElement[Any]] = {
    Task.WITHDRAW: func.coalesce(P.lease_until, P.retry_at, P.withdraw_asked_at),
    Task.SWITCH: func.coalesce(P.lease_until, P.retry_at, null()),  # nothing tells when it was asked for
}
