"""The database: whether it answers, is sound, takes what is written, and has the tables of this program."""

from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Connection, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from cms_core import migrations
from cms_core.doctor.findings import Finding, error, ok, warning
from cms_core.errors import CmsError
from cms_core.workspace import Workspace

RESTORE = "stop everything that uses it, and restore a backup (`cms restore`)"
MAY_WRITE = "look at free space, and at who may write there"


def file_of(workspace: Workspace) -> Path | None:
    """The file of the database, or None where it is a server's."""
    url = make_url(workspace.config.database_url)
    return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None


def reached(workspace: Workspace) -> Iterator[Finding]:
    """That the database is there, sound and writable."""
    path = file_of(workspace)
    if path is not None and not path.is_file():  # connecting would make an empty one
        yield error(f"the file {path} is missing", "restore a backup, or correct CMS_DATABASE_URL")
        return
    try:
        with workspace.db.engine.connect() as connection:
            yield from _file(connection) if path is not None else _server(connection)
        yield from _writable(workspace)
    except SQLAlchemyError as fault:
        reason = fault.orig if isinstance(fault, DBAPIError) else fault
        remedy = "look whether it is a database of SQLite" if path else "look whether its server runs"
        yield error(f"the database cannot be used: {' '.join(str(reason).split())}", f"{remedy}; {MAY_WRITE}")


def _file(connection: Connection) -> Iterator[Finding]:
    found = connection.execute(text("PRAGMA quick_check(3)")).scalars().all()
    if found == ["ok"]:
        yield ok("SQLite answers and is sound")
    else:
        yield error(f"the database is damaged: {'; '.join(map(str, found))}", RESTORE)
    mode = connection.execute(text("PRAGMA journal_mode")).scalar()
    if mode != "wal":
        yield warning(
            f"the journal mode is {mode}, not WAL: readers and writers wait for each other",
            "keep the database on a local disk; network file systems cannot do it",
        )


def _server(connection: Connection) -> Iterator[Finding]:
    yield ok(f"PostgreSQL {connection.execute(text('SHOW server_version')).scalar()} answers")
    if connection.execute(text("SELECT pg_is_in_recovery()")).scalar():
        yield error("the server is a standby, which takes no writes", "name the primary in CMS_DATABASE_URL")


def _writable(workspace: Workspace) -> Iterator[Finding]:
    """A table is made and taken back: it needs what every write needs, whatever version the schema has."""
    engine = workspace.db.engine.execution_options(cms_immediate=True)
    try:
        with engine.connect() as connection, connection.begin() as transaction:
            connection.execute(text("CREATE TABLE core_doctor_was_here (id INTEGER)"))
            transaction.rollback()
        yield ok("the database takes what is written")
    except DBAPIError as fault:
        yield error(f"the database takes nothing: {' '.join(str(fault.orig).split())}", MAY_WRITE)


def migrated(workspace: Workspace) -> Iterator[Finding]:
    """That every owner's tables have the version that this program needs."""
    found = migrations.current(workspace.db.engine, workspace.plugins)
    behind = [
        f"{name} has {have or 'none'}, needs {head}" for name, (have, head) in found.items() if have != head
    ]
    try:
        if behind:
            migrations.require_known(workspace.db.engine, workspace.plugins)
    except CmsError as newer:
        yield error(newer.message, newer.remedy)
        return
    if behind:
        yield error(
            f"the tables are of another version: {'; '.join(behind)}", "`cms backup`, then `cms db upgrade`"
        )
    else:
        yield ok(f"the tables of {', '.join(found)} have the version of this program")
