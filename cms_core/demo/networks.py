"""Mastodon and Bluesky on this machine, as the social plugin's sandbox plays them, and followers who come by."""

import html
import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from random import Random
from typing import Any
from urllib.request import urlopen

from cms_core.clock import Clock, SystemClock
from cms_core.demo.readers import Crowd
from cms_core.errors import ConfigError
from cms_core.testing.network import FakeNetwork
from cms_core.testing.sandboxes import sandboxes

NAME = "social"
FOLLOWERS = (5, 12)  # of one post, how many follow its link
_COUNTED = re.compile(r"https?://[^\"\s<\\\\]+[?&]utm_campaign=[^\"\s<\\\\]+")
TIMELINES = ("/api/v1/timelines/public?limit=40", "/xrpc/app.bsky.feed.getTimeline?limit=50")


class Networks:
    """Both networks at one address. ``clock`` is theirs: what happened weeks ago has been liked for weeks."""

    def __init__(self) -> None:
        self.clock: Clock = SystemClock()
        self.server = FakeNetwork(sandboxes()[NAME](self.now, processing=0))
        self._seen: set[str] = set()

    def now(self) -> datetime:
        """The present instant there."""
        return self.clock.now()

    @property
    def url(self) -> str:
        """Where they are."""
        return self.server.url

    def links(self) -> list[tuple[str, str]]:
        """(Post, where it leads) of what has appeared since the last look and leads somewhere."""
        found = dict(each for path in TIMELINES for each in _links(self._timeline(path)))
        fresh = [(post, link) for post, link in found.items() if post not in self._seen]
        self._seen |= found.keys()
        return fresh

    def follow_new(self, crowd: Crowd) -> Counter[str]:
        """Some followers of what is new follow its link; returns what they did."""
        done: Counter[str] = Counter()
        for post, link in self.links():
            for n in range(Random(post[-4:]).randint(*FOLLOWERS)):  # noqa: S311
                done += crowd.visit(f"{post} {n}", link)
        return done

    def _timeline(self, path: str) -> Any:
        with urlopen(self.url + path, timeout=10) as answer:  # noqa: S310
            return json.load(answer)


def _links(timeline: Any) -> Iterator[tuple[str, str]]:
    """Wherever a network has put the address: in the text, in a card, in a facet."""
    for each in timeline["feed"] if isinstance(timeline, dict) else timeline:
        found = _COUNTED.search(html.unescape(json.dumps(each)))
        if found:
            yield each["post"]["uri"] if "post" in each else each["uri"], found[0]


@contextmanager
def open_networks() -> Iterator[Networks]:
    """Both networks on a free port of 127.0.0.1; raises ConfigError where the social plugin is not installed."""
    if NAME not in sandboxes():
        raise ConfigError("the demo needs the plugin social", "install it: pip install cms-core")
    networks = Networks()
    with networks.server:
        yield networks
