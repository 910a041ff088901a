"""What becomes of this plugin's rows when contacts are merged or erased."""

from collections.abc import Collection, Sequence

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from cms_core import Contact, PersonalRecord, Services
from cms_leads.models import Deal, DealContact, Handoff, Lead


def settle(svc: Services, session: Session, contacts: Collection[str]) -> list[str]:
    """Move what belongs to merged contacts to those who they are now, drop what belongs to erased ones; the living of all these."""
    ends = svc.survivors(contacts)
    for contact, heir in sorted(ends.items()):
        if contact != heir:
            _move(session, contact, heir)
    forget(session, set(contacts) - ends.keys())
    return sorted(set(ends.values()))


def _move(session: Session, old: str, heir: str) -> None:
    held = select(DealContact.deal_id).where(DealContact.contact == heir)
    doubled = (DealContact.contact == old, DealContact.deal_id.in_(held))
    session.execute(delete(DealContact).where(*doubled).execution_options(synchronize_session=False))
    session.execute(update(DealContact).where(DealContact.contact == old).values(contact=heir))
    highest = session.scalar(select(func.max(Handoff.crossing)).where(Handoff.contact == heir)) or 0
    session.execute(
        update(Handoff)
        .where(Handoff.contact == old)
        .values(contact=heir, crossing=Handoff.crossing + highest)
    )
    lead = session.get(Lead, old)
    if lead is None:
        return
    kept = session.get(Lead, heir)
    if kept is None:
        kept = Lead(contact=heir, points=lead.points, as_of=lead.as_of, above=False, crossings=0)
        session.add(kept)
    kept.above, kept.crossings = kept.above or lead.above, kept.crossings + lead.crossings
    session.delete(lead)
    session.flush()


def forget(session: Session, contacts: Collection[str]) -> None:
    """Drop what is kept about these contacts; their deals stay, without them."""
    gone = sorted(contacts)
    for model in (Lead, Handoff, DealContact):
        session.execute(delete(model).where(model.contact.in_(gone)))


def records(session: Session, contacts: Sequence[Contact]) -> list[PersonalRecord]:
    """What is kept about these contacts, for people who ask."""
    ids = [contact.id for contact in contacts]
    leads = session.scalars(select(Lead).where(Lead.contact.in_(ids)).order_by(Lead.contact))
    found = [
        PersonalRecord(row.contact, "Points", {"points": row.points, "as_of": row.as_of.isoformat()})
        for row in leads
    ]
    handed = session.scalars(select(Handoff).where(Handoff.contact.in_(ids)).order_by(Handoff.id))
    found += [PersonalRecord(row.contact, "Handed over to sales", _handoff(row)) for row in handed]
    joined = select(DealContact.contact, Deal.name, Deal.stage, Deal.outcome).join(
        Deal, Deal.id == DealContact.deal_id
    )
    deals = session.execute(joined.where(DealContact.contact.in_(ids)).order_by(Deal.id))
    return found + [
        PersonalRecord(row.contact, "Deal", {"name": row.name, "stage": row.stage, "outcome": row.outcome})
        for row in deals
    ]


def _handoff(row: Handoff) -> dict[str, str | int]:
    return {
        "at": row.at.isoformat(),
        "points": row.points,
        "state": row.state,
        "reason": row.reason,
        "note": row.note,
    }
