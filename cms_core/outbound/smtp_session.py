"""One SMTP connection from greeting to goodbye: EHLO, STARTTLS, AUTH, and the envelopes of messages."""

import contextlib
import ipaddress
import re
import socket
import ssl
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from cms_core.contract import NotConnected, Retryable
from cms_core.errors import Invalid
from cms_core.outbound.guard import Blocked, Guard
from cms_core.outbound.smtp_message import Reply, printable
from cms_core.outbound.smtp_stream import Garbled, Lost, SmtpStream, words

GO_AHEAD = 354
RESET = b"RSET\r\n"
ACCEPTED = re.compile(rb"(?:25[01] [^\n]*\n){2}354 [^\n]*\n")  # MAIL, RCPT and DATA, in one line each
LOCAL_NAME = re.compile(r"[A-Za-z0-9.:\[\]-]{0,255}")


@dataclass(frozen=True)
class SmtpServer:
    """A mail server. ``security`` is kept to the letter: there is no falling back to plain text.

    ``timeout`` (seconds) is for each connect and each reply; after a message's final dot, running out of it makes an outcome
    unknown, so leave a server time that scans before it answers. ``ca_file`` names another certificate authority than the system's.
    """

    host: str
    port: int = 587
    security: Literal["none", "starttls", "tls"] = "starttls"
    username: str = ""
    password: str = field(default="", repr=False)
    local_name: str = ""
    timeout: float = 60.0
    ca_file: str | None = None

    def __post_init__(self) -> None:
        if not LOCAL_NAME.fullmatch(self.local_name):
            raise Invalid(
                f"{self.local_name!r} is not a host name", "give the name that this machine has in DNS"
            )

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class Refusal(NamedTuple):
    """What refused an envelope; when it is the reply to its sender, it may be the connection that is meant."""

    reply: Reply
    of_sender: bool


