"""Campaigns and flights as plugins see them."""

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from cms_core import contract as c
from cms_core.campaigns.models import Campaign, Entry, EntryKind
from cms_core.campaigns.money import from_micros
from cms_core.publishing.models import Publication
from cms_core.publishing.models import PublicationState as S


def campaign(row: Campaign) -> c.Campaign:
    """A campaign with its budget."""
    return c.Campaign(
        row.public_id, row.name, row.key, row.tz, dict(row.utm), _money(row.budget_micros, row.currency)
    )


def flights(session: Session, channel: str) -> list[c.Flight]:
    """The flights of a channel that have a publication: of an updated one the head of its chain."""
    query = (
        select(Publication)
        .join(Publication.entry)
        .where(
            Publication.channel == channel,
            Publication.state != S.CANCELLED,
            Publication.superseded_by_id.is_(None),
            Entry.kind == EntryKind.FLIGHT,
        )
        .options(
            joinedload(Publication.entry),
            joinedload(Publication.connection),
            joinedload(Publication.campaign),
        )
        .order_by(Publication.due_at, Publication.id)
    )
    return [_flight(row, row.entry) for row in session.scalars(query) if row.entry is not None]


def _flight(row: Publication, entry: Entry) -> c.Flight:
    return c.Flight(
        publication=row.public_id,
        title=entry.title,
        connection=row.connection.name,
        campaign=row.campaign.key if row.campaign else "",
        state=row.state,
        starts_at=row.due_at,
        ends_at=row.ends_at,
        budget=_money(entry.budget_micros, entry.currency),
        paused=row.paused_at is not None,
    )


def _money(micros: int | None, currency: str) -> c.Money | None:
    return None if micros is None else c.Money(from_micros(micros), currency)
