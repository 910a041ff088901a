"""Gathering: what needs somebody gets a notice, and what does not any more has it closed; the worker does so every few seconds."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, exists, false, or_, select, update
from sqlalchemy.orm import Session

from cms_core.db import now
from cms_core.notices import raising
from cms_core.notices.models import Notice, NoticeRead
from cms_core.notices.raising import Raised
from cms_core.notices.sources import SOURCES, Keys, Source, on_machine, plugin_faults
from cms_core.workspace import Workspace

BATCH = 200
KEPT = timedelta(days=90)


def gather(workspace: Workspace, also: ColumnElement[bool] | None = None) -> tuple[int, bool]:
    """Raise and close what has changed since the last time; returns how many notices were raised, and whether ``also`` holds."""
    at = workspace.db.clock.now()
    faults = _open("plugin")
    changed = [_changed(source.name, source.keys(workspace, at)) for source in SOURCES]
    asked = select(*changed, select(Notice.id).where(faults).exists(), false() if also is None else also)
    with workspace.db.session() as session:  # one statement, without the lock of those who write
        *found, open_faults, holds = session.execute(asked).one()
    raised = sum(_gather(workspace, source, at) for source, has in zip(SOURCES, found, strict=True) if has)
    raised += _gather_faults(workspace) if open_faults or plugin_faults(workspace) else 0
    return raised, bool(holds)


def _changed(name: str, keys: Keys) -> ColumnElement[bool]:
    """SQL: there is something of this source to be told, or to be closed."""
    fresh = keys.where(~_known(name, keys)).exists()
    return or_(fresh, select(Notice.id).where(_over(name, keys)).exists())


def _gather(workspace: Workspace, source: Source, at: datetime) -> int:
    keys = source.keys(workspace, at)
    with workspace.db.session() as session:
        fresh = _fresh(session, source.name, keys)
    with workspace.db.transaction() as session:
        closed = update(Notice).where(_over(source.name, keys)).values(resolved_at=now(session))
        session.execute(closed.execution_options(synchronize_session=False))
        return raising.raise_all(session, workspace, source.describe(session, fresh)) if fresh else 0


def _fresh(session: Session, name: str, keys: Keys) -> Sequence[str]:
    (key,) = keys.selected_columns
    return session.scalars(keys.where(~_known(name, keys)).order_by(key).limit(BATCH)).all()


def _known(name: str, keys: Keys) -> ColumnElement[bool]:
    (key,) = keys.selected_columns
    return exists().where(_open(name), Notice.key == key)


def _open(name: str) -> ColumnElement[bool]:
    return (Notice.source == name) & Notice.resolved_at.is_(None)


def _over(name: str, keys: Keys) -> ColumnElement[bool]:
    """SQL: an open notice of this source whose thing is in order again."""
    return _open(name) & Notice.key.not_in(keys.scalar_subquery())


def _gather_faults(workspace: Workspace) -> int:
    """What is known to this process alone: compared here, not in the database, and closed by the machine that has raised it."""
    found = {each.key: each for each in plugin_faults(workspace)}
    here = Notice.key.endswith(on_machine(workspace), autoescape=True)
    with workspace.db.session() as session:
        known = set(session.scalars(select(Notice.key).where(_open("plugin"), here)))
    fresh: list[Raised] = [each for key, each in found.items() if key not in known]
    over = sorted(known - found.keys())
    if not fresh and not over:
        return 0
    with workspace.db.transaction() as session:
        raising.resolve(session, "plugin", over)
        return raising.raise_all(session, workspace, fresh)


def purge(session: Session) -> None:
    """Forget notices of long ago: those that are closed, and those that nothing closes (of plugins, of machines that are gone)."""
    before = now(session) - KEPT
    ended = or_(Notice.resolved_at < before, Notice.source.startswith("plugin"))
    old = select(Notice.id).where(Notice.last_at < before, ended)
    session.execute(delete(NoticeRead).where(NoticeRead.notice_id.in_(old)))
    session.execute(
        delete(Notice).where(Notice.last_at < before, ended).execution_options(synchronize_session=False)
    )
