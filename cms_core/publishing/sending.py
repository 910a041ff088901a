"""One worker's run through the deliveries of one publication: hands out recipients, journals, settles.

A recipient is handed out only after the claim of its batch was committed and, at the pull itself, after consent, suppression and
pause were looked at once more; consent and suppression once again when the bytes are about to leave. What was on the wire without
an outcome is unknown; what was pulled but not on the wire goes back.
"""

import contextlib
import os
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from cms_core import contract as c
from cms_core.clock import Clock, SystemClock
from cms_core.contract import OutcomeStatus
from cms_core.publishing.claims import MAX_TRIES, Held
from cms_core.publishing.deliveries import Claimed, Lot, Settled, Taken, claim_batch, settle
from cms_core.publishing.journal import Journal, boot_id
from cms_core.publishing.leave import Leave
from cms_core.publishing.models import DeliveryState, Publication
from cms_core.publishing.models import PublicationState as S
from cms_core.publishing.outcomes import backoff
from cms_core.publishing.snapshot import ArmPicture, Snapshot
from cms_core.publishing.tokens import Tokens
from cms_core.quick import QuickStatement
from cms_core.secrets import storable
from cms_core.workspace import Workspace

SETTLE_SECONDS = 1.0
LOOK_SECONDS = 0.05
REASON_LENGTH = 500
PROVIDER_ID_LENGTH = 200
STANDING = select(Publication.state, Publication.claim_no, Publication.paused_at).where(
    Publication.id == bindparam("publication")
)
STATES = {
    OutcomeStatus.ACCEPTED: DeliveryState.ACCEPTED,
    OutcomeStatus.FAILED: DeliveryState.FAILED,
    OutcomeStatus.UNKNOWN: DeliveryState.UNKNOWN,
}


@dataclass(slots=True)
class Addressee:
    """One recipient as the channel sees it (contract.Recipient)."""

    key: int
    address: str
    token: str
    values: Mapping[str, Any]
    arm: str
    claim_id: int
    contact_id: int
    address_hash: str
    tries: int
    seen: object = None


