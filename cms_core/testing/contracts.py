"""The promises of a channel as tests: inherit, give the fixtures, and run pytest.

class TestToot(ChannelContract):
    @pytest.fixture
    def channel(self): return TootChannel()
    @pytest.fixture
    def link(self, network): return make_link(TootChannel, base_url=network.url, access_token="secret")
    @pytest.fixture
    def placement(self): return make_placement("toot", title="Hello", body={"text": "Hello"})
    def public_count(self): return len(self.remote.statuses)
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from marshmallow import Schema

from cms_core import contract as c
from cms_core.clock import SystemClock
from cms_core.outbound import Guard, HttpClient

DUE = datetime(2026, 5, 4, 7, 0, tzinfo=UTC)
PAYLOAD = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


def make_placement(channel: str, *, settings: c.Json | None = None, **asset: Any) -> c.Placement:
    """A placement for tests; keyword arguments are those of the asset."""
    words = {
        "slug": "hello",
        "kind": "article",
        "title": "Hello",
        "summary": "",
        "body": {"text": "Hello, world."},
    }
    found = c.Asset(id="a-1", revision=1, content_hash="0" * 64, state="approved", **{**words, **asset})
    return c.Placement("p-1", channel, "main", found, dict(settings or {}), DUE)


class PlainLinks:
    """Tracked links that are only counted."""

    def __init__(self, base: str = "http://127.0.0.1:8000/t") -> None:
        self.base = base
        self.targets: list[str] = []

    def index(self, url: str) -> int:
        """The number of this target."""
        if url not in self.targets:
            self.targets.append(url)
        return self.targets.index(url) + 1


@dataclass
class RecordingWire:
    """A journal in memory: what the door said was about to be on the wire, and whether it was flushed by then."""

    keys: list[int] = field(default_factory=list)
    flushed: int = 0

    def on_wire(self, key: int) -> None:
        """Remember the key."""
        self.keys.append(key)

    def flush(self) -> None:
        """Remember how many keys were safe."""
        self.flushed = len(self.keys)


def make_link(channel: type[c.Channel] | c.Channel, *, services: Any = None, **values: Any) -> c.Link:
    """A link for tests: ``values`` go through the channel's connection schema; loopback is allowed.

    A channel with tables of its own needs ``services`` too: ``Services(workspace, "<plugin>")``.
    """
    schema: Schema = channel.connection_schema()
    loaded = schema.load(values)
    secret = {name for name, spec in schema.fields.items() if spec.metadata.get("secret")}
    guard = Guard("127.0.0.1")
    return c.Link(
        connection="main",
        settings={key: value for key, value in loaded.items() if key not in secret},
        secrets={key: str(value) for key, value in loaded.items() if key in secret},
        http=HttpClient(guard, clock=SystemClock()),
        now=lambda: datetime.now(UTC),
        data_dir="",
        base_url="http://127.0.0.1:8000",
        guard=guard,
        services=services,
        wire=RecordingWire(),
        links=PlainLinks(),
    )


@dataclass(frozen=True)
class TestRecipient:
    """A recipient for tests."""

    __test__ = False
    key: int
    address: str
    token: str = "t" * 28
    values: Mapping[str, Any] = field(default_factory=lambda: {"contact": {"first_name": "Ada"}})
    arm: str = ""


class _Declared:
    """What every channel declares."""

    def test_names_itself(self, channel: c.Channel) -> None:
        assert channel.name == channel.name.lower().strip()
        assert channel.name.replace("_", "").replace("-", "").isalnum()
        assert channel.label.strip()
        assert channel.group.strip()
        assert channel.asset_kinds
        assert isinstance(channel.idempotency, c.IdempotencyRule)

    def test_connection_schema_is_a_schema_that_knows_its_secrets(self, channel: c.Channel) -> None:
        schema = channel.connection_schema()
        assert isinstance(schema, Schema)
        for name, spec in schema.fields.items():
            if any(word in name for word in ("password", "secret", "token")):
                assert spec.metadata.get("secret"), f"{name} looks like a secret and is not marked as one"

    def test_secrets_are_not_in_repr(self, link: c.Link) -> None:
        text = repr(link)
        assert not [name for name, value in link.secrets.items() if value and value in text]

    def test_check_gives_findings(self, channel: c.Channel, placement: c.Placement) -> None:
        findings = list(channel.check(placement))
        assert all(isinstance(each, c.Finding) for each in findings)
        stopping = [each for each in findings if each.level in (c.Level.ERROR, c.Level.HOLD)]
        assert not stopping, "the placement of these tests must be publishable"

    def test_check_survives_empty_words(self, channel: c.Channel, placement: c.Placement) -> None:
        empty = replace(placement, asset=replace(placement.asset, title="", summary="", body={}))
        assert all(isinstance(each, c.Finding) for each in channel.check(empty))

    def test_limits_agree_with_the_check(self, channel: c.Channel, placement: c.Placement) -> None:
        for name, limit in channel.limits.items():
            body = {**placement.asset.body, name: "x" * (limit + 1)}
            own = {key: getattr(placement.asset, key) for key in ("title", "summary")}
            own |= {name: "x" * (limit + 1)} if name in own else {}
            asset = replace(placement.asset, title=own["title"], summary=own["summary"], body=body)
            findings = list(channel.check(replace(placement, asset=asset)))
            assert [each for each in findings if each.field == name], (
                f"{limit + 1} characters of {name} pass unnoticed"
            )

    def test_preview_runs_no_script(self, channel: c.Channel, placement: c.Placement) -> None:
        body = {**placement.asset.body, "text": PAYLOAD}
        preview = channel.preview(
            replace(placement, asset=replace(placement.asset, title=PAYLOAD, body=body))
        )
        assert isinstance(preview, c.Preview)
        html = preview.html.lower()
        assert "<script>alert" not in html
        assert "<img src=x" not in html

    def test_test_says_who_we_are(self, channel: c.Channel, link: c.Link) -> None:
        assert isinstance(channel.test(link), c.Identity)

    def test_prepare_is_json_and_repeatable(
        self, channel: c.Channel, link: c.Link, placement: c.Placement
    ) -> None:
        first, second = (prepared(channel, link, placement) for _ in range(2))
        assert json.dumps(dict(first.data)) == json.dumps(dict(second.data))


def prepared(channel: c.Channel, link: c.Link, placement: c.Placement) -> c.Prepared:
    """Prepare, carrying on as often as the channel asks to wait."""
    progress: c.Json | None = None
    for _ in range(50):
        answer = channel.prepare(link, placement, progress)
        if isinstance(answer, c.Prepared):
            return answer
        progress = json.loads(json.dumps(dict(answer.progress)))
    raise AssertionError("prepare never came to an end")


class ChannelContract(_Declared):
    """The promises of a channel that publishes. Give ``channel``, ``link``, ``placement``, and ``public_count``."""

    def public_count(self) -> int:
        """How many items are public at the remote."""
        raise NotImplementedError("tell how many items are public")

    def test_publish_gives_a_receipt(self, channel: c.Channel, link: c.Link, placement: c.Placement) -> None:
        receipt = channel.publish(link, prepared(channel, link, placement), "key-1", None)
        assert receipt.external_id
        json.dumps(dict(receipt.data))
        assert self.public_count() == 1

    def test_same_key_is_the_same_thing(
        self, channel: c.Channel, link: c.Link, placement: c.Placement
    ) -> None:
        if channel.idempotency.kind not in (
            c.Idempotency.KEYED,
            c.Idempotency.CLIENT_ID,
            c.Idempotency.NATURAL,
        ):
            return
        ready = prepared(channel, link, placement)
        first, second = (channel.publish(link, ready, "key-1", None) for _ in range(2))
        assert first.external_id == second.external_id
        assert self.public_count() == 1

    def test_lost_receipt_is_found_again(
        self, channel: c.Channel, link: c.Link, placement: c.Placement
    ) -> None:
        ready = prepared(channel, link, placement)
        before = channel.reconcile(link, ready, "key-1")
        assert not isinstance(before, c.Receipt), "nothing was published yet"
        receipt = channel.publish(link, ready, "key-1", None)
        found = channel.reconcile(link, ready, "key-1")
        assert not isinstance(found, c.Absent), "it is there"
        if isinstance(found, c.Receipt):
            assert found.external_id == receipt.external_id

    def test_update_keeps_its_place(self, channel: c.Channel, link: c.Link, placement: c.Placement) -> None:
        receipt = channel.publish(link, prepared(channel, link, placement), "key-1", None)
        changed = replace(
            placement, asset=replace(placement.asset, title="Hello again", content_hash="1" * 64)
        )
        try:
            updated = channel.publish(link, prepared(channel, link, changed), "key-2", receipt)
        except c.Refused:
            return
        assert updated.url == receipt.url
        assert self.public_count() == 1

    def test_withdraw_is_idempotent(self, channel: c.Channel, link: c.Link, placement: c.Placement) -> None:
        receipt = channel.publish(link, prepared(channel, link, placement), "key-1", None)
        if type(channel).withdraw is c.Channel.withdraw:
            with pytest.raises(c.Refused):
                channel.withdraw(link, receipt)
            return
        channel.withdraw(link, receipt)
        channel.withdraw(link, receipt)
        assert self.public_count() == 0

    def test_measures_in_batches(self, channel: c.Channel, link: c.Link, placement: c.Placement) -> None:
        receipt = channel.publish(link, prepared(channel, link, placement), "key-1", None)
        for each in channel.measure(link, [replace(receipt, publication="p-1")], None):
            assert isinstance(each, c.Measurement)
            assert each.publication == "p-1"


class AddressedChannelContract(_Declared):
    """The promises of a channel that sends to people. Give ``channel``, ``link``, ``placement``, and ``arrived``."""

    def arrived(self) -> list[str]:
        """The addresses that have a message, in the order of arrival."""
        raise NotImplementedError("tell who got a message")

    @pytest.fixture
    def recipients(self) -> list[TestRecipient]:
        """Three people."""
        return [TestRecipient(n, f"p{n}@example.com", f"{n:028d}") for n in range(1, 4)]

    def test_address_is_text_or_nothing(self, channel: c.AddressedChannel) -> None:
        address = channel.address(c.Contact("c-1", "ada@example.com", "Ada"))
        assert address is None or address.strip() == address
        assert channel.address(c.Contact("c-2", None)) is None

    def test_each_recipient_gets_one_message_and_one_outcome(
        self,
        channel: c.AddressedChannel,
        link: c.Link,
        placement: c.Placement,
        recipients: list[TestRecipient],
    ) -> None:
        outcomes = list(channel.deliver(link, prepared(channel, link, placement), iter(recipients)))
        assert sorted(each.recipient.key for each in outcomes) == [each.key for each in recipients]
        assert {each.status for each in outcomes} == {c.OutcomeStatus.ACCEPTED}
        assert sorted(self.arrived()) == [each.address for each in recipients]

    def test_the_wire_is_told_first(
        self,
        channel: c.AddressedChannel,
        link: c.Link,
        placement: c.Placement,
        recipients: list[TestRecipient],
    ) -> None:
        list(channel.deliver(link, prepared(channel, link, placement), iter(recipients)))
        wire = link.wire
        if channel.door and isinstance(wire, RecordingWire):
            assert sorted(wire.keys) == [each.key for each in recipients]
            assert wire.flushed == len(wire.keys)

    def test_nothing_right_now_settles_what_is_in_flight(
        self,
        channel: c.AddressedChannel,
        link: c.Link,
        placement: c.Placement,
        recipients: list[TestRecipient],
    ) -> None:
        settled: list[int] = []

        def pulls() -> Iterator[c.Recipient | None]:
            yield recipients[0]
            yield None
            yield None
            assert settled == [recipients[0].key], (
                "what is in flight is finished before a pull that would wait"
            )
            yield recipients[1]

        outcomes = channel.deliver(link, prepared(channel, link, placement), pulls())
        settled.extend(outcome.recipient.key for outcome in outcomes)
        assert sorted(settled) == [each.key for each in recipients[:2]]

    def test_nobody_is_fine(self, channel: c.AddressedChannel, link: c.Link, placement: c.Placement) -> None:
        assert list(channel.deliver(link, prepared(channel, link, placement), iter(()))) == []
        assert self.arrived() == []

    def test_values_are_never_parsed_again(
        self, channel: c.AddressedChannel, link: c.Link, placement: c.Placement
    ) -> None:
        nasty = TestRecipient(
            1, "p1@example.com", values={"contact": {"first_name": "{{ 7*7 }}\r\nBcc: x@y.example"}}
        )
        outcomes = list(channel.deliver(link, prepared(channel, link, placement), iter([nasty])))
        assert len(outcomes) == 1
        assert self.arrived() in ([], ["p1@example.com"])
