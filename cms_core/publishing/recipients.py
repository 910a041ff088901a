"""What became of the recipients of a publication, as a document for the command line, pages and REST."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from cms_core.publishing import listing
from cms_core.publishing.models import Delivery, Publication
from cms_core.publishing.models import DeliveryState as D

FAILING = (D.FAILED, D.RETRY_WAIT)
WITHOUT = (*FAILING, D.SKIPPED, D.CANCELLED)
MOST_SHOWN, MOST_REASONS = 500, 50


def document(session: Session, found: Publication) -> dict[str, Any]:
    """Counts by state; who may or may not have got it; who has not, and why.

    Of those whom it could not reach the first 500 are named; all are counted by what was said of them.
    """
    return {
        "counts": listing.delivery_counts(session, [found.id]),
        "unknown": unknown(session, found),
        "undelivered": undelivered(session, found),
        "reasons": reasons(session, found),
    }


def unknown(session: Session, found: Publication) -> list[dict[str, Any]]:
    """The recipients of whom nobody knows whether the message arrived, with what is known."""
    columns = Delivery.address, Delivery.settled_at.label("since"), Delivery.reason.label("known")
    return _rows(session, select(*columns).where(*_of(found, D.UNKNOWN)).order_by(Delivery.id))


def unknown_counts(session: Session, public_ids: Sequence[str]) -> dict[str, int]:
    """Of how many recipients that is so, for those publications of which there are any."""
    query = (
        select(Publication.public_id, func.count())
        .join(Delivery, Delivery.publication_id == Publication.id)
        .where(Publication.public_id.in_(public_ids), Delivery.state == D.UNKNOWN)
        .group_by(Publication.public_id)
    )
    return dict(session.execute(query).all())


def undelivered(session: Session, found: Publication) -> list[dict[str, Any]]:
    """The first of those who were refused, or are to be tried again."""
    columns = Delivery.address, Delivery.state, Delivery.reason, Delivery.retry_at
    return _rows(
        session, select(*columns).where(*_of(found, *FAILING)).order_by(Delivery.id).limit(MOST_SHOWN)
    )


def reasons(session: Session, found: Publication) -> list[dict[str, Any]]:
    """Why people have not got it, and of how many that is so; the most frequent first."""
    count = func.count().label("count")
    query = select(Delivery.state, Delivery.reason, count).where(*_of(found, *WITHOUT))
    grouped = query.group_by(Delivery.state, Delivery.reason)
    return _rows(session, grouped.order_by(count.desc(), Delivery.state, Delivery.reason).limit(MOST_REASONS))


def _of(found: Publication, *states: D) -> tuple[Any, ...]:
    return Delivery.publication_id == found.id, Delivery.state.in_(states)


def _rows(session: Session, query: Select[*tuple[Any, ...]]) -> list[dict[str, Any]]:
    return [dict(row._mapping) for row in session.execute(query)]
