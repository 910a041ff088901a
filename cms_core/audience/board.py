"""What the page of a contact shows, gathered from the rooms to the right: an edge, like the page that it serves."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from cms_core.audience import fields
from cms_core.audience.consent import Standing, standing
from cms_core.audience.models import Company, Consent, Contact, Suppression
from cms_core.audience.unsubscribing import CHANNEL
from cms_core.campaigns.models import Entry
from cms_core.content.models import Asset
from cms_core.db import now
from cms_core.events.models import Event
from cms_core.publishing.models import Delivery, Publication

SHOWN = 50


def dossier(session: Session, contact: Contact) -> dict[str, Any]:
    """Fields, consent, suppressions, and the newest of what was sent to a contact and what they did."""
    company = session.get(Company, contact.company_id) if contact.company_id else None
    labels = fields.known(session)
    own = [(labels.get(name, name), value) for name, value in sorted(contact.extra.items()) if value]
    stands = select(standing(Contact.id, Contact.address_hash, CHANNEL, now(session))).where(
        Contact.id == contact.id
    )
    consents = (
        select(Consent).where(Consent.contact_id == contact.id).order_by(Consent.id.desc()).limit(SHOWN)
    )
    kept_away = (
        select(Suppression)
        .where(Suppression.address_hash == contact.address_hash)
        .order_by(Suppression.id.desc())
    )
    return {
        "contact": contact,
        "name": f"{contact.first_name} {contact.last_name}".strip() or contact.email or "Contact",
        "company": company.name if company else "",
        "own": own,
        "standing": session.scalar(stands) or Standing.NO,
        "consents": session.scalars(consents).all(),
        "suppressions": session.scalars(kept_away).all(),
        "timeline": timeline(session, contact),
    }


def timeline(session: Session, contact: Contact) -> list[dict[str, Any]]:
    """The newest deliveries and events of a contact in one line of time."""
    rows = [*_deliveries(session, contact), *_events(session, contact)]
    return sorted(rows, key=lambda row: row["at"], reverse=True)[:SHOWN]


def _deliveries(session: Session, contact: Contact) -> list[dict[str, Any]]:
    query = (
        select(Delivery, Publication.public_id, Publication.due_at, Entry.title, Asset.slug)
        .join(Publication, Publication.id == Delivery.publication_id)
        .join(Asset, Asset.id == Publication.asset_id)
        .outerjoin(Entry, Entry.id == Publication.entry_id)
        .where(Delivery.contact_id == contact.id)
        .order_by(Delivery.id.desc())
        .limit(SHOWN)
    )
    return [
        {
            "at": delivery.settled_at or delivery.due_at or due_at,
            "state": delivery.state,
            "words": title or slug,
            "detail": delivery.reason,
            "url": f"/app/publications/{public_id}",
        }
        for delivery, public_id, due_at, title, slug in session.execute(query)
    ]


def _events(session: Session, contact: Contact) -> list[dict[str, Any]]:
    query = (
        select(Event, Asset.slug)
        .outerjoin(Asset, Asset.id == Event.asset_id)
        .where(Event.contact_id == contact.id)
        .order_by(Event.at.desc(), Event.id.desc())
        .limit(SHOWN)
    )
    return [
        {
            "at": event.at,
            "kind": event.kind,
            "words": slug or event.channel or "",
            "detail": " · ".join(
                filter(None, [event.url, event.campaign, str(event.props.get("reason") or "")])
            ),
            "agent": event.agent_class,
            "url": f"/app/content/{slug}" if slug else "",
        }
        for event, slug in session.execute(query)
    ]
