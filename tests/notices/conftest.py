"""For tests of mail and notices: a real mail server on loopback, people, and things that go wrong."""

import re
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pytest
from aiosmtpd.controller import Controller
from argon2 import PasswordHasher
from flask import Flask

from cms_core.auth import service as auth
from cms_core.auth.models import User
from cms_core.notices.telling import tell_people
from cms_core.testing.client import FormClient
from cms_core.testing.pages import app_of
from cms_core.workspace import Workspace

LINK = re.compile(r"http://127\.0\.0\.1:8000(/app/(?:join|reset)/\S+)")


class Mailbox:
    """Keeps what arrives, as (envelope's recipient, message)."""

    def __init__(self) -> None:
        self.mails: list[tuple[str, EmailMessage]] = []
        self.port = 0

    async def handle_DATA(self, server: object, session: object, envelope: object) -> str:  # noqa: N802 - aiosmtpd's name
        for address in envelope.rcpt_tos:  # type: ignore[attr-defined]
            raw = envelope.content  # type: ignore[attr-defined]
            self.mails.append((address, message_from_bytes(raw, policy=default)))
        return "250 OK"

    def to(self, address: str) -> list[EmailMessage]:
        return [mail for whose, mail in self.mails if whose == address]

    def link(self, address: str) -> str:
        """The path of the link in the newest mail to this address."""
        found = LINK.search(self.to(address)[-1].get_content())
        assert found
        return found[1]


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    box = Mailbox()
    with socket.create_server(("127.0.0.1", 0)) as free:
        box.port = free.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=box.port)
    controller.start()
    yield box
    controller.stop()


@pytest.fixture
def mailing(workspace: Workspace, mailbox: Mailbox) -> Workspace:
    """The workspace with a transport for its own mail."""
    url = f"smtp://127.0.0.1:{mailbox.port}?security=none"
    return replace(
        workspace, config=replace(workspace.config, mail_url=url, mail_from="Acme <cms@acme.test>")
    )


@pytest.fixture(autouse=True)
def cheap_hashing(monkeypatch: pytest.MonkeyPatch) -> None:
    """argon2 as ever, but in a moment: what it costs is not the matter here."""
    monkeypatch.setattr(auth, "hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))


@pytest.fixture
def app(mailing: Workspace, people: dict[str, User]) -> Flask:
    return app_of(mailing)


@pytest.fixture
def visitor(app: Flask) -> FormClient:
    made = app.test_client()
    assert isinstance(made, FormClient)
    return made


@pytest.fixture
def tell(mailing: Workspace) -> Callable[[], int]:
    """What the worker does, once; how many mails the server took."""
    return lambda: tell_people(mailing)
