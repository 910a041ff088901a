"""What one asset reached in each campaign: the figures of its row in the reports, for who may not read reports."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import fields

from sqlalchemy import select, union
from sqlalchemy.orm import Session

from cms_core import contract as c
from cms_core.campaigns.models import Campaign
from cms_core.content.models import Asset
from cms_core.publishing.models import Publication
from cms_core.publishing.planned import campaign as to_contract
from cms_core.reports.figures import Figures
from cms_core.reports.gather import gather
from cms_core.reports.models import Rollup

# Neither money nor machines nor what only those need who send.
TOLD = tuple(each.name for each in fields(c.Reached))


def reached(session: Session, public_id: str) -> Iterator[c.CampaignFigures]:
    """By campaign, the latest start first, as far as the rollups have come; where nothing happened, nothing is told."""
    asset_id = session.scalar(select(Asset.id).where(Asset.public_id == public_id))
    campaigns = session.scalars(
        select(Campaign)
        .where(
            Campaign.id.in_(
                union(
                    select(Publication.campaign_id).where(Publication.asset_id == asset_id),
                    select(Campaign.id)
                    .join(Rollup, Rollup.campaign == Campaign.key)
                    .where(Rollup.asset_id == asset_id),
                )
            )
        )
        .order_by(Campaign.starts_on.desc(), Campaign.name)
    ).all()
    if not campaigns:
        return
    found = gather(session, campaigns)
    for campaign in campaigns:
        counts: Counter[str] = Counter()
        for (key, _, asset), counter in found.cells.items():
            if (key, asset) == (campaign.key, asset_id):
                counts.update(counter)
        figures = Figures.of(counts, found.people.get((campaign.key, "asset", asset_id), {}))
        told = c.Reached(**{name: getattr(figures, name) for name in TOLD})
        if told != c.Reached():
            yield c.CampaignFigures(to_contract(campaign), campaign.starts_on, campaign.ends_on, told)
