"""The keyed hash of an address, which survives the erasure of a contact."""

from collections.abc import Iterable

from sqlalchemy.orm import Session

from cms_core.addresses import spelling
from cms_core.secrets import keyed_hash


def address_hash(session: Session, address: str) -> str:
    """The keyed hash under which an address is suppressed, however it is spelled; it says nothing without the key."""
    return address_hashes(session, [spelling(address)])[0]


def address_hashes(session: Session, addresses: Iterable[str]) -> list[str]:
    """The same of many addresses in their one spelling."""
    key: bytes = session.info["key"]
    return [keyed_hash(key, address) for address in addresses]
