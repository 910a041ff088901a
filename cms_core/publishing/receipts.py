"""Receipts: what channels and plugins are told of a publication that went out."""

from sqlalchemy.orm import joinedload

from cms_core.contract import Receipt
from cms_core.publishing.models import Publication

# What a receipt names beside the publication: read with a batch, not one by one.
WITH_RECEIPT = tuple(
    joinedload(each) for each in (Publication.connection, Publication.asset, Publication.campaign)
)


def receipt_of(publication: Publication) -> Receipt | None:
    """The receipt of what is public, as the channel gave it."""
    return None if publication.receipt is None else told(publication)


def told(publication: Publication) -> Receipt:
    """What plugins are told of something published; a send to people, whose messages have outcomes of their own, has no id."""
    return Receipt(
        external_id=publication.external_id,
        url=publication.external_url,
        data=(publication.receipt or {}).get("data", {}),
        publication=publication.public_id,
        channel=publication.channel,
        connection=publication.connection.name,
        asset=publication.asset.public_id,
        campaign=publication.campaign.key if publication.campaign else "",
        published_at=publication.published_at,
    )
