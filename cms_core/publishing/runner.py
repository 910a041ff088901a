"""What a worker does with one claim: prepare, intent, the one call that makes it public, outcome.

The order of the commits is the promise. The intent (an open attempt, and the frozen ``prepared``) is committed before the
socket opens; the outcome is written by the holder of the claim only. What happens in between is settled by the channel's
idempotency.
"""

import json
import logging
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import NoneType
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, or_
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from cms_core import contract as c
from cms_core.clock import Clock, SystemClock
from cms_core.connections import circuit
from cms_core.connections.models import ConnectionState
from cms_core.errors import CmsError
from cms_core.plugins import PLUGIN_FAULTS
from cms_core.publishing import (
    claims,
    closures,
    experiments,
    followers,
    live,
    lookups,
    outcomes,
    pictures,
    round_ends,
)
from cms_core.publishing.claims import Held, Task
from cms_core.publishing.deliveries import freeze_audience
from cms_core.publishing.leases import Leases
from cms_core.publishing.links import is_web_address
from cms_core.publishing.models import Phase, Publication
from cms_core.publishing.models import PublicationState as S
from cms_core.publishing.sending import Sending
from cms_core.publishing.snapshot import ArmPicture, NotNow, Snapshot
from cms_core.secrets import conceal, storable
from cms_core.workspace import Workspace

log = logging.getLogger(__name__)

T = TypeVar("T")

LARGEST = 1 << 63
LONGEST_ID: int = Publication.external_id.type.length
SETTLE_SECONDS = 1.0
TURN_SECONDS = 10.0  # after which a batch lets others come to their turn
FOLLOW_SECONDS = 30.0


class Pace:
    """How many of a connection are claimed at once: as many as are made in a moment, so that a slow one holds up nobody."""

    MOST, MOMENT = 1_000, 0.5

    def __init__(self, most: int = 1) -> None:
        self.most = most

    def learn(self, count: int, seconds: float) -> None:
        """So many took so long."""
        each = max(seconds, 1e-6) / max(count, 1)
        self.most = max(1, min(self.MOST, self.most * 4, int(self.MOMENT / each)))


