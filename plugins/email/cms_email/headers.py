"""Header fields of a mail as bytes: RFC 5322 with encoded words (RFC 2047), and nothing that could begin another field."""

import re
from base64 import b64encode
from collections.abc import Iterator
from functools import lru_cache

import idna

LINE = 76
LONGEST_SUBJECT = 1000
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_PLAIN = re.compile(r"[!-~](?:[ -~]*[!-~])?")
_PHRASE = re.compile(r"[A-Za-z0-9 !#$%&'*+/=?^_`{|}~-]+")
_ADDRESS = re.compile(r"[^\s<>\x00-\x20\x7f-\x9f]+@[^\s<>@\x00-\x20\x7f-\x9f]+")
_DOT_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9.-]+")
_WORD_START, _WORD_END = b"=?utf-8?b?", b"?="
_WORD_BYTES = (LINE - 1 - len(_WORD_START) - len(_WORD_END)) // 4 * 3


class Forbidden(ValueError):
    """This text must not stand in a header; the message says why, without the text."""


@lru_cache(maxsize=4096)
def text_field(name: str, value: str) -> bytes:
    """``Name: value`` folded at 76 columns, without its line end; raises Forbidden for line breaks and control characters."""
    if _CONTROL.search(value):
        raise Forbidden(f"{name} has a line break or control character, from a merge field or a setting")
    if len(value) > LONGEST_SUBJECT:
        raise Forbidden(f"{name} has {len(value)} characters; at most {LONGEST_SUBJECT} fit")
    head = f"{name}: ".encode("ascii")
    if len(head) + len(value) <= LINE and "=?" not in value and (not value or _PLAIN.fullmatch(value)):
        return head + value.encode("ascii")
    return head + _encoded(value, len(head))


def mailbox(name: str, address: str) -> bytes:
    """``Name <address>`` for From and Reply-To; raises Forbidden for what is not a name or address."""
    spec = address_field(address)
    if not name:
        return spec
    spec = spec if spec.startswith(b"<") else b"<%s>" % spec
    if _CONTROL.search(name):
        raise Forbidden("the sender's name has a line break or control character")
    if name.isascii() and "=?" not in name and len(name) + len(spec) < LINE - 12:
        quoted = name if _PHRASE.fullmatch(name) else '"' + re.sub(r'(["\\])', r"\\\1", name) + '"'
        return quoted.encode("ascii") + b" " + spec
    return _encoded(name, 12) + b"\r\n " + spec


def address_field(address: str) -> bytes:
    """One address as it stands in a header, its domain in ASCII; raises Forbidden for what is not an address."""
    if _DOT_ATOMS.fullmatch(address):
        return address.encode("ascii")
    if not _ADDRESS.fullmatch(address):
        raise Forbidden("this is not an address that can be sent to")
    local, _, domain = address.rpartition("@")
    if not domain.isascii():
        try:
            domain = idna.encode(domain, uts46=True).decode("ascii")
        except idna.IDNAError:
            raise Forbidden("the domain of this address is not a domain name") from None
    return f"<{local}@{domain}>".encode()


def _encoded(value: str, column: int) -> bytes:
    """The text as encoded words of whole characters, each on a line of its own but for the first."""
    return b"\r\n ".join(_WORD_START + b64encode(piece) + _WORD_END for piece in _pieces(value, column))


def _pieces(value: str, column: int) -> Iterator[bytes]:
    room = max(3, _WORD_BYTES - column // 4 * 3 - 3)
    piece = b""
    for character in value:
        more = character.encode()
        if len(piece) + len(more) > room:
            yield piece
            piece, room = b"", _WORD_BYTES
        piece += more
    yield piece
