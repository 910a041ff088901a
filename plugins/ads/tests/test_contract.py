"""The ads channel keeps the promises of a channel that publishes."""

import pytest
from sqlalchemy import func, select

from cms_ads.channel import AdsChannel
from cms_ads.models import Running
from cms_core import Link, Placement
from cms_core.services import Services
from cms_core.testing.contracts import ChannelContract, make_link, make_placement
from cms_core.workspace import Workspace

SETTINGS = {"vendor": "google", "currency": "EUR"}


class TestAds(ChannelContract):
    @pytest.fixture
    def channel(self) -> AdsChannel:
        return AdsChannel()

    @pytest.fixture
    def link(self, workspace: Workspace) -> Link:
        self.workspace = workspace
        return make_link(AdsChannel, services=Services(workspace, "ads"), **SETTINGS)

    @pytest.fixture
    def placement(self) -> Placement:
        body = {"text": "Come and see.", "final_url": "https://www.acme.test/offer"}
        return make_placement("ads", settings=SETTINGS, kind="ad", body=body)

    def public_count(self) -> int:
        with self.workspace.db.session() as session:
            return session.scalar(select(func.count()).where(Running.state != "ended")) or 0

    def test_pause_and_resume_are_idempotent(
        self, channel: AdsChannel, link: Link, placement: Placement
    ) -> None:
        prepared = channel.prepare(link, placement, None)
        receipt = channel.publish(link, prepared, "key-1", None)  # type: ignore[arg-type]
        for on, state in ((False, "paused"), (False, "paused"), (True, "running")):
            channel.set_active(link, receipt, on)
            with self.workspace.db.session() as session:
                assert session.scalars(select(Running.state)).all() == [state]
