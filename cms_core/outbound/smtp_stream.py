"""The bytes of one SMTP connection: commands out, replies in, with bounds on everything that is read."""

import re
import select
import socket
import time

from cms_core.outbound.smtp_message import Reply, printable

LONGEST_LINE = 64 * 1024
MOST_LINES = 100
READ_AT_ONCE = 64 * 1024
WRITE_AT_ONCE = 16 * 1024  # at most one TLS record, so that "no byte left" is true there as well
CLOSING = 421
LAST_LINES = {b"%d " % code: code for code in range(200, 600)}


class Lost(Exception):
    """The connection is of no use any more. ``polite``: the server said so (421); ``untouched``: no byte of the write left."""

    def __init__(self, reason: str, *, polite: bool = False, untouched: bool = False) -> None:
        super().__init__(reason)
        self.polite = polite
        self.untouched = untouched


class Garbled(Lost):
    """The server's answer is none: no reply at all in time, or not the form or the number of replies that SMTP has."""


class SmtpStream:
    """A connected socket that speaks in lines; its time-out is for each reply."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._buffer = b""
        self._at = 0

    @property
    def stale(self) -> bool:
        """Whether an idle connection has something to read: the server said goodbye."""
        if self._at < len(self._buffer):
            return True
        poll = select.poll()
        poll.register(self.sock, select.POLLIN)
        return bool(poll.poll(0))

    def write(self, data: bytes) -> None:
        """Hand all bytes to the system; raises Lost, which tells whether any of them left."""
        sent = 0
        try:
            while sent < len(data):
                sent += self.sock.send(data[sent : sent + WRITE_AT_ONCE])
        except OSError as error:
            raise Lost(f"connection lost while sending: {words(error)}", untouched=sent == 0) from error

    def reply(self) -> Reply:
        """The next reply, whole. Raises Lost when the connection ends (421 says so), Garbled for what is no reply or too late."""
        line = self._line()
        code = LAST_LINES.get(line[:4]) or _code(line)
        text = line[4:].rstrip() if line[3:4] == b" " else self._rest(line)
        if code == CLOSING:
            raise Lost(printable(text.decode("utf-8", "replace")), polite=True)
        return Reply(code, text.decode("utf-8", "replace"))

    def _rest(self, line: bytes) -> bytes:
        lines = [line]
        while line[3:4] == b"-":
            line = self._line()
            lines.append(line)
            if len(lines) > MOST_LINES or line[:3] != lines[0][:3]:
                raise Garbled("the server's reply has no end")
        return b"\n".join(each[4:].rstrip() for each in lines)

    def skip(self, expected: re.Pattern[bytes]) -> bool:
        """Pass over replies that are all there and just as expected; otherwise nothing is read."""
        found = expected.match(self._buffer, self._at)
        if found is None:
            return False
        self._at = found.end()
        return True

    def in_step(self) -> None:
        """Check that there is no reply too many, which would be taken for the next one; raises Garbled, or Lost for a goodbye."""
        if self._at < len(self._buffer):
            if self._buffer.startswith(b"421", self._at):
                self.reply()
            raise Garbled("the server gave more replies than there were commands")

    def command(self, line: bytes) -> Reply:
        """Send one command and wait for its reply."""
        self.write(line)
        return self.reply()

    def _line(self) -> bytes:
        end = self._buffer.find(b"\n", self._at)
        if end < 0:
            end = self._receive()
        line = self._buffer[self._at : end]
        self._at = end + 1
        return line

    def _receive(self) -> int:
        deadline = time.monotonic() + (self.sock.gettimeout() or 0.0)
        rest = self._buffer[self._at :]
        self._at = 0
        while True:
            try:
                chunk = self.sock.recv(READ_AT_ONCE)
            except TimeoutError:
                raise Garbled("no reply in time") from None
            except OSError as error:
                raise Lost(f"connection lost: {words(error)}") from error
            if not chunk:
                raise Lost("the server closed the connection")
            self._buffer = rest = rest + chunk
            end = rest.find(b"\n")
            if end >= 0:
                return end
            if len(rest) > LONGEST_LINE or time.monotonic() > deadline:
                raise Garbled("the server's reply has no end")


def _code(line: bytes) -> int:
    if line[:3].isdigit() and line[3:4] in (b" ", b"-", b"", b"\r"):
        code = int(line[:3])
        if 200 <= code < 600:
            return code
    raise Garbled(f"the server's answer is no reply: {printable(line[:60].decode('latin-1'))!r}")


def words(error: OSError) -> str:
    """What the system says about an error."""
    return error.strerror or str(error) or type(error).__name__
