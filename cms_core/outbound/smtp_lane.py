"""One connection of the mail door and what is under way on it."""

from dataclasses import dataclass
from typing import NamedTuple

from cms_core.outbound.smtp_message import SmtpMessage
from cms_core.outbound.smtp_session import SmtpSession


class WireFault(Exception):
    """The wire could not be told."""

    def __init__(self, fault: Exception) -> None:
        super().__init__(str(fault))
        self.fault = fault


class Letter(NamedTuple):
    """A message as one server takes it: its envelope's commands and its body."""

    message: SmtpMessage
    commands: list[bytes]
    data: bytes


@dataclass(slots=True)
class Lane:
    """One connection and what is under way on it: the body that was sent, the envelope that was sent, and what comes after it."""

    session: SmtpSession | None = None
    body: SmtpMessage | None = None
    envelope: Letter | None = None
    following: Letter | None = None
    accepted: int = 0
    open_after: int = 0

    @property
    def busy(self) -> bool:
        """Whether anything is under way."""
        return self.body is not None or self.envelope is not None or self.following is not None

    def drop(self) -> None:
        """Close the connection without a word and forget what was under way."""
        if self.session is not None:
            self.session.abort()
        self.session = self.body = self.envelope = self.following = None
        self.accepted = 0
