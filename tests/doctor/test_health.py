"""``/healthz``: says within five seconds that it cannot work, to machines and without details, and recovers by itself."""

import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, update
from sqlalchemy.engine import make_url
from werkzeug.test import TestResponse

from cms_core import health
from cms_core.app import create_app
from cms_core.fence import Instance
from cms_core.publishing.models import Worker
from cms_core.testing.databases import PostgresServer
from cms_core.workspace import Workspace, open_workspace
from tests.doctor.conftest import Cms, arm_one

Ask = Callable[[], TestResponse]
PROMISE = 5.0


@pytest.fixture
def ask(opened: Workspace, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Asks ``/healthz``; what was found half a second ago is not given again."""
    monkeypatch.setattr(health, "HOLDS_SECONDS", 0.0)
    return asking(opened)


def asking(workspace: Workspace) -> Ask:
    client = create_app(workspace=workspace).test_client()
    return lambda: client.get("/healthz")


def found(answer: TestResponse) -> dict[str, tuple[str, str]]:
    document: Any = answer.json
    assert list(document) == ["findings", "status"]
    return {each["check"]: (each["level"], each["message"]) for each in document["findings"]}


def until(ask: Ask, status: int, seconds: float = PROMISE) -> TestResponse:
    """The first answer of this status, which must come in time."""
    end = time.monotonic() + seconds
    while True:
        answer = ask()
        if answer.status_code == status:
            return answer
        assert time.monotonic() < end, answer.text
        time.sleep(0.05)


def test_a_workspace_that_can_work_says_so(ask: Ask) -> None:
    answer = ask()
    assert answer.status_code == 200
    assert answer.json["status"] == "ok"  # type: ignore[index]
    assert {check: level for check, (level, _) in found(answer).items()} == dict.fromkeys(
        ("database", "files", "work", "fence"), "ok"
    )
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.fixture
def server(request: pytest.FixtureRequest, opened: Workspace) -> PostgresServer | None:
    if opened.db.engine.dialect.name == "sqlite":
        return None
    running: PostgresServer = request.getfixturevalue("postgres")
    return running


def test_a_database_that_is_gone_is_told_and_its_return_noticed(
    ask: Ask, opened: Workspace, server: PostgresServer | None
) -> None:
    assert ask().status_code == 200
    with gone(opened, server):
        answer = until(ask, 503)
        assert found(answer)["database"][0] == "error"
        name = str(make_url(opened.config.database_url).database)
        assert not any(word in answer.text for word in (name, str(opened.config.home), "psycopg", "sqlite3"))
    assert until(ask, 200).json["status"] == "ok"  # type: ignore[index]


@pytest.mark.parametrize("path", ["/", "/metrics", "/api/v1/status"])
def test_whoever_asks_for_anything_else_is_told_that_it_passes(
    opened: Workspace, server: PostgresServer | None, path: str
) -> None:
    client = create_app(workspace=opened).test_client()
    client.get(path)
    token = "cms_0123abcd_" + "a" * 43
    with gone(opened, server):
        answer = client.get(path, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 503, answer.text
        assert "the database does not answer" in answer.text
    assert client.get(path).status_code != 503


class gone:  # noqa: N801 - reads as a word
    """Inside, the database does not answer."""

    def __init__(self, workspace: Workspace, server: PostgresServer | None) -> None:
        self._url = make_url(workspace.config.database_url)
        self._workspace, self._server = workspace, server

    def _files(self) -> list[Path]:
        path = Path(str(self._url.database))
        return [path.with_name(path.name + end) for end in ("", "-wal", "-shm")]

    def __enter__(self) -> None:
        if self._server is None:
            self._workspace.db.dispose()  # an open file is there, whatever becomes of its name
            for each in self._files():
                if each.exists():
                    each.rename(each.with_name(f"away-{each.name}"))
            self._files()[0].mkdir()
            return
        name = self._url.database
        self._server._run(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        self._server._run(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"  # noqa: S608
        )

    def __exit__(self, *_: object) -> None:
        if self._server is not None:
            self._server._run(f"ALTER DATABASE {self._url.database} ALLOW_CONNECTIONS true")
            return
        self._files()[0].rmdir()
        for each in self._files():
            if (away := each.with_name(f"away-{each.name}")).exists():
                away.rename(each)


def test_a_database_that_hangs_is_told_and_asked_by_one_thread_only(ask: Ask, opened: Workspace) -> None:
    assert ask().status_code == 200
    holding = opened.db.engine.execution_options(cms_immediate=True).connect()
    with holding.begin() as transaction:
        holding.execute(update(Instance).values(name="held"))
        began = time.monotonic()
        answer = ask()
        assert time.monotonic() - began < PROMISE
        assert answer.status_code == 503
        assert found(answer) == {"database": ("error", "no answer within 3 seconds")}
        began = time.monotonic()
        assert ask().status_code == 503
        assert time.monotonic() - began < 1, "who asks next does not wait again"
        assert [each.name for each in threading.enumerate()].count("cms-health") == 1
        transaction.rollback()
    holding.close()
    until(ask, 200)


def test_many_who_ask_cost_one_look(opened: Workspace) -> None:
    ask, statements = asking(opened), []
    ask()
    event.listen(opened.db.engine, "before_cursor_execute", lambda *_: statements.append(1))
    assert {ask().status_code for _ in range(50)} == {200}
    assert not statements
    time.sleep(health.HOLDS_SECONDS + 0.1)
    ask()
    assert len(statements) <= 8, "with those that begin a transaction"


# --- a disk that is full, or cannot be written ------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 8 MB; needs root."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", folder], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("only root can make a small disk")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


@pytest.fixture
def on_small_disk(opened: Workspace, small_disk: Path) -> Iterator[Workspace]:
    opened.db.dispose()
    home = small_disk / "ws"
    shutil.copytree(opened.config.home, home)
    config = replace(opened.config, home=home, database_url=f"sqlite:///{home / 'cms.db'}")
    moved = open_workspace(config)
    moved.fence.accept()
    yield moved
    moved.db.dispose()


def fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        for _ in range(1_000):
            file.write(b"\0" * 65536)


@pytest.mark.sqlite
def test_a_full_disk_is_told(on_small_disk: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "HOLDS_SECONDS", 0.0)
    ask = asking(on_small_disk)
    assert ask().status_code == 200
    filler = on_small_disk.config.home / "filler"
    with pytest.raises(OSError, match="space"):
        fill(filler)
    assert found(until(ask, 503))["files"] == ("error", "the folder of the workspace takes nothing")
    filler.unlink()
    until(ask, 200)


@pytest.mark.sqlite
def test_a_disk_that_cannot_be_written_is_told(
    on_small_disk: Workspace, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "HOLDS_SECONDS", 0.0)
    ask = asking(on_small_disk)
    assert ask().status_code == 200
    on_small_disk.db.dispose()
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    levels = {check: level for check, (level, _) in found(until(ask, 503)).items()}
    assert levels["database"] == levels["files"] == "error"
    subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
    until(ask, 200)


# --- work -------------------------------------------------------------------------------------------------------------


def at_work(opened: Workspace, at: datetime) -> None:
    with opened.db.transaction() as session:
        session.merge(Worker(name="w1", version="1", started_at=at, seen_at=at))


def test_work_that_nobody_does_is_told(ask: Ask, ready: Cms, opened: Workspace, tmp_path: Path) -> None:
    arm_one(ready, tmp_path, datetime.now(UTC) - timedelta(minutes=10))
    answer = ask()
    assert (answer.status_code, found(answer)["work"][0]) == (503, "error")
    at_work(opened, datetime.now(UTC))
    answer = ask()
    assert (answer.status_code, answer.json["status"]) == (200, "degraded")  # type: ignore[index]
    at_work(opened, datetime.now(UTC) - timedelta(minutes=3))
    assert ask().status_code == 503


def test_what_is_due_for_a_moment_is_no_fault(
    ask: Ask, ready: Cms, opened: Workspace, tmp_path: Path
) -> None:
    arm_one(ready, tmp_path, datetime.now(UTC) - timedelta(minutes=1))
    assert ask().status_code == 200


def test_a_closed_fence_is_told_without_its_reason(ask: Ask, opened: Workspace) -> None:
    opened.fence.close("copied from /srv/secret")
    answer = ask()
    assert (answer.status_code, answer.json["status"]) == (200, "degraded")  # type: ignore[index]
    assert "secret" not in answer.text
