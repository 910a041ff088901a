"""Deals: creating, changing, closing and reopening them, and what the ledger is told of that.

The ledger is append-only. A deal that ends is told as ``deal_won`` or ``deal_lost`` with its amount. When it is reopened, or its
amount corrected afterwards, ``deal_reopened`` takes that back (a negative value after a won one), and the new end is told anew. So
the values of ``deal_won`` and ``deal_reopened`` always add up to what was sold.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cms_core import AgentClass, Company, Conflict, Contact, Event, Invalid, NotFound, Services, from_micros
from cms_leads import cells
from cms_leads.models import Deal, DealContact, Result

SOURCE = "leads"
WON, LOST, REOPENED = "deal_won", "deal_lost", "deal_reopened"
MAX_AMOUNT = 9_000_000_000_000_000_000  # micros, as a database stores them
MOST_NAMED = 20
LENGTHS = {"name": 200, "stage": 100, "owner": 200, "external_id": 200}


@dataclass(frozen=True)
class Facts:
    """What is known of a deal. Company and contacts by public id; the first contact stands for it in the ledger."""

    name: str
    company: str | None = None
    contacts: tuple[str, ...] = ()
    amount_micros: int | None = None
    currency: str = ""
    stage: str = ""
    outcome: Result = Result.OPEN
    owner: str = ""
    expected_on: date | None = None
    closed_at: datetime | None = None
    external_id: str = ""


class _Told(NamedTuple):
    """What the ledger knows of a deal, as far as it could change."""

    outcome: str
    closed_at: datetime | None
    amount_micros: int | None
    currency: str


def identity_of(name: str, company: str | None, external_id: str) -> str:
    """What two descriptions of one deal have in common: the other system's id, else name and company."""
    return f"x:{external_id}" if external_id else f"n:{' '.join(name.split()).casefold()}|{company or ''}"


def find(session: Session, public_id: str, *, lock: bool = False) -> Deal:
    """The deal of this public id; raises NotFound."""
    query = select(Deal).where(Deal.public_id == public_id)
    if lock:  # as it is now, whatever this session has read of it before
        query = query.with_for_update().execution_options(populate_existing=True)
    found = session.scalar(query)
    if found is None:
        raise NotFound("this deal does not exist", "start from the list of deals")
    return found


def facts_of(deal: Deal) -> Facts:
    """What a deal's row says."""
    return Facts(
        deal.name,
        deal.company,
        tuple(each.contact for each in deal.people),
        deal.amount_micros,
        deal.currency,
        deal.stage,
        Result(deal.outcome),
        deal.owner,
        deal.expected_on,
        deal.closed_at,
        deal.external_id,
    )


def described(svc: Services, given: Mapping[str, Any], before: Facts) -> Facts:
    """What a form (DealForm), or as much of one as was sent, says of a deal; what it does not say stays as it was."""
    said = {name: given[name] for name in ("name", "stage", "owner", "expected_on") if name in given}
    if "company" in given:
        named = given["company"].strip()
        said["company"] = svc.upsert_company(Company("", named))[0] if named else None
    if "contacts" in given:
        said["contacts"] = _people(svc, given["contacts"])
    if "amount" in given:
        micros, currency = cells.read_amount(given["amount"]) if given["amount"] else (None, "")
        usual = svc.settings()["currency"] if micros is not None else ""
        said |= {"amount_micros": micros, "currency": currency or usual}
    return replace(before, **said)


def _people(svc: Services, addresses: Sequence[str]) -> tuple[str, ...]:
    try:
        people = [Contact("", svc.address(each)) for each in addresses]
    except Invalid as error:
        raise Invalid(error.message, error.remedy, field="contacts") from None
    return tuple(svc.upsert_contacts(people))


def create(svc: Services, facts: Facts) -> Deal:
    """A new deal; raises Invalid for values that cannot be stored, Conflict when there is one of this name for the company."""
    facts = _checked(svc, facts)
    now = svc.now()
    deal = Deal(outcome=Result.OPEN, outcomes=0, amount_micros=None, currency="", created_at=now, people=[])
    with svc.transaction() as session:
        _write(svc, session, deal, facts)
    return deal


def change(svc: Services, public_id: str, facts: Facts, version: int | None = None) -> Deal:
    """Replace what is known of a deal; ``version`` is the row's that the person saw. Raises Conflict when it is another by now."""
    facts = _checked(svc, facts)
    with svc.transaction() as session:
        deal = find(session, public_id, lock=True)
        if version is not None and deal.row_version != version:
            raise Conflict(
                f"somebody else has changed {deal.name} meanwhile", "look at it again, then change it"
            )
        if facts_of(deal) != facts:
            _write(svc, session, deal, facts)
        return deal


