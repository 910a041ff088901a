"""The two networks on loopback, with a clock that the tests move, and channels that are connected to them."""

import io
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from PIL import Image

from cms_core import Link
from cms_core.auth.service import create_user
from cms_core.clock import FrozenClock
from cms_core.services import Services
from cms_core.testing.contracts import make_link
from cms_core.testing.network import FakeNetwork
from cms_core.workspace import Workspace
from cms_social import models
from cms_social.bluesky import BlueskyChannel
from cms_social.mastodon import MastodonChannel
from cms_social.sandbox_bluesky import Bluesky
from cms_social.sandbox_mastodon import Mastodon

from .desk import Desk

NOW = datetime(2026, 5, 4, 7, 0, tzinfo=UTC)
TOKEN, PASSWORD = "mastodon-token-xyz", "bsky-app-password-xyz"

assert models  # its tables must be known before the workspace makes them


@pytest.fixture
def their_clock() -> FrozenClock:
    """The clock of the networks."""
    return FrozenClock(NOW)


@pytest.fixture
def mastodon(their_clock: FrozenClock) -> Mastodon:
    return Mastodon(their_clock.now, processing=0)


@pytest.fixture
def bluesky(their_clock: FrozenClock) -> Bluesky:
    return Bluesky(their_clock.now)


@pytest.fixture
def mastodon_network(mastodon: Mastodon) -> Iterator[FakeNetwork]:
    with FakeNetwork(mastodon) as network:
        yield network


@pytest.fixture
def bluesky_network(bluesky: Bluesky) -> Iterator[FakeNetwork]:
    with FakeNetwork(bluesky) as network:
        yield network


@pytest.fixture
def mastodon_link(workspace: Workspace, mastodon_network: FakeNetwork) -> Link:
    services: Any = Services(workspace, "social")
    return make_link(MastodonChannel, services=services, base_url=mastodon_network.url, access_token=TOKEN)


@pytest.fixture
def bluesky_link(workspace: Workspace, bluesky_network: FakeNetwork) -> Link:
    services: Any = Services(workspace, "social")
    return make_link(
        BlueskyChannel,
        services=services,
        service_url=bluesky_network.url,
        handle="acme.test",
        app_password=PASSWORD,
    )


@pytest.fixture(scope="session")
def picture() -> bytes:
    """A small picture."""
    out = io.BytesIO()
    Image.new("RGB", (64, 48), "teal").save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def desk(
    workspace: Workspace,
    clock: FrozenClock,
    their_clock: FrozenClock,
    mastodon_network: FakeNetwork,
    bluesky_network: FakeNetwork,
) -> Desk:
    """Somebody who publishes on both networks; the clocks of all sides go together."""
    with workspace.db.transaction() as session:
        create_user(session, "ada@acme.test", "Ada Vernet", "admin", "correct horse battery")
    made = Desk(workspace, their_clock)
    made.connect("mastodon", base_url=mastodon_network.url, access_token=TOKEN)
    made.connect("bluesky", service_url=bluesky_network.url, handle="acme.test", app_password=PASSWORD)
    return made
