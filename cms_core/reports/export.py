"""The ledger as documents, for those who count for themselves."""

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Select, select
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
NAMES = tuple(column.key for column in COLUMNS)


def exported(session: Session, campaign: str | None = None) -> Iterator[dict[str, Any]]:
    """Every event in ledger order, or those of the campaign with this key; page by page, so that memory stays flat."""
    query = rows_of(campaign).add_columns(Event.id.label("row_id")).order_by(Event.id).limit(PAGE)
    after = 0
    while page := session.execute(query.where(Event.id > after)).mappings().all():
        for row in page:
            yield document(dict(row))
        after = page[-1]["row_id"]


def rows_of(campaign: str | None = None) -> Select[*tuple[Any, ...]]:
    """The query of events with what ``document`` shows of each, of the campaign with this key if given; in no order yet."""
    query: Select[*tuple[Any, ...]] = (
        select(*COLUMNS)
        .outerjoin(Contact, Contact.id == Event.contact_id)
        .outerjoin(Publication, Publication.id == Event.publication_id)
        .outerjoin(Asset, Asset.id == Event.asset_id)
        .outerjoin(Campaign, Campaign.key == Event.campaign)
    )
    return query if campaign is None else query.where(Event.campaign == campaign)


def document(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of ``rows_of`` with the keys of ``cms events export``."""
    value = row["value"]
    return {name: row[name] for name in NAMES} | {"value": None if value is None else from_micros(value)}
