"""What stands in the cells of deal files: amounts as people and other systems write them, days, yes and no, addresses."""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from decimal import Decimal

from cms_core import Invalid, to_micros

SIGNS = {
    "€": "EUR",
    "$": "USD",
    "US$": "USD",
    "£": "GBP",
    "¥": "JPY",
    "₹": "INR",
    "zł": "PLN",
    "₩": "KRW",
    "CHF": "CHF",
}
YES, NO = frozenset({"true", "yes", "1", "y"}), frozenset({"false", "no", "0", "n", ""})
END_OF_DAY = time(23, 59, 59)
LONGEST_DAY = len("2026-05-04")
_MONEY = re.compile(
    r"(?P<before>[^\d+.,-]{0,4}?)\s*(?P<number>\d[\d.,'\s]{0,30})\s*(?P<after>[^\d.,]{0,4})", re.ASCII
)
_PLAIN = re.compile(r"\d{1,13}(?:\.\d{1,2}|\.\d{4,6})?|(?:0|\d{4,13})\.\d{3}", re.ASCII)
_GROUPED = re.compile(
    r"\d{1,3}(?:(?P<group>[,.' ])\d{3})(?:(?P=group)\d{3})*(?:(?P<point>[.,])\d{1,6})?", re.ASCII
)
_COMMA = re.compile(r"\d{1,13},\d{1,2}", re.ASCII)
_SLASHED = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})(?:[ ,].*)?", re.ASCII | re.DOTALL)
_DOTTED = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})(?:[ ,].*)?", re.ASCII | re.DOTALL)
_ADDRESS = re.compile(r"[^\s;,<>()\[\]\"]+@[^\s;,<>()\[\]\"]+", re.ASCII)


def read_amount(text: str) -> tuple[int, str]:
    """Micros and the currency that stands with the number ("" for none); raises Invalid, also where it could mean two numbers."""
    found = _MONEY.fullmatch(" ".join(text.replace("\u202f", " ").replace("\xa0", " ").split()))
    if found is None:
        raise Invalid(f"{text[:40]!r} is not an amount", "write a number such as 1200.50")
    currency = _currency(found["before"] or found["after"], text)
    return to_micros(_number(found["number"].strip(), text)), currency


def _currency(sign: str, text: str) -> str:
    sign = sign.strip()
    code = SIGNS.get(sign, sign.upper())
    if code and not re.fullmatch(r"[A-Z]{3}", code):
        raise Invalid(f"{text[:40]!r} is not an amount", "write a number such as 1200.50")
    return code


def _number(digits: str, text: str) -> Decimal:
    if _PLAIN.fullmatch(digits):
        return Decimal(digits)
    if _COMMA.fullmatch(digits):
        return Decimal(digits.replace(",", "."))
    found = _GROUPED.fullmatch(digits)
    if found is None or found["point"] == found["group"]:
        raise Invalid(f"{text[:40]!r} is not an amount", "write a number such as 1200.50")
    if digits.count(".") == 1 and found["point"] is None and found["group"] == ".":
        raise Invalid(f"{text[:40]!r} can be two amounts", "write 1200 or 1.20")
    whole = digits.replace(found["group"], "")
    return Decimal(whole.replace(found["point"], ".") if found["point"] else whole)


def day_first(cells: Iterable[str]) -> bool | None:
    """Whether days like 5/4/2026 are written with the day first; None where no cell of the file decides it."""
    for cell in cells:
        found = _SLASHED.fullmatch(cell.strip())
        if found and int(found[1]) > 12:
            return True
        if found and int(found[2]) > 12:
            return False
    return None


def read_moment(text: str, first_is_day: bool | None) -> datetime:
    """An instant; a day is its end, for what was done on it was done before, and without a zone UTC is meant. Raises Invalid."""
    try:
        moment = datetime.fromisoformat(text)
        if len(text) <= LONGEST_DAY:
            moment = datetime.combine(moment, END_OF_DAY)
    except ValueError:
        moment = datetime.combine(_day(text, first_is_day), END_OF_DAY)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def _day(text: str, first_is_day: bool | None) -> date:
    dotted, slashed = _DOTTED.fullmatch(text), _SLASHED.fullmatch(text)
    found = dotted or slashed
    if found is None:
        raise Invalid(f"{text[:40]!r} is not a day", "write it like 2026-05-04")
    if slashed and first_is_day is None:
        raise Invalid(f"{text[:40]!r} can be two days", "write it like 2026-05-04, or say --dates mdy or dmy")
    day, month = int(found[1]), int(found[2])
    if slashed and not first_is_day:
        day, month = month, day
    try:
        return date(int(found[3]), month, day)
    except ValueError:
        raise Invalid(f"{text[:40]!r} is not a day", "write it like 2026-05-04") from None


def read_flag(text: str) -> bool:
    """Yes or no; raises Invalid."""
    word = text.casefold()
    if word not in YES | NO:
        raise Invalid(f"{text[:40]!r} is neither yes nor no", "write true or false")
    return word in YES


def addresses_in(text: str) -> list[str]:
    """The e-mail addresses in a cell like ``Jane Doe (jane@acme.test); bob@acme.test``."""
    return _ADDRESS.findall(text)
