"""The state of the whole workspace in a few figures: for ``cms status`` and ``/healthz``."""

from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from cms_core.db import now
from cms_core.plugins import Plugins
from cms_core.publishing import backlog, listing
from cms_core.publishing.models import Delivery, DeliveryState, Publication, PublicationState, Worker
from cms_core.workspace import Workspace

_PAUSED = and_(
    Publication.state.in_((PublicationState.SENDING, PublicationState.PUBLISHED)),
    Publication.paused_at.is_not(None),
    Publication.superseded_by_id.is_(None),
)
LATE = timedelta(minutes=2)
HEARTBEAT_LIFE = timedelta(minutes=1)


def document(session: Session, workspace: Workspace) -> dict[str, Any]:
    """What is due, sent, failed and unknown; ``closed`` is why nothing is published at all, or ""."""
    plugins = workspace.plugins
    present = now(session)
    midnight = present.replace(hour=0, minute=0, second=0, microsecond=0)
    sent = select(func.count()).where(
        Delivery.state == DeliveryState.ACCEPTED, Delivery.settled_at >= midnight
    )
    return {
        "due": backlog.count(session, plugins),
        "oldest_due_seconds": oldest_due_seconds(session, plugins),
        "publications": listing.state_counts(session),
        "paused": session.scalar(select(func.count()).where(_PAUSED)),
        "deliveries": listing.delivery_counts(session),
        "sent_today": session.scalar(sent),
        "worker": worker(session),
        "plugins_in_error": sorted(
            plugin.name for plugin in plugins.loaded.values() if plugin.state == "error"
        ),
        "closed": workspace.fence.reason or "",
    }


def oldest_due_seconds(session: Session, plugins: Plugins) -> int | None:
    """How long the oldest of what is due waits to be taken; None when nothing is due."""
    age = backlog.oldest(session, plugins)
    return None if age is None else max(0, int(age.total_seconds()))


def late(session: Session, plugins: Plugins) -> dict[str, Any] | None:
    """What people are to be told while something has been due for minutes: since how long, how many, whether anybody works."""
    seconds = oldest_due_seconds(session, plugins)
    if seconds is None or seconds < LATE.total_seconds():
        return None
    found = worker(session)
    return {
        "minutes": seconds // 60,
        "count": backlog.count(session, plugins),
        "worker": bool(found and found["alive"]),
    }


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
