"""A workspace with a campaign, two assets and publications on two channels, and short ways to make things happen."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from itertools import count
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from cms_core.audience.models import Contact
from cms_core.auth.pages import blueprint as auth
from cms_core.campaigns.models import Campaign
from cms_core.campaigns.service import create_campaign
from cms_core.clock import FrozenClock
from cms_core.config import Config
from cms_core.connections.models import Connection
from cms_core.content.models import Asset, Revision
from cms_core.contract import AgentClass
from cms_core.events.service import NewEvent, NewMeasurement, record, store_measurements
from cms_core.publishing.models import Delivery, DeliveryState, Publication
from cms_core.reports.pages import blueprint as reports
from cms_core.testing.fixtures import NOW
from cms_core.web.auth import frame
from cms_core.web.request import init_request
from cms_core.web.session import init_auth
from cms_core.web.shell import init_web
from cms_core.workspace import Workspace, open_workspace

_numbers = count(1)


@dataclass
class Story:
    """Makes what reports are made of, by public functions of the rooms where there are some."""

    session: Session

    def campaign(self, name: str = "Launch", budget: str = "500 EUR") -> Campaign:
        return create_campaign(self.session, name, date(2026, 5, 1), date(2026, 6, 1), "Europe/Paris", budget)

    def contact(self) -> Contact:
        return self._add(
            Contact(email=f"p{next(_numbers)}@example.com", extra={}, created_at=NOW, updated_at=NOW)
        )

    def asset(self, slug: str) -> Asset:
        asset = self._add(Asset(slug=slug, kind="article", created_at=NOW, updated_at=NOW))
        self._add(
            Revision(
                asset_id=asset.id,
                n=1,
                title=slug,
                body={},
                variants={},
                content_hash="0" * 64,
                created_at=NOW,
            )
        )
        return asset

    def publication(self, campaign: Campaign | None, asset: Asset, channel: str = "email") -> Publication:
        connection = self._add(
            Connection(channel=channel, name=f"c{next(_numbers)}", settings={}, created_at=NOW)
        )
        return self._add(
            Publication(
                campaign_id=campaign.id if campaign else None,
                asset_id=asset.id,
                revision_id=asset.revisions[0].id,
                content_hash="0" * 64,
                channel=channel,
                connection_id=connection.id,
                due_at=NOW,
                created_at=NOW,
            )
        )

    def delivery(
        self, publication: Publication, contact: Contact, state: str = DeliveryState.ACCEPTED
    ) -> Delivery:
        return self._add(
            Delivery(
                publication_id=publication.id,
                contact_id=contact.id,
                address=contact.email or "",
                address_hash="x",
                state=state,
                tries=1,
            )
        )

    def happened(
        self,
        kind: str,
        publication: Publication | None = None,
        contact: Contact | None = None,
        agent: str = AgentClass.HUMAN,
        at: datetime = NOW,
        **more: Any,
    ) -> None:
        if publication is not None:
            campaign = publication.campaign
            about = {
                "campaign": campaign.key if campaign else None,
                "publication_id": publication.id,
                "asset_id": publication.asset_id,
                "channel": publication.channel,
            }
            more = {**about, **more}
        event = NewEvent(
            kind, at, "test", str(next(_numbers)), agent, contact_id=contact.id if contact else None, **more
        )
        assert record(self.session, [event]) == 1

    def cost(self, publication: Publication, micros: int, currency: str = "EUR", at: datetime = NOW) -> None:
        store_measurements(self.session, [NewMeasurement(publication.id, "cost", micros, at, currency)])

    def _add(self, row: Any) -> Any:
        self.session.add(row)
        self.session.flush()
        return row


def app_of(workspace: Workspace) -> Flask:
    """An app with this room and the sign-in."""
    made = Flask("reports", static_folder=None)
    made.extensions["cms"] = workspace
    made.config.update(SECRET_KEY=workspace.vault.derive("session"), SESSION_COOKIE_NAME="cms_session")
    init_request(made)
    init_web(made, frame)
    init_auth(made)
    made.register_blueprint(auth)
    made.register_blueprint(reports)
    return made


@pytest.fixture
def workspace(migrated_config: Config, clock: FrozenClock) -> Iterator[Workspace]:
    opened = open_workspace(migrated_config, clock=clock, plugins=())
    yield opened
    opened.db.dispose()


@pytest.fixture
def story(session: Session) -> Story:
    return Story(session)
