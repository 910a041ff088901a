"""The worker: sweeps, claims, publishes, one piece of work at a time, and keeps its leases alive meanwhile."""

import gc
import logging
import os
import secrets
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, or_, select, update
from sqlalchemy.exc import SQLAlchemyError

import cms_core
from cms_core import rounds
from cms_core.clock import Clock, SystemClock
from cms_core.events import ledger
from cms_core.logs import tell_fault
from cms_core.migrations import load_models
from cms_core.notices.telling import tell_people, telling_people
from cms_core.personal import retry_erasures
from cms_core.publishing import claims, listing, recipients, recovery
from cms_core.publishing.measuring import measure
from cms_core.publishing.models import Publication
from cms_core.publishing.models import Worker as WorkerRow
from cms_core.publishing.rescheduling import extend_all
from cms_core.publishing.runner import Runner
from cms_core.queue import EmbeddedQueue, Queue
from cms_core.reactions import LEDGERS, deliver_reactions
from cms_core.webhooks.sending import tell_webhooks, telling_webhooks
from cms_core.workspace import Workspace

log = logging.getLogger(__name__)

RETRY_HORIZON = timedelta(seconds=60)
REMEMBERED = timedelta(days=30)  # how long workers that are gone are known
BATCH_OBJECTS = 50_000
SHORT_SLEEP = 0.2
IDLE_SLEEP = 1.0
LOOK_SECONDS = 10.0
REACT_SECONDS = 1.0
REACT_ANYWAY_SECONDS = 60.0  # to plugins that failed
SWEEP_SECONDS = 1.0
REST_SECONDS = 5 * 60.0  # then a worker sweeps though nothing seems to be there
MEASURE_SECONDS = 15 * 60.0
EXTEND_SECONDS = 60.0


def spare_the_collector() -> None:
    """For a process that only publishes: what is made for a batch is not walked through again and again meanwhile."""
    gc.freeze()
    gc.set_threshold(BATCH_OBJECTS)


@dataclass
class Result:
    """What became of the publications that one run touched; ``open_ends`` tells people why some did not go out."""

    touched: set[int] = field(default_factory=set)
    states: Counter[str] = field(default_factory=Counter)
    deliveries: dict[str, int] = field(default_factory=dict)
    open_ends: list[str] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """The keys of ``cms worker --json``."""
        counted = ("published", "failed", "unknown", "missed")
        return {**{state: self.states[state] for state in counted}, "deliveries": self.deliveries}

    @property
    def partly(self) -> bool:
        """Whether something ended failed, missed or unknown (exit code 5)."""
        bad = self.states["failed"] + self.states["missed"] + self.states["unknown"]
        return bool(bad or self.deliveries.get("unknown"))


