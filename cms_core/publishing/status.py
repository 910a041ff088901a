"""The state of the whole workspace in a few figures: for ``cms status`` and ``/healthz``."""

from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from cms_core.db import now
from cms_core.plugins import Plugins
from cms_core.publishing import listing
from cms_core.publishing.claims import READY
from cms_core.publishing.models import Delivery, DeliveryState, Publication, PublicationState, Worker

HEARTBEAT_LIFE = timedelta(minutes=2)


def document(session: Session, plugins: Plugins) -> dict[str, Any]:
    """Keys: due, oldest_due_seconds, publications, deliveries, sent_today, worker, plugins_in_error."""
    present = now(session)
    midnight = present.replace(hour=0, minute=0, second=0, microsecond=0)
    sent = select(func.count()).where(
        Delivery.state == DeliveryState.ACCEPTED, Delivery.settled_at >= midnight
    )
    return {
        "due": session.scalar(select(func.count()).select_from(Publication).where(*_due(session))),
        "oldest_due_seconds": oldest_due_seconds(session),
        "publications": listing.state_counts(session),
        "deliveries": listing.delivery_counts(session),
        "sent_today": session.scalar(sent),
        "worker": worker(session),
        "plugins_in_error": sorted(
            plugin.name for plugin in plugins.loaded.values() if plugin.state == "error"
        ),
    }


def oldest_due_seconds(session: Session) -> int | None:
    """How long the oldest of what is due waits to be taken; None when nothing is due."""
    oldest = session.scalar(select(func.min(Publication.due_at)).where(*_due(session)))
    return int((now(session) - oldest).total_seconds()) if oldest else None


def _due(session: Session) -> tuple[ColumnElement[bool], ...]:
    """What awaits another entry counts its time from the moment that one has happened."""
    scheduled = Publication.state == PublicationState.SCHEDULED
    return scheduled, Publication.due_at <= now(session), Publication.awaits.in_(READY)


def workers_alive(session: Session) -> int:
    """How many workers are at work."""
    return session.scalar(select(func.count()).select_from(Worker).where(_at_work(session))) or 0


def _at_work(session: Session) -> ColumnElement[bool]:
    return and_(Worker.ended_at.is_(None), Worker.seen_at > now(session) - HEARTBEAT_LIFE)


def worker(session: Session) -> dict[str, Any] | None:
    """The worker seen last, one that is at work before those that have ended, and whether its heartbeat is fresh."""
    at_work = _at_work(session)
    row = session.scalar(select(Worker).order_by(at_work.desc(), Worker.seen_at.desc()).limit(1))
    if row is None:
        return None
    alive = row.ended_at is None and now(session) - row.seen_at < HEARTBEAT_LIFE
    return {"name": row.name, "version": row.version, "seen_at": row.seen_at, "alive": alive}
