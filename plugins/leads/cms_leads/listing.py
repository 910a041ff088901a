"""Leads and deals as plain rows, for commands, pages and programs."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, or_, select

from cms_core import Company, Contact, EventType, Services, from_micros
from cms_leads import points
from cms_leads.models import Deal, DealContact, Lead
from cms_leads.points import Score

PAGE = 50
PRESSING = timedelta(hours=4)


def all_leads(svc: Services, as_of: datetime, least: int | None = None) -> list[dict[str, Any]]:
    """Everybody who has points at an instant, counted from the ledger now, the most first."""
    found = points.scores(svc, as_of)
    wanted = [score for score in found.values() if least is None or score.points >= least]
    people = svc.contacts(score.contact for score in wanted)
    wanted.sort(key=lambda score: (-score.points, score.contact))
    return [lead(score, people[score.contact]) for score in wanted if score.contact in people]


def lead(score: Score, contact: Contact) -> dict[str, Any]:
    """One lead with the reasons that add up to its points."""
    return {
        "contact": score.contact,
        "email": contact.email,
        "name": name_of(contact),
        "company": contact.company,
        "points": score.points,
        "reasons": [
            {
                "event": each.event,
                "kind": each.kind,
                "points": each.points,
                "at": each.at,
                "about": each.about,
                "campaign": each.campaign,
            }
            for each in score.reasons
        ],
    }


def name_of(contact: Contact | None) -> str:
    """How a contact is called."""
    if contact is None:
        return "Somebody"
    return f"{contact.first_name} {contact.last_name}".strip() or contact.email or "No name"


def in_words(score: Score | None, types: Mapping[str, EventType], most: int = 3) -> str:
    """Why somebody is a lead, in a line: what gave the most points first, what was done again counted."""
    times: Counter[str] = Counter()
    worth: Counter[str] = Counter()
    for reason in score.reasons if score else ():
        words = types[reason.kind].label if reason.kind in types else reason.about
        times[words] += 1
        worth[words] += reason.points
    said = [
        words if times[words] == 1 else f"{words} {times[words]} times"
        for words, total in worth.most_common(most)
        if total > 0
    ]
    return ", ".join(said[:1] + [each[:1].lower() + each[1:] for each in said[1:]])


def time_left(left: timedelta) -> tuple[str, str]:
    """How long there is to answer, and how pressing that is."""
    minutes = int(abs(left).total_seconds() // 60)
    amount = f"{minutes} min" if minutes < 60 else f"{minutes // 60} h" if minutes < 48 * 60 else ""
    amount = amount or f"{minutes // (24 * 60)} days"
    if left < timedelta(0):
        return f"{amount} late", "bad"
    return f"{amount} left", "warn" if left < PRESSING else ""


def lead_page(
    svc: Services, after: tuple[int, str] | None = None, limit: int = PAGE, least: int | None = None
) -> list[Lead]:
    """Who has (at least so many) points by the table, the most first; ``after`` are points and contact to read on from."""
    query = select(Lead).where(Lead.points != 0)
    if least is not None:
        query = query.where(Lead.points >= least)
    if after is not None:
        below = and_(Lead.points == after[0], Lead.contact > after[1])
        query = query.where(or_(Lead.points < after[0], below))
    with svc.session() as session:
        return list(session.scalars(query.order_by(Lead.points.desc(), Lead.contact).limit(limit)))


def leads_of_page(svc: Services, rows: Sequence[Lead]) -> list[dict[str, Any]]:
    """These leads with the reasons that there are now; those who live no more are left out."""
    ids = [row.contact for row in rows]
    found, people = points.scores(svc, svc.now(), ids), svc.contacts(ids)
    return [lead(found.get(each) or Score(each, 0, ()), people[each]) for each in ids if each in people]


def score_of(svc: Services, as_of: datetime, contact: str) -> Score:
    """The points of one contact at an instant."""
    return points.scores(svc, as_of, [contact]).get(contact) or Score(contact, 0, ())


def company(found: Company, contacts: int) -> dict[str, Any]:
    """One company with how many contacts it has."""
    told = {"id": found.id, "name": found.name, "domain": found.domain or None}
    return {**told, "contacts": contacts, "fields": dict(found.fields)}


def deal_page(
    svc: Services,
    *,
    outcome: str = "",
    company: str = "",
    before: int | None = None,
    limit: int | None = PAGE,
) -> list[Deal]:
    """Deals, the newest first; ``before`` is the row id to read on from, no limit: all."""
    query = select(Deal)
    if outcome:
        query = query.where(Deal.outcome == outcome)
    if company:
        query = query.where(Deal.company == company)
    if before is not None:
        query = query.where(Deal.id < before)
    with svc.session() as session:
        return list(session.scalars(query.order_by(Deal.id.desc()).limit(limit)))


def deals_of(svc: Services, contact: str, limit: int = PAGE) -> list[dict[str, Any]]:
    """Id, name and outcome of a contact's deals, the newest first; one statement."""
    held = select(DealContact.deal_id).where(DealContact.contact == contact)
    query = select(Deal.public_id.label("id"), Deal.name, Deal.outcome).where(Deal.id.in_(held))
    with svc.session() as session:
        rows = session.execute(query.order_by(Deal.id.desc()).limit(limit)).mappings()
        return [dict(row) for row in rows]


def deal_rows(svc: Services, found: Sequence[Deal]) -> list[dict[str, Any]]:
    """Deals as plain rows, with the names of companies and the addresses of contacts; two statements however many."""
    companies = svc.companies(deal.company for deal in found if deal.company)
    people = svc.contacts(each.contact for deal in found for each in deal.people)
    return [
        {
            "id": deal.public_id,
            "name": deal.name,
            "company": companies[deal.company].name if deal.company in companies else None,
            "contacts": list(_addresses(deal, people)),
            "amount": None if deal.amount_micros is None else from_micros(deal.amount_micros),
            "currency": deal.currency or None,
            "stage": deal.stage,
            "outcome": deal.outcome,
            "owner": deal.owner,
            "expected_on": deal.expected_on,
            "closed_at": deal.closed_at,
            "external_id": deal.external_id or None,
        }
        for deal in found
    ]


def _addresses(deal: Deal, people: dict[str, Contact]) -> Iterable[str]:
    for each in deal.people:
        if each.contact in people:
            yield people[each.contact].email or each.contact
