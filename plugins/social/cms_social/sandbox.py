"""The networks of this plugin on loopback: ``cms dev sandbox mastodon``, the tests, and whoever writes a client."""

from cms_core.testing.network import Answer, Request
from cms_social.sandbox_bluesky import Bluesky
from cms_social.sandbox_mastodon import Mastodon
from cms_social.sandbox_parts import Now, real_now


class Both:
    """Both networks at one address; their paths differ. An operation is that of either."""

    operations = {
        name: (*Mastodon.operations.get(name, ()), *Bluesky.operations.get(name, ()))
        for name in {*Mastodon.operations, *Bluesky.operations}
    }
    settings = {**Mastodon.settings, **Bluesky.settings}

    def __init__(self, now: Now = real_now, *, processing: float = 1.0) -> None:
        self._mastodon, self._bluesky = Mastodon(now, processing=processing), Bluesky(now)

    def __call__(self, request: Request) -> Answer:
        """Answer a request."""
        return (self._bluesky if request.path.startswith("/xrpc/") else self._mastodon)(request)


SANDBOXES = {"bluesky": Bluesky, "mastodon": Mastodon, "social": Both}
