"""Merge fields of deals: ``{{ deal.stage }}`` is that of the contact's newest open deal."""

from collections.abc import Mapping, Sequence
from typing import Any

from cms_core import Contact, FieldProvider, FieldSpec, Json, from_micros, services
from cms_leads import deals
from cms_leads.models import Deal

SPECS = (
    FieldSpec("name", "text", "Deal"),
    FieldSpec("stage", "text", "Stage of the deal"),
    FieldSpec("amount", "number", "Amount of the deal"),
    FieldSpec("currency", "text", "Currency of the deal"),
    FieldSpec("owner", "text", "Who works on the deal"),
    FieldSpec("expected_on", "date", "Expected end of the deal"),
)


def fetch_many(contacts: Sequence[Contact]) -> Mapping[str, Json]:
    """By contact the values of their newest open deal; nothing for those who have none."""
    with services.current("leads").session() as session:
        found = deals.of_contacts(session, [contact.id for contact in contacts])
    return {contact: _values(deal) for contact, deal in found.items()}


def subjects(named: str) -> list[dict[str, Any]]:
    """The open deals of this id or name, for decks: their values and those of the person who stands for them."""
    with services.current("leads").session() as session:
        found = deals.open_named(session, named)
    return [
        {
            "kind": "deal",
            "id": deal.public_id,
            "title": deal.name,
            "company": deal.company,
            "contact": deal.people[0].contact if deal.people else None,
            "values": {f"deal.{name}": value for name, value in _values(deal).items()},
        }
        for deal in found
    ]


def _values(deal: Deal) -> Json:
    return {
        "name": deal.name,
        "stage": deal.stage,
        "amount": None if deal.amount_micros is None else from_micros(deal.amount_micros),
        "currency": deal.currency,
        "owner": deal.owner,
        "expected_on": deal.expected_on,
    }


PROVIDER = FieldProvider("deal", SPECS, fetch_many)
