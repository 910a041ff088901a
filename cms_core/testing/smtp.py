"""A mail server on loopback that can be told to misbehave, for the core and for plugin authors.

    with FaultySmtp(answers={"RCPT": [Answer("450 4.7.1 come back later")]}) as server:
        ...                       # send to 127.0.0.1, server.port
    assert [mail.recipients for mail in server.received] == [["ann@example.com"]]

``answers`` names, by moment, what is said instead of the usual reply: a list is used up in order (None: the usual reply), a
function is given the command's argument and may return None. Moments: CONNECT, EHLO, HELO, STARTTLS, AUTH, MAIL, RCPT, DATA,
END (the final dot), RSET, QUIT. ``received`` keeps every message whose final dot was seen, whatever was answered to it.
"""

import contextlib
import socket
import ssl
import threading
import time
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Self

STEP = 0.02


@dataclass(frozen=True)
class Answer:
    """What the server says (one or several lines without line ends; empty: nothing), and whether it goes on after that."""

    text: str = ""
    then: Literal["go on", "drop", "reset", "hang"] = "go on"


DROP = Answer(then="drop")
RESET = Answer(then="reset")
SILENCE = Answer(then="hang")

Answers = Sequence[Answer | None] | Callable[[str], Answer | None]


@dataclass
class ReceivedMail:
    """A message that came to its final dot: envelope and data (dots unstuffed)."""

    sender: str
    recipients: list[str]
    data: bytes
    parameters: str = ""