class SmtpSession(SmtpStream):
    """An open connection that is ready for mail. ``offered``: extension → its parameters, as of the last EHLO."""

    def __init__(self, sock: socket.socket, server: SmtpServer) -> None:
        super().__init__(sock)
        sock.settimeout(server.timeout)
        self.greeting = ""
        self.offered: dict[str, str] = {}
        self._server = server
        self._name = server.local_name or _local_name(sock)
        self._reset_first = False
        self._resetting = False

    @property
    def pipelining(self) -> bool:
        """Whether the server takes several commands in one go (RFC 2920)."""
        return "PIPELINING" in self.offered

    # --- the envelope of a message --------------------------------------------------------------------------------------

    def envelope_ahead(self, commands: Sequence[bytes]) -> bytes:
        """The bytes of a whole envelope, to be written in one go; ``read_envelope`` reads what they are answered."""
        self._resetting, self._reset_first = self._reset_first, False
        return (RESET if self._resetting else b"") + b"".join(commands)

    def read_envelope(self) -> Refusal | None:
        """The replies to an envelope written in one go: None when the message may follow, else the one that refuses it."""
        if self._resetting and not self.reply().ok:
            raise Garbled("the server does not reset")
        if self.skip(ACCEPTED):
            self.in_step()
            return None
        mail, rcpt, data = self.reply(), self.reply(), self.reply()
        self.in_step()
        if mail.ok and rcpt.ok and data.code == GO_AHEAD:
            return None
        self._reset_first = True
        if data.code == GO_AHEAD:
            if not rcpt.refuses:  # ending it would send an empty message
                raise Garbled("the server wants a message whose sender it has refused")
            self.command(b".\r\n")
        for reply in (mail, rcpt, data):
            if reply.refuses:
                return Refusal(reply, of_sender=reply is mail)
        raise Garbled("the server neither accepts nor refuses")

    def say_envelope(self, commands: Sequence[bytes]) -> Refusal | None:
        """An envelope command by command: None when the message may follow, else the reply that refuses it."""
        if self._reset_first and not self.command(RESET).ok:
            raise Garbled("the server does not reset")
        self._reset_first = False
        for command in commands:
            reply = self.command(command)
            self.in_step()
            if reply.refuses:
                self._reset_first = True
                return Refusal(reply, of_sender=command is commands[0])
            if (reply.code == GO_AHEAD) != (command is commands[-1]):
                raise Garbled("the server neither accepts nor refuses")
        return None

    # --- opening and closing --------------------------------------------------------------------------------------------

    def set_up(self, guard: Guard) -> None:
        """From the greeting to being signed in; raises Retryable or NotConnected when we are not welcome."""
        server = self._server
        if server.security == "tls":
            self._encrypt()
        greeting = self.reply()
        if greeting.code != 220:
            raise _unwelcome("the server does not take mail", greeting)
        self.greeting = printable(greeting.text)
        self._hello()
        if server.security == "starttls":
            self._start_tls()
        if server.username:
            if server.security == "none" and not guard.trusts(str(self.sock.getpeername()[0])):
                raise NotConnected(
                    f"the password for {server} would go in plain text; choose STARTTLS or TLS"
                )
            self._log_in(server.username, server.password)

    def _hello(self) -> None:
        name = self._name.encode("ascii")
        reply = self.command(b"EHLO %s\r\n" % name)
        if reply.code in (500, 502):  # a server that knows no extensions
            reply = self.command(b"HELO %s\r\n" % name)
        if not reply.ok:
            raise _unwelcome("the server refuses our name", reply)
        words = [line.upper().split() for line in reply.text.split("\n")[1:]]
        self.offered = {each[0]: " ".join(each[1:]) for each in words if each}

    def _start_tls(self) -> None:
        if "STARTTLS" not in self.offered:
            raise NotConnected(f"{self._server} does not offer STARTTLS; nothing is sent in plain text")
        reply = self.command(b"STARTTLS\r\n")
        if reply.code != 220:
            raise _unwelcome("the server refuses STARTTLS", reply)
        self.in_step()  # what a stranger slipped in before the encryption must not count after it
        self._encrypt()
        self._hello()

    def _encrypt(self) -> None:
        context = ssl.create_default_context(cafile=self._server.ca_file)
        self.sock = context.wrap_socket(self.sock, server_hostname=self._server.host)

    def _log_in(self, username: str, password: str) -> None:
        methods = self.offered.get("AUTH", "").split()
        if "PLAIN" in methods:
            token = b64encode(f"\0{username}\0{password}".encode())
            reply = self.command(b"AUTH PLAIN %s\r\n" % token)
        elif "LOGIN" in methods:
            reply = self.command(b"AUTH LOGIN\r\n")
            for secret in (username, password):
                if reply.code == 334:
                    reply = self.command(b64encode(secret.encode()) + b"\r\n")
        else:
            raise NotConnected("the server offers no way to sign in that we know (PLAIN, LOGIN)")
        if reply.code != 235:
            raise _unwelcome("the server refuses to sign us in", reply)

    def quit(self) -> None:
        """Say goodbye and close; what the server answers does not matter."""
        with contextlib.suppress(Lost, OSError):
            self.sock.settimeout(min(2.0, self.sock.gettimeout() or 2.0))
            self.command(b"QUIT\r\n")
        self.abort()

    def abort(self) -> None:
        """Close without a word."""
        self.sock.close()


def open_session(server: SmtpServer, guard: Guard) -> SmtpSession:
    """Connect, encrypt as the server's setting demands, and sign in.

    Raises Retryable when the server cannot be reached or is busy, NotConnected when a person must look: blocked address, wrong
    certificate, no STARTTLS, sign-in refused.
    """
    try:
        session = SmtpSession(guard.connect(server.host, server.port, server.timeout), server)
        try:
            session.set_up(guard)
        except BaseException:
            session.abort()
            raise
    except (OSError, Lost, Blocked) as error:
        raise _opening_error(server, error) from error
    return session


def _opening_error(server: SmtpServer, error: Exception) -> Retryable | NotConnected:
    match error:
        case Blocked():
            return NotConnected(f"{error.reason}; {error.remedy}")
        case ssl.SSLCertVerificationError():
            return NotConnected(f"the certificate of {server} is not good: {error.verify_message}")
        case ssl.SSLEOFError() | ssl.SSLZeroReturnError():
            return Retryable(f"{server} closed the connection")
        case ssl.SSLError():
            return NotConnected(f"{server} does not speak TLS as we do: {error.reason}")
        case OSError():
            return Retryable(f"cannot connect to {server}: {words(error)}")
        case _:
            return Retryable(f"{server}: {error}")


def _unwelcome(what: str, reply: Reply) -> Retryable | NotConnected:
    kind = Retryable if 400 <= reply.code < 500 else NotConnected
    return kind(f"{what}: {reply.code} {printable(reply.text)}")


def _local_name(sock: socket.socket) -> str:
    name = socket.gethostname()
    if "." in name and name.isascii():
        return name
    address = ipaddress.ip_address(str(sock.getsockname()[0]).partition("%")[0])
    return f"[{address}]" if address.version == 4 else f"[IPv6:{address}]"
