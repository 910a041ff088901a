"""The database dies, the disk is full, all is read-only: it is said within five seconds, and nobody need start anything anew.

``CMS_DATABASE_KILLS``, ``CMS_DISK_FAULTS`` and ``CMS_SEED`` ask for more, or for the same again.
"""

import errno
import os
import random
import socket
import sqlite3
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from cms_core.config import write_config
from cms_core.testing.databases import PostgresServer, migrate
from tests.fire.conftest import MakeCluster, Tell
from tests.fire.processes import Cluster, cluster
from tests.fire.proofs import OTHER_PLUGINS, SEED, Verdict, asked, judge, just_now, left, stop, until

KILLS, FAULTS = asked("CMS_DATABASE_KILLS", 100), asked("CMS_DISK_FAULTS", 20)
ITEMS = asked("CMS_ITEMS_LOST", 2_000)
PROMISE = 5.0  # seconds within which /healthz says it
PATIENCE = 60.0  # seconds within which it has recovered
SLOW = 0.1  # seconds for each post
LONGEST = 1.5  # seconds between two faults
WORKERS = 2  # `cms run` has one
ROOM = "64m"


@contextmanager
def publishing(made: Cluster) -> Iterator[Callable[[], int]]:
    """`cms run` and another worker at work; gives what asks /healthz for its status."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    running = [made.start("run", "--port", str(port)), made.start("worker")]
    made.ready()
    made.wall.seconds = SLOW
    made.arm(ITEMS, just_now())

    def health() -> int:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=10) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as answer:
            with answer:
                return answer.code

    until(lambda: health() == 200)
    yield health
    assert [process.poll() for process in running] == [None, None], "nobody had to start them again"
    stop(running)


def at_work(made: Cluster) -> None:
    """Wait until something is posted: a fault that meets nobody at work proves nothing."""
    before = len(made.wall.written)
    until(lambda: len(made.wall.written) > before, PATIENCE)


def ended(made: Cluster) -> float:
    """Wait until everything has ended; gives the seconds it took."""
    made.wall.seconds = 0.0

    def nothing_left() -> bool:
        with suppress(OperationalError):  # a connection of this test died with the database
            return left(made) == 0
        return False

    return until(nothing_left, 900, 0.5)


def held(made: Cluster, faults: int) -> Verdict:
    """What became of it, when it holds."""
    verdict = judge(made)
    verdict.hold(ITEMS)
    assert verdict.states["unknown"] <= faults * WORKERS, "at most what was in flight"
    return verdict


@pytest.fixture
def durable() -> Iterator[PostgresServer]:
    """A PostgreSQL of its own that keeps what it was told when it is killed."""
    server = PostgresServer(durable=True)
    yield server
    server.start()
    server.stop()


@contextmanager
def on(server: PostgresServer, home: Path) -> Iterator[tuple[Cluster, str]]:
    """A workspace on this server; and the address of its database."""
    url = server.create()
    migrate(home.with_name("migrating"), url)
    write_config(home, url, None)
    with cluster(home, CMS_DISABLE_PLUGINS=OTHER_PLUGINS) as made:
        yield made, url


@pytest.mark.long
def test_the_database_is_killed_again_and_again(durable: PostgresServer, tmp_path: Path, tell: Tell) -> None:
    tell(seed=SEED, items=ITEMS, kills=KILLS)
    dice, said, back = random.Random(SEED), [0.0], [0.0]
    with on(durable, tmp_path / "home") as (made, url), publishing(made) as health:
        began = time.monotonic()
        for number in range(KILLS):
            at_work(made)
            time.sleep(dice.uniform(0, LONGEST))
            if number % 5:  # one process of it: it ends all connections and is there again at once
                until(lambda: killed_one(durable, url), PATIENCE)
            else:
                durable.kill()
                said.append(until(lambda: health() == 503, PROMISE + 10))
                durable.start()
                back.append(until(lambda: health() == 200, PATIENCE))
        unfinished = ITEMS - len(made.wall.written)
        until(lambda: health() == 200, PATIENCE)
        last = ended(made)
        seconds = time.monotonic() - began
        verdict = held(made, KILLS)
    tell(
        kills=KILLS,
        said_within=f"{max(said):.1f} s",
        back_within=f"{max(back):.1f} s",
        unposted_after_kills=unfinished,
        **verdict.states,
        rest=f"{last:.0f} s",
        seconds=f"{seconds:.0f}",
    )
    assert max(said) <= PROMISE


def killed_one(server: PostgresServer, url: str) -> bool:
    """Kill a process of the database; while it recovers, there is none."""
    with suppress(OperationalError):
        return server.kill_one(url)
    return False


# --- disks ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own, for the home of a workspace."""
    folder = tmp_path / "home"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", str(folder)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("only root can make a disk")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.long
