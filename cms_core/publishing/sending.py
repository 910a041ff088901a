"""One worker's run through the deliveries of one publication: hands out recipients, journals, settles.

A recipient is handed out only after the claim of its batch was committed and, at the pull itself, after consent, suppression and
pause were looked at once more. What was on the wire without an outcome is unknown; what was pulled but not on the wire goes back.
"""

import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, literal, select
from sqlalchemy.orm import Session

from cms_core import contract as c
from cms_core.audience.consent import may_address
from cms_core.audience.suppression import is_suppressed
from cms_core.clock import SystemClock
from cms_core.contract import OutcomeStatus
from cms_core.db import UTCDateTime
from cms_core.publishing.claims import Held
from cms_core.publishing.deliveries import Settled, Taken, claim_batch, contacts_of, settle
from cms_core.publishing.journal import Journal, boot_id
from cms_core.publishing.models import Delivery, DeliveryState, Publication
from cms_core.publishing.models import PublicationState as S
from cms_core.publishing.outcomes import MAX_TRIES, backoff
from cms_core.publishing.snapshot import Snapshot
from cms_core.publishing.tokens import Tokens
from cms_core.workspace import Workspace

SETTLE_SECONDS = 1.0
LOOK_SECONDS = 0.05
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


class Lost(Exception):
    """The claim on the publication was lost: stop handing out recipients."""


