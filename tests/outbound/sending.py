"""Sending to a faulty mail server, and what came of it."""

from collections.abc import Iterator

from cms_core.contract import NotConnected, OutcomeStatus, Retryable
from cms_core.outbound import Guard, SmtpDoor, SmtpMessage, SmtpOutcome, SmtpServer
from cms_core.testing.smtp import Answer, Answers, FaultySmtp

from .conftest import RecordingWire

A, R, F, U = OutcomeStatus.ACCEPTED, OutcomeStatus.RETRY, OutcomeStatus.FAILED, OutcomeStatus.UNKNOWN


def mails(count: int, data: bytes = b"Subject: x\r\n\r\nhello\r\n") -> Iterator[SmtpMessage]:
    """Messages to r0, r1, … with a context of their own."""
    for key in range(count):
        yield SmtpMessage(key, "news@example.com", f"r{key}@example.org", data, context=f"c{key}")


class Run:
    """One sending to a faulty server, and what came of it."""

    def __init__(self, wire: RecordingWire, guard: Guard) -> None:
        self.wire = wire
        self.guard = guard
        self.error: Exception | None = None
        self.outcomes: list[SmtpOutcome] = []

    def send(self, server: FaultySmtp, messages: Iterator[SmtpMessage | None], **options: int) -> None:
        """Send everything and keep outcomes and error."""
        settings = SmtpServer("127.0.0.1", server.port, "none", local_name="us.test", timeout=0.3)
        door = SmtpDoor(settings, self.guard, self.wire, **{"connections": 1, "attempts": 2, **options})
        try:
            self.outcomes.extend(door.send(messages))
        except (Retryable, NotConnected) as error:
            self.error = error
        finally:
            door.close()

    @property
    def statuses(self) -> list[OutcomeStatus]:
        """What became of the messages, by their keys."""
        return [each.status for each in sorted(self.outcomes, key=lambda each: each.key)]


def faulty(pipelining: str, **answers: Answers) -> FaultySmtp:
    """A server that misbehaves as told."""
    return FaultySmtp(answers=answers, pipelining=pipelining)  # type: ignore[arg-type]


def at(position: int, answer: Answer) -> list[Answer | None]:
    """A script that says this the n-th time only, from zero."""
    return [None] * position + [answer]
