"""Blackouts at the moment of going out: armed entries are held against them again when they are due.

A blackout may have been added after arming, or the worker may be late. What is blocked is held with the reason, what is deferred
gets the first free time after the window. What corrects something that is live goes out: it is not on the calendar by itself.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from cms_core.campaigns import blackouts, placing
from cms_core.campaigns.models import Blackout, Entry, Policy
from cms_core.campaigns.when import Mode
from cms_core.errors import CmsError
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
    waiting = (
        select(P.id, Entry.id, Entry.mode, Entry.instant, Entry.campaign_id, Entry.connection_id)
        .join(Entry, Entry.id == P.entry_id)
        .where(P.state == S.SCHEDULED, P.due_at <= due, P.awaits.in_(READY), P.supersedes_id.is_(None))
        .order_by(P.id)
    )
    known: dict[Any, blackouts.Window | None] = {}
    for publication_id, entry_id, mode, instant, *place in session.execute(waiting).all():
        # At recipients' own time the run starts up to a day before the time that the entry stands for.
        at = max(due, instant) if mode == Mode.RECIPIENT_LOCAL else due
        if (at, *place) not in known:
            known[at, *place] = blackouts.closed(blackouts.applying(session, *place), at)
        window = known[at, *place]
        if window is not None and window.policy is Policy.BLOCK:
            arming.write_waiting(session, publication_id, state=S.HELD, reason=f"falls into {window}")
        elif window is not None:
            _defer(session, plugins, publication_id, entry_id, at)


def _defer(session: Session, plugins: Plugins, publication_id: int, entry_id: int, at: datetime) -> None:
    """Put an entry behind the window; one that cannot be put there is held, and the others go on."""
    try:
        with session.begin_nested():
            entry = session.get_one(Entry, entry_id, with_for_update=True, populate_existing=True)
            for moved in placing.release(session, entry, at):
                arming.follow(session, plugins, moved)
    except CmsError as error:
        reason = "; ".join(filter(None, (error.message, error.remedy)))
        arming.write_waiting(session, publication_id, state=S.HELD, reason=reason)
