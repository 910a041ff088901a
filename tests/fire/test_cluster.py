"""Several machines on one PostgreSQL: schedulers share the ticks, workers the work, and whoever dies is followed."""

import socket
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from cms_core import rounds
from cms_core.config import write_config
from cms_core.publishing.models import Attempt, Publication
from cms_core.testing.databases import PostgresServer
from tests.fire.processes import KINDS, Cluster, cluster


@pytest.fixture
def machines(tmp_path: Path, postgres: PostgresServer, migrated_postgres: str) -> Iterator[Cluster]:
    """Two machines on a database of their own."""
    url = postgres.create(migrated_postgres)
    home = tmp_path / "home"
    write_config(home, url, None)
    with cluster(home, machines=2) as made:
        yield made
    postgres.drop(url)


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return str(free.getsockname()[1])


def soon() -> datetime:
    return datetime.now(UTC) - timedelta(seconds=1)


def until(wanted: Callable[[], bool], seconds: float = 90) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not wanted():
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.05)


def published(made: Cluster) -> int:
    with made.workspace.db.session() as session:
        query = select(func.count()).where(Publication.state == "published")
        return session.scalar(query) or 0


def test_each_item_goes_out_once_over_two_machines(machines: Cluster) -> None:
    for machine in (0, 1):
        machines.start("scheduler", machine=machine)
        machines.start("worker", machine=machine)
    machines.ready()
    machines.wall.seconds = 0.01
    machines.arm(120, soon())
    until(lambda: published(machines) == 120)
    assert set(machines.wall.written.values()) == {1}
    assert len(machines.wall.written) == 120
    with machines.workspace.db.session() as session:
        workers = set(session.scalars(select(Publication.worker)))
        twice = session.scalars(
            select(Attempt.publication_id).group_by(Attempt.publication_id).having(func.count() > 1)
        )
        assert twice.all() == []
    assert len(workers) == 2, "both have worked"
    until(lambda: machines.wall.beats >= 3)
    beats, began = machines.wall.beats, time.monotonic()
    time.sleep(4)
    assert machines.wall.beats - beats <= (time.monotonic() - began) / (1 - rounds.EARLY) + 1, (
        "one of both runs the job"
    )


def test_who_is_killed_is_followed(machines: Cluster) -> None:
    first = machines.start("scheduler"), machines.start("worker")
    machines.ready()
    machines.arm(4, soon())
    until(lambda: published(machines) == 4)
    machines.start("scheduler", machine=1)
    machines.start("worker", machine=1)
    machines.ready()
    for process in first:
        process.kill()
        process.wait()
    machines.arm(4, soon(), KINDS[:2])
    until(lambda: published(machines) == 8)
    beats = machines.wall.beats
    until(lambda: machines.wall.beats > beats)


def test_a_worker_that_hears_nothing_looks_by_itself(machines: Cluster) -> None:
    machines.start("worker")
    machines.arm(2, soon())
    until(lambda: published(machines) == 2)


def test_a_bell_is_in_the_queue_only_with_the_round_that_found_something(machines: Cluster) -> None:
    machines.start("scheduler")
    machines.ready()
    machines.arm(1, soon())

    def bells() -> int:
        with machines.workspace.db.session() as session:
            count = text("SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'work'")
            return session.scalar(count) or 0

    until(lambda: bells() == 1)
    time.sleep(2.5)
    assert bells() == 1, "rung once, however long nobody comes"
    machines.start("worker")
    until(lambda: published(machines) == 1)
    until(lambda: bells() == 0)


def test_who_is_older_than_the_database_finishes_and_leaves(machines: Cluster) -> None:
    running = [
        machines.start("scheduler"),
        machines.start("worker"),
        machines.start("run", "--port", free_port()),
    ]
    machines.ready()
    machines.arm(1, soon())
    until(lambda: published(machines) == 1)
    with machines.workspace.db.transaction() as session:
        session.execute(text("UPDATE alembic_version_core SET version_num = '9999'"))
    assert [process.wait(90) for process in running] == [0, 0, 0]
    machines.arm(1, soon())
    time.sleep(1)
    assert published(machines) == 1


def test_the_app_alone_publishes_nothing(machines: Cluster) -> None:
    machines.start("web", "--port", free_port())
    machines.ready()
    machines.arm(1, soon())
    time.sleep(2.5)
    assert published(machines) == 0