def close(svc: Services, public_id: str, outcome: Result) -> Deal:
    """Say that a deal is won or lost, or open again; saying it twice changes nothing."""
    with svc.transaction() as session:
        facts = facts_of(find(session, public_id, lock=True))
        if facts.outcome == outcome:
            return find(session, public_id)
        closed = None if outcome == Result.OPEN else svc.now()
        return change(svc, public_id, replace(facts, outcome=outcome, closed_at=closed))


def _checked(svc: Services, facts: Facts) -> Facts:
    """The facts as they are stored; a deal that ended has an instant of that, an open one has none."""
    name = " ".join(facts.name.split())
    if not name:
        raise Invalid("a deal needs a name", "give it one", field="name")
    for field, most in LENGTHS.items():
        text = getattr(facts, field)
        if len(text) > most or "\0" in text:
            raise Invalid(f"{field} has at most {most} characters and no NUL", "shorten it", field=field)
    if facts.amount_micros is not None and not 0 <= facts.amount_micros <= MAX_AMOUNT:
        raise Invalid("an amount is 0 or more, and at most 9,000,000,000,000", "correct it", field="amount")
    if facts.amount_micros is not None and not facts.currency:
        raise Invalid("the amount has no currency", "add its ISO code, such as EUR", field="amount")
    closed = facts.outcome != Result.OPEN
    at = min(facts.closed_at or svc.now(), svc.now()) if closed else None
    currency = facts.currency if facts.amount_micros is not None else ""
    contacts = tuple(dict.fromkeys(facts.contacts))
    return replace(facts, name=name, closed_at=at, currency=currency, contacts=contacts)


def _write(svc: Services, session: Session, deal: Deal, facts: Facts) -> None:
    was = _Told(deal.outcome, deal.closed_at, deal.amount_micros, deal.currency)
    deal.identity = identity_of(facts.name, facts.company, facts.external_id)
    for field in ("external_id", "name", "company", "amount_micros", "currency", "stage", "outcome", "owner"):
        setattr(deal, field, getattr(facts, field))
    deal.expected_on, deal.closed_at, deal.updated_at = facts.expected_on, facts.closed_at, svc.now()
    _relate(deal, facts.contacts)
    try:
        with session.begin_nested():
            session.add(deal)
            session.flush()
    except IntegrityError:
        raise Conflict(
            f"there is a deal {facts.name!r} of this company already",
            "change that one, or take another name",
            field="name",
        ) from None
    told = _to_tell(deal, was, svc.now())
    if told:
        svc.record_events(told)
        session.flush()


def _relate(deal: Deal, contacts: Sequence[str]) -> None:
    """The contacts of a deal in this order; rows that stay are kept."""
    there = {each.contact: each for each in deal.people}
    deal.people = [there.get(contact) or DealContact(contact=contact) for contact in contacts]
    for position, each in enumerate(deal.people):
        each.position = position


def _to_tell(deal: Deal, was: _Told, now: datetime) -> list[Event]:
    """What the ledger must hear; numbers the outcomes of the deal."""
    new = _Told(deal.outcome, deal.closed_at, deal.amount_micros, deal.currency)
    if was == new or was.outcome == new.outcome == Result.OPEN:
        return []
    told = []
    if was.outcome != Result.OPEN:
        back = -was.amount_micros if was.outcome == Result.WON and was.amount_micros else None
        told.append(_event(deal, REOPENED, now, back, was.currency, {"was": was.outcome}))
    if new.outcome != Result.OPEN:
        kind = WON if new.outcome == Result.WON else LOST
        told.append(_event(deal, kind, deal.closed_at or now, new.amount_micros, new.currency, {}))
    return told


def _event(
    deal: Deal, kind: str, at: datetime, micros: int | None, currency: str, more: dict[str, str]
) -> Event:
    deal.outcomes += 1
    return Event(
        kind,
        at,
        SOURCE,
        f"deal:{deal.public_id}:{deal.outcomes}",
        AgentClass.HUMAN,
        deal.people[0].contact if deal.people else None,
        value=None if micros is None else from_micros(micros),
        currency=currency if micros is not None else "",
        props={"deal": deal.public_id, "stage": deal.stage, **more},
    )


def of_contacts(session: Session, contacts: Collection[str]) -> dict[str, Deal]:
    """For each of these contacts their newest open deal, in one statement."""
    query = (
        select(DealContact.contact, Deal)
        .join(Deal, Deal.id == DealContact.deal_id)
        .where(DealContact.contact.in_(sorted(contacts)), Deal.outcome == Result.OPEN)
        .order_by(Deal.created_at, Deal.id)
    )
    return {row[0]: row[1] for row in session.execute(query)}


def open_named(session: Session, named: str) -> Sequence[Deal]:
    """The open deals with this public id, or of this name whatever its case, the newest first."""
    same = or_(Deal.public_id == named, func.lower(Deal.name) == named.lower())
    query = select(Deal).where(Deal.outcome == Result.OPEN, same).order_by(Deal.id.desc()).limit(MOST_NAMED)
    return session.scalars(query).all()
