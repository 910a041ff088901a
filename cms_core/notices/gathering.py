"""Gathering: what needs somebody gets a notice, and what does not any more has it closed; the worker does so every few seconds."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, exists, or_, select, update
from sqlalchemy.orm import Session

from cms_core.db import now
from cms_core.notices import raising
from cms_core.notices.models import Notice, NoticeRead
from cms_core.notices.raising import Raised
from cms_core.notices.sources import SOURCES, Keys, Source, plugin_faults
from cms_core.workspace import Workspace

BATCH = 200
KEPT = timedelta(days=90)


def gather(workspace: Workspace) -> int:
    """Raise and close what has changed since the last time; returns how many notices were raised."""
    at = workspace.db.clock.now()
    return sum(_gather(workspace, source, at) for source in SOURCES) + _gather_faults(workspace)


def _gather(workspace: Workspace, source: Source, at: datetime) -> int:
    keys = source.keys(workspace, at)
    with workspace.db.session() as session:  # asked without the lock of those who write
        fresh = _fresh(session, source.name, keys)
        over = session.scalar(select(Notice.id).where(_over(source.name, keys)).limit(1))
    if not fresh and over is None:
        return 0
    with workspace.db.transaction() as session:
        closed = update(Notice).where(_over(source.name, keys)).values(resolved_at=now(session))
        session.execute(closed.execution_options(synchronize_session=False))
        return raising.raise_all(session, workspace, source.describe(session, fresh)) if fresh else 0


def _fresh(session: Session, name: str, keys: Keys) -> Sequence[str]:
    (key,) = keys.selected_columns
    known = exists().where(Notice.source == name, Notice.key == key, Notice.resolved_at.is_(None))
    return session.scalars(keys.where(~known).order_by(key).limit(BATCH)).all()


def _over(name: str, keys: Keys) -> ColumnElement[bool]:
    """SQL: an open notice of this source whose thing is in order again."""
    return (Notice.source == name) & Notice.resolved_at.is_(None) & Notice.key.not_in(keys.scalar_subquery())


def _gather_faults(workspace: Workspace) -> int:
    """What is known to this process alone: compared here, not in the database."""
    found = {each.key: each for each in plugin_faults(workspace)}
    with workspace.db.session() as session:
        query = select(Notice.key).where(Notice.source == "plugin", Notice.resolved_at.is_(None))
        known = set(session.scalars(query))
    fresh: list[Raised] = [each for key, each in found.items() if key not in known]
    over = sorted(known - found.keys())
    if not fresh and not over:
        return 0
    with workspace.db.transaction() as session:
        raising.resolve(session, "plugin", over)
        return raising.raise_all(session, workspace, fresh)


def purge(session: Session) -> None:
    """Forget notices of long ago: those that are closed, and those that nothing closes (of plugins)."""
    before = now(session) - KEPT
    ended = or_(Notice.resolved_at < before, Notice.source.startswith("plugin:"))
    old = select(Notice.id).where(Notice.last_at < before, ended)
    session.execute(delete(NoticeRead).where(NoticeRead.notice_id.in_(old)))
    session.execute(
        delete(Notice).where(Notice.last_at < before, ended).execution_options(synchronize_session=False)
    )
