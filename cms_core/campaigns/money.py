"""Amounts as people write them ("500 EUR"), as they are stored (micros and an ISO code), and back."""

import re
from decimal import Decimal

from babel.numbers import is_currency

from cms_core.errors import Invalid

MICROS = 1_000_000
_AMOUNT = re.compile(r"(?P<number>\d{1,12}(?:\.\d{1,6})?) ?(?P<currency>[A-Za-z]{3})", re.ASCII)


def parse_money(text: str) -> tuple[int, str]:
    """Micros and ISO 4217 code of "500 EUR" or "99.90 USD"; raises Invalid for anything else."""
    found = _AMOUNT.fullmatch(" ".join(text.split()))
    code = found["currency"].upper() if found else ""
    if found is None or not is_currency(code):
        raise Invalid(
            f"{text!r} is not an amount", 'write a number and an ISO currency code, such as "500 EUR"'
        )
    return to_micros(Decimal(found["number"])), code


def to_micros(value: Decimal) -> int:
    """A number in millionths, as amounts and measurements are stored."""
    return int((value * MICROS).to_integral_value())


def from_micros(micros: int) -> Decimal:
    """The number that millionths stand for."""
    return Decimal(micros) / MICROS


def show_money(micros: int | None, currency: str) -> str | None:
    """ "500 EUR", "99.90 USD"; None where there is no amount."""
    if micros is None:
        return None
    amount = from_micros(micros)
    shown = f"{amount:f}" if amount != amount.to_integral_value() else str(int(amount))
    if "." in shown:
        whole, _, rest = shown.partition(".")
        shown = f"{whole}.{rest.rstrip('0').ljust(2, '0')}"
    return f"{shown} {currency}"
