"""A channel whose remote lives in this file, with one setting of every kind and a secret."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from marshmallow import Schema, fields, validate

from cms_core import (
    Asset,
    Channel,
    Finding,
    Idempotency,
    IdempotencyRule,
    Identity,
    Json,
    Link,
    Panel,
    Place,
    Placement,
    Prepared,
    Preview,
    Receipt,
    Subject,
    hookimpl,
)


class ToySettings(Schema):
    host = fields.String(required=True, validate=validate.Length(min=1), metadata={"label": "Server"})
    port = fields.Integer(load_default=25, validate=validate.Range(1, 65535))
    security = fields.String(load_default="none", validate=validate.OneOf(["none", "tls"]))
    retry = fields.Boolean(load_default=False)
    domains = fields.List(fields.String(), load_default=list)
    token = fields.String(required=True, metadata={"secret": True, "label": "Token"})
    spare = fields.String(load_only=True, metadata={"secret": True})


class ToyChannel(Channel):
    name = "toy"
    label = "Toy"
    group = "social"
    asset_kinds = ("article",)
    connection_schema = ToySettings
    idempotency = IdempotencyRule(Idempotency.NONE)

    def __init__(self) -> None:
        self.answer: Callable[[Link], Any] = lambda link: Identity("toy user")
        self.seen: list[Link] = []

    def test(self, link: Link) -> Identity:
        self.seen.append(link)
        answer: Identity = self.answer(link)
        return answer

    def check(self, placement: Placement) -> Iterable[Finding]:
        return ()

    def preview(self, placement: Placement) -> Preview:
        return Preview("toy")

    def prepare(self, link: Link, placement: Placement, progress: Json | None) -> Prepared:
        return Prepared({})

    def publish(self, link: Link, prepared: Prepared, key: str, previous: Receipt | None) -> Receipt:
        return Receipt("1")

    def reconcile(self, link: Link, prepared: Prepared, key: str) -> None:
        return None


class PluginSettings(Schema):
    per_hour = fields.Integer(
        load_default=12, validate=validate.Range(1, 60), metadata={"label": "Posts an hour"}
    )
    quiet_from = fields.Time(metadata={"label": "Quiet from"})
    domains = fields.List(fields.String(), load_default=list)
    api_secret = fields.String(metadata={"secret": True, "label": "API secret"})
    utm = fields.Boolean(load_default=True, metadata={"label": "Add UTM tags"})
    site = fields.Url(required=True, metadata={"label": "Site"})


class ToyPlugin:
    """The plugin ``toy-box`` with the channel above."""

    __version__ = "1.2.3"

    def __init__(self) -> None:
        self.channel = ToyChannel()

    @hookimpl
    def register_channels(self) -> Iterable[Channel]:
        return [self.channel]

    @hookimpl
    def register_settings(self) -> type[Schema]:
        return PluginSettings

    @hookimpl
    def ui_panels(self, place: Place, subject: Subject | None) -> Iterable[Panel]:
        broken = Panel("Broken panel", "no/such/template.html")
        good = Panel("Toy panel", "cms/_mark.html")
        return [broken, good] if place is Place.PLUGIN and subject == Subject("plugin", "toy-box") else []

    @hookimpl
    def review_content(self, asset: Asset) -> Iterator[Finding]:
        raise RuntimeError("the review is broken")