class Sending:
    """Runs ``channel.deliver`` over all open deliveries of one publication."""

    def __init__(
        self,
        workspace: Workspace,
        held: Held,
        taken: Snapshot,
        stop: Callable[[], bool],
        due_clock: Clock,
    ) -> None:
        self._workspace = workspace
        self._held = held
        self._taken = taken
        self._stop = stop
        self._clock = SystemClock()
        self._due_clock = due_clock
        self._tokens = Tokens(workspace.vault.derive("token"))
        self._sender = f"{socket.gethostname()}-{os.getpid()}-{held.publication_id}-{held.claim_no}"
        self._boot = boot_id()
        # First what may fail for the database's sake: a journal that nobody closes would look alive.
        self._connection = workspace.db.own_connection()
        try:
            self._journal = Journal(workspace.config.run_dir / "senders", self._sender)
        except BaseException:
            self._connection.close()
            raise
        self._arm = taken.arm
        self._open: dict[int, Addressee] = {}
        self._on_wire: set[int] = set()
        self.progressed = False
        self.rests_until: datetime | None = None
        self._ahead = Counter[str]()
        self._fates: list[Settled] = []
        self._trouble: c.Retryable | None = None
        self._settled_at = self._looked_at = time.monotonic()
        self._wanted = True
        self._leave = Leave(self._connection, taken.channel.name, taken.audience.topic)
        self._standing = QuickStatement(self._connection.dialect, STANDING, ("publication",))

    # --- contract.Wire: the door tells what is about to leave ---------------------------------------------------------

    def on_wire(self, key: int) -> None:
        """The message of this recipient is about to be completed by the next write; raises LeaveWithdrawn when it must not be."""
        addressee = self._open[key]
        self._look()
        if not self._wanted:
            self._keep(addressee, DeliveryState.PENDING, "", tried=0)
            raise c.LeaveWithdrawn("the publication was paused, cancelled or taken over")
        if refusal := self._refusal_on_wire(addressee):
            raise c.LeaveWithdrawn(refusal)

    def _refusal_on_wire(self, addressee: Addressee) -> str:
        """Put somebody on the wire, unless leave is refused: "" or why.

        The instant comes before the question, so that whoever has said no by then is heard, however long the question takes.
        """
        self._journal.on_wire(addressee.key)
        if refusal := self._leave.refusal(addressee):
            self._journal.take_back()
            self._keep(addressee, DeliveryState.SKIPPED, refusal, tried=0)
            return refusal
        self._on_wire.add(addressee.key)
        return ""

    def flush(self) -> None:
        """Make everything told so far survive the death of the process; raises Retryable when that cannot be done."""
        try:
            self._journal.flush()
        except OSError as error:
            raise c.Retryable(f"the journal of the sending cannot be written: {error}") from error

    # --- running ------------------------------------------------------------------------------------------------------

    def run(self, channel: c.AddressedChannel, arm: ArmPicture, prepared: c.Prepared) -> None:
        """Send to everybody of this arm who may be addressed; settles as it goes."""
        self._arm = arm
        link = self._taken.link_with(self)
        for outcome in channel.deliver(link, prepared, self._recipients(channel)):
            self._take_outcome(outcome)

    def close(self) -> None:
        """Settle what is known, give back what never left, and end the journal."""
        for key, addressee in list(self._open.items()):
            if key in self._on_wire:
                self._keep(
                    addressee, DeliveryState.UNKNOWN, "the connection was lost after the message was sent"
                )
            else:
                self._keep(addressee, DeliveryState.PENDING, "", tried=0)
        settled = False
        try:
            with contextlib.suppress(OSError):  # what is settled needs no journal
                self._journal.flush()
            self._settle()
            settled = True
        finally:
            self._connection.close()
            self._journal.close(settled=settled)

    def _recipients(self, channel: c.AddressedChannel) -> Iterator[c.Recipient | None]:
        while True:
            with _as_weather():
                batch = self._claim()
            if batch is None:
                return
            for addressee in batch:
                self._look()
                if self._trouble is not None:
                    raise self._trouble
                if self._stop() or not self._wanted:
                    return
                if channel.door:
                    if refusal := self._leave.early_refusal(addressee):
                        self._keep(addressee, DeliveryState.SKIPPED, refusal, tried=0)
                        continue
                elif self._refusal_on_wire(addressee):
                    continue
                else:  # a transport of its own: from the pull on nobody but the remote knows
                    self.flush()
                yield addressee

    def _claim(self) -> list[Addressee] | None:
        """Settle what is known and take the next batch, in one transaction; None when nothing is left or the claim was lost."""
        self.flush()
        with self._connection.transaction() as session:
            settle(session, self._fates, self._clock.now())
            claimed = self._next_batch(session) if self._holds() else None
            version = self._connection.version()
        self._forget_settled()
        if claimed is None:
            return None
        self._leave.claimed(version)
        batch = [self._addressee(claimed.id, row, version) for row in claimed.taken]
        for addressee in batch:
            self._open[addressee.key] = addressee
            self._journal.claims[addressee.key] = addressee.claim_id
        self._fill(batch, [row.person for row in claimed.taken])
        return batch

    def _next_batch(self, session: Session) -> Claimed | None:
        taken = self._taken
        lot = Lot(
            self._held.publication_id,
            self._arm.id,
            taken.connection_id,
            taken.channel.name,
            taken.audience.topic,
            taken.audience.tz,
            self._workspace.config.lease_seconds,
            self._ahead,
        )
        real, due = self._clock.now(), self._due_clock.now()
        claimed = claim_batch(session, lot, self._sender, self._boot, real, due)
        if claimed.rests_until is not None:
            self.rests_until = min(self.rests_until or claimed.rests_until, claimed.rests_until)
        return claimed if claimed.judged else None

    def _holds(self) -> bool:
        rows = self._standing.rows(self._connection.cursor, self._held.publication_id)
        return rows == [(S.SENDING, self._held.claim_no, None)]

    def _addressee(self, claim_id: int, row: Taken, version: object) -> Addressee:
        return Addressee(
            key=row.id,
            address=row.address,
            token=self._tokens.make(row.id),
            values={},
            arm=self._arm.placement.arm,
            claim_id=claim_id,
            contact_id=row.contact_id,
            address_hash=row.address_hash,
            tries=row.tries,
            seen=version,
        )

    def _fill(self, batch: list[Addressee], people: list[c.Contact]) -> None:
        """Ask the plugins for the merge fields, outside of any transaction: what they do takes as long as it takes."""
        if not people:
            return
        providers = self._workspace.plugins.merge_fields.values()
        found = {provider.namespace: provider.fetch_many(people) for provider in providers}
        for addressee, person in zip(batch, people, strict=True):
            addressee.values = {namespace: rows.get(person.id, {}) for namespace, rows in found.items()}

    def _look(self) -> None:
        """Every 50 ms: has somebody paused, cancelled or taken over the publication?"""
        now = time.monotonic()
        if now - self._looked_at < LOOK_SECONDS:
            return
        self._looked_at = now
        self._settle_in_time()
        self._wanted = self._holds()

    # --- outcomes -----------------------------------------------------------------------------------------------------

    def _take_outcome(self, outcome: c.Outcome) -> None:
        addressee = self._open.get(outcome.recipient.key)
        if addressee is None:
            raise ValueError(
                f"the channel settled recipient {outcome.recipient.key} that it was not given, or twice"
            )
        self._journal.outcome(addressee.key, outcome.status)
        self.progressed |= outcome.status in (OutcomeStatus.ACCEPTED, OutcomeStatus.FAILED)
        if outcome.status is OutcomeStatus.RETRY:
            self._retry(addressee, outcome)
        else:
            state = STATES[outcome.status]
            provider_id = storable(outcome.provider_id)[:PROVIDER_ID_LENGTH] if outcome.provider_id else None
            self._keep(addressee, state, outcome.detail, code=outcome.code, provider_id=provider_id)
        self._settle_in_time()

    def _retry(self, addressee: Addressee, outcome: c.Outcome) -> None:
        tries = addressee.tries
        if tries + 1 >= MAX_TRIES:
            reason = f"given up after {tries + 1} tries: {outcome.detail}"
            self._keep(addressee, DeliveryState.FAILED, reason, code=outcome.code)
        else:
            at = self._clock.now() + backoff(tries)
            self._keep(addressee, DeliveryState.RETRY_WAIT, outcome.detail, code=outcome.code, retry_at=at)

    def _keep(self, addressee: Addressee, state: DeliveryState, reason: str, **more: Any) -> None:
        del self._open[addressee.key]
        self._on_wire.discard(addressee.key)
        said = storable(reason)[:REASON_LENGTH]
        self._fates.append(Settled(addressee.key, addressee.claim_id, state, said, **more))

    def _settle_in_time(self) -> None:
        """Settle each second; when that cannot be done, nobody is handed out any more, and answers under way are still read."""
        if self._trouble is not None or time.monotonic() - self._settled_at < SETTLE_SECONDS:
            return
        try:
            with _as_weather():
                self.flush()
                self._settle()
        except c.Retryable as trouble:
            self._trouble = trouble

    def _settle(self) -> None:
        if self._fates:
            with self._connection.transaction() as session:
                settle(session, self._fates, self._clock.now())
        self._forget_settled()

    def _forget_settled(self) -> None:
        """Only after the commit: what a failed commit did not keep is still known here."""
        self._journal.settled([fate.id for fate in self._fates])
        self._fates.clear()
        self._settled_at = time.monotonic()


@contextlib.contextmanager
def _as_weather() -> Iterator[None]:
    """A database that is locked or full passes, and is no fault of the channel through which the error goes."""
    try:
        yield
    except OperationalError as error:
        raise c.Retryable(f"the database did not answer: {error.orig}") from error
