"""The hooks of this plugin."""

from collections.abc import Iterable

from cms_core import Channel, hookimpl

api = "1"


@hookimpl
def register_channels() -> Iterable[Channel]:
    from cms_social.bluesky import BlueskyChannel
    from cms_social.mastodon import MastodonChannel

    return [BlueskyChannel(), MastodonChannel()]
