"""Keeping the points of contacts: a table that follows the ledger, and is what a replay of the whole ledger would give.

A contact's points are always counted anew from all that is known of it, under a lock of its row. So neither the order in which news
arrive matters, nor whether they come twice, nor what is found out later (a machine, a merge, a visitor who turned out to be
somebody).
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from cms_core import CmsError, Event, Services, insert_missing
from cms_leads import handoffs, people, rules, scoring
from cms_leads.models import Lead
from cms_leads.scoring import Reason

PLUGIN = "leads"
BATCH = 500
FIT = "fit"


@dataclass(frozen=True)
class Score:
    """Somebody's points with the reasons that add up to them, the newest first."""

    contact: str
    points: int
    reasons: tuple[Reason, ...]


def model_of(svc: Services) -> rules.Model:
    """The rules of this workspace as they are now."""
    return rules.model(svc.event_types, svc.settings())


def scores(svc: Services, as_of: datetime, contacts: Collection[str] | None = None) -> dict[str, Score]:
    """The points of these living contacts (None: of all) at an instant; those without any reason are left out."""
    model = model_of(svc)
    did: defaultdict[str, list[Event]] = defaultdict(list)
    for contact, event in svc.history(contacts, model.kinds.keys(), as_of):
        did[contact].append(event)
    found = {contact: scoring.reasons(events, model.kinds, as_of) for contact, events in did.items()}
    for fit in model.fits:
        for contact in _fitting(svc, fit, contacts):
            reason = Reason(None, FIT, fit.points, as_of, fit.label)
            found.setdefault(contact, []).append(reason)
    return {
        contact: Score(contact, sum(each.points for each in why), tuple(why))
        for contact, why in found.items()
        if why
    }


def _fitting(svc: Services, fit: rules.Fit, contacts: Collection[str] | None) -> set[str]:
    """Nobody where the rule is not understood any more; the page of rules says so."""
    try:
        return svc.fitting(fit.rule, contacts)
    except CmsError:
        return set()


def refresh(svc: Services, contacts: Iterable[str]) -> None:
    """Count the points of these contacts anew, as of now, and hand over to sales who has risen to the threshold."""
    wanted = sorted(set(contacts))
    for start in range(0, len(wanted), BATCH):
        with svc.transaction() as session:
            living = people.settle(svc, session, wanted[start : start + BATCH])
            _refresh(svc, session, living)


def _refresh(svc: Services, session: Session, contacts: list[str]) -> None:
    now, model = svc.now(), model_of(svc)
    known = session.scalars(select(Lead.contact).where(Lead.contact.in_(contacts))).all()
    # Most of whom an import brings have done nothing yet: they need neither a row nor a lock.
    concerned = sorted(scores(svc, now, contacts).keys() | set(known))
    blank = {"points": 0, "as_of": now, "above": False, "crossings": 0}
    insert_missing(session, Lead, [{"contact": contact, **blank} for contact in concerned])
    # Whoever waits here reads the ledger after the lock, and so never writes older points over newer ones.
    locked = select(Lead).where(Lead.contact.in_(concerned)).order_by(Lead.contact).with_for_update()
    rows = session.scalars(locked.execution_options(populate_existing=True)).all()
    found = scores(svc, now, concerned)
    for row in rows:
        score = found.get(row.contact)
        row.points, row.as_of = score.points if score else 0, now
        if row.above and row.points < model.threshold:
            row.above = False
        elif row.points >= model.threshold and not row.above:
            row.above, row.crossings = True, row.crossings + 1
            handoffs.hand_over(svc, session, row, model.answer_within)
        if score is None and not row.crossings:
            session.delete(row)
    session.flush()


def rebuild(svc: Services) -> int:
    """Count everybody's points anew from the whole ledger; how many have any."""
    with svc.transaction() as session:
        known = set(session.scalars(select(Lead.contact)))
    found = scores(svc, svc.now())
    refresh(svc, known | found.keys())
    return len(found)