class Worker:
    """Publishes what is due. ``due_clock`` is frozen by ``--now``; leases, back-off and attempts use the real clock."""

    def __init__(
        self, workspace: Workspace, due_clock: Clock | None = None, queue: Queue | None = None
    ) -> None:
        load_models(workspace.plugins)
        self.workspace = workspace
        self.name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(2)}"
        self.stopping = threading.Event()
        self.queue = queue or EmbeddedQueue()
        self.runner = Runner(workspace, self.name, due_clock or SystemClock(), self._must_stop)
        self.touched: set[int] = set()
        self._journals = workspace.config.run_dir / "senders"
        self._look_at = self._react_at = self._measure_at = self._extend_at = self._react_anyway_at = 0.0
        self._swept_at = float("-inf")
        self._rests = True  # nothing was found last time
        # Where the ledgers end, and where they ended when reactions were delivered last.
        self._ends: list[int | None] = []
        self._told: list[int | None] | None = None

    def stop(self) -> None:
        """Finish the current item and end."""
        self.stopping.set()
        self.queue.ring()

    def run_until_idle(self) -> Result:
        """Work until nothing is left to claim, then measure; waits for leases of dead workers and for retries up to 60 s ahead."""
        deliver_reactions(self.workspace)
        extend_all(self.workspace, self.runner.due_clock.now())
        self.runner.follow_plugins()
        with self._alive():
            while not self.stopping.is_set():
                if self.work_once():
                    continue
                deliver_reactions(self.workspace)
                wait = self._next_wait() if self.workspace.fence.reason is None else None
                if wait is None:
                    break
                time.sleep(min(wait + 0.01, SHORT_SLEEP))
            if not self.stopping.is_set() and self.workspace.fence.reason is None:
                measure(self.workspace, self.runner.real)
                deliver_reactions(self.workspace)
        while not self.stopping.is_set() and tell_webhooks(self.workspace):
            pass
        if not self.stopping.is_set():
            tell_people(self.workspace, self.stopping.is_set)
            tell_webhooks(self.workspace)
        return self.result()

    def run_forever(self) -> None:
        """Work until stopped; a fault of the database is logged and tried again."""
        gc.freeze()  # what is loaded by now stays: walking it again and again costs a mail in ten
        with (
            self._alive(),
            telling_webhooks(self.workspace, self.stopping),
            telling_people(self.workspace, self.stopping),
        ):
            while not self.stopping.is_set():
                try:
                    worked = self.work_once()
                    if self._is_outdated(worked):
                        return
                    self._do_rounds()
                    if not worked:
                        self.queue.wait(IDLE_SLEEP)
                except Exception as fault:
                    tell_fault(log, "the worker could not go on; it tries again", fault)
                    self.stopping.wait(IDLE_SLEEP)

    def _is_outdated(self, worked: bool) -> bool:
        """Whether to leave. A worker that rests looks now and then; one that works has just asked the fence."""
        if not worked and time.monotonic() < self._look_at:
            return False
        self._look_at = time.monotonic() + LOOK_SECONDS
        if self.workspace.fence.outdated:
            log.warning("%s: this worker leaves", self.workspace.fence.reason)
        return self.workspace.fence.outdated

    def work_once(self) -> bool:
        """Claim and do the next work; False when there was nothing to do, or the fence is closed."""
        if self._rests and not self._something() and time.monotonic() - self._swept_at < REST_SECONDS:
            return False
        if self.workspace.fence.watch() is not None:
            return False
        soon = self._rests or time.monotonic() - self._swept_at > SWEEP_SECONDS
        if soon or not (batch := self.runner.claim()):
            self._sweep()
            batch = self.runner.claim()
        self._rests = not batch
        self.touched.update(held.publication_id for held in batch)
        if batch:
            self.runner.run(batch)
        return bool(batch)

    def _something(self) -> bool:
        """Whether there may be work, and where the ledgers end: the one statement of a worker that rests, each second."""
        wanted = self.runner.something()
        with self.workspace.db.session() as session:
            ends = (ledger.end_id(session, each) for each in LEDGERS)
            found, *self._ends = session.execute(select(or_(wanted, recovery.CLAIMED), *ends)).one()
        return bool(found or recovery.journals(self._journals))

    def _sweep(self) -> None:
        self._swept_at = time.monotonic()
        self.touched.update(self.runner.sweep())
        leases = self.runner.leases.bounds(self.runner.real_clock)
        self.touched |= recovery.recover(self.workspace.db, self._journals, self.runner.real, leases)

    def run_one(self, publication_id: int) -> None:
        """Do what is to be done with one publication now (commands and pages that act at once); raises Conflict at the fence."""
        self.workspace.fence.require_open()
        self.runner.sweep()
        if batch := self.runner.claim(only=publication_id):
            with self._alive():
                self.runner.run(batch)

    def _must_stop(self) -> bool:
        """Asked before each recipient: the worker is to end, or may not publish any more, or cannot know whether it may."""
        try:
            return self.stopping.is_set() or self.workspace.fence.watch() is not None
        except (OSError, SQLAlchemyError):
            log.warning("the fence cannot be looked at; nobody else is sent to until it can", exc_info=True)
            return True

    def result(self) -> Result:
        """What became of everything that this worker touched."""
        result = Result(touched=set(self.touched))
        with self.workspace.db.session() as session:
            ids = sorted(self.touched)
            rows = session.scalars(select(Publication).where(Publication.id.in_(ids))).all()
            result.states.update(row.state for row in rows)
            result.open_ends = [f"{row.public_id} is {row.state}: {row.reason}" for row in rows if row.reason]
            result.deliveries = listing.delivery_counts(session, ids)
            unknown = recipients.unknown_counts(session, [row.public_id for row in rows])
            result.open_ends += [
                f"{public_id}: nobody knows of {count} whether they arrived; `cms deliveries show {public_id}` lists them"
                for public_id, count in unknown.items()
            ]
        return result

    def _do_rounds(self) -> None:
        """What is done now and then beside publishing: reactions each second, the rest more seldom, and by one worker of all."""
        present = time.monotonic()
        if present >= self._react_at:
            self._react_at = present + REACT_SECONDS
            self._react(present)
        if present >= self._measure_at:
            self._measure_at = present + MEASURE_SECONDS
            # Who may not measure leaves the round to others.
            if self.workspace.fence.reason is None and self._takes("measure", MEASURE_SECONDS):
                measure(self.workspace, self.runner.real)
            if self._takes("erasures", MEASURE_SECONDS):
                retry_erasures(self.workspace)
        if present >= self._extend_at:
            self._extend_at = present + EXTEND_SECONDS
            if self._takes("extend", EXTEND_SECONDS):
                extend_all(self.workspace, self.runner.due_clock.now())

    def _react(self, present: float) -> None:
        if not self._rests:
            self._something()
        if self._ends != self._told or present >= self._react_anyway_at:
            self._react_anyway_at = present + REACT_ANYWAY_SECONDS
            ends = self._ends
            deliver_reactions(self.workspace)
            self._told = ends

    def _takes(self, name: str, seconds: float) -> bool:
        with self.workspace.db.transaction() as session:
            return rounds.take(session, name, timedelta(seconds=seconds))

    def _next_wait(self) -> float | None:
        due = self.runner.due_clock.now()
        with self.workspace.db.session() as session:
            wait = claims.next_wait(session, self.workspace.plugins, due, self.runner.real, RETRY_HORIZON)
            waits = wait is None and recovery.left_to_others(session, self.runner.real)
        return SHORT_SLEEP if waits else wait

    @contextmanager
    def _alive(self) -> Iterator[None]:
        """Renew leases and show a heartbeat while the work goes on."""
        done = threading.Event()
        keeper = threading.Thread(target=self._keep_alive, args=(done,), name="cms-lease", daemon=True)
        self._heartbeat()
        keeper.start()
        try:
            yield
        finally:
            done.set()
            keeper.join()
            self._sign_off()
            self.workspace.fence.note()

    def _keep_alive(self, done: threading.Event) -> None:
        interval = self.workspace.config.lease_seconds / 3
        while not done.wait(interval):
            try:
                self.runner.renew_leases()
                self._heartbeat()
            except Exception as fault:
                tell_fault(log, "leases could not be renewed; trying again", fault)

    def _sign_off(self) -> None:
        with self.workspace.db.transaction() as session:
            session.execute(
                update(WorkerRow).where(WorkerRow.name == self.name).values(ended_at=self.runner.real)
            )

    def _heartbeat(self) -> None:
        now = self.runner.real
        with self.workspace.db.transaction() as session:
            beat = update(WorkerRow).where(WorkerRow.name == self.name).values(seen_at=now)
            if session.scalar(beat.returning(WorkerRow.name)) is not None:
                return
            session.execute(delete(WorkerRow).where(WorkerRow.seen_at < now - REMEMBERED))
            session.add(WorkerRow(name=self.name, version=cms_core.__version__, started_at=now, seen_at=now))
