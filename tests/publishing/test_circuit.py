"""The circuit breaker: who gets no answer five times in a row rests, and nobody else suffers."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest

from cms_core import contract as c
from cms_core.clock import FrozenClock
from cms_core.connections import circuit
from cms_core.connections import service as connections
from cms_core.connections.links import verify_connection
from cms_core.publishing import claims, listing, outcomes
from cms_core.worker import Worker
from cms_core.workspace import Workspace
from tests.publishing.conftest import DUE, Arm, people, shown
from tests.publishing.toys import Toys

START = datetime.fromisoformat("2026-05-04T07:00:00+00:00")


@pytest.fixture(autouse=True)
def long_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    """What failed comes again in a minute: no test here waits for that."""
    monkeypatch.setattr(outcomes, "FIRST_DELAY", timedelta(minutes=2))


@pytest.fixture
def clock(worker: Worker) -> FrozenClock:
    worker.runner.real_clock = clock = FrozenClock(START)
    return clock


def work(worker: Worker, most: int = 50) -> int:
    """Work until nothing may be claimed; gives how much there was."""
    return next(n for n in range(most) if not worker.work_once())


def connection(workspace: Workspace, channel: str = "toy") -> dict[str, Any]:
    with workspace.db.session() as session:
        return next(row for row in connections.listing(session) if row["channel"] == channel)


def listed(workspace: Workspace) -> dict[str, dict[str, Any]]:
    with workspace.db.session() as session:
        return {row["id"]: row for row in listing.publications(session)}


def storm(toys: Toys, count: int) -> None:
    toys.remote.before = [c.Retryable("503 Service Unavailable") for _ in range(count)]


def test_after_five_failures_in_a_row_what_is_due_waits_and_says_why(
    workspace: Workspace, worker: Worker, clock: FrozenClock, toys: Toys, arm: Arm
) -> None:
    ids = [arm("toy", f"Post {n}") for n in range(8)]
    storm(toys, 100)
    work(worker)
    assert toys.remote.calls.count("publish") == circuit.LIMIT
    assert [shown(workspace, each)["state"] for each in ids] == ["retry_wait"] * 5 + ["scheduled"] * 3
    for row in (listed(workspace)[ids[7]], shown(workspace, ids[7])):
        assert row["reason"] == "toy:main rests after 5 failures in a row: 503 Service Unavailable"
    row = connection(workspace)
    assert (row["circuit"], row["failures"]) == ("open", 5)
    assert row["reason"].endswith("503 Service Unavailable")
    assert row["probe_at"] == START + circuit.PROBE


def test_other_connections_go_on(
    workspace: Workspace, worker: Worker, clock: FrozenClock, toys: Toys, arm: Arm
) -> None:
    for n in range(6):
        arm("toy", f"Post {n}")
    storm(toys, 5)
    other = arm("once", "Elsewhere", due=DUE)
    work(worker)
    assert shown(workspace, other)["state"] == "published"
    assert connection(workspace, "once")["circuit"] == "closed"


def test_one_probe_goes_out_each_half_minute_and_a_success_closes_the_circuit(
    workspace: Workspace, worker: Worker, clock: FrozenClock, toys: Toys, arm: Arm
) -> None:
    ids = [arm("toy", f"Post {n}") for n in range(9)]
    storm(toys, 7)
    work(worker)
    for probes in (1, 2):
        assert work(worker) == 0
        clock.at += circuit.PROBE - timedelta(seconds=1)
        assert work(worker) == 0
        clock.at += timedelta(seconds=1)
        assert work(worker) == 1
        assert toys.remote.calls.count("publish") == circuit.LIMIT + probes
    clock.at += circuit.PROBE
    assert work(worker) == 2, "the probe, and the other one that has waited"
    assert {shown(workspace, each)["state"] for each in ids[7:]} == {"published"}
    assert connection(workspace)["circuit"] == "closed"
    assert connection(workspace)["reason"] == ""


def test_of_many_workers_one_takes_the_probe(
    workspace: Workspace, worker: Worker, clock: FrozenClock, toys: Toys, arm: Arm
) -> None:
    for n in range(20):
        arm("toy", f"Post {n}")
    storm(toys, 5)
    work(worker)
    later = START + circuit.PROBE

    def claim(number: int) -> list[claims.Held]:
        with workspace.db.transaction() as session:
            return claims.claim(session, workspace.plugins, f"w{number}", timedelta(seconds=30), DUE, later)

    with ThreadPoolExecutor(8) as pool:
        taken = [held for batch in pool.map(claim, range(16)) for held in batch]
    assert len(taken) == 1


def test_a_refusal_is_an_answer(
    workspace: Workspace, worker: Worker, clock: FrozenClock, toys: Toys, arm: Arm
) -> None:
    for n in range(9):
        arm("toy", f"Post {n}")
    weather, refusal = c.Retryable("503"), c.Refused("too long")
    toys.remote.before = [weather] * 4 + [refusal] + [weather] * 4
    work(worker)
    assert toys.remote.calls.count("publish") == 9
    assert (connection(workspace)["circuit"], connection(workspace)["failures"]) == ("closed", 4)


@pytest.fixture
def deaf(toys: Toys, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mail server that cannot be reached."""

    def deliver(*_: Any) -> Iterator[c.Outcome]:
        raise c.Retryable("connection refused")
        yield

    monkeypatch.setattr(toys.letter, "deliver", deliver)


@pytest.mark.usefixtures("deaf")
def test_mailings_wait_too(
    workspace: Workspace, worker: Worker, clock: FrozenClock, toys: Toys, arm: Arm
) -> None:
    people(workspace, 3)
    ids = [arm("letter", f"Letter {n}") for n in range(7)]
    work(worker)
    assert [shown(workspace, each)["state"] for each in ids[5:]] == ["scheduled"] * 2
    assert connection(workspace, "letter")["circuit"] == "open"
    assert shown(workspace, ids[0])["deliveries"] == {"pending": 3}


def test_a_changed_connection_is_tried_at_once(
    workspace: Workspace, worker: Worker, clock: FrozenClock, toys: Toys, arm: Arm
) -> None:
    ids = [arm("toy", f"Post {n}") for n in range(6)]
    storm(toys, 5)
    work(worker)
    with workspace.db.transaction() as session:
        row = connections.find(session, "toy", "main")
        connections.update(session, workspace.vault, workspace.plugins, row, {"word": "mended"})
    work(worker)
    assert shown(workspace, ids[5])["state"] == "published"


def test_a_test_that_works_closes_the_circuit(
    workspace: Workspace, worker: Worker, clock: FrozenClock, toys: Toys, arm: Arm
) -> None:
    ids = [arm("toy", f"Post {n}") for n in range(6)]
    storm(toys, 5)
    work(worker)
    with workspace.db.session() as session:
        row_id = connections.find(session, "toy", "main").id
    verify_connection(workspace, row_id)
    assert connection(workspace)["circuit"] == "closed"
    work(worker)
    assert shown(workspace, ids[5])["state"] == "published"


def test_a_run_that_ends_by_itself_waits_for_a_probe_but_not_for_ever(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(circuit, "PROBE", timedelta(milliseconds=500))
    ids = [arm("toy", f"Post {n}") for n in range(8)]
    storm(toys, 6)
    worker.run_until_idle()
    assert {shown(workspace, each)["state"] for each in ids[6:]} == {"published"}
    storm(toys, 1000)
    ids = [arm("toy", f"More {n}") for n in range(20)]
    worker.run_until_idle()
    assert connection(workspace)["failures"] == circuit.LIMIT + circuit.WAITED_FOR
