"""The site channel keeps the promises of a channel that publishes."""

import pytest
from sqlalchemy import func, select

from cms_core import Link, Placement
from cms_core.services import Services
from cms_core.testing.contracts import ChannelContract, make_link, make_placement
from cms_core.workspace import Workspace
from cms_seo.channel import SiteChannel
from cms_seo.models import Page

SETTINGS = {"base_url": "https://www.acme.test", "title": "Acme"}


class TestSite(ChannelContract):
    @pytest.fixture
    def channel(self) -> SiteChannel:
        return SiteChannel()

    @pytest.fixture
    def link(self, workspace: Workspace) -> Link:
        self.workspace = workspace
        return make_link(SiteChannel, services=Services(workspace, "seo"), **SETTINGS)

    @pytest.fixture
    def placement(self) -> Placement:
        return make_placement("site", settings=SETTINGS, summary="Why calm pays")

    def public_count(self) -> int:
        with self.workspace.db.session() as session:
            live = select(func.count()).select_from(Page).where(Page.withdrawn_at.is_(None))
            return session.scalar(live) or 0
