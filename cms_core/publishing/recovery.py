"""After a crash: what a dead sender had claimed is settled by its journal, or unknown where there is none.

Outcome in the journal → settled. On the wire without outcome → unknown. Neither → back to the queue. After a reboot, or when the
journal is gone or on a lost host, everything unsettled of the claim is unknown. A host is not lost at once: it gets a minute to
start another worker, which reads the journal.
"""

import logging
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cms_core.contract import OutcomeStatus
from cms_core.db import Database
from cms_core.publishing.deliveries import Settled, settle
from cms_core.publishing.journal import Testimony, boot_id, inherit
from cms_core.publishing.leases import Bounds
from cms_core.publishing.models import Claim, Delivery, DeliveryState, Publication, Worker
from cms_core.publishing.outcomes import backoff
from cms_core.publishing.sending import STATES

log = logging.getLogger(__name__)

COMES_BACK = timedelta(minutes=1)
NOT_KNOWN = "the sender died with the message on the wire"
NO_JOURNAL = "the sender is gone and so is its journal"


CLAIMED = select(Delivery.id).where(Delivery.state == DeliveryState.CLAIMED).exists()


def journals(folder: Path) -> list[Path]:
    """What senders have left here, or are writing."""
    return list(folder.glob("*.journal"))


def recover(db: Database, folder: Path, real: datetime, leases: Bounds) -> set[int]:
    """Settle the open claims of senders that are dead; returns the publications whose deliveries were settled."""
    with db.session() as session:
        query = (
            select(Claim.sender, Claim.boot)
            .join(Delivery, Delivery.claim_id == Claim.id)
            .where(Delivery.state == DeliveryState.CLAIMED)
            .distinct()
        )
        claimed = dict(session.execute(query).all())
    # Who was killed before its first claim, or after its last settling, has left nothing but a journal.
    here = boot_id()
    senders = {path.stem: here for path in journals(folder)} | claimed
    settled = (_recover_sender(db, folder, sender, boot, real, leases) for sender, boot in senders.items())
    return set().union(*settled)


def _recover_sender(
    db: Database, folder: Path, sender: str, boot: str, real: datetime, leases: Bounds
) -> set[int]:
    try:
        with inherit(folder, sender) as testimony:
            if testimony is None:
                return set()
            with db.transaction() as session:
                known = testimony if boot == boot_id() else None
                return _settle_claims(session, sender, known, real)
    except FileNotFoundError:
        with db.transaction() as session:
            over = _lease_is_over(session, sender, leases) and not _may_come_back(session, sender, real)
            return _settle_claims(session, sender, None, real) if over else set()
    except OSError as error:  # its rows wait until somebody may read it; everything else goes on
        log.error("the journal of the dead sender %s cannot be taken over: %s", sender, error)
        return set()


def _lease_is_over(session: Session, sender: str, leases: Bounds) -> bool:
    """A sender on another host writes its journal there; only when its lease has run out is it gone."""
    query = (
        select(Publication.id)
        .join(Claim, Claim.publication_id == Publication.id)
        .where(Claim.sender == sender, ~leases.lost(Publication.lease_until))
    )
    return session.scalar(query.limit(1)) is None


def left_to_others(session: Session, real: datetime) -> bool:
    """Whether claims of a dead sender wait for its machine to start another worker, which finds the journal."""
    query = select(Claim.sender).join(Delivery, Delivery.claim_id == Claim.id)
    senders = session.scalars(query.where(Delivery.state == DeliveryState.CLAIMED).distinct()).all()
    return any(_may_come_back(session, sender, real) for sender in senders)


def _may_come_back(session: Session, sender: str, real: datetime) -> bool:
    """Where several machines may share the database: whether the worker of this sender was seen less than a minute ago."""
    if session.get_bind().dialect.name != "postgresql":
        return False
    process, *_ = sender.rsplit("-", 2)  # behind it stand publication and claim
    known = Worker.name.startswith(f"{process}-", autoescape=True)
    seen = session.scalar(select(func.max(Worker.seen_at)).where(known))
    return seen is not None and seen > real - COMES_BACK


def _settle_claims(session: Session, sender: str, testimony: Testimony | None, real: datetime) -> set[int]:
    query = (
        select(Delivery.id, Delivery.claim_id, Delivery.tries, Delivery.publication_id)
        .join(Claim, Claim.id == Delivery.claim_id)
        .where(Claim.sender == sender, Delivery.state == DeliveryState.CLAIMED)
    )
    rows = session.execute(query).all()
    settle(session, [_fate(row.claim_id, row.id, row.tries, testimony, real) for row in rows], real)
    return {row.publication_id for row in rows}


def _fate(claim: int, delivery: int, tries: int, testimony: Testimony | None, real: datetime) -> Settled:
    if testimony is None:
        return Settled(delivery, claim, DeliveryState.UNKNOWN, NO_JOURNAL)
    status = testimony.outcomes.get((claim, delivery))
    if status is OutcomeStatus.RETRY:
        retry_at = real + backoff(tries)
        return Settled(delivery, claim, DeliveryState.RETRY_WAIT, "to be tried again", retry_at)
    if status is not None:
        return Settled(delivery, claim, STATES[status], "settled from the sender's journal")
    if (claim, delivery) in testimony.on_wire:
        return Settled(delivery, claim, DeliveryState.UNKNOWN, NOT_KNOWN)
    return Settled(delivery, claim, DeliveryState.PENDING, "", tried=0)
