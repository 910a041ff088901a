"""The ads channel keeps the promises of a channel that publishes."""

from dataclasses import replace

import pytest
from sqlalchemy import func, select

from cms_ads.channel import AdsChannel
from cms_ads.models import Running
from cms_core import Campaign, Link, Placement
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

    def test_the_final_address_says_which_vendor_and_that_it_is_paid_unless_the_campaign_says_otherwise(
        self, channel: AdsChannel, link: Link, placement: Placement
    ) -> None:
        for own, expected in (
            ({}, "utm_source=google&utm_medium=cpc&utm_campaign=launch&utm_content=asset"),
            (
                {"utm_source": "search"},
                "utm_source=search&utm_medium=cpc&utm_campaign=launch&utm_content=asset",
            ),
        ):
            launch = Campaign("c", "Launch", "launch", "UTC", own)
            asset = replace(placement.asset, slug="asset")
            prepared = channel.prepare(link, replace(placement, campaign=launch, asset=asset), None)
            assert prepared.data["url"] == f"https://www.acme.test/offer?{expected}"