@dataclass
class Runner:
    """Does the work of one worker. ``due_clock`` says what is due; leases and attempts use the real clock."""

    workspace: Workspace
    name: str
    due_clock: Clock
    stop: Callable[[], bool] = lambda: False

    def __post_init__(self) -> None:
        self.real_clock: Clock = SystemClock()
        self.lease = timedelta(seconds=self.workspace.config.lease_seconds)
        self.leases = Leases(self.lease)
        self.held: list[Held] = []
        self._swept: datetime | None = None
        self._followed = float("-inf")
        self.paces: defaultdict[int, Pace] = defaultdict(Pace)  # by connection

    def follow_plugins(self) -> None:
        """With the next sweep, look which plugins are there; else that is done now and then."""
        self._followed = float("-inf")

    def sweep(self) -> list[int]:
        """Move rows whose time has come; returns those that were missed."""
        with self.workspace.db.transaction() as session:
            plugins, due = self.workspace.plugins, self.due_clock.now()
            self._swept = due
            if time.monotonic() - self._followed > FOLLOW_SECONDS:
                claims.follow_plugins(session, plugins)
                self._followed = time.monotonic()
            missed = claims.sweep(session, due, self.real, self.leases.bounds(self.real_clock))
            followers.settle(session, plugins, due)
            closures.keep_out(session, plugins, due)
            return missed

    def something(self) -> ColumnElement[bool]:
        """SQL: there is something to sweep or to claim."""
        return or_(
            claims.something(self.workspace.plugins, self.due_clock.now(), self.real), followers.something()
        )

    @property
    def real(self) -> datetime:
        return self.real_clock.now()

    def claim(self, only: int | None = None) -> list[Held]:
        """Claim the next work: one piece, or publications that go out together, as many as are made in a short while."""
        due = self._swept or self.due_clock.now()  # nothing is claimed that the sweep has not looked at
        with self.workspace.db.transaction() as session:
            plugins, real = self.workspace.plugins, self.real
            return claims.claim(
                session, plugins, self.name, self.lease, due, real, only=only, most=self._most
            )

    def _most(self, connection_id: int) -> int:
        return self.paces[connection_id].most

    def run(self, batch: Sequence[Held]) -> None:
        """Do the work of a claim; never raises for what a channel or the remote does."""
        self.held.extend(batch)
        try:
            if batch[0].task in (Task.PUBLISH, Task.SEND_ON):
                self._publish(batch)
            else:
                work = {
                    Task.RECONCILE: self._reconcile,
                    Task.WITHDRAW: self._withdraw,
                    Task.SWITCH: self._switch,
                }
                work[batch[0].task](batch[0])
        finally:
            for held in batch:
                self.held.remove(held)

    def renew_leases(self) -> None:
        """Called at a third of the lease: what is being worked on stays ours."""
        if held := list(self.held):
            with self.workspace.db.transaction() as session:
                claims.renew(session, held, self.real + self.lease)

    # --- publish --------------------------------------------------------------------------------------------------------

    def _publish(self, batch: Sequence[Held]) -> None:
        found = self._pictures(batch)
        if not found:
            return
        first = found[0][1]
        if isinstance(first.channel, c.AddressedChannel):
            self._send(*found[0], first.channel)
            return
        pace, began = self.paces[first.connection_id], time.monotonic()
        try:
            tried = self._make_public(found)
        except BaseException:
            pace.most = 1  # one by one it is the trouble of the guilty one alone
            raise
        pace.learn(tried, time.monotonic() - began)

    def _make_public(self, found: Sequence[tuple[Held, Snapshot]]) -> int:
        """Prepare, intend and publish pieces of one connection; gives how many had their turn."""
        waiting = deque(found)
        ready: list[outcomes.Ready] = []
        for held, taken in self._in_turn(waiting):
            prepared = self._prepare(held, taken, taken.arm)
            if prepared is not None:
                ready.append((held, taken, prepared))
        if waiting:
            with self.workspace.db.transaction() as session:
                outcomes.leave(session, [held for held, _ in waiting])
        left = self._commit_all(self._intend_all(ready)) if ready else 0
        return len(found) - len(waiting) - left

    def _in_turn(self, waiting: deque[T]) -> Iterator[T]:
        """One after the other, until somebody else has waited for long, or the worker is told to stop; the first in any case."""
        began = time.monotonic()
        while waiting:
            yield waiting.popleft()
            if time.monotonic() - began > TURN_SECONDS or self.stop():
                return

    def _snapshot(self, held: Held) -> Snapshot | None:
        """Everything the channel needs of one claim."""
        found = self._pictures([held])
        return found[0][1] if found else None

    def _pictures(self, batch: Sequence[Held]) -> list[tuple[Held, Snapshot]]:
        """Everything the channel needs, read in one go; what forbids publishing holds the publication."""
        found: list[tuple[Held, Snapshot]] = []
        forbidden: list[tuple[Held, str]] = []
        with self.workspace.db.transaction() as session:
            experiments.decide_due(session, [held.publication_id for held in batch], self.due_clock.now())
            pictures.follow_approvals(session, batch)
        with self.workspace.db.session() as session:
            made = pictures.Pictures(session, self.workspace, batch)
            for held in batch:
                try:
                    taken = made.take(held)
                except (
                    NotNow,
                    CmsError,
                ) as reason:  # CmsError: credentials that cannot be read, and the like
                    forbidden.append((held, str(reason)))
                else:
                    found.append((held, taken))
        if forbidden:
            with self.workspace.db.transaction() as session:
                for held, said in forbidden:
                    outcomes.not_now(session, held, said)
        return found

    def _prepare(self, held: Held, taken: Snapshot, arm: ArmPicture) -> c.Prepared | None:
        """What is prepared already, or is now: it is kept with the intent."""
        if arm.prepared is not None:
            return arm.prepared
        started = self.real
        try:
            answer = taken.channel.prepare(taken.link, arm.placement, arm.progress)
            if isinstance(answer, c.Prepared):  # what a replay will see is what the first call sees
                return c.Prepared(_as_stored(answer.data))
            if not isinstance(answer, c.Wait):
                raise TypeError(f"prepare must return Prepared or Wait, not {answer!r:.80}")
            answer = c.Wait(answer.after, _as_stored(answer.progress))
        except PLUGIN_FAULTS as error:
            self._fail(held, taken, error, started, "prepare")
            return None
        with self.workspace.db.transaction() as session:
            due = self.due_clock.now()
            outcomes.wait(session, held, taken, arm, answer, started, self.real, due)
        return None

    def _intend_all(self, ready: Sequence[outcomes.Ready]) -> list[outcomes.Ready]:
        with self.workspace.db.transaction() as session:
            return outcomes.intend_all(session, ready, self.real, self.lease)

    def _commit_all(self, intended: Sequence[outcomes.Ready]) -> int:
        """Make one after the other public; outcomes are written each second. In bad weather, or when it takes too long, the rest is
        given back; gives how many that are."""
        waiting = deque(intended)
        public: list[outcomes.Public] = []
        settled = time.monotonic()
        try:
            for held, taken, prepared in self._in_turn(waiting):
                answer = self._ask(held, taken, prepared)
                if isinstance(answer, c.Receipt):
                    public.append((held, taken, answer))
                elif isinstance(answer, circuit.WEATHER):
                    break
                if time.monotonic() - settled > SETTLE_SECONDS:
                    self._settle(public)
                    public, settled = [], time.monotonic()
        finally:
            self._settle(public)
            if waiting:
                with self.workspace.db.transaction() as session:
                    left = [(held, taken) for held, taken, _ in waiting]
                    outcomes.give_back(session, left, self.real)
        return len(waiting)

    def _ask(self, held: Held, taken: Snapshot, prepared: c.Prepared) -> c.Receipt | BaseException:
        """The one call that makes it public: the receipt, or the error, which is written down."""
        started = self.real
        try:
            receipt = taken.channel.publish(taken.link, prepared, taken.key, taken.previous)
            if not isinstance(receipt, c.Receipt):
                raise TypeError(f"publish must return a Receipt, not {receipt!r:.80}")
            return _storable(receipt)
        except PLUGIN_FAULTS as error:
            self._fail(held, taken, error, started, "commit")
            return error

    def _settle(self, public: Sequence[outcomes.Public]) -> None:
        if public:
            with self._outcome(public[0][1]) as session:
                outcomes.published(session, public, self.real)

    def _fail(self, held: Held, taken: Snapshot, error: BaseException, started: datetime, phase: str) -> None:
        if not isinstance(error, c.ChannelError):
            secrets = taken.link.secrets.values()
            self.workspace.plugins.report(taken.plugin, f"{taken.channel.name}.{phase}", error, secrets)
            log.error("fault in plugin %s: %s", taken.plugin, conceal(repr(error), secrets))
        with self._outcome(taken, error) as session:
            outcomes.failed(session, held, taken, error, started, self.real, phase)

    @contextmanager
    def _outcome(self, taken: Snapshot, error: BaseException | None = None) -> Iterator[Session]:
        """The transaction that writes down what came of a call, for the publication and for the circuit of its connection."""
        said = conceal(str(error), taken.link.secrets.values()) if error else ""
        with self.workspace.db.transaction() as session:
            circuit.heard(session, taken.connection_id, error, self.real, said)
            yield session

    # --- addressed channels ---------------------------------------------------------------------------------------------

    def _send(self, held: Held, taken: Snapshot, channel: c.AddressedChannel) -> None:
        parts: list[tuple[ArmPicture, c.Prepared]] = []
        for arm in taken.arms:
            prepared = self._prepare(held, taken, arm)
            if prepared is None or not self._keep(held, taken, arm, prepared):
                return
            parts.append((arm, prepared))
        if not self._freeze(held, taken, channel) or not self._intend_to_send(held, taken):
            return
        started = self.real
        error = self._deliver(held, taken, channel, parts)
        if error is not None:
            self._fail(held, taken, error, started, "commit")
            return
        with self._outcome(taken) as session:
            round_ends.end_round(session, held, taken, self.real, self.due_clock.now())

    def _intend_to_send(self, held: Held, taken: Snapshot) -> bool:
        with self.workspace.db.transaction() as session:
            return outcomes.intend_to_send(session, held, taken, self.real, self.lease)

    def _keep(self, held: Held, taken: Snapshot, arm: ArmPicture, prepared: c.Prepared) -> bool:
        with self.workspace.db.transaction() as session:
            return outcomes.keep_prepared(session, held, taken, arm, prepared)

    def _freeze(self, held: Held, taken: Snapshot, channel: c.AddressedChannel) -> bool:
        started = self.real
        try:
            with self.workspace.db.transaction() as session:
                due = self.due_clock.now()
                frozen = freeze_audience(session, held, taken, channel, self.real, due)
                experiments.begin(session, held.publication_id, due)
                return frozen
        except CmsError as error:  # the segment's rule means nothing (any more)
            with self.workspace.db.transaction() as session:
                outcomes.not_now(session, held, f"the segment cannot be read: {error}")
        except SQLAlchemyError:
            raise
        except PLUGIN_FAULTS as error:
            self._fail(held, taken, error, started, "prepare")
        return False

    def _deliver(
        self,
        held: Held,
        taken: Snapshot,
        channel: c.AddressedChannel,
        parts: Sequence[tuple[ArmPicture, c.Prepared]],
    ) -> BaseException | None:
        try:
            sending = Sending(self.workspace, held, taken, self.stop, self.due_clock)
        except OSError as fault:
            return c.Retryable(f"the journal of the sending cannot be kept: {fault}")
        error: BaseException | None = None
        try:
            for arm, prepared in parts:
                sending.run(channel, arm, prepared)
        except PLUGIN_FAULTS as caught:
            error = caught
        finally:
            sending.close()
        if sending.progressed or sending.rests_until:
            with self.workspace.db.transaction() as session:
                claims.write(session, held, (S.SENDING,), tries=1, retry_at=sending.rests_until)
                if sending.progressed:
                    circuit.close(session, taken.connection_id)
                    outcomes.connection_state(session, taken.connection_id, ConnectionState.OK, "", self.real)
        return error

    # --- afterwards -----------------------------------------------------------------------------------------------------

    def _reconcile(self, held: Held) -> None:
        """Find out what became of an unknown one; replay only where the same key is the same thing."""
        taken = self._snapshot(held)
        if taken is None:
            return
        prepared = taken.arm.prepared
        if prepared is None:
            self._give_up(held)
            return
        started = self.real
        try:
            answer = taken.channel.reconcile(taken.link, prepared, taken.key)
            if isinstance(answer, c.Receipt):
                answer = _storable(answer)
        except PLUGIN_FAULTS as error:
            self._record_lookup(held, taken, error, started)
            return
        if answer is None and lookups.may_replay(taken, self.real):
            if intended := self._intend_all([(held, taken, prepared)]):
                self._commit_all(intended)
            return
        with self._outcome(taken) as session:
            lookups.reconciled(session, held, taken, answer, started, self.real)

    def _record_lookup(self, held: Held, taken: Snapshot, error: BaseException, started: datetime) -> None:
        with self._outcome(taken, error) as session:
            lookups.lookup_failed(session, held, taken, error, started, self.real)

    def _give_up(self, held: Held) -> None:
        with self.workspace.db.transaction() as session:
            claims.write(session, held, (S.UNKNOWN,), needs_person=True, lease_until=None)

    def _withdraw(self, held: Held) -> None:
        taken = self._snapshot(held)
        if taken is None:
            return
        started = self.real
        error: Any = None
        try:
            if taken.receipt is not None:
                taken.channel.withdraw(taken.link, taken.receipt)
        except PLUGIN_FAULTS as caught:
            error = caught
        with self._outcome(taken, error) as session:
            lookups.withdrawn(session, held, taken, error, started, self.real)

    def _switch(self, held: Held) -> None:
        """Pause or resume what is live."""
        taken = self._snapshot(held)
        if taken is None:
            return
        with self.workspace.db.transaction() as session:
            wanted = live.intend(session, held, self.real, self.lease)
        if wanted is None:
            return
        error: BaseException | None = None
        try:
            if taken.receipt is not None:
                taken.channel.set_active(taken.link, taken.receipt, wanted is Phase.RESUME)
        except PLUGIN_FAULTS as caught:
            error = caught
        with self._outcome(taken, error) as session:
            live.switched(session, held, taken, wanted, error, self.real)


def _as_stored(data: c.Json) -> dict[str, Any]:
    """What a channel gave, as every database will give it back; raises TypeError or ValueError for what is not JSON."""
    if all(type(name) is str and _is_plain(value) for name, value in data.items()):  # mostly it is small
        return dict(data)
    stored: dict[str, Any] = json.loads(json.dumps(dict(data), allow_nan=False))
    return stored


def _is_plain(value: object) -> bool:
    return type(value) in (str, bool, NoneType) or (type(value) is int and abs(value) < LARGEST)


def _storable(receipt: c.Receipt) -> c.Receipt:
    """What is kept of a receipt; raises ValueError for what cannot be."""
    external_id, url = storable(receipt.external_id), storable(receipt.url)
    if len(external_id) > LONGEST_ID:
        raise ValueError(f"the id {external_id[:40]!r}… has over {LONGEST_ID} characters")
    url = url if is_web_address(url) else ""  # people will follow it
    return c.Receipt(external_id, url, _as_stored(receipt.data))
