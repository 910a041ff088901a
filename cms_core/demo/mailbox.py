"""A real mail server on loopback that keeps what it gets, refuses some addresses, asks one to come back, and hangs up on one."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from functools import cached_property
from typing import Any

from cms_core.demo import people
from cms_core.errors import ConfigError

LOOPBACK = "127.0.0.1"
OK = "250 2.0.0 kept"
REFUSAL = "550 5.1.1 nobody of this name works here any more"
COME_BACK = "451 4.7.1 greylisted, please come back in a moment"


@dataclass(frozen=True)
class Mail:
    """A mail as it arrived: its number from 1, the envelope's recipient, its bytes."""

    number: int
    recipient: str
    data: bytes

    @cached_property
    def message(self) -> EmailMessage:
        """The mail, parsed."""
        return message_from_bytes(self.data, policy=default)

    def header(self, name: str) -> str:
        """A header's value, "" where there is none."""
        return str(self.message.get(name, ""))

    def part(self, subtype: str) -> str:
        """The text of the part ``html`` or ``plain``, "" where there is none."""
        body = self.message.get_body((subtype,))
        return str(body.get_content()) if body is not None else ""


class Mailbox:
    """Keeps mails; answers as aiosmtpd's handler. ``moody`` switches greylisting and hanging up on, once for each."""

    def __init__(self) -> None:
        self.port = 0
        self.moody = False
        self._mails: list[Mail] = []
        self._met: set[str] = set()
        self._lock = threading.Lock()

    def since(self, number: int = 0) -> list[Mail]:
        """The mails after this number, in the order of their arrival."""
        with self._lock:
            return self._mails[number:]

    def get(self, number: int) -> Mail | None:
        """The mail of this number."""
        with self._lock:
            return self._mails[number - 1] if 0 < number <= len(self._mails) else None

    async def handle_RCPT(  # noqa: N802
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        """Refuse whom nobody knows for good, and one stranger until the second time."""
        if people.refused(address):
            return REFUSAL
        if self._first_time(people.GREYLISTED, address):
            return COME_BACK
        envelope.rcpt_tos.append(address)
        return OK

    async def handle_DATA(self, server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        """Keep the mail; for one person the line breaks before the answer, so that nobody knows whether it was kept."""
        recipient = envelope.rcpt_tos[0]
        if self._first_time(people.LOST_LINE, recipient):
            server.transport.abort()
            return OK
        with self._lock:
            self._mails.append(Mail(len(self._mails) + 1, recipient, bytes(envelope.content)))
        return OK

    def _first_time(self, whom: str, address: str) -> bool:
        if not self.moody or address != whom or whom in self._met:
            return False
        self._met.add(whom)
        return True


@contextmanager
def open_mailbox() -> Iterator[Mailbox]:
    """The mail server on a free port of 127.0.0.1; raises ConfigError where aiosmtpd is not installed."""
    try:
        from aiosmtpd.controller import Controller
    except ModuleNotFoundError:
        raise ConfigError("the demo needs the package aiosmtpd", "install it: pip install aiosmtpd") from None
    mailbox = Mailbox()
    with socket.create_server((LOOPBACK, 0)) as probe:
        mailbox.port = probe.getsockname()[1]
    controller = Controller(mailbox, hostname=LOOPBACK, port=mailbox.port, ident="demo", enable_SMTPUTF8=True)
    controller.start()
    try:
        yield mailbox
    finally:
        controller.stop()
