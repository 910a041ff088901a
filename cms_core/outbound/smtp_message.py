"""One mail at the door: what is handed in, what comes back, and the bytes that say it in SMTP (RFC 5321).

Whatever could become a second command or a second message is refused here, before a byte leaves: odd addresses, bare line ends.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from io import IncrementalNewlineDecoder
from typing import Any

import idna

from cms_core.contract import OutcomeStatus

ADDRESS = re.compile(r"[^\s<>\x00-\x20\x7f-\x9f\ud800-\udfff]+@[^\s<>@\x00-\x20\x7f-\x9f\ud800-\udfff]+")
LINE_WITH_DOT = re.compile(rb"\n\.")  # faster than `in`
LONGEST_ADDRESS = 254  # RFC 5321, 4.5.3.1.3, without the angle brackets
LONGEST_REPLY = 200


@dataclass(slots=True)
class SmtpMessage:
    """``data`` has CRLF line ends and is not dot-stuffed; ``sender`` is the envelope's (empty: none); ``context`` comes back."""

    key: int
    sender: str
    recipient: str
    data: bytes
    context: Any = None


@dataclass(slots=True)
class SmtpOutcome:
    """What became of one message: the server's code (0: it said none) and its words, shortened and printable."""

    key: int
    context: Any
    status: OutcomeStatus
    code: int
    reply: str


@dataclass(slots=True)
class Reply:
    """An answer of the server: three digits and the text of all its lines."""

    code: int
    text: str

    @property
    def ok(self) -> bool:
        """Whether the server did it (2xx)."""
        return 200 <= self.code < 300

    @property
    def refuses(self) -> bool:
        """Whether the server did not do it, for now (4xx) or for good (5xx)."""
        return self.code >= 400


class Unsendable(Exception):
    """This message cannot be sent to this server; ``reply`` says why, with the code a server would give."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.reply = Reply(code, text)


def outcome(message: SmtpMessage, reply: Reply, status: OutcomeStatus | None = None) -> SmtpOutcome:
    """What a reply means for a message: 2xx accepted, 4xx try again, else refused; or the status that is given."""
    if status is None:
        code = reply.code
        status = OutcomeStatus.FAILED
        if 200 <= code < 300:
            status = OutcomeStatus.ACCEPTED
        elif 400 <= code < 500:
            status = OutcomeStatus.RETRY
    return SmtpOutcome(message.key, message.context, status, reply.code, printable(reply.text))


def printable(text: str) -> str:
    """The text of a reply as it may be stored and shown: one line of at most 200 printable characters."""
    short = text[: 2 * LONGEST_REPLY]
    if not short.isprintable():
        short = "".join(each if each.isprintable() else " " for each in short)
    return " ".join(short.split())[:LONGEST_REPLY] if "  " in short else short[:LONGEST_REPLY]


def envelope(message: SmtpMessage, offered: Mapping[str, str]) -> list[bytes]:
    """The commands MAIL, RCPT and DATA for a server that offers these extensions; raises Unsendable."""
    wide = False
    if not (message.sender.isascii() and message.recipient.isascii()):
        wide = "SMTPUTF8" in offered
    sender = _sender(message.sender, wide)
    recipient = _path(message.recipient, wide)
    extra = b" SMTPUTF8" if wide else b""
    if not message.data.isascii():
        if "8BITMIME" not in offered:
            raise Unsendable(554, "5.6.3 the message is 8-bit and the server takes 7-bit text only")
        extra += b" BODY=8BITMIME"
    if "SIZE" in offered:
        size = len(message.data)
        limit = offered["SIZE"]
        if limit.isdigit() and 0 < int(limit) < size:
            raise Unsendable(552, f"5.3.4 the message has {size} bytes, the server takes {limit}")
        extra += b" SIZE=%d" % size
    return [b"MAIL FROM:<%s>%s\r\n" % (sender, extra), b"RCPT TO:<%s>\r\n" % recipient, b"DATA\r\n"]


def body(data: bytes) -> bytes:
    """The message as it goes over the wire, dots stuffed and the final dot added; raises Unsendable for bare line ends."""
    if _line_ends(data) not in (None, "\r\n"):
        raise Unsendable(554, "5.6.0 the message has bare line ends, which some servers take for its end")
    if LINE_WITH_DOT.search(data):
        data = data.replace(b"\n.", b"\n..")
    if data[:1] == b".":
        data = b"." + data
    return data + (b".\r\n" if data[-2:] == b"\r\n" or not data else b"\r\n.\r\n")


def _line_ends(data: bytes) -> object:
    """Which kinds of line ends there are: one string or a tuple of them; a single pass in C, unlike counting."""
    decoder = IncrementalNewlineDecoder(None, translate=False)
    decoder.decode(data.decode("latin-1"), final=True)
    return decoder.newlines


def _path(address: str, wide: bool) -> bytes:
    if len(address) > LONGEST_ADDRESS or not ADDRESS.fullmatch(address):
        raise Unsendable(553, "5.1.3 this is not an address that can be sent to")
    if wide:
        return address.encode()
    if not address.isascii():
        address = _ascii_domain(address)
    return address.encode("ascii")


@lru_cache(maxsize=32)
def _sender(address: str, wide: bool) -> bytes:
    return _path(address, wide) if address else b""


def _ascii_domain(address: str) -> str:
    local, _, domain = address.rpartition("@")
    if not local.isascii():
        raise Unsendable(553, "5.6.7 the address has letters that the server does not know (no SMTPUTF8)")
    try:
        return f"{local}@{idna.encode(domain, uts46=True).decode('ascii')}"
    except idna.IDNAError:
        raise Unsendable(553, "5.1.3 the domain of this address is not a domain name") from None
