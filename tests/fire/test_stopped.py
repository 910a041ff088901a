"""A worker that holds a lease is stopped for three leases and then goes on: what it writes then is refused, each time."""

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import select

from cms_core.publishing import service
from cms_core.publishing.models import Attempt
from tests.fire.conftest import MakeCluster, Tell
from tests.fire.processes import KINDS, Cluster
from tests.fire.proofs import asked, just_now, stop, until

ROUNDS = asked("CMS_STOPS", 100)
LEASE = 0.5
SEEN = "https://example.com/seen"
PATIENCE = 20.0


@dataclass
class Gate:
    """What the wall asks before it answers: while the gate watches, the first answer for a new key waits until it opens."""

    watching: bool = False
    posts: Counter[tuple[str, str]] = field(default_factory=Counter)
    arrived: threading.Event = field(default_factory=threading.Event)
    opened: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> None:
        """The next new key is kept waiting."""
        self.arrived.clear()
        self.opened.clear()
        self.watching = True

    def open(self) -> None:
        """Let everything through."""
        self.watching = False
        self.opened.set()

    def __call__(self, name: tuple[str, str]) -> None:
        """One post is about to be answered."""
        self.posts[name] += 1
        if self.watching and self.posts[name] == 1:
            self.arrived.set()
            self.opened.wait(PATIENCE)


@dataclass(frozen=True)
class Row:
    """Everything that the holder of a claim may write, as it stands."""

    state: str
    claim_no: int
    row_version: int
    worker: str
    attempts: tuple[tuple[int, str | None, Any], ...]


def look(made: Cluster, key: str) -> Row:
    """The row of a publication and its attempts."""
    with made.workspace.db.session() as session:
        row = service.find(session, key)
        query = select(Attempt.claim_no, Attempt.outcome, Attempt.ended_at)
        tried = session.execute(query.where(Attempt.publication_id == row.id).order_by(Attempt.n))
        return Row(row.state, row.claim_no, row.row_version, row.worker, tuple(map(tuple, tried.all())))


def pid_of(worker: str) -> int:
    """The process of a worker, which its name tells."""
    return int(worker.rsplit("-", 2)[1])


def hold_for_three_leases(pid: int, taken_over: Callable[[], bool]) -> None:
    """Stop a process for three leases, until another has taken over.

    One that was stopped while it held the lock of the database keeps it from everybody; it runs for a moment, and is stopped again.
    """
    end = time.monotonic() + PATIENCE
    while True:
        os.kill(pid, signal.SIGSTOP)
        time.sleep(3 * LEASE)
        waited = time.monotonic() + LEASE
        while time.monotonic() < waited:
            if taken_over():
                return
            time.sleep(0.02)
        assert time.monotonic() < end, "nobody took over"
        os.kill(pid, signal.SIGCONT)
        time.sleep(0.02)


@pytest.mark.long
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_late_write_of_a_stopped_holder_is_refused(kind: str, make_cluster: MakeCluster, tell: Tell) -> None:
    refused, began = 0, time.monotonic()
    with running(make_cluster, kind) as (made, gate):
        for number in range(ROUNDS):
            channel = KINDS[number % len(KINDS)]
            holder, key = stopped(made, gate, channel)
            if channel == "plain":  # nobody can take it over but a person, who says what became of it
                with made.workspace.db.transaction() as session:
                    service.resolve(session, service.find(session, key), published_url=SEEN)
            before = look(made, key)
            wake(made, gate, holder)
            refused += look(made, key) == before
            assert before.state == "published"
            assert made.wall.written[channel, key] == 1, "it stands there once"
            again = channel in ("keyed", "natural")
            assert gate.posts[channel, key] == 1 + again, "the same key again, or not at all"
    tell(stops=ROUNDS, late_writes_refused=refused, seconds=f"{time.monotonic() - began:.0f}")
    assert refused == ROUNDS


@pytest.mark.long
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_an_unknown_one_that_nobody_took_becomes_known_when_its_holder_wakes(
    kind: str, make_cluster: MakeCluster
) -> None:
    with running(make_cluster, kind) as (made, gate):
        for _ in range(3):
            holder, key = stopped(made, gate, "plain")
            assert look(made, key).state == "unknown"
            wake(made, gate, holder)
            found = look(made, key)
            assert (found.state, found.claim_no) == ("published", 1)
            assert made.wall.written["plain", key] == gate.posts["plain", key] == 1


@contextmanager
def running(make_cluster: MakeCluster, kind: str) -> Iterator[tuple[Cluster, Gate]]:
    """Two workers, and a gate before what they are told."""
    with make_cluster(kind, CMS_LEASE_SECONDS=str(LEASE)) as made:
        gate = Gate()
        made.wall.answering = gate
        workers = [made.start("worker"), made.start("worker")]
        made.ready()
        yield made, gate
        stop(workers)


def stopped(made: Cluster, gate: Gate, channel: str) -> tuple[int, str]:
    """An item, and its holder, which was stopped with the answer under way until the other worker had taken it over."""
    gate.watch()
    (key,) = made.arm(1, just_now(), [channel])
    assert gate.arrived.wait(PATIENCE), "nobody posted it"
    first = look(made, key)
    assert first.state == "committing"
    holder, ended = pid_of(first.worker), "unknown" if channel == "plain" else "published"
    hold_for_three_leases(holder, lambda: look(made, key).state == ended)
    then = look(made, key)
    assert then.attempts[0][:2] == (first.claim_no, "unknown"), "the first try was given up"
    if channel != "plain":
        assert then.claim_no > first.claim_no
        assert then.worker != first.worker
    return holder, key


def wake(made: Cluster, gate: Gate, holder: int) -> None:
    """Let the holder go on: it gets its answer, writes it down, and does other work."""
    gate.open()
    os.kill(holder, signal.SIGCONT)
    wait_for_other_work_of(made, holder)


def wait_for_other_work_of(made: Cluster, pid: int) -> None:
    """Items until one was done by this process, which then has ended whatever it did before."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        (key,) = made.arm(1, just_now(), ["keyed"])
        until(lambda key=key: look(made, key).state == "published", PATIENCE, 0.02)
        if pid_of(look(made, key).worker) == pid:
            return
    raise AssertionError("the one that was stopped does not work any more")
