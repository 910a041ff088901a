"""``dispatch``: publications that are due, through a channel that does nothing, against hand-written statements and APScheduler.

Ours is a worker: claim, picture, prepare, intent, publish, outcome, event, each with all it keeps. *By hand* are the statements
that a batch needs at least (claim, attempts, outcomes, events), written for the driver and called with ready values.
*UPDATE* is the one statement that marks all as published. APScheduler runs as many jobs from its SQLAlchemy store, each of which
does nothing; so does huey from Redis, where both are installed.
"""

import shutil
import sqlite3
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any

import place
from marshmallow import Schema
from measure import Row, compare, say, take_turns
from sqlalchemy import func, insert, select

from cms_core import contract as c
from cms_core import models
from cms_core.auth.service import create_user
from cms_core.campaigns.models import Entry, EntryKind, EntryState
from cms_core.campaigns.when import Mode
from cms_core.config import load_config
from cms_core.connections import service as connections
from cms_core.content import service as content
from cms_core.content.drafts import Draft
from cms_core.content.review import approve_newest
from cms_core.hookspecs import hookimpl
from cms_core.ids import new_id
from cms_core.publishing.models import Arm, Publication, PublicationState
from cms_core.publishing.runner import Pace
from cms_core.worker import Worker, spare_the_collector
from cms_core.workspace import Workspace, open_workspace

ITEMS, MANY, JOBS, TASKS, ROUNDS = 10_000, 200_000, 500, 2_000, 3
QUICK = {"ITEMS": 40, "MANY": 400, "JOBS": 20, "TASKS": 20, "ROUNDS": 1}
BATCH = Pace.MOST
REDIS = shutil.which("redis-server")
_done = threading.Semaphore(0)


class Silent(c.Channel):
    """Publishes nowhere; the same key is the same thing."""

    name = label = "silent"
    group = "bench"
    asset_kinds = ("article",)
    connection_schema = Schema
    idempotency = c.IdempotencyRule(c.Idempotency.KEYED)

    def test(self, link: c.Link) -> c.Identity:
        return c.Identity("silent")

    def check(self, placement: c.Placement) -> Iterable[c.Finding]:
        return ()

    def preview(self, placement: c.Placement) -> c.Preview:
        return c.Preview("")

    def prepare(self, link: c.Link, placement: c.Placement, progress: c.Json | None) -> c.Prepared:
        return c.Prepared({"title": placement.asset.title})

    def publish(self, link: c.Link, prepared: c.Prepared, key: str, previous: c.Receipt | None) -> c.Receipt:
        return c.Receipt(key, f"https://example.com/{key}")

    def reconcile(self, link: c.Link, prepared: c.Prepared, key: str) -> c.Receipt | None:
        return None


class SilentPlugin:
    """Brings the channel."""

    @hookimpl
    def register_channels(self) -> list[c.Channel]:
        return [Silent()]


def rows() -> list[Row]:
    """Items a second, and what an item costs when a hundred times as many are planned for later."""
    with tempfile.TemporaryDirectory(prefix="cms-bench-") as folder:
        workspace = _workspace(Path(folder))
        try:
            found = take_turns(_cases(workspace, Path(folder)), ROUNDS)
            say(f"dispatch: {MANY} more are planned for later")
            _plan(workspace, MANY, datetime.now(UTC) + timedelta(days=1))
            full = [_ours(workspace) for _ in range(ROUNDS)]
        finally:
            workspace.db.dispose()
    by_name = partial(compare, unit="items/s")
    made = [
        by_name("dispatch", found["ours"], found["hand"], against="the statements of a batch by hand", goal=0.8),
        by_name("dispatch-update", found["ours"], found["update"], against="one UPDATE"),
        by_name("dispatch-apscheduler", found["ours"], found["apscheduler"], against="APScheduler's SQLAlchemyJobStore", goal=20),
        by_name("dispatch-many", full, found["ours"], against=f"the same without {MANY} planned for later", goal=0.8),
    ]  # fmt: skip
    if "huey" in found:
        made.append(by_name("dispatch-huey", found["ours"], found["huey"], against="huey on Redis", goal=5))
    return made


