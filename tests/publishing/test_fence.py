"""The fence: whoever was copied, moved or set back publishes nothing until a person confirms; who was not goes on."""

import json
import shutil
import socket
import sqlite3
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.engine import make_url

from cms_core import fence as f
from cms_core.clock import FrozenClock, SystemClock
from cms_core.config import Config, load_config
from cms_core.errors import Conflict
from cms_core.fence import Fence, Instance
from cms_core.publishing.models import Attempt
from cms_core.testing.databases import PostgresServer
from cms_core.worker import Worker
from cms_core.workspace import Workspace, open_workspace
from tests.publishing.conftest import DUE, Arm, people, shown
from tests.publishing.toys import Toys

Opened = Callable[[Config], Workspace]


@pytest.fixture
def opened(toys: Toys) -> Iterator[Opened]:
    """Opens a workspace as the next process does, with the same channels."""
    found = []

    def start(config: Config) -> Workspace:
        found.append(open_workspace(config, clock=SystemClock(), plugins=[], extra_plugins=[("toys", toys)]))
        return found[-1]

    yield start
    for each in found:
        each.db.dispose()


@pytest.fixture
def used(workspace: Workspace, worker: Worker, arm: Arm) -> Workspace:
    """A workspace that has published something, and in which something else is due."""
    arm(title="First")
    assert worker.run_until_idle().states["published"] == 1
    arm(title="Second")
    return workspace


def published_by(workspace: Workspace) -> int:
    return Worker(workspace, FrozenClock(DUE)).run_until_idle().states["published"]


def at(home: Path, like: Config) -> Config:
    """The configuration that the folder ``home`` has."""
    return load_config(home, {key: value for key, value in like.environ.items() if key != "CMS_DATABASE_URL"})


class Saved:
    """The database as it was when this was made; ``put_back`` takes everything since away."""

    def __init__(self, workspace: Workspace, server: PostgresServer | None) -> None:
        self._workspace, self._server = workspace, server
        self._url = workspace.config.database_url
        workspace.fence.note()
        workspace.db.dispose()
        self._copy = server.create(self._url) if server else str(workspace.config.home.parent / "saved.db")
        if server is None:
            _copy(self._url.removeprefix("sqlite:///"), self._copy)

    def put_back(self) -> None:
        self._workspace.db.dispose()
        if self._server is None:
            _copy(self._copy, self._url.removeprefix("sqlite:///"))
            return
        name, copy = make_url(self._url).database, make_url(self._copy).database
        self._server.drop(self._url)
        self._server._run(f"CREATE DATABASE {name} TEMPLATE {copy} STRATEGY file_copy")
        self._server.drop(self._copy)


def _copy(source: str, target: str) -> None:
    with sqlite3.connect(source) as here, sqlite3.connect(target) as there:
        here.backup(there)
    here.close()
    there.close()


@pytest.fixture
def server(request: pytest.FixtureRequest, workspace: Workspace) -> PostgresServer | None:
    """The PostgreSQL server that the workspace is on, or None."""
    if workspace.db.engine.dialect.name == "sqlite":
        return None
    found: PostgresServer = request.getfixturevalue("postgres")
    return found


# --- open -------------------------------------------------------------------------------------------------------------


def test_a_fresh_workspace_is_open_and_stays_so(used: Workspace, opened: Opened) -> None:
    assert used.fence.reason is None
    assert published_by(opened(used.config)) == 1


def test_who_signs_in_at_the_database_does_not_matter(used: Workspace) -> None:
    url = make_url(used.config.database_url)
    if url.get_backend_name() == "postgresql":
        url = url.set(username="somebody", password="else")
    other = Fence(replace(used.config, database_url=url.render_as_string(hide_password=False)), used.db)
    assert other.reason is None


def test_the_file_knows_what_was_published_at_the_end_of_each_piece_of_work(
    used: Workspace, arm: Arm
) -> None:
    def seen() -> int:
        return int(json.loads(used.fence.file.read_text())["seen"])

    with used.db.session() as session:
        assert seen() == session.scalar(select(func.max(Attempt.id)))
    before = seen()
    Worker(used, FrozenClock(DUE)).run_one(2)
    assert seen() > before


def test_a_look_costs_one_statement_and_only_each_second(used: Workspace) -> None:
    asked = []
    used.fence.forget()
    ask = used.fence._ask
    used.fence._ask = lambda: asked.append(1) or ask()  # type: ignore[method-assign,func-returns-value]
    for _ in range(1000):
        assert used.fence.watch() is None
        assert used.fence.reason is None
    assert len(asked) == 1


