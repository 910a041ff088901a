"""Handing leads over to sales, and what sales says to that."""

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from cms_core import AgentClass, Conflict, Event, Invalid, NotFound, Services, User
from cms_leads.models import Handoff, HandoffState, Lead

SOURCE = "leads"
QUALIFIED, ACCEPTED, RETURNED = "lead_qualified", "lead_accepted", "lead_returned"
REASONS = {
    "no_need": "No need",
    "no_budget": "No budget",
    "not_now": "Not now",
    "wrong_person": "Decides nothing",
    "competitor": "Competitor",
    "student": "Student or private person",
    "unreachable": "Cannot be reached",
    "other": "Something else",
}
MAX_NOTE = 1_000


def hand_over(svc: Services, session: Session, lead: Lead, answer_within: timedelta) -> None:
    """Tell the ledger that a lead has risen to the threshold, and sales, unless they have it already."""
    now = svc.now()
    told = Event(
        QUALIFIED,
        now,
        SOURCE,
        f"lead:{lead.contact}:{lead.crossings}",
        AgentClass.INTERNAL,
        lead.contact,
        props={"points": lead.points},
    )
    svc.record_events([told])
    waits = select(Handoff.id).where(Handoff.contact == lead.contact, Handoff.state == HandoffState.WAITING)
    if session.scalar(waits.limit(1)) is None:
        session.add(
            Handoff(
                contact=lead.contact,
                crossing=lead.crossings,
                points=lead.points,
                state=HandoffState.WAITING,
                at=now,
                due_at=now + answer_within,
            )
        )
        session.flush()


def answer(
    svc: Services, public_id: str, user: User, *, accept: bool, reason: str = "", note: str = ""
) -> str:
    """Accept a lead, or send it back with a reason; gives the contact. Raises Conflict when somebody has answered already."""
    if not accept and reason not in REASONS:
        raise Invalid("the reason is missing", "say why: it teaches marketing", field="reason")
    if len(note) > MAX_NOTE or "\0" in note:
        raise Invalid(f"the note has at most {MAX_NOTE:,} characters and no NUL", "shorten it", field="note")
    with svc.transaction() as session:
        row = session.scalar(select(Handoff).where(Handoff.public_id == public_id).with_for_update())
        if row is None:
            raise NotFound("this lead was not handed over", "start from the list of leads")
        if row.state != HandoffState.WAITING:
            raise Conflict(f"{row.decided_by} has {row.state} it already", "look at the lead again")
        row.state = HandoffState.ACCEPTED if accept else HandoffState.RETURNED
        row.decided_at, row.decided_by = svc.now(), user.email
        row.reason, row.note = "" if accept else reason, note.strip()
        svc.record_events([_verdict(row)])
        return row.contact


def _verdict(row: Handoff) -> Event:
    return Event(
        ACCEPTED if row.state == HandoffState.ACCEPTED else RETURNED,
        row.decided_at or row.at,
        SOURCE,
        f"handoff:{row.public_id}",
        AgentClass.HUMAN,
        row.contact,
        props={"reason": row.reason} if row.reason else {},
    )


def of(session: Session, contact: str) -> list[Handoff]:
    """All hand-offs of a contact, the newest first."""
    query = select(Handoff).where(Handoff.contact == contact).order_by(Handoff.id.desc())
    return list(session.scalars(query))


def waiting(session: Session, limit: int) -> list[Handoff]:
    """What sales has not answered yet, the most urgent first."""
    query = select(Handoff).where(Handoff.state == HandoffState.WAITING)
    return list(session.scalars(query.order_by(Handoff.due_at, Handoff.id).limit(limit)))


def contact_of(session: Session, public_id: str) -> str:
    """Whom a hand-off is about; raises NotFound."""
    found = session.scalar(select(Handoff.contact).where(Handoff.public_id == public_id))
    if found is None:
        raise NotFound("this lead was not handed over", "start from the list of leads")
    return found