def _cases(workspace: Workspace, folder: Path) -> dict[str, Callable[[], float]]:
    cases: dict[str, Callable[[], float]] = {
        "ours": partial(_ours, workspace),
        "hand": partial(_by_hand, workspace),
        "update": partial(_update, workspace),
        "apscheduler": partial(_apscheduler, folder),
    }
    return cases | ({"huey": partial(_huey, folder)} if has_huey() else {})


def _workspace(folder: Path) -> Workspace:
    home = place.make_home(folder)
    plugins = [("silent", SilentPlugin())]
    opened = open_workspace(load_config(home, {}), plugins=[], extra_plugins=plugins).for_publishing()
    models.metadata.create_all(opened.db.engine)
    with opened.db.transaction() as session:
        user = create_user(session, "admin@example.com", "Ada", "admin", "correct horse battery")
        connections.add(session, opened.vault, opened.plugins, "silent", "main", {})
        draft = Draft(kind="article", slug="hello", title="Hello", body={"text": "Hello"})
        approve_newest(session, opened, content.save(session, opened.plugins, None, draft, user).asset, user)
    return opened


def _plan(workspace: Workspace, number: int, due: datetime) -> None:
    """So many entries, armed, and their publications."""
    with workspace.db.transaction() as session:
        asset, connection = content.find(session, "hello"), connections.find(session, "silent", "main")
        revision = asset.revisions[-1]
        same = {
            "asset_id": asset.id,
            "revision_id": revision.id,
            "content_hash": revision.content_hash,
            "channel": "silent",
            "plugin": "silent",
            "connection_id": connection.id,
            "due_at": due,
            "created_at": due,
        }
        first = (session.scalar(select(func.max(Publication.id))) or 0) + 1
        numbers = range(first, first + number)
        entry = {
            "kind": EntryKind.PUBLISH,
            "title": "Hello",
            "mode": Mode.ABSOLUTE,
            "tz": "UTC",
            "instant": due,
            "state": EntryState.ARMED,
            "channel": "silent",
            "asset_id": asset.id,
            "connection_id": connection.id,
            "created_at": due,
        }
        session.execute(insert(Entry), [{"id": n, "public_id": new_id(), **entry} for n in numbers])
        session.execute(
            insert(Publication), [{"id": n, "public_id": new_id(), "entry_id": n, **same} for n in numbers]
        )
        session.execute(insert(Arm), [{"publication_id": n} for n in numbers])


def _ours(workspace: Workspace) -> float:
    _plan(workspace, ITEMS, datetime.now(UTC))
    worker = Worker(workspace)
    spare_the_collector()  # as a worker of its own does
    start = time.perf_counter()
    while worker.work_once():
        pass
    seconds = time.perf_counter() - start
    with workspace.db.session() as session:
        late = Publication.state != PublicationState.PUBLISHED, Publication.due_at <= datetime.now(UTC)
        if session.scalar(select(func.count()).where(*late)):
            raise RuntimeError("not everything was published")
    return ITEMS / seconds


def _by_hand(workspace: Workspace) -> float:
    _plan(workspace, ITEMS, datetime.now(UTC))
    connection = _sqlite(workspace)
    start = time.perf_counter()
    while _hand_batch(connection):
        pass
    seconds = time.perf_counter() - start
    connection.close()
    return ITEMS / seconds


