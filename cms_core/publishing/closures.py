"""Blackouts at the moment of going out: armed entries are held against them again when they are due.

A blackout may have been added after arming, or the worker may be late. What is blocked is held with the reason, what is deferred
gets the first free time after the window.
"""

from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from cms_core.campaigns import blackouts, placing
from cms_core.campaigns.models import Blackout, Entry
from cms_core.plugins import Plugins
from cms_core.publishing import arming
from cms_core.publishing.claims import READY
from cms_core.publishing.models import Publication
from cms_core.publishing.models import PublicationState as S

P = Publication


def keep_out(session: Session, plugins: Plugins, due: datetime) -> None:
    """Hold or put later what is due at this instant but lies in a blackout then."""
    if not session.scalar(select(exists().where(Blackout.policy.in_(blackouts.CLOSED)))):
        return
    waiting = select(P.id, P.entry_id).where(P.state == S.SCHEDULED, P.due_at <= due, P.awaits.in_(READY))
    query = waiting.where(P.entry_id.is_not(None)).order_by(P.id)
    if session.get_bind().dialect.name == "postgresql":
        query = query.with_for_update(skip_locked=True)
    for publication_id, entry_id in session.execute(query).all():
        entry = session.get_one(Entry, entry_id, with_for_update=True, populate_existing=True)
        known = blackouts.applying(session, entry.campaign_id, entry.connection_id)
        fitted = blackouts.fit(known, due, entry.tz)
        if fitted.blocked is not None:
            arming.write_waiting(session, publication_id, state=S.HELD, reason=f"falls into {fitted.blocked}")
        elif fitted.after is not None:
            for moved in placing.release(session, entry, due):
                arming.follow(session, plugins, moved)