class Sending:
    """Runs ``channel.deliver`` over all open deliveries of one publication."""

    def __init__(self, workspace: Workspace, held: Held, taken: Snapshot, stop: Callable[[], bool]) -> None:
        self._workspace = workspace
        self._held = held
        self._taken = taken
        self._stop = stop
        self._clock = SystemClock()
        self._tokens = Tokens(workspace.vault.derive("token"))
        self._sender = f"{socket.gethostname()}-{os.getpid()}-{held.publication_id}-{held.claim_no}"
        self._boot = boot_id()
        self._journal = Journal(workspace.config.run_dir / "senders", self._sender)
        self._open: dict[int, Addressee] = {}
        self._on_wire: set[int] = set()
        self._fates: list[Settled] = []
        self._settled_at = self._looked_at = time.monotonic()
        self._session = Session(workspace.db.engine)
        self._leave = _LeaveQuery(workspace, taken)

    # --- contract.Wire: the door tells what is about to leave ---------------------------------------------------------

    def on_wire(self, key: int) -> None:
        """The message of this recipient is about to be completed by the next write."""
        self._on_wire.add(key)
        self._journal.on_wire(key)

    def flush(self) -> None:
        """Make everything told so far survive the death of the process."""
        self._journal.flush()

    # --- running ------------------------------------------------------------------------------------------------------

    def run(self, channel: c.AddressedChannel, prepared: c.Prepared) -> None:
        """Send to everybody who may be addressed; settles as it goes."""
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
            self._settle_now()
            settled = True
        finally:
            self._leave.close()
            self._session.close()
            self._journal.close(settled=settled)

    def _recipients(self, channel: c.AddressedChannel) -> Iterator[c.Recipient | None]:
        while True:
            try:
                batch = self._claim()
            except Lost:
                return
            if batch is None:
                return
            for addressee in batch:
                if self._stop() or not self._still_wanted():
                    return
                refusal = self._leave.refusal(addressee, self._clock.now())
                if refusal:
                    self._keep(addressee, DeliveryState.SKIPPED, refusal, tried=0)
                    continue
                if not channel.door:
                    self.on_wire(addressee.key)
                    self.flush()
                yield addressee

    def _claim(self) -> list[Addressee] | None:
        """Settle what is known and take the next batch, in one transaction; None when nothing is left."""
        self._journal.flush()
        fates = self._take_fates()
        taken = self._taken
        with self._workspace.db.transaction() as session:
            settle(session, fates)
            if not self._holds(session):
                raise Lost
            claim_id, rows, verdicts = claim_batch(
                session,
                self._held.publication_id,
                self._sender,
                self._boot,
                taken.channel.name,
                taken.topic,
                self._clock.now(),
            )
            batch = self._addressees(session, claim_id, rows)
        self._journal.settled([fate.id for fate in fates])
        for addressee in batch:
            self._open[addressee.key] = addressee
            self._journal.claims[addressee.key] = claim_id
        return batch if verdicts else None

    def _holds(self, session: Session) -> bool:
        row = session.execute(
            select(Publication.state, Publication.claim_no, Publication.paused_at).where(
                Publication.id == self._held.publication_id
            )
        ).one()
        return row.state == S.SENDING and row.claim_no == self._held.claim_no and row.paused_at is None

    def _addressees(self, session: Session, claim_id: int, rows: list[Taken]) -> list[Addressee]:
        people = contacts_of(session, rows)
        providers = self._workspace.plugins.merge_fields.values()
        values = {provider.namespace: provider.fetch_many(people) for provider in providers} if people else {}
        return [
            Addressee(
                key=row.id,
                address=row.address,
                token=self._tokens.make(row.id),
                values={namespace: found.get(person.id, {}) for namespace, found in values.items()},
                arm=self._taken.placement.arm,
                claim_id=claim_id,
                contact_id=row.contact_id,
                address_hash=row.address_hash,
            )
            for row, person in zip(rows, people, strict=True)
        ]

    def _still_wanted(self) -> bool:
        """Whether nobody paused, cancelled or took over the publication; looked at every 50 ms."""
        now = time.monotonic()
        if now - self._looked_at < LOOK_SECONDS:
            return True
        self._looked_at = now
        if now - self._settled_at > SETTLE_SECONDS:
            self._settle_now()
        holds = self._holds(self._session)
        self._session.rollback()
        return holds

    # --- outcomes -----------------------------------------------------------------------------------------------------

    def _take_outcome(self, outcome: c.Outcome) -> None:
        addressee = self._open.get(outcome.recipient.key)
        if addressee is None:
            raise ValueError(
                f"the channel settled recipient {outcome.recipient.key} that it was not given, or twice"
            )
        self._journal.outcome(addressee.key, outcome.status)
        if outcome.status is OutcomeStatus.RETRY:
            self._retry(addressee, outcome)
        else:
            state = STATES[outcome.status]
            self._keep(addressee, state, outcome.detail, code=outcome.code, provider_id=outcome.provider_id)
        if time.monotonic() - self._settled_at > SETTLE_SECONDS:
            self._settle_now()

    def _retry(self, addressee: Addressee, outcome: c.Outcome) -> None:
        tries = self._leave.tries(addressee.key)
        if tries + 1 >= MAX_TRIES:
            reason = f"given up after {tries + 1} tries: {outcome.detail}"
            self._keep(addressee, DeliveryState.FAILED, reason, code=outcome.code)
        else:
            at = self._clock.now() + backoff(tries)
            self._keep(addressee, DeliveryState.RETRY_WAIT, outcome.detail, code=outcome.code, retry_at=at)

    def _keep(self, addressee: Addressee, state: DeliveryState, reason: str, **more: Any) -> None:
        del self._open[addressee.key]
        self._on_wire.discard(addressee.key)
        open_again = state in (DeliveryState.PENDING, DeliveryState.RETRY_WAIT)
        at = None if open_again else self._clock.now()
        self._fates.append(Settled(addressee.key, addressee.claim_id, state, reason, at, **more))

    def _take_fates(self) -> list[Settled]:
        fates, self._fates = self._fates, []
        self._settled_at = time.monotonic()
        return fates

    def _settle_now(self) -> None:
        self._journal.flush()
        fates = self._take_fates()
        if fates:
            with self._workspace.db.transaction() as session:
                settle(session, fates)
            self._journal.settled([fate.id for fate in fates])


class _LeaveQuery:
    """The look at consent and suppression at each pull: one prepared statement on a connection of its own."""

    def __init__(self, workspace: Workspace, taken: Snapshot) -> None:
        self._connection = workspace.db.autocommit()
        channel = taken.channel.name
        self._query = select(
            is_suppressed(
                bindparam("hash"), channel, bindparam("now", type_=UTCDateTime()), taken.topic
            ).label("suppressed"),
            may_address(bindparam("contact"), channel, taken.topic).label("agreed"),
        ).select_from(select(literal(1)).subquery())
        self._tries = select(Delivery.tries).where(Delivery.id == bindparam("id"))

    def refusal(self, addressee: Addressee, now: Any) -> str:
        """Why this person must not be addressed any more, or ""."""
        values = {"hash": addressee.address_hash, "contact": addressee.contact_id, "now": now}
        row = self._connection.execute(self._query, values).one()
        if row.suppressed:
            return "suppressed"
        return "" if row.agreed else "no consent"

    def tries(self, delivery_id: int) -> int:
        """How often this delivery was tried before."""
        return int(self._connection.execute(self._tries, {"id": delivery_id}).scalar_one())

    def close(self) -> None:
        self._connection.close()