# --- closed -----------------------------------------------------------------------------------------------------------


def closes(workspace: Workspace, reason: str) -> None:
    """Nothing is published, by whatever way; once a person has confirmed, it is."""
    assert workspace.fence.reason == reason
    worker = Worker(workspace, FrozenClock(DUE))
    assert worker.run_until_idle().states == {}
    with pytest.raises(Conflict, match="nothing is published"):
        worker.run_one(2)
    workspace.fence.accept()
    assert published_by(workspace) == 1


def test_a_copied_folder_publishes_nothing_and_the_original_goes_on(
    used: Workspace, opened: Opened, tmp_path: Path
) -> None:
    used.db.dispose()
    shutil.copytree(used.config.home, tmp_path / "copy")
    copy = opened(at(tmp_path / "copy", used.config))
    assert published_by(copy) == 0
    assert copy.fence.reason == f.MOVED
    assert published_by(used) == 1


def test_a_copy_that_was_confirmed_publishes(used: Workspace, opened: Opened, tmp_path: Path) -> None:
    used.db.dispose()
    shutil.copytree(used.config.home, tmp_path / "copy")
    closes(opened(at(tmp_path / "copy", used.config)), f.MOVED)


def test_a_moved_folder_publishes_nothing(used: Workspace, opened: Opened, tmp_path: Path) -> None:
    used.db.dispose()
    used.config.home.rename(tmp_path / "elsewhere")
    closes(opened(at(tmp_path / "elsewhere", used.config)), f.MOVED)


def test_another_machine_publishes_nothing(
    used: Workspace, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "other")
    closes(opened(at(used.config.home, used.config)), f.MOVED)


def test_a_name_that_is_given_to_the_machine_goes_over_its_own(
    used: Workspace, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = load_config(used.config.home, {**used.config.environ, "CMS_HOST_NAME": "web"})
    named = opened(config)
    named.fence.accept()
    monkeypatch.setattr(socket, "gethostname", lambda: "a-new-container")
    assert published_by(opened(load_config(used.config.home, dict(config.environ)))) == 1


def test_two_machines_with_one_database_both_publish_once_each_was_confirmed(
    used: Workspace, opened: Opened, tmp_path: Path
) -> None:
    second = replace(used.config, home=tmp_path / "second", host_name="second")
    shutil.copytree(used.config.home, second.home)
    other = opened(second)
    assert other.fence.reason == f.MOVED
    other.fence.accept()
    used.fence.forget()
    assert other.fence.reason is used.fence.reason is None


def test_an_older_database_publishes_nothing(
    workspace: Workspace, opened: Opened, arm: Arm, server: PostgresServer | None
) -> None:
    arm(title="First")
    saved = Saved(workspace, server)
    assert published_by(workspace) == 1
    saved.put_back()
    again = opened(workspace.config)
    assert published_by(again) == 0
    assert again.fence.reason == f.OLDER
    again.fence.accept()
    assert published_by(again) == 1


def test_a_database_that_is_set_back_under_a_running_worker_stops_it(
    workspace: Workspace, worker: Worker, arm: Arm, server: PostgresServer | None
) -> None:
    arm(title="First")
    arm(title="Second")
    saved = Saved(workspace, server)
    assert worker.work_once()
    workspace.fence.note()
    saved.put_back()
    workspace.fence.forget()
    assert not worker.work_once()
    assert workspace.fence.reason == f.OLDER


def test_the_database_of_another_workspace_publishes_nothing(used: Workspace, opened: Opened) -> None:
    with used.db.transaction() as session:
        session.execute(update(Instance).values(name="another"))
    closes(opened(used.config), f.SWAPPED)


def test_a_database_at_another_address_publishes_nothing(used: Workspace, tmp_path: Path) -> None:
    moved = replace(used.config, database_url=f"sqlite:///{tmp_path / 'elsewhere.db'}")
    assert Fence(moved, used.db).reason == f.ELSEWHERE


@pytest.mark.sqlite
def test_a_copy_that_went_on_by_itself_is_noticed_in_the_place_of_the_original(
    used: Workspace, opened: Opened, arm: Arm, tmp_path: Path
) -> None:
    """Its numbers are higher, but it has a name of its own since somebody confirmed it."""
    used.db.dispose()
    shutil.copytree(used.config.home, tmp_path / "copy")
    copy = opened(at(tmp_path / "copy", used.config))
    copy.fence.accept()
    assert published_by(copy) == 1
    copy.db.dispose()
    _copy(str(tmp_path / "copy" / "cms.db"), str(used.config.home / "cms.db"))
    assert opened(used.config).fence.reason == f.SWAPPED


def test_without_its_file_a_database_that_was_used_publishes_nothing(used: Workspace, opened: Opened) -> None:
    used.fence.file.unlink()
    closes(opened(used.config), f.GONE)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"strange": 1}', '{"seen": "many"}', "\xff"])