class FaultySmtp:
    """The server; a context manager. ``pipelining`` says what becomes of commands that arrive together.

    honest: each is answered; garbage: the answer is nonsense; lossy: only the first is seen; off: not offered.
    """

    def __init__(
        self,
        *,
        answers: Mapping[str, Answers] | None = None,
        pipelining: Literal["honest", "garbage", "lossy", "off"] = "honest",
        extensions: Sequence[str] = ("8BITMIME", "SMTPUTF8", "SIZE 10000000"),
        tls: ssl.SSLContext | None = None,
        implicit_tls: bool = False,
        login: tuple[str, str] | None = None,
    ) -> None:
        self._answers = {
            moment: iter(each) if not callable(each) else each for moment, each in (answers or {}).items()
        }
        self.pipelining = pipelining
        self.extensions = list(extensions)
        self.tls = tls
        self.implicit_tls = implicit_tls
        self.login = login
        self.received: list[ReceivedMail] = []
        self.commands: list[str] = []
        self.connections = 0
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]

    def __enter__(self) -> Self:
        self._socket.settimeout(STEP)
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()
        self._socket.close()

    @property
    def stopping(self) -> bool:
        """Whether the test is over."""
        return self._stopping.is_set()

    def answer(self, moment: str, argument: str) -> Answer | None:
        """What the script says for this moment; None: the usual reply."""
        with self._lock:
            script = self._answers.get(moment)
            if script is None:
                return None
            return script(argument) if callable(script) else next(script, None)

    def _start(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, name="faulty-smtp", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self.stopping:
            try:
                connection, _ = self._socket.accept()
            except TimeoutError:
                continue
            self.connections += 1
            self._start(_Conversation(self, connection).run)


class _Hangup(Exception):
    pass


@dataclass
class _Conversation:
    """One connection to the server."""

    server: FaultySmtp
    sock: socket.socket
    buffer: bytes = b""
    sender: str | None = None
    parameters: str = ""
    recipients: list[str] = field(default_factory=list)
    go_ahead: bool = False

    def run(self) -> None:
        with contextlib.suppress(_Hangup, OSError):
            self.sock.settimeout(STEP)
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.server.implicit_tls:
                self._encrypt()
            self._say("CONNECT", "", "220 mail.test ESMTP ready")
            for line in self._lines():
                self._obey(line)
        self.sock.close()

    def _obey(self, line: bytes) -> None:
        text = line.decode("utf-8", "surrogateescape").rstrip("\r\n")
        self.server.commands.append(text)
        if self.buffer and self.server.pipelining in ("garbage", "lossy"):
            self.buffer = b""
            if self.server.pipelining == "garbage":
                self._send("what? ever\r\n")
                return
        verb, _, argument = text.partition(" ")
        handler = getattr(self, f"_on_{verb.lower()}", None)
        if handler is None:
            self._send("500 5.5.1 what?\r\n")
        else:
            handler(argument)

    # --- commands ---------------------------------------------------------------------------------------------------------

    def _on_ehlo(self, argument: str) -> None:
        offered = ["mail.test", *self.server.extensions]
        if self.server.pipelining != "off":
            offered.append("PIPELINING")
        if self.server.tls is not None and not isinstance(self.sock, ssl.SSLSocket):
            offered.append("STARTTLS")
        if self.server.login is not None:
            offered.append("AUTH PLAIN LOGIN")
        lines = [f"250-{each}" for each in offered[:-1]] + [f"250 {offered[-1]}"]
        self._say("EHLO", argument, "\r\n".join(lines))

    def _on_helo(self, argument: str) -> None:
        self._say("HELO", argument, "250 mail.test")

    def _on_starttls(self, argument: str) -> None:
        self._say("STARTTLS", argument, "220 2.0.0 go ahead")
        self._encrypt()

    def _on_auth(self, argument: str) -> None:
        method, _, token = argument.partition(" ")
        if method == "PLAIN":
            login = tuple(b64decode(token).decode().split("\0")[1:])
        else:
            self._send("334 VXNlcm5hbWU6\r\n")
            name = b64decode(next(self._lines()))
            self._send("334 UGFzc3dvcmQ6\r\n")
            login = (name.decode(), b64decode(next(self._lines())).decode())
        good = login == self.server.login
        self._say("AUTH", login[0], "235 2.7.0 welcome" if good else "535 5.7.8 wrong name or password")

    def _on_mail(self, argument: str) -> None:
        if self.sender is not None:
            self._send("503 5.5.1 nested MAIL command\r\n")
            return
        path, _, self.parameters = argument.removeprefix("FROM:").partition(" ")
        if self._say("MAIL", path.strip("<>"), "250 2.1.0 ok"):
            self.sender = path.strip("<>")

    def _on_rcpt(self, argument: str) -> None:
        address = argument.removeprefix("TO:").partition(" ")[0].strip("<>")
        if self.sender is None:
            self._send("503 5.5.1 MAIL first\r\n")
        elif self._say("RCPT", address, "250 2.1.5 ok"):
            self.recipients.append(address)

    def _on_data(self, argument: str) -> None:
        if not self.recipients:
            self._say("DATA", argument, "554 5.5.1 no valid recipients")
            if not self.go_ahead:
                return
        elif not self._say("DATA", argument, "354 end with a dot"):
            return
        data = self._data()
        mail = ReceivedMail(self.sender or "", self.recipients, data, self.parameters)
        if self.recipients:
            self.server.received.append(mail)
        self._forget()
        self._say("END", mail.recipients[0] if mail.recipients else "", "250 2.0.0 queued")

    def _on_rset(self, argument: str) -> None:
        self._forget()
        self._say("RSET", argument, "250 2.0.0 ok")

    def _on_noop(self, argument: str) -> None:
        self._send("250 2.0.0 ok\r\n")

    def _on_quit(self, argument: str) -> None:
        self._say("QUIT", argument, "221 2.0.0 bye")
        raise _Hangup

    # --- bytes ------------------------------------------------------------------------------------------------------------

    def _forget(self) -> None:
        self.sender, self.recipients, self.parameters = None, [], ""

    def _encrypt(self) -> None:
        assert self.server.tls is not None
        self.sock.settimeout(5)
        self.sock = self.server.tls.wrap_socket(self.sock, server_side=True)
        self.sock.settimeout(STEP)

    def _say(self, moment: str, argument: str, usual: str) -> bool:
        """Say the scripted or the usual answer; True when it was a yes."""
        answer = self.server.answer(moment, argument) or Answer(usual)
        if answer.text:
            self._send(answer.text.replace("\r\n", "\n").replace("\n", "\r\n") + "\r\n")
        self.go_ahead = answer.text.startswith("354")
        if answer.then == "hang":
            while not self.server.stopping:
                time.sleep(STEP)
        if answer.then == "reset":
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        if answer.then != "go on":
            raise _Hangup
        return answer.text[:1] in ("2", "3")

    def _send(self, text: str) -> None:
        self.sock.sendall(text.encode("utf-8", "surrogateescape"))

    def _lines(self) -> Iterator[bytes]:
        while True:
            yield self._until(b"\n")

    def _data(self) -> bytes:
        lines = []
        while (line := self._until(b"\n")) != b".\r\n":
            lines.append(line.removeprefix(b"."))
        return b"".join(lines)

    def _until(self, end: bytes) -> bytes:
        while end not in self.buffer:
            self._receive()
        line, end, self.buffer = self.buffer.partition(end)
        return line + end

    def _receive(self) -> None:
        while not self.server.stopping:
            with contextlib.suppress(TimeoutError):
                chunk = self.sock.recv(65536)
                if not chunk:
                    break
                self.buffer += chunk
                return
        raise _Hangup
