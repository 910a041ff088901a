"""What a worker does with one claim: prepare, intent, the one call that makes it public, outcome.

The order of the commits is the promise. The intent (an open attempt, and the frozen ``prepared``) is committed before the
socket opens; the outcome is written by the holder of the claim only. What happens in between is settled by the channel's
idempotency.
"""

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from cms_core import contract as c
from cms_core.clock import Clock, SystemClock
from cms_core.connections import circuit
from cms_core.errors import CmsError
from cms_core.plugins import PLUGIN_FAULTS
from cms_core.publishing import claims, closures, experiments, followers, live, lookups, outcomes, snapshot
from cms_core.publishing.claims import Held, Task
from cms_core.publishing.deliveries import freeze_audience
from cms_core.publishing.models import Phase
from cms_core.publishing.models import PublicationState as S
from cms_core.publishing.sending import Sending
from cms_core.publishing.snapshot import ArmPicture, Snapshot
from cms_core.secrets import conceal, storable
from cms_core.workspace import Workspace

log = logging.getLogger(__name__)


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
        self.held: list[Held] = []
        self._swept: datetime | None = None

    def sweep(self) -> list[int]:
        """Move rows whose time has come; returns those that were missed."""
        with self.workspace.db.transaction() as session:
            plugins, due = self.workspace.plugins, self.due_clock.now()
            self._swept = due
            missed = claims.sweep(session, plugins, due, self.real)
            followers.settle(session, plugins, due)
            closures.keep_out(session, plugins, due)
            return missed

    @property
    def real(self) -> datetime:
        return self.real_clock.now()

    def claim(self, only: int | None = None) -> Held | None:
        """Claim the next piece of work."""
        due = self._swept or self.due_clock.now()  # nothing is claimed that the sweep has not looked at
        with self.workspace.db.transaction() as session:
            plugins = self.workspace.plugins
            return claims.claim_next(session, plugins, self.name, self.lease, due, self.real, only)

    def run(self, held: Held) -> None:
        """Do the work of a claim; never raises for what a channel or the remote does."""
        self.held.append(held)
        try:
            work = {
                Task.PUBLISH: self._publish,
                Task.SEND_ON: self._publish,
                Task.RECONCILE: self._reconcile,
                Task.WITHDRAW: self._withdraw,
                Task.SWITCH: self._switch,
            }
            work[held.task](held)
        finally:
            self.held.remove(held)

    def renew_leases(self) -> None:
        """Called at a third of the lease: what is being worked on stays ours."""
        if held := list(self.held):
            with self.workspace.db.transaction() as session:
                claims.renew(session, held, self.real + self.lease)

    # --- publish --------------------------------------------------------------------------------------------------------

    def _publish(self, held: Held) -> None:
        taken = self._snapshot(held)
        if taken is None:
            return
        if isinstance(taken.channel, c.AddressedChannel):
            self._send(held, taken, taken.channel)
            return
        prepared = self._prepare(held, taken, taken.arm)
        if prepared is None or not self._intend(held, taken, S.COMMITTING):
            return
        self._commit(
            held, taken, lambda: taken.channel.publish(taken.link, prepared, taken.key, taken.previous)
        )

    def _snapshot(self, held: Held) -> Snapshot | None:
        """Everything the channel needs, read in one go; what forbids publishing holds the publication."""
        with self.workspace.db.transaction() as session:
            experiments.decide_due(session, held.publication_id, self.due_clock.now())
            snapshot.follow_approval(session, held)
        try:
            with self.workspace.db.session() as session:
                return snapshot.take(session, self.workspace, held)
        except (
            snapshot.NotNow,
            CmsError,
        ) as reason:  # CmsError: credentials that cannot be read, and the like
            with self.workspace.db.transaction() as session:
                outcomes.not_now(session, held, str(reason))
            return None

    def _prepare(self, held: Held, taken: Snapshot, arm: ArmPicture) -> c.Prepared | None:
        if arm.prepared is not None:
            return arm.prepared
        started = self.real
        try:
            answer = taken.channel.prepare(taken.link, arm.placement, arm.progress)
            if isinstance(answer, c.Prepared):  # what a replay will see is what the first call sees
                answer = c.Prepared(_as_stored(answer.data))
            elif isinstance(answer, c.Wait):
                answer = c.Wait(answer.after, _as_stored(answer.progress))
            else:
                raise TypeError(f"prepare must return Prepared or Wait, not {answer!r:.80}")
        except PLUGIN_FAULTS as error:
            self._fail(held, taken, error, started, "prepare")
            return None
        with (
            self.workspace.db.transaction() as session
        ):  # says nothing of the connection: it may have asked nobody
            if isinstance(answer, c.Wait):
                due = self.due_clock.now()
                outcomes.wait(session, held, taken, arm, answer, started, self.real, due)
                return None
            kept = outcomes.keep_prepared(session, held, taken, arm, answer)
        return answer if kept else None

    def _intend(self, held: Held, taken: Snapshot, state: str) -> bool:
        with self.workspace.db.transaction() as session:
            return outcomes.intend(session, held, taken, state, self.real, self.lease)

    def _commit(self, held: Held, taken: Snapshot, call: Callable[[], c.Receipt]) -> None:
        started = self.real
        try:
            receipt = call()
            if not isinstance(receipt, c.Receipt):
                raise TypeError(f"publish must return a Receipt, not {receipt!r:.80}")
            receipt = _storable(receipt)
        except PLUGIN_FAULTS as error:
            self._fail(held, taken, error, started, "commit")
            return
        with self._outcome(taken) as session:
            outcomes.published(session, held, taken, receipt, self.real)

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
            if prepared is None:
                return
            parts.append((arm, prepared))
        if not self._freeze(held, taken, channel) or not self._intend(held, taken, S.SENDING):
            return
        started = self.real
        error = self._deliver(held, taken, channel, parts)
        if error is not None:
            self._fail(held, taken, error, started, "commit")
            return
        with self._outcome(taken) as session:
            outcomes.finish_sending(session, held, taken, self.real, self.due_clock.now())

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
            if self._intend(held, taken, S.COMMITTING):
                self._commit(
                    held,
                    taken,
                    lambda: taken.channel.publish(taken.link, prepared, taken.key, taken.previous),
                )
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
    """What a channel gave, as the database will give it back; raises TypeError for what is not JSON."""
    stored: dict[str, Any] = json.loads(json.dumps(dict(data)))
    return stored


def _storable(receipt: c.Receipt) -> c.Receipt:
    external_id, url = storable(receipt.external_id), storable(receipt.url)
    return replace(receipt, external_id=external_id, url=url, data=_as_stored(receipt.data))