def test_a_file_that_cannot_be_read_closes_the_fence(used: Workspace, opened: Opened, text: str) -> None:
    used.fence.file.write_text(text, encoding="latin-1")
    closes(opened(used.config), f.UNREADABLE)


def test_a_file_that_cannot_be_opened_closes_the_fence(used: Workspace, opened: Opened) -> None:
    used.fence.file.unlink()
    used.fence.file.mkdir()
    assert published_by(opened(used.config)) == 0


def test_what_a_person_has_closed_stays_closed_whatever_workers_note(used: Workspace) -> None:
    found = used.fence._ask()
    used.fence.close("this workspace was copied")
    used.fence._keep(replace(found, seen=found.seen + 5))
    assert used.fence.reason == "this workspace was copied"


# --- many at once -----------------------------------------------------------------------------------------------------


def test_two_workers_at_once_never_leave_a_torn_file_or_a_lower_number(used: Workspace) -> None:
    top, torn = used.fence._ask(), []

    def count(first: int) -> None:
        own = Fence(used.config, used.db)
        for number in range(first, 200, 2):
            own._keep(replace(top, seen=top.seen + number))
            torn.extend([1] if (own._read() or f.Mark(closed="gone")).closed else [])

    threads = [threading.Thread(target=count, args=(first,)) for first in (0, 1)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert not torn
    assert json.loads(used.fence.file.read_text())["seen"] == top.seen + 199
    assert not list(used.config.home.glob(".fence*"))


def test_who_looks_while_another_names_the_database_waits_for_the_file(workspace: Workspace) -> None:
    workspace.fence.file.unlink(missing_ok=True)
    first, second = (Fence(workspace.config, workspace.db) for _ in range(2))
    named, written = threading.Event(), threading.Event()
    write, found = first._write, []

    def slowly(mark: f.Mark) -> None:
        named.set()
        assert written.wait(30)
        write(mark)

    first._write = slowly  # type: ignore[method-assign]
    threads = [threading.Thread(target=first.watch)]
    threads[0].start()
    assert named.wait(30)
    threads.append(threading.Thread(target=lambda: found.append(second.watch())))
    threads[1].start()
    threads[1].join(0.3)
    assert not found
    written.set()
    for each in threads:
        each.join(30)
    assert (first.reason, found) == (None, [None])


def test_a_long_run_to_people_is_stopped_when_the_fence_closes(
    workspace: Workspace, worker: Worker, arm: Arm, toys: Toys
) -> None:
    people(workspace, 5)
    arm("letter")

    class Closing(list[str]):
        def append(self, each: str) -> None:
            super().append(each)
            workspace.fence.close("somebody has copied this")

    toys.remote.mails = Closing()
    worker.run_until_idle()
    assert len(toys.remote.mails) == 1
    workspace.fence.accept()
    toys.remote.mails = list(toys.remote.mails)
    Worker(workspace, FrozenClock(DUE)).run_until_idle()
    assert len(set(toys.remote.mails)) == len(toys.remote.mails) == 5


def test_while_nobody_can_tell_nobody_else_is_sent_to_and_no_plugin_is_blamed(
    workspace: Workspace, worker: Worker, arm: Arm, toys: Toys, monkeypatch: pytest.MonkeyPatch
) -> None:
    people(workspace, 5)
    public_id = arm("letter")
    watch, broken = workspace.fence.watch, [True]

    def fails() -> str | None:
        if toys.remote.mails and broken[0]:
            raise OSError(28, "No space left on device")
        return watch()

    monkeypatch.setattr(workspace.fence, "watch", fails)
    assert worker.work_once()
    assert len(toys.remote.mails) == 1
    with pytest.raises(OSError, match="No space"):
        worker.work_once()
    broken[0] = False
    worker.run_until_idle()
    assert len(set(toys.remote.mails)) == len(toys.remote.mails) == 5
    found = shown(workspace, public_id)
    assert (found["state"], found["deliveries"]) == ("published", {"accepted": 5})
    assert not any("fault in plugin" in each["reason"] for each in found["attempts"])
