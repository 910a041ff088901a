"""The ledger as documents, for those who count for themselves."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from cms_core.audience.models import Contact
from cms_core.campaigns.models import Campaign
from cms_core.campaigns.money import from_micros
from cms_core.content.models import Asset
from cms_core.events.models import Event
from cms_core.publishing.models import Publication

PAGE = 2_000
COLUMNS = (
    Event.public_id.label("id"),
    Event.kind,
    Event.at,
    Contact.public_id.label("contact"),
    Event.campaign,
    Publication.public_id.label("publication"),
    Asset.slug.label("asset"),
    Event.url,
    Event.agent_class,
    Event.source,
    Event.value_micros.label("value"),
    Event.currency,
    Event.channel,
    Campaign.name.label("campaign_name"),
)


def exported(session: Session, campaign: str | None = None) -> Iterator[dict[str, Any]]:
    """Every event in ledger order, or those of the campaign with this key; page by page, so that memory stays flat."""
    query = (
        select(Event.id.label("row_id"), *COLUMNS)
        .outerjoin(Contact, Contact.id == Event.contact_id)
        .outerjoin(Publication, Publication.id == Event.publication_id)
        .outerjoin(Asset, Asset.id == Event.asset_id)
        .outerjoin(Campaign, Campaign.key == Event.campaign)
        .order_by(Event.id)
        .limit(PAGE)
    )
    if campaign is not None:
        query = query.where(Event.campaign == campaign)
    after = 0
    while page := session.execute(query.where(Event.id > after)).mappings().all():
        for row in page:
            yield _document(dict(row))
        after = page[-1]["row_id"]


def _document(row: dict[str, Any]) -> dict[str, Any]:
    del row["row_id"]
    if row["value"] is not None:
        row["value"] = from_micros(row["value"])
    return row
