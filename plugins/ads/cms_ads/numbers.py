"""Numbers as people's programs write them: ``1,234.56``, ``1.234,56``, ``1 234,56``, ``1'234.56``, ``€12.00``, ``--``.

Whether a comma or a point parts the decimals is learnt from the whole file; one cell alone (``1,234``) may mean either.
"""

import re
import unicodedata
from collections.abc import Iterable
from decimal import Decimal

NOTHING = frozenset({"", "-", "--", "–", "—", "n/a", "null", "\u2212"})
SYMBOLS = {
    "€": "EUR",
    "£": "GBP",
    "¥": "JPY",
    "US$": "USD",
    "CA$": "CAD",
    "NZ$": "NZD",
    "HK$": "HKD",
    "MX$": "MXN",
    "NT$": "TWD",
    "A$": "AUD",
    "C$": "CAD",
    "R$": "BRL",
    "S$": "SGD",
    "zł": "PLN",
    "Kč": "CZK",
}
DOLLAR = "$"  # alone, the sign of each of these
DOLLARS = frozenset(
    "ARS AUD BBD BMD BND BSD BZD CAD CLP COP CUP DOP FJD GYD HKD JMD KYD LRD MXN NAD NZD SBD SGD SRD TTD TWD USD UYU XCD".split()
)
_MONEY = re.compile(
    r"^(?:[A-Z]{3}|[^\d\s.,'’+\-()]{1,3})?(?P<number>[-+(]?[\d.,'’]+\)?)(?:[A-Z]{3}|[^\d\s.,'’+\-()%]{1,3})?$"
)
_ODD_SPACE = re.compile(
    r"\d\s+(?!\d{3}(?!\d))\d"
)  # a space parts groups of three digits, or it parts two numbers
_GROUPED = {
    ".": re.compile(r"(?:\d{1,3}(?:[,'’]\d{2,3})*[,'’]\d{3}|\d*)(?:\.\d*)?"),
    ",": re.compile(r"(?:\d{1,3}(?:[.'’]\d{2,3})*[.'’]\d{3}|\d*)(?:,\d*)?"),
}


def learn(amounts: Iterable[str], counts: Iterable[str], usual: str) -> str:
    """The character that parts decimals in a file, by its amounts and its whole numbers; ``usual`` where nothing tells."""
    votes = {vote for text in amounts if (vote := _decimal_in(_bare(text)))}
    for text in counts:
        separators = {each for each in _bare(text) if each in ",."}
        if len(separators) == 1:
            votes.add("," if separators == {"."} else ".")
    return votes.pop() if len(votes) == 1 else usual


def parse(text: str, decimal: str) -> Decimal | None:
    """The number of a cell; None for a dash or nothing. Raises ValueError for what is no number here."""
    bare = _bare(text)
    if bare.casefold() in NOTHING:
        return None
    negative = bare.startswith(("-", "(", "\u2212"))
    digits = bare.strip("-+()\u2212")
    if (
        not re.search(r"\d", digits)
        or not _GROUPED[decimal].fullmatch(digits)
        or bare.startswith("(") != bare.endswith(")")
    ):
        raise ValueError(f"{text[:40]!r} is not a number")
    grouping = ",'’" if decimal == "." else ".'’"
    plain = digits.translate(str.maketrans("", "", grouping)).replace(decimal, ".")
    found = Decimal(plain)
    if found >= 10**12:
        raise ValueError(f"{text[:40]!r} is too large")
    return -found if negative else found


def currency_in(text: str) -> str:
    """The currency that an amount names by code or by a sign of its own, DOLLAR for the sign of several, else ""."""
    code = re.search(r"(?<![A-Za-z])[A-Z]{3}(?![A-Za-z])", text)
    if code:
        return code[0]
    return next((code for sign, code in SYMBOLS.items() if sign in text), DOLLAR if DOLLAR in text else "")


def _bare(text: str) -> str:
    """The number without spaces and currency."""
    if _ODD_SPACE.search(text):
        return text
    tight = "".join(each for each in text if not unicodedata.category(each).startswith(("Z", "C")))
    found = _MONEY.fullmatch(tight)
    return found["number"] if found else tight


def _decimal_in(bare: str) -> str:
    """What surely parts the decimals of this number, or ""."""
    points, commas = bare.count("."), bare.count(",")
    if points and commas:
        return "." if bare.rfind(".") > bare.rfind(",") else ","
    sign, count = (".", points) if points else (",", commas)
    if count == 0:
        return ""
    other = "," if sign == "." else "."
    if count > 1:
        return other
    whole, _, rest = bare.strip("-+()").partition(sign)
    return sign if len(rest) != 3 or whole in ("", "0") or len(whole) > 3 else ""
