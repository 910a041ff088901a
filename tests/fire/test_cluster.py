"""Several machines on one PostgreSQL: schedulers share the ticks, workers the work, and whoever dies is followed."""

import asyncio
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.engine import make_url

from cms_core import rounds
from cms_core.config import write_config
from cms_core.contract import Job
from cms_core.db import Database
from cms_core.errors import CmsError
from cms_core.publishing import service
from cms_core.publishing.models import Attempt, Publication
from cms_core.queue import EmbeddedDispatcher
from cms_core.testing.databases import PostgresServer
from cms_core.testing.smtp import FaultySmtp
from tests.fire.processes import KINDS, LEASE, Cluster, cluster
from tests.fire.test_mail_killed import CONNECTIONS, arm_mail, people_in, state


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
    assert machines.wall.beats - beats <= (time.monotonic() - began) / (1 - rounds.EARLY) + 2, (
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


def test_a_mailing_is_told_apart_by_the_machine_whose_sender_died(machines: Cluster) -> None:
    """The other machine goes on at once, but leaves what the dead one had in hand to the journal on that machine."""
    people = 600
    with FaultySmtp(answers={"END": lambda _: time.sleep(0.004)}) as smtp:
        key = arm_mail(machines, smtp.port, people)
        workers = {number: machines.start("worker", machine=number) for number in (0, 1)}
        machines.ready()
        until(lambda: len(smtp.received) > 100)
        (number,) = [each for each, worker in workers.items() if f"-{worker.pid}-" in holder(machines, key)]
        workers[number].kill()
        workers[number].wait()
        until(lambda: f"-{workers[1 - number].pid}-" in holder(machines, key))
        time.sleep(3 * float(LEASE))  # the other has sent what was free, and looked what is left
        machines.start("worker", machine=number)
        until(lambda: state(machines, key) == "published")
        mails = Counter(mail.recipients[0] for mail in smtp.received)
    counts = {each: len(people_in(machines, each)) for each in ("accepted", "unknown")}
    assert max(mails.values()) == 1
    assert sum(counts.values()) == people
    assert counts["unknown"] <= CONNECTIONS


def holder(made: Cluster, key: str) -> str:
    with made.workspace.db.session() as session:
        return service.find(session, key).worker


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


def test_a_worker_may_be_stopped_while_the_database_is_away(
    machines: Cluster, postgres: PostgresServer
) -> None:
    worker = machines.start("worker")
    machines.arm(1, soon())
    until(lambda: published(machines) == 1)
    machines.workspace.db.dispose()
    with away(postgres, machines.workspace.config.database_url):
        until(lambda: "could not go on" in machines.said[worker].read_text())
        worker.terminate()
        worker.wait(20)


@contextmanager
def away(postgres: PostgresServer, url: str) -> Iterator[None]:
    """The database of this address takes no connections and ends those that it has."""
    name = make_url(url).database
    postgres._run(f'ALTER DATABASE "{name}" WITH ALLOW_CONNECTIONS false')
    try:
        postgres._run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")  # noqa: S608
        yield
    finally:
        postgres._run(f'ALTER DATABASE "{name}" WITH ALLOW_CONNECTIONS true')


def test_a_role_that_may_create_nothing_is_told_so(machines: Cluster, postgres: PostgresServer) -> None:
    jobs = pytest.importorskip("cms_core.cluster.jobs")
    postgres._run("CREATE ROLE guest LOGIN PASSWORD 'a guest'")
    url = make_url(machines.workspace.config.database_url).set(username="guest", password="a guest")
    guest = Database(url.render_as_string(hide_password=False))
    with pytest.raises(CmsError, match="permission denied"):
        jobs.install(guest)
    guest.dispose()
    postgres._run("DROP ROLE guest")


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg"])
def test_the_queue_reaches_the_database_that_the_workspace_names(scheme: str) -> None:
    jobs = pytest.importorskip("cms_core.cluster.jobs")
    parsed = pytest.importorskip("psycopg.conninfo").conninfo_to_dict
    found = parsed(jobs.conninfo(f"{scheme}://me:a b%2F'c@db:5433/cms?sslmode=require"))
    assert found == {
        "user": "me",
        "password": "a b/'c",
        "host": "db",
        "port": "5433",
        "dbname": "cms",
        "sslmode": "require",
    }


def test_what_a_dead_worker_had_begun_is_put_back_unless_the_same_waits(machines: Cluster) -> None:
    jobs = pytest.importorskip("cms_core.cluster.jobs")
    jobs.install(machines.workspace.db)
    begun = text(
        "INSERT INTO procrastinate_jobs (queue_name, task_name, queueing_lock, status) VALUES"
        " ('work', 'work', 'work:0', 'doing'), ('plugin_jobs', 'plugin_jobs', 'walls:beat', 'doing'),"
        " ('work', 'work', 'work:0', 'todo')"
    )
    with machines.workspace.db.transaction() as session:
        session.execute(begun)
    app = jobs.make_app(machines.workspace.config, lambda: None, lambda _plugin, _job: None)

    async def rescue() -> None:
        async with app.open_async():
            await app.tasks["rescue"].func(None, timestamp=0)

    with ThreadPoolExecutor(
        1
    ) as thread:  # browser tests of the same process leave a loop running in this one
        thread.submit(lambda: asyncio.run(rescue())).result()
    with machines.workspace.db.session() as session:
        left = session.execute(text("SELECT queueing_lock, status::text FROM procrastinate_jobs ORDER BY 1"))
        assert [tuple(row) for row in left] == [("walls:beat", "todo"), ("work:0", "todo")]


def test_the_jobs_of_plugins_are_done_where_only_the_app_works(machines: Cluster) -> None:
    machines.start("scheduler")
    machines.ready()

    def waiting() -> int:
        query = text("SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'plugin_jobs'")
        with machines.workspace.db.session() as session:
            return session.scalar(query) or 0

    until(lambda: waiting() > 0)
    machines.start("run", "--port", free_port())
    machines.ready()
    until(lambda: machines.wall.beats >= 3)


def test_a_round_is_left_to_others_while_its_job_waits_in_the_queue(machines: Cluster) -> None:
    dispatcher = pytest.importorskip("cms_core.cluster.dispatcher").ClusterDispatcher(machines.workspace)
    job = Job("beat", timedelta(0), lambda _context: None)

    def next_round() -> datetime:
        with machines.workspace.db.session() as session:
            return session.scalars(select(rounds.Round.next_at)).one()

    dispatcher.run("walls", job)
    put = next_round()
    dispatcher.run("walls", job)
    assert next_round() == put, "nobody would have run it"
    EmbeddedDispatcher(machines.workspace).run("walls", job)
    assert next_round() > put


def test_the_queue_is_no_part_of_what_is_exported(machines: Cluster, tmp_path: Path) -> None:
    pytest.importorskip("cms_core.cluster.jobs").install(machines.workspace.db)
    exporting = machines.start("export", str(tmp_path / "all.zip"))
    assert exporting.wait(90) == 0, machines.said[exporting].read_text()
    assert (tmp_path / "all.zip").is_file()


def test_the_app_alone_publishes_nothing(machines: Cluster) -> None:
    machines.start("web", "--port", free_port())
    machines.ready()
    machines.arm(1, soon())
    time.sleep(2.5)
    assert published(machines) == 0
