"""A plugin for tests with real processes: channels of each kind of idempotency that post to a wall on loopback, and a job.

It is copied into the ``plugins`` folder of a workspace, so that `cms worker` and `cms scheduler` find it as any plugin there.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import ClassVar
from urllib.request import Request, urlopen

from marshmallow import Schema, fields

from cms_core import contract as c
from cms_core import hookimpl
from cms_core.services import Services

api = "1"
HEARTBEAT = timedelta(seconds=1)


class WallSettings(Schema):
    """Where the wall is."""

    url = fields.Url(required=True, require_tld=False)


class WallChannel(c.Channel):
    """Writes a key on the wall; what the wall does with one that it has seen is the kind of the channel."""

    group = "social"
    asset_kinds = ("article", "social-post")
    connection_schema = WallSettings

    def test(self, link: c.Link) -> c.Identity:
        return c.Identity(self.name)

    def check(self, placement: c.Placement) -> Iterable[c.Finding]:
        return ()

    def preview(self, placement: c.Placement) -> c.Preview:
        return c.Preview(placement.asset.title)

    def prepare(self, link: c.Link, placement: c.Placement, progress: c.Json | None) -> c.Prepared | c.Wait:
        return c.Prepared({"title": placement.asset.title, "publication": placement.publication})

    def publish(self, link: c.Link, prepared: c.Prepared, key: str, previous: c.Receipt | None) -> c.Receipt:
        document = {"key": key, "publication": prepared.data["publication"], "title": prepared.data["title"]}
        repeatable = self.idempotency.kind in (c.Idempotency.KEYED, c.Idempotency.NATURAL)
        url = f"{link.settings['url']}/{self.name}"
        return c.Receipt(link.http.request("POST", url, json=document, idempotent=repeatable).json()["id"])

    def reconcile(self, link: c.Link, prepared: c.Prepared, key: str) -> c.Receipt | c.Absent | None:
        return None

    def withdraw(self, link: c.Link, receipt: c.Receipt) -> None:
        raise c.Refused("the wall keeps what is on it")


class KeyedWall(WallChannel):
    """The wall knows our key."""

    name = label = "keyed"
    idempotency: ClassVar[c.IdempotencyRule] = c.IdempotencyRule(c.Idempotency.KEYED)


class NaturalWall(WallChannel):
    """The wall has one post of each name."""

    name = label = "natural"
    idempotency: ClassVar[c.IdempotencyRule] = c.IdempotencyRule(c.Idempotency.NATURAL)


class LookupWall(WallChannel):
    """The wall can be searched for what was written."""

    name = label = "lookup"
    idempotency: ClassVar[c.IdempotencyRule] = c.IdempotencyRule(c.Idempotency.LOOKUP)

    def reconcile(self, link: c.Link, prepared: c.Prepared, key: str) -> c.Receipt | c.Absent | None:
        found = link.http.request("GET", f"{link.settings['url']}/lookup/{key}").json()["id"]
        return c.Receipt(found) if found else c.Absent()


class PlainWall(WallChannel):
    """The wall writes whatever it is given, each time."""

    name = label = "plain"
    idempotency: ClassVar[c.IdempotencyRule] = c.IdempotencyRule(c.Idempotency.NONE)


@hookimpl
def register_channels() -> Iterable[c.Channel]:
    return [KeyedWall(), NaturalWall(), LookupWall(), PlainWall()]


@hookimpl
def register_jobs() -> Iterable[c.Job]:
    return [c.Job("beat", HEARTBEAT, _beat)]


def _beat(context: c.JobContext) -> None:
    """Tell the wall that the job has run."""
    services: Services = context.services
    for settings in services.connections("keyed").values():
        urlopen(Request(f"{settings['url']}/beat", data=b"{}", method="POST"), timeout=5).close()  # noqa: S310 - loopback