def test_the_disk_is_full_again_and_again(disk: Path, make_cluster: MakeCluster, tell: Tell) -> None:
    dice, said, back = random.Random(SEED), [0.0], [0.0]
    with make_cluster("sqlite", disk) as made, publishing(made) as health:
        began = time.monotonic()
        for _ in range(FAULTS):
            at_work(made)
            time.sleep(dice.uniform(0, LONGEST))
            fill(disk / "filler")
            said.append(until(lambda: health() == 503, PROMISE + 10))
            (disk / "filler").unlink()
            back.append(until(lambda: health() == 200, PATIENCE))
        last = ended(made)
        seconds = time.monotonic() - began
        verdict = held(made, FAULTS)
        database = sqlite3.connect(disk / "cms.db")
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        database.close()
    tell(
        faults=FAULTS,
        said_within=f"{max(said):.1f} s",
        back_within=f"{max(back):.1f} s",
        **verdict.states,
        rest=f"{last:.0f} s",
        seconds=f"{seconds:.0f}",
    )
    assert max(said) <= PROMISE


def fill(file: Path) -> None:
    """Leave no room on the disk of this file."""
    with file.open("wb", buffering=0) as filler:
        for size in (1 << 20, 1 << 12):
            with suppress(OSError):
                while filler.write(b"\0" * size) == size:
                    pass


@pytest.mark.long
def test_everything_is_read_only_again_and_again(durable: PostgresServer, disk: Path, tell: Tell) -> None:
    dice, said, back = random.Random(SEED), [0.0], [0.0]
    with on(durable, disk) as (made, _), publishing(made) as health:
        began = time.monotonic()
        for number in range(FAULTS):
            at_work(made)
            time.sleep(dice.uniform(0, LONGEST))
            if number % 2:
                durable.set("default_transaction_read_only", "on")
            else:
                until(lambda: remounted(disk, "ro"), PATIENCE, 0.005)
            said.append(until(lambda: health() == 503, PROMISE + 10))
            if number % 2:
                durable.set("default_transaction_read_only", "off")
            else:
                assert remounted(disk, "rw")
            back.append(until(lambda: health() == 200, PATIENCE))
        last = ended(made)
        seconds = time.monotonic() - began
        verdict = held(made, FAULTS)
    tell(
        faults=FAULTS,
        said_within=f"{max(said):.1f} s",
        back_within=f"{max(back):.1f} s",
        **verdict.states,
        rest=f"{last:.0f} s",
        seconds=f"{seconds:.0f}",
    )
    assert max(said) <= PROMISE


def remounted(folder: Path, how: str) -> bool:
    """Make a disk read-only or writable; not while somebody has a file open for writing."""
    done = subprocess.run(
        ["mount", "-o", f"remount,{how}", str(folder)], check=False, capture_output=True, text=True
    )
    assert not done.returncode or os.strerror(errno.EBUSY) in done.stderr or "busy" in done.stderr, (
        done.stderr
    )
    return not done.returncode