def _hand_batch(connection: sqlite3.Connection) -> int:
    at = datetime.now(UTC).replace(tzinfo=None).isoformat(" ")
    connection.execute("BEGIN IMMEDIATE")
    claimed = connection.execute(
        "UPDATE core_publication SET state = 'preparing', claim_no = claim_no + 1, lease_until = ?, worker = 'w' WHERE id IN "
        "(SELECT id FROM core_publication WHERE state = 'scheduled' AND due_at <= ? ORDER BY due_at, id LIMIT ?) "
        "RETURNING id, public_id, claim_no, asset_id",
        (at, at, BATCH),
    ).fetchall()
    connection.execute("COMMIT")
    ids = [(row[0],) for row in claimed]
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(
        'UPDATE core_arm SET prepared = \'{"title": "Hello"}\' WHERE publication_id = ?', ids
    )
    connection.executemany(
        "UPDATE core_publication SET state = 'committing', tries = tries + 1 WHERE id = ?", ids
    )
    connection.executemany(
        "INSERT INTO core_attempt (publication_id, n, phase, claim_no, started_at, error_class, reason, evidence) "
        "VALUES (?, 1, 'commit', ?, ?, '', '', '{}')",
        [(row[0], row[2], at) for row in claimed],
    )
    connection.execute("COMMIT")
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(
        "UPDATE core_publication SET state = 'published', external_id = ?, external_url = ?, receipt = '{}', published_at = ?, "
        "lease_until = NULL WHERE id = ? AND claim_no = ?",
        [(row[1], f"https://example.com/{row[1]}", at, row[0], row[2]) for row in claimed],
    )
    connection.executemany(
        "UPDATE core_attempt SET outcome = 'published', ended_at = ? WHERE publication_id = ? AND outcome IS NULL",
        [(at, row[0]) for row in claimed],
    )
    connection.executemany("UPDATE core_entry SET state = 'done' WHERE id = ?", ids)
    connection.executemany(
        "INSERT INTO core_event (source, source_id, public_id, kind, at, received_at, agent_class, publication_id, asset_id, "
        "channel, props) VALUES ('core', ?, ?, 'published', ?, ?, 'internal', ?, ?, 'silent', '{}')",
        [(f"published:{row[1]}", new_id(), at, at, row[0], row[3]) for row in claimed],
    )
    connection.execute("COMMIT")
    return len(claimed)


def _update(workspace: Workspace) -> float:
    _plan(workspace, ITEMS, datetime.now(UTC))
    connection = _sqlite(workspace)
    at = datetime.now(UTC).replace(tzinfo=None).isoformat(" ")
    start = time.perf_counter()
    connection.execute(
        "UPDATE core_publication SET state = 'published', published_at = ? WHERE state = 'scheduled' AND due_at <= ?",
        (at, at),
    )
    seconds = time.perf_counter() - start
    connection.close()
    return ITEMS / seconds


def _sqlite(workspace: Workspace) -> sqlite3.Connection:
    """The driver's own connection to the same file, as durable as a worker's."""
    connection = sqlite3.connect(str(workspace.db.engine.url.database), isolation_level=None)
    connection.execute("PRAGMA synchronous = FULL")
    return connection


_stores = count()


def _apscheduler(folder: Path) -> float:
    from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
    from apscheduler.schedulers.background import BackgroundScheduler

    store = SQLAlchemyJobStore(f"sqlite:///{folder / f'jobs-{next(_stores)}.db'}")
    defaults: dict[str, Any] = {"misfire_grace_time": None, "max_instances": 10**6}
    scheduler = BackgroundScheduler(jobstores={"default": store}, job_defaults=defaults, timezone=UTC)
    scheduler.start(paused=True)
    for n in range(JOBS):
        scheduler.add_job(_job, "date", run_date=datetime.now(UTC), id=f"j{n}")
    start = time.perf_counter()
    scheduler.resume()
    for _ in range(JOBS):
        _done.acquire()
    seconds = time.perf_counter() - start
    scheduler.shutdown()
    return JOBS / seconds


def has_huey() -> bool:
    """Whether Redis is there, and huey beside us."""
    return REDIS is not None and find_spec("huey") is not None and find_spec("redis") is not None


def _huey(folder: Path) -> float:
    """One worker takes its tasks from a Redis of its own; putting them there is not counted."""
    socket = folder / f"redis-{next(_stores)}.sock"
    server = subprocess.Popen(
        [str(REDIS), "--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", str(folder)],
        stdout=subprocess.DEVNULL,
    )
    try:
        while not socket.exists():
            time.sleep(0.01)
        queue = import_module("huey").RedisHuey("bench", url=f"unix://{socket}")
        task = queue.task()(lambda: None)
        for _ in range(TASKS):
            task()
        start = time.perf_counter()
        while (taken := queue.dequeue()) is not None:
            queue.execute(taken)
        return TASKS / (time.perf_counter() - start)
    finally:
        server.terminate()
        server.wait()


def _job() -> None:
    _done.release()
