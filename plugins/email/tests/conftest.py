"""A connection to a real mail server on loopback, and content to send through it."""

import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from types import SimpleNamespace
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message

from cms_core import Asset, FieldProvider, FieldSpec, Link, Placement
from cms_core.outbound import Guard
from cms_email.channel import EmailChannel
from cms_email.message import Writer

NOW = datetime(2026, 5, 4, 7, 0, tzinfo=UTC)
BASE_URL = "https://news.acme.test"
SETTINGS = {
    "host": "127.0.0.1",
    "port": 25,
    "security": "none",
    "username": "",
    "from_address": "news@acme.test",
    "from_name": "Acme News",
    "reply_to": "",
    "postal_address": "Acme Ltd\n1 Main Street\nSpringfield",
}
CONTACT_FIELDS = FieldProvider(
    "contact",
    tuple(FieldSpec(name) for name in ("email", "first_name", "last_name", "company", "country")),
    lambda contacts: {},
    open=True,
)


@dataclass
class Person:
    """One recipient (contract.Recipient)."""

    key: int
    address: str
    contact: dict[str, Any] = field(default_factory=dict)
    arm: str = ""

    @property
    def token(self) -> str:
        return f"tok{self.key:025d}"

    @property
    def values(self) -> dict[str, Any]:
        return {"contact": {"email": self.address, **self.contact}}


@dataclass
class Links:
    """Tracked links that are kept in a list (contract.TrackedLinks)."""

    base: str = f"{BASE_URL}/t"
    targets: list[str] = field(default_factory=list)

    def index(self, url: str) -> int:
        if url not in self.targets:
            self.targets.append(url)
        return self.targets.index(url) + 1


@dataclass
class Journal:
    """What the door told before it wrote (contract.Wire)."""

    told: list[int] = field(default_factory=list)
    flushes: int = 0

    def on_wire(self, key: int) -> None:
        self.told.append(key)

    def flush(self) -> None:
        self.flushes += 1


class Mailbox(Message):
    """Keeps the bytes of every mail, as they came."""

    def __init__(self) -> None:
        super().__init__()
        self.raw: list[bytes] = []

    def prepare_message(self, session: Any, envelope: Any) -> Any:
        self.raw.append(bytes(envelope.original_content))
        return super().prepare_message(session, envelope)

    def handle_message(self, message: Any) -> None:
        pass


def placement_of(text: str = "Hello", *, title: str = "News", **more: Any) -> Placement:
    """A placement of an e-mail asset; ``body`` overrides its fields, ``settings`` those of the connection."""
    asset = Asset(
        id="a1",
        slug="news",
        kind=more.pop("kind", "email"),
        title=title,
        summary=more.pop("summary", ""),
        body={"text": text, **more.pop("body", {})},
        revision=1,
        content_hash="0" * 64,
        state="approved",
        media=more.pop("media", ()),
    )
    return Placement(
        publication="p1",
        channel="email",
        connection=more.pop("connection", "newsletter"),
        asset=asset,
        settings={**SETTINGS, **more.pop("settings", {})},
        due_at=NOW,
        merge_fields=more.pop("merge_fields", (CONTACT_FIELDS,)),
    )


def parsed(raw: bytes) -> EmailMessage:
    """A mail as the standard library reads it."""
    message = message_from_bytes(raw, policy=default)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return message


def part(raw: bytes, kind: str) -> str:
    """The decoded text of one part, with plain line ends."""
    body = parsed(raw).get_body((kind,))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


@pytest.fixture(scope="session")
def kit() -> SimpleNamespace:
    """What tests make and read: placements, people, links, mails."""
    return SimpleNamespace(
        base_url=BASE_URL,
        placement=placement_of,
        person=Person,
        links=Links,
        journal=Journal,
        parsed=parsed,
        part=part,
    )


@pytest.fixture(scope="session")
def channel() -> EmailChannel:
    return EmailChannel()


@pytest.fixture(scope="session")
def link() -> Link:
    """A link to no server, for what needs no network."""
    return Link(
        connection="newsletter",
        settings=dict(SETTINGS),
        secrets={},
        http=None,  # type: ignore[arg-type]
        now=lambda: NOW,
        data_dir="",
        base_url=BASE_URL,
        guard=Guard("127.0.0.1"),
        wire=Journal(),
        links=Links(),
    )


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, int]]:
    """A real SMTP server on loopback: its mailbox and its port."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    handler = Mailbox()
    controller = Controller(handler, hostname="127.0.0.1", port=port, enable_SMTPUTF8=True)
    controller.start()
    yield handler, port
    controller.stop()


@pytest.fixture
def to_server(link: Link) -> Callable[[int], Link]:
    """The link to a server on this port of loopback."""
    return lambda port: replace(link, settings={**link.settings, "port": port})


@pytest.fixture
def write(channel: EmailChannel, link: Link) -> Callable[..., bytes]:
    """The bytes of a mail to one person."""

    def one(text: str = "Hello", *, person: Person | None = None, **more: Any) -> bytes:
        placement = placement_of(text, **more)
        prepared = channel.prepare(replace(link, settings=placement.settings, links=Links()), placement, None)
        return Writer(prepared.data, link.now).write(person or Person(1, "ann@example.com")).data

    return one
