"""E-mail addresses: one spelling for each, of users and of contacts."""

import re
from functools import lru_cache

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email

from cms_core.errors import Invalid

# Syntax only: .test, .invalid and .local are as good as any other name (the library's documented way to say so).
SPECIAL_USE_DOMAIN_NAMES.clear()

# What copying from web pages and PDF files leaves at the ends of an address, and str.strip does not take away.
_INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff\u00ad"
# Local parts of the common form need no second look (dot-atom of RFC 5322 §3.2.3, at most 64 octets).
_PLAIN_LOCAL = re.compile(r"[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*")
_PLAIN_DOMAIN = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+")
MAX_LOCAL = 64
MAX_ADDRESS = 254


def normalise(text: str, *, intranet: bool = False) -> str:
    """The address stripped and lower-cased as a whole; raises Invalid that says what is wrong with it.

    Syntax only: nothing is looked up, and the domains reserved for tests and examples are welcome. International addresses
    are kept readable (NFC, no punycode). ``intranet`` also takes names without a dot, as in admin@localhost.
    """
    address = text.strip().lower()
    if not address.isascii():
        address = text.strip().strip(_INVISIBLE).strip().lower()
    local, at, domain = address.rpartition("@")
    plain = len(local) <= MAX_LOCAL and len(address) <= MAX_ADDRESS and _PLAIN_LOCAL.fullmatch(local)
    if plain and _PLAIN_DOMAIN.fullmatch(domain) and _sound_domain(domain) == domain:
        return address
    if not at:
        raise Invalid(
            f"{_shown(text)} is not an e-mail address: it has no @-sign", "give it as name@example.com"
        )
    return _examine(address, intranet)


def spelling(address: str) -> str:
    """The one spelling of an address of any channel: e-mail addresses normalised, others stripped and lower-cased."""
    try:
        return normalise(address)
    except Invalid:
        return address.strip().lower()


@lru_cache(maxsize=4096)
def _sound_domain(domain: str) -> str:
    """The normal form of a domain, or "" when it cannot stand in an address."""
    try:
        return _examine(f"x@{domain}").removeprefix("x@")
    except Invalid:
        return ""


def _examine(address: str, intranet: bool = False) -> str:
    try:
        found = validate_email(
            address,
            check_deliverability=False,
            globally_deliverable=not intranet,
            allow_smtputf8=True,
            strict=True,
        )
    except EmailNotValidError as error:
        raise Invalid(
            f"{_shown(address)} is not an e-mail address: {error}", "give it as name@example.com"
        ) from None
    return found.normalized.lower()


def _shown(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:79] + "…")
