"""What people say of single deliveries: an unknown one arrived, or is sent again; what was refused is tried again.

Nothing is guessed and nothing repeated by itself; here a person takes the risk, and it is on record who.
"""

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from cms_core.auth import audit
from cms_core.db import lock, now
from cms_core.errors import Conflict
from cms_core.publishing import service
from cms_core.publishing.models import Delivery, DeliveryState, Publication
from cms_core.publishing.models import PublicationState as S

SENT_ON = (S.SENDING, S.PUBLISHED, S.FAILED)  # from where a mailing goes on with what is pending again
BUSY = (S.PREPARING, S.COMMITTING)
ARRIVED = "a person said that it arrived"


def resolve(session: Session, publication: Publication, address: str, *, accepted: bool) -> int:
    """Settle the unknown deliveries of a publication, or the one to ``address``: as accepted, or to be sent again.

    Returns how many. Raises Conflict when none is unknown, when the publication is being sent, or was cancelled.
    """
    _require_idle(session, publication)
    which = [Delivery.state == DeliveryState.UNKNOWN]
    if address:
        which.append(func.lower(Delivery.address) == address.strip().lower())
    if accepted:
        done = _change(session, publication, which, DeliveryState.ACCEPTED, ARRIVED)
    else:
        done = _again(session, publication, which)
    if not done:
        whose = f" to {address.strip()[:80]}" if address else ""
        raise Conflict(
            f"publication {publication.public_id} has no unknown delivery{whose}",
            f"`cms deliveries show {publication.public_id}` lists those there are",
        )
    said = "accepted" if accepted else "send again"
    audit.note(session, "resolve", "publication", publication.public_id, {"deliveries": done, "as": said})
    return done


def retry_failed(session: Session, publication: Publication) -> int:
    """Try what was refused of a mailing again, whatever became of the others; returns how many. Raises Conflict for none."""
    _require_idle(session, publication)
    done = _again(session, publication, [Delivery.state == DeliveryState.FAILED])
    if not done:
        raise Conflict(
            f"publication {publication.public_id} is {publication.state}, and nothing of it failed",
            f"`cms deliveries show {publication.public_id}` says what became of each",
        )
    audit.note(session, "retry", "publication", publication.public_id, {"deliveries": done})
    return done


def retry(session: Session, publication: Publication) -> None:
    """Make a publication due now; of a mailing that has gone out, what was refused of it."""
    if publication.state == S.PUBLISHED and publication.audience_at is not None:
        retry_failed(session, publication)
    else:
        service.retry(session, publication)


def _require_idle(session: Session, publication: Publication) -> None:
    """Nobody sends it now, and nobody begins to until this transaction ends."""
    lock(session, publication)
    leased = publication.lease_until is not None and publication.lease_until >= now(session)
    if publication.state in BUSY or (publication.state == S.SENDING and leased):
        raise Conflict(
            f"publication {publication.public_id} is being sent",
            "wait until it is done, or hold it (`cms publications hold`) and try again",
        )


def _again(session: Session, publication: Publication, which: list[ColumnElement[bool]]) -> int:
    """Put deliveries back into the queue, and the mailing to where it goes on with them."""
    if publication.state in (S.CANCELLED, S.WITHDRAWN):
        raise Conflict(
            f"publication {publication.public_id} is {publication.state}; it is not sent any more",
            "plan a new entry, to those who have not got it",
        )
    done = _change(session, publication, which, DeliveryState.PENDING, "")
    if done and publication.state in SENT_ON:
        publication.state, publication.reason, publication.tries = S.SENDING, "", 1
        publication.lease_until = publication.retry_at = publication.wake_at = None
        publication.row_version += 1
        session.flush()
    return done


def _change(
    session: Session, publication: Publication, which: list[ColumnElement[bool]], state: str, reason: str
) -> int:
    settled_at = now(session) if state == DeliveryState.ACCEPTED else None
    fresh = {} if state == DeliveryState.ACCEPTED else {"tries": 0, "retry_at": None, "claim_id": None}
    changed = session.scalars(
        update(Delivery)
        .where(Delivery.publication_id == publication.id, *which)
        .values(state=state, reason=reason, settled_at=settled_at, **fresh)
        .returning(Delivery.id)
        .execution_options(synchronize_session=False)
    )
    return len(changed.all())


def has_failed(session: Session, publication: Publication) -> bool:
    """Whether something of a mailing that has gone out was refused."""
    failed = Delivery.publication_id == publication.id, Delivery.state == DeliveryState.FAILED
    return publication.state == S.PUBLISHED and bool(
        session.scalar(select(Delivery.id).where(*failed).limit(1))
    )
