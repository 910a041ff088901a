"""The messages of one sending, as the door asks for them: one at a time, with pauses, and a second try for what got lost early."""

from collections import deque
from collections.abc import Iterator

from cms_core.outbound.smtp_message import SmtpMessage

Messages = Iterator[SmtpMessage | None]


class Source:
    """The messages to be sent, asked for one at a time. After a pause, the end or a fault nothing more is asked for."""

    def __init__(self, messages: Messages) -> None:
        self._messages = messages
        self._again: deque[SmtpMessage] = deque()
        self._repeated: set[int] = set()
        self.pulled = 0
        self.paused = False
        self.ended = False
        self.cut = False
        self.fault: Exception | None = None

    @property
    def dry(self) -> bool:
        """Whether there is nothing to send for now."""
        return not self._again and (self.ended or self.paused)

    def pull(self) -> SmtpMessage | None:
        """The next message; None when there is none for now."""
        if self._again:
            return self._again.popleft()
        if self.ended or self.paused:
            return None
        try:
            message = next(self._messages)
        except StopIteration:
            self.ended = True
            return None
        except Exception as fault:  # what is in flight is settled first, then the caller hears of it
            self.ended = True
            self.fault = self.fault or fault
            return None
        self.paused = message is None
        self.pulled += 1
        return message

    def repeat(self, message: SmtpMessage) -> bool:
        """Take back a message that did not get on the wire; False when that happened to it before, or sending has been stopped."""
        if self.fault is not None or message.key in self._repeated:
            return False
        self._repeated.add(message.key)
        self._again.append(message)
        return True

    def put_back(self, message: SmtpMessage) -> None:
        """Take back a message with which nothing has been begun."""
        self._again.append(message)

    def stop(self, fault: Exception) -> None:
        """The server is of no use: ask for nothing more; ``fault`` is raised when everything in flight is settled."""
        self.ended = self.cut = True
        self.fault = self.fault or fault

    def taken_back(self) -> Iterator[SmtpMessage]:
        """Hand out, and forget, what waits to be sent once more."""
        while self._again:
            yield self._again.popleft()
