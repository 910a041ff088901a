"""Publications and deliveries as documents for the command line, pages and REST."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, case, func, select
from sqlalchemy.orm import Session, aliased

from cms_core.audience.models import Segment
from cms_core.campaigns.models import Campaign
from cms_core.connections import circuit
from cms_core.connections.models import Connection
from cms_core.content.models import Asset, Revision
from cms_core.publishing import experiments
from cms_core.publishing.claims import UNTIL_CALLED
from cms_core.publishing.models import Attempt, Delivery, Publication
from cms_core.publishing.models import PublicationState as S

ATTEMPTS = select(func.count()).where(Attempt.publication_id == Publication.id).scalar_subquery()
SUCCESSOR = aliased(Publication)
WAITING = (S.SCHEDULED, S.RETRY_WAIT, S.SENDING)
COLUMNS = (
    Publication.public_id.label("id"),
    Publication.state,
    Publication.channel,
    Connection.name.label("connection"),
    Asset.slug.label("asset"),
    Revision.title,
    Campaign.name.label("campaign"),
    Segment.name.label("segment"),
    Publication.due_at,
    Publication.published_at,
    Publication.external_url.label("url"),
    ATTEMPTS.label("attempts"),
    func.coalesce(case((Publication.state.in_(WAITING), circuit.words())), Publication.reason).label(
        "reason"
    ),
    Publication.paused_reason.label("paused"),
    Publication.stream.label("source"),
    SUCCESSOR.public_id.label("superseded_by"),
)


def publications(session: Session, *, state: str | None = None) -> list[dict[str, Any]]:
    """All publications by due time, or those in one state; of a chain only its head is published."""
    query = rows_of(state=state).order_by(Publication.due_at, Publication.id)
    return [document(row._mapping) for row in session.execute(query)]


def rows_of(*, state: str | None = None) -> Select[*tuple[Any, ...]]:
    """The query of what ``document`` shows of publications, in no order yet; in a state stands only the head of a chain."""
    query: Select[*tuple[Any, ...]] = (
        select(*COLUMNS)
        .join(Connection, Connection.id == Publication.connection_id)
        .join(Asset, Asset.id == Publication.asset_id)
        .join(Revision, Revision.id == Publication.revision_id)
        .outerjoin(Campaign, Campaign.id == Publication.campaign_id)
        .outerjoin(Segment, Segment.id == Publication.segment_id)
        .outerjoin(SUCCESSOR, SUCCESSOR.id == Publication.superseded_by_id)
    )
    if state:
        query = query.where(Publication.state == state, Publication.superseded_by_id.is_(None))
    return query


def publication(session: Session, found: Publication) -> dict[str, Any]:
    """One publication with its attempts as a list and its deliveries counted."""
    return {
        "id": found.public_id,
        "state": found.state,
        "channel": found.channel,
        "connection": found.connection.name,
        "asset": found.asset.slug,
        "title": found.revision.title,
        "revision": found.revision.n,
        "content_hash": found.content_hash,
        "campaign": found.campaign.name if found.campaign else None,
        "segment": found.segment.name if found.segment else None,
        "entry": found.entry.public_id if found.entry else None,
        "due_at": found.due_at,
        "published_at": found.published_at,
        "ends_at": found.ends_at,
        "url": found.external_url or None,
        "external_id": found.external_id or None,
        "reason": (found.state in WAITING and circuit.in_words(found.connection)) or found.reason,
        "paused": found.paused_reason,
        "switching_to": found.switch_to,
        "wake_at": None if found.wake_at == UNTIL_CALLED else found.wake_at,
        "source": found.stream,
        "closed_at": found.closed_at,
        "test": experiments.document(session, found),
        "supersedes": _public_id(session, found.supersedes_id),
        "superseded_by": _public_id(session, found.superseded_by_id),
        "attempts": [_attempt(attempt) for attempt in found.attempts],
        "deliveries": delivery_counts(session, [found.id]),
    }


def delivery_counts(session: Session, publication_ids: Sequence[int] | None = None) -> dict[str, int]:
    """How many deliveries are in each state, of all publications or of the named ones."""
    query = select(Delivery.state, func.count()).group_by(Delivery.state)
    if publication_ids is not None:
        query = query.where(Delivery.publication_id.in_(publication_ids))
    return {row[0]: row[1] for row in session.execute(query)}


def state_counts(session: Session) -> dict[str, int]:
    """How many publications are in each state; of a chain its head alone is counted."""
    live = Publication.superseded_by_id.is_(None)
    query = select(Publication.state, func.count()).where(live).group_by(Publication.state)
    return {row[0]: row[1] for row in session.execute(query)}


def document(row: Any) -> dict[str, Any]:
    """A row of ``rows_of`` with the keys of ``cms publications list --json``."""
    return {**row, "url": row["url"] or None}


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "n": attempt.n,
        "phase": attempt.phase,
        "started_at": attempt.started_at,
        "ended_at": attempt.ended_at,
        "outcome": attempt.outcome,
        "error": attempt.error_class,
        "reason": attempt.reason,
        "retry_at": attempt.retry_at,
        "evidence": attempt.evidence,
    }


def _public_id(session: Session, row_id: int | None) -> str | None:
    return session.scalar(select(Publication.public_id).where(Publication.id == row_id)) if row_id else None
