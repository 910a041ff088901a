"""Both channels keep the promises of a channel, against networks that speak the documented protocol."""

import pytest

from cms_core import Link, Placement
from cms_core.testing.contracts import ChannelContract, make_placement
from cms_social.bluesky import BlueskyChannel
from cms_social.mastodon import MastodonChannel
from cms_social.sandbox_bluesky import Bluesky
from cms_social.sandbox_mastodon import Mastodon


class TestMastodon(ChannelContract):
    @pytest.fixture
    def channel(self) -> MastodonChannel:
        return MastodonChannel()

    @pytest.fixture
    def link(self, mastodon_link: Link, mastodon: Mastodon) -> Link:
        self.remote = mastodon
        return mastodon_link

    @pytest.fixture
    def placement(self) -> Placement:
        return make_placement("mastodon", kind="social-post")

    def public_count(self) -> int:
        return len(self.remote.statuses)


class TestMastodonThread(TestMastodon):
    @pytest.fixture
    def placement(self) -> Placement:
        body = {"text": "One\n---\nTwo\n---\nThree", "content_warning": "Numbers", "language": "en-GB"}
        return make_placement("mastodon", kind="social-post", body=body)

    def public_count(self) -> int:
        return len(self.remote.statuses) // 3


class TestBluesky(ChannelContract):
    @pytest.fixture
    def channel(self) -> BlueskyChannel:
        return BlueskyChannel()

    @pytest.fixture
    def link(self, bluesky_link: Link, bluesky: Bluesky) -> Link:
        self.remote = bluesky
        return bluesky_link

    @pytest.fixture
    def placement(self) -> Placement:
        return make_placement("bluesky", kind="social-post")

    def public_count(self) -> int:
        return len(self.remote.records)


class TestBlueskyThread(TestBluesky):
    @pytest.fixture
    def placement(self) -> Placement:
        body = {"text": ["One, https://acme.test", "Two #tag", "Three"]}
        return make_placement("bluesky", kind="social-post", body=body)

    def public_count(self) -> int:
        return len(self.remote.records) // 3
