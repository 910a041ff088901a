"""How a value is made harmless for the place where it stands, and how text becomes quoted-printable (RFC 2045, 6.7).

A quoted-printable line holds at most 76 characters with its soft break. Static text is folded once. A value is written as it
is when it takes at most ``VALUE`` characters on one line; a longer one brings a soft break before and after it. So the
highest column that any place of a template can reach is known when it is compiled, and soft breaks are set where needed.
"""

import re
from collections.abc import Callable

from markupsafe import escape

from cms_core.merge.filters import urlencode
from cms_core.merge.nodes import Quote

ROOM = 75
VALUE = 32
SOFT = "=\r\n"
_LINK = re.compile(r"(?:https?://|mailto:)[^\x00-\x20\x7f\\]+", re.IGNORECASE)
_LITERAL = {*range(33, 127), 9, 32} - {ord("=")}
_CODES = [chr(byte) if byte in _LITERAL else f"={byte:02X}" for byte in range(256)]
_BLANK = {" ": "=20", "\t": "=09"}
_CALM = r"0-9A-Za-z!#$%()*+,./:;?@\[\]^_{|}~-"  # neither HTML nor quoted-printable changes these
_AS_IT_IS = re.compile(rf"(?:[ {_CALM}]{{0,{VALUE - 1}}}[{_CALM}])?")

Encode = Callable[[str], str]


def html(value: str) -> str:
    """HTML-escaped, fit for text and quoted attributes."""
    return str(escape(value))


def link(value: str) -> str:
    """A whole address: HTML-escaped when it is http, https or mailto, else empty."""
    stripped = value.strip()
    return html(stripped) if _LINK.fullmatch(stripped) else ""


def address(value: str) -> str:
    """A part of a mailto: or tel: address, where @ and + mean themselves."""
    return urlencode(value, "@+")


QUOTES: dict[Quote, Encode] = {
    Quote.NONE: lambda value: value,
    Quote.HTML: html,
    Quote.URL: urlencode,
    Quote.ADDRESS: address,
    Quote.LINK: link,
}


def _qp_value(value: str) -> str:
    lines = [_qp_line(line) for line in _line_ends(value).split("\n")]
    if len(lines) == 1 and len(lines[0]) <= VALUE:
        return lines[0]
    return SOFT + "\r\n".join(_fold(line, 0)[0] for line in lines) + SOFT


def _line_ends(value: str) -> str:
    return value.replace("\r\n", "\n").replace("\r", "\n")


def _qp_line(line: str) -> str:
    """One line without its end; a blank at its end is encoded, as transports cut it off."""
    encoded = "".join([_CODES[byte] for byte in line.encode()])
    return encoded[:-1] + _BLANK[encoded[-1]] if encoded[-1:] in _BLANK else encoded


def _fold(encoded: str, column: int) -> tuple[str, int]:
    """The line with soft breaks when it starts at ``column``, and the column where it ends."""
    pieces: list[str] = []
    start, room = 0, ROOM - column
    while len(encoded) - start > room:
        cut = start + room
        split = encoded.rfind("=", max(start, cut - 2), cut)
        cut = cut if split < 0 else split
        pieces += (encoded[start:cut], SOFT)
        start, room = cut, ROOM
    pieces.append(encoded[start:])
    return "".join(pieces), ROOM - room + len(encoded) - start


class Plain:
    """Writes text as it is."""

    column = 0

    def text(self, data: str) -> str:
        """Static text."""
        return data

    def not_beyond(self, column: int) -> str:
        """What brings the current place back to at most ``column``."""
        return ""

    def before_value(self) -> str:
        """What must stand before a value."""
        return ""

    def encoder(self, quote: Quote) -> Encode:
        """The encoder of values under ``quote``."""
        return QUOTES[quote]


class QuotedPrintable(Plain):
    """Writes a quoted-printable body; ``column`` is the highest that the current place can have."""

    def text(self, data: str) -> str:
        """Static text, folded."""
        folded: list[str] = []
        for count, line in enumerate(data.split("\n")):
            if count:
                self.column = 0
            piece, self.column = _fold(_qp_line(line), self.column)
            folded.append(piece)
        return "\r\n".join(folded)

    def not_beyond(self, column: int) -> str:
        """A soft break where the current place may be beyond ``column``."""
        if self.column <= column:
            return ""
        self.column = 0
        return SOFT

    def before_value(self) -> str:
        """A soft break where a value would not have its room."""
        soft = self.not_beyond(ROOM - VALUE)
        self.column += VALUE
        return soft

    def encoder(self, quote: Quote) -> Encode:
        """The encoder of values under ``quote``: escaped or percent-encoded first, then quoted-printable."""
        protect, may_pass = QUOTES[quote], quote in (Quote.NONE, Quote.HTML)

        def encode(value: str) -> str:
            if may_pass and _AS_IT_IS.fullmatch(value):
                return value
            return _qp_value(protect(value))

        return encode
