"""Channels of tests: one that posts and one that sends, each with a remote in memory that can be told to misbehave."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from marshmallow import Schema, fields

from cms_core import contract as c
from cms_core.hookspecs import hookimpl


class ToySettings(Schema):
    """What a toy connection needs: nothing but a word and a secret."""

    word = fields.String(load_default="")
    token = fields.String(load_default="", metadata={"secret": True})


Misdeed = Callable[[], None]


@dataclass
class Remote:
    """What the other side has: posts by key, mails by address, and the misdeeds it will do next."""

    posts: dict[str, dict[str, Any]] = field(default_factory=dict)
    mails: list[str] = field(default_factory=list)
    titles: dict[str, str] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    before: list[Exception] = field(default_factory=list)
    after: list[BaseException] = field(default_factory=list)

    def call(self, name: str, act: Callable[[], None]) -> None:
        """Do what is asked, with the next misdeed before (nothing happened) or after (it happened)."""
        self.calls.append(name)
        if self.before:
            raise self.before.pop(0)
        act()
        if self.after:
            raise self.after.pop(0)


class ToyChannel(c.Channel):
    """Posts JSON to a remote in memory."""

    name = "toy"
    label = "Toy"
    group = "social"
    asset_kinds = ("article", "social-post")
    connection_schema = ToySettings
    idempotency: ClassVar[c.IdempotencyRule] = c.IdempotencyRule(c.Idempotency.CLIENT_ID)

    def __init__(self, remote: Remote) -> None:
        self.remote = remote
        self.answer: c.Receipt | c.Absent | None = None
        self.numbers: list[c.Measurement] = []
        self.finding: c.Finding | None = None
        self.asked: list[list[str]] = []

    def test(self, link: c.Link) -> c.Identity:
        return c.Identity("toy")

    def check(self, placement: c.Placement) -> Iterable[c.Finding]:
        if self.finding:
            yield self.finding
        if "forbidden" in placement.asset.title:
            yield c.Finding(c.Level.HOLD, "title", "this word is forbidden")

    def preview(self, placement: c.Placement) -> c.Preview:
        return c.Preview(placement.asset.title)

    def prepare(self, link: c.Link, placement: c.Placement, progress: c.Json | None) -> c.Prepared | c.Wait:
        self.remote.calls.append("prepare")
        return c.Prepared({"title": placement.asset.title})

    def publish(self, link: c.Link, prepared: c.Prepared, key: str, previous: c.Receipt | None) -> c.Receipt:
        post_id = previous.external_id if previous else key
        self.remote.call("publish", lambda: self.remote.posts.__setitem__(post_id, dict(prepared.data)))
        return c.Receipt(post_id, f"https://toy.example/{post_id}")

    def reconcile(self, link: c.Link, prepared: c.Prepared, key: str) -> c.Receipt | c.Absent | None:
        self.remote.calls.append("reconcile")
        return self.answer

    def measure(
        self, link: c.Link, receipts: Sequence[c.Receipt], since: datetime | None
    ) -> Iterable[c.Measurement]:
        self.asked.append([receipt.publication for receipt in receipts])
        return self.numbers

    def set_active(self, link: c.Link, receipt: c.Receipt, on: bool) -> None:
        self.remote.call("activate" if on else "pause", lambda: None)

    def withdraw(self, link: c.Link, receipt: c.Receipt) -> None:
        self.remote.call("withdraw", lambda: self.remote.posts.pop(receipt.external_id, None) and None)


class OnceChannel(ToyChannel):
    """The same without idempotency: nobody can tell afterwards."""

    name = "once"
    label = "Once"
    idempotency = c.IdempotencyRule(c.Idempotency.NONE)


class LetterChannel(c.AddressedChannel):
    """Sends one letter to each contact; ``script`` says by address what the remote answers."""

    name = "letter"
    label = "Letter"
    group = "email"
    asset_kinds = ("email",)
    connection_schema = ToySettings
    idempotency = c.IdempotencyRule(c.Idempotency.NONE)
    door = True

    def __init__(self, remote: Remote) -> None:
        self.remote = remote
        self.script: dict[str, list[str]] = {}
        self.on_pull: Callable[[c.Recipient], None] = lambda recipient: None

    def test(self, link: c.Link) -> c.Identity:
        return c.Identity("letter")

    def check(self, placement: c.Placement) -> Iterable[c.Finding]:
        return ()

    def preview(self, placement: c.Placement) -> c.Preview:
        return c.Preview(placement.asset.title)

    def address(self, contact: c.Contact) -> str | None:
        return contact.email

    def prepare(self, link: c.Link, placement: c.Placement, progress: c.Json | None) -> c.Prepared | c.Wait:
        return c.Prepared({"title": placement.asset.title})

    def deliver(
        self, link: c.Link, prepared: c.Prepared, recipients: Iterator[c.Recipient | None]
    ) -> Iterator[c.Outcome]:
        for recipient in recipients:
            if recipient is None:
                continue
            self.on_pull(recipient)
            steps = self.script.get(recipient.address, [])
            step = steps.pop(0) if steps else "accept"
            if step == "crash-before":
                raise c.Retryable("the line went dead")
            assert link.wire is not None
            if step in ("accept", "crash-after", "unknown"):
                try:
                    link.wire.on_wire(recipient.key)
                except c.LeaveWithdrawn:
                    continue
                link.wire.flush()
                self.remote.mails.append(recipient.address)
                self.remote.titles[recipient.address] = prepared.data["title"]
            if step == "crash-after":
                raise ConnectionResetError("the line went dead")
            status = {"refuse": "failed", "retry": "retry", "unknown": "unknown"}.get(step, "accepted")
            yield c.Outcome(recipient, c.OutcomeStatus(status), f"250 {step}", 250)


class Toys:
    """A plugin with the toy channels on one remote."""

    def __init__(self) -> None:
        self.remote = Remote()
        self.toy = ToyChannel(self.remote)
        self.once = OnceChannel(self.remote)
        self.letter = LetterChannel(self.remote)

    @hookimpl
    def register_channels(self) -> Iterable[c.Channel]:
        return [self.toy, self.once, self.letter]
