"""The words, signs and values of the segment language, each with the column where it stands."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from cms_core.errors import Invalid

MAX_RULE_LENGTH = 10_000
EXAMPLE = 'country = "FR" and clicked("Launch") > 0 within 30 days'
_TOKEN = re.compile(
    r"""
      (?P<space>  \s+ )
    | (?P<text>   "(?:[^"\\]|\\["\\])*" )
    | (?P<date>   \d{4}-\d{2}-\d{2} (?:[Tt]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?(?:[Zz]|[+-]\d{2}:?\d{2})?)? (?![\w.-]) )
    | (?P<number> -?\d{1,18}(?:\.\d{1,12})? (?![\w.]) )
    | (?P<word>   [A-Za-z_][A-Za-z0-9_]* )
    | (?P<sign>   <=|>=|!=|[=<>(),] )
    """,
    re.VERBOSE | re.ASCII,
)
_HINTS = {
    "'": 'texts stand in double quotes: "FR"',
    "“": 'use straight double quotes: "FR"',
    "”": 'use straight double quotes: "FR"',
    "„": 'use straight double quotes: "FR"',
    '"': r"close the text with a double quote; inside it write \" and \\",
    "==": "write = for equal",
    "<>": "write != for unequal",
    "&": "write and",
    "|": "write or",
    "!": "write not, or != for unequal",
}


@dataclass(frozen=True)
class Token:
    """One token: kind (word, sign, text, number, date, end), how it is written, its column from 1, and its value."""

    kind: str
    text: str
    column: int
    value: str | Decimal | date | datetime | None = None


def tokenize(text: str) -> list[Token]:
    """All tokens of a rule, with an "end" after the last; raises Invalid for what is no part of the language."""
    if len(text) > MAX_RULE_LENGTH:
        raise Invalid(
            f"the rule has {len(text):,} characters, at most {MAX_RULE_LENGTH:,} are allowed",
            'make segments of its parts and say: in segment "NAME"',
        )
    if not text.strip():
        raise Invalid("the rule is empty", f"write one like: {EXAMPLE}")
    return [*_tokens(text), Token("end", "", len(text) + 1)]


def fault(token: Token, message: str, remedy: str = "") -> Invalid:
    """What is wrong with a rule, and at which column."""
    return Invalid(f"rule, column {token.column}: {message}", remedy or f"write it like: {EXAMPLE}")


def _tokens(text: str) -> Iterator[Token]:
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or text[at : at + 2] in _HINTS:
            bad = Token("sign", text[at], at + 1)
            hint = _HINTS.get(text[at : at + 2]) or _HINTS.get(text[at], "")
            raise fault(bad, f"{text[at : at + 20]!r} is not understood", hint)
        if match.lastgroup != "space":
            yield _token(match)
        at = match.end()


def _token(match: re.Match[str]) -> Token:
    kind, written, column = str(match.lastgroup), match[0], match.start() + 1
    plain = Token(kind, written, column)
    match kind:
        case "text":
            value = re.sub(r"\\(.)", r"\1", written[1:-1])
            if "\0" in value:
                raise fault(plain, "a NUL character is in no field", "take it out")
            return Token(kind, written, column, value)
        case "number":
            return Token(kind, written, column, Decimal(written))
        case "date":
            return Token(kind, written, column, _moment(plain))
    return plain


def _moment(token: Token) -> date | datetime:
    try:
        if len(token.text) == len("2026-05-04"):
            return date.fromisoformat(token.text)
        moment = datetime.fromisoformat(token.text.upper())
    except ValueError as error:
        raise fault(token, f"{token.text} is no date: {error}", "write it like 2026-05-04") from None
    if moment.tzinfo is None:
        raise fault(token, f"{token.text} does not say in which zone", "add Z or an offset such as +02:00")
    return moment
