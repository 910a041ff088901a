"""A workspace taken over into another database: copied, compared row by row, and only then used."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy import Connection, Engine, MetaData, Table, inspect, select, text
from sqlalchemy.orm import Session

from cms_core import migrations
from cms_core.config import write_env
from cms_core.db import Database, make_engine
from cms_core.errors import CmsError, Conflict, TryLater
from cms_core.fence import Fence
from cms_core.publishing.models import Worker
from cms_core.reports import rollups
from cms_core.transfer import tables as t
from cms_core.workspace import Workspace


@dataclass(frozen=True)
class Moved:
    """What stands in both databases now, by table."""

    tables: Mapping[str, t.Content]


def move(workspace: Workspace, url: str) -> Moved:
    """Take a workspace over into the empty database at ``url`` and use that from now on; the old one stays as it is.

    Counts and hashes of every table are compared before the new one is used. Raises Conflict when it is not empty or is the same,
    TryLater while a worker is running; nothing is changed then.
    """
    require_rest(workspace)
    rollups.keep_up(workspace.db)
    open_before = workspace.fence.reason is None
    target = make_engine(url)
    try:
        if inspect(target).get_table_names():
            raise Conflict("the database to move to is not empty; nothing was changed", "name an empty one")
        with _at_rest(workspace.db.engine, workspace) as source:
            migrations.upgrade(target, workspace.plugins)
            try:
                moved = _copy(workspace, source, target)
            except BaseException:
                _empty(target)
                raise
            write_env(workspace.config.home, {"CMS_DATABASE_URL": url})
        if open_before:
            _open_fence(workspace, url)
        return moved
    finally:
        target.dispose()


def _copy(workspace: Workspace, source: Connection, target: Engine) -> Moved:
    all_tables = t.tables(workspace.plugins, source)
    with target.execution_options(cms_immediate=True).begin() as connection:
        t.postpone_foreign_keys(connection, all_tables)
        for table in all_tables:
            t.write(connection, table, t.read(source, table))
        t.check_foreign_keys(connection, all_tables)
        t.count_on(connection, all_tables)
        contents = {str(table.name): _compared(table, source, connection) for table in all_tables}
        with Session(connection, info=workspace.db.info(), join_transaction_mode="rollback_only") as session:
            rollups.rebuild(session)
            session.flush()
    return Moved(contents)


def _compared(table: Table, source: Connection, target: Connection) -> t.Content:
    before, after = t.content(source, table), t.content(target, table)
    if before != after:
        raise CmsError(
            f"{table.name} has {before.rows:,} rows here and {after.rows:,} in the new database, or other values; "
            "nothing was moved",
            "report this, with the values that the databases hold differently",
        )
    return after


def _open_fence(workspace: Workspace, url: str) -> None:
    """Whoever moves a workspace means it to publish from there; the old database is none of this folder's any more."""
    db = Database(url, workspace.db.clock)
    try:
        Fence(replace(workspace.config, database_url=url), db).accept()
    finally:
        db.dispose()


def require_rest(workspace: Workspace) -> None:
    """Raise TryLater while a worker of this workspace is running."""
    since = workspace.db.clock.now() - timedelta(seconds=workspace.config.lease_seconds)
    with workspace.db.session() as session:
        newest = session.scalar(
            select(Worker.name).where(Worker.seen_at > since, Worker.ended_at.is_(None)).limit(1)
        )
    if newest is not None:
        raise TryLater(f"the worker {newest} is at work", "end `cms run` and `cms worker` first")


@contextmanager
def _at_rest(engine: Engine, workspace: Workspace) -> Iterator[Connection]:
    """The old database, to which nobody writes meanwhile."""
    with engine.execution_options(cms_immediate=True).begin() as connection:
        if engine.dialect.name == "postgresql":
            quoted = connection.dialect.identifier_preparer.quote
            names = ", ".join(quoted(table.name) for table in t.tables(workspace.plugins, connection))
            connection.execute(text(f"LOCK TABLE {names} IN SHARE MODE"))
        yield connection


def _empty(target: Engine) -> None:
    """Leave nothing behind in the new database: another try begins with an empty one."""
    made = MetaData()
    made.reflect(target)
    made.drop_all(target)
