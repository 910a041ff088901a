"""The doors of a link, one after the other: the reader's address, whether that may open it, the password.

How far somebody got stands in a signed cookie, good for this link with its password, gate and lists of now, and for some hours.
What may be shown is asked of it with each page, picture, file and message, never remembered elsewhere.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from itsdangerous import BadSignature, URLSafeSerializer

from cms_core import Invalid, Services
from cms_sales_enablement import codes, opening, terms
from cms_sales_enablement.opening import Opened
from cms_sales_enablement.schemas import SAID, VERIFIED

LIFE = timedelta(hours=12)
MAILED = "mailed"  # a code is on its way to the address; it proves nothing yet


class Stage(StrEnum):
    """The door that somebody stands at."""

    ADDRESS = "address"
    CODE = "code"
    REFUSED = "refused"
    PASSWORD = "password"  # noqa: S105  # the name of a door
    OPEN = "open"


@dataclass(frozen=True)
class Pass:
    """How far somebody got: an address, what speaks for it (``proof``), whether the password was given, and since when."""

    address: str = ""
    proof: str = ""
    password: bool = False
    since: datetime | None = None

    @property
    def verified(self) -> bool:
        """Whether the address was proved by a code."""
        return self.proof == VERIFIED


@dataclass(frozen=True)
class Step:
    """What became of something that was typed at a door: the pass as it is then, and the field that was wrong, if one was."""

    passed: Pass
    wrong: str = ""


NOTHING = Pass()


def stage_of(svc: Services, opened: Opened, passed: Pass) -> Stage:
    """The door that comes next; each is there only for who passed the one before."""
    if opened.gate:
        if opened.gate == VERIFIED and passed.proof == MAILED:
            return Stage.CODE
        if passed.proof != opened.gate:
            return Stage.ADDRESS
        if not terms.lets_in(svc, opened.share, passed.address):
            return Stage.REFUSED
    if opened.share.password_hash and not passed.password:
        return Stage.PASSWORD
    return Stage.OPEN


def reader_of(opened: Opened, passed: Pass) -> str:
    """The address of who reads: the one given at the gate, else that of whom the link is for, or ""."""
    return (passed.address if opened.gate else "") or opened.share.contact_email


def take(svc: Services, opened: Opened, passed: Pass, typed: Mapping[str, str], key: bytes) -> Step:
    """Take what was typed at the doors of a link: an ``email``, a ``code`` or a ``password``; each only at its door."""
    stage = stage_of(svc, opened, passed)
    if "email" in typed and opened.gate:
        return _address(svc, opened, passed, typed["email"], key)
    if "code" in typed and stage is Stage.CODE:
        if codes.fits(svc, opened.share, passed.address, typed["code"], key):
            return Step(replace(passed, proof=VERIFIED, since=svc.now()))
        return Step(passed, "code")
    if "password" in typed and stage is Stage.PASSWORD:
        if opening.unlocks(opened.share, typed["password"]):
            return Step(replace(passed, password=True, since=passed.since or svc.now()))
        return Step(passed, "password")
    return Step(passed)


def _address(svc: Services, opened: Opened, passed: Pass, typed: str, key: bytes) -> Step:
    """Whatever address it is, known, allowed or not: one way, and one answer."""
    try:
        address = svc.address(typed[:320])
    except Invalid:
        return Step(passed, "email")
    if opened.gate == VERIFIED:
        codes.ask(svc, opened.share, address, key)
    return Step(
        replace(passed, address=address, proof=MAILED if opened.gate == VERIFIED else SAID, since=svc.now())
    )


# --- the cookie -------------------------------------------------------------------------------------------------------


def sealed(opened: Opened, passed: Pass, key: bytes) -> str:
    """A pass as a cookie keeps it."""
    since = passed.since.isoformat() if passed.since else ""
    told = [*_lock(opened), passed.address, passed.proof, passed.password, since]
    return str(_signer(key).dumps(told))


def opened_pass(opened: Opened, cookie: str, now: datetime, key: bytes) -> Pass:
    """The pass of a cookie; an empty one for what was not signed here, is of another link or other terms, or too old."""
    try:
        told = _signer(key).loads(cookie)
    except BadSignature:
        return NOTHING
    if told[:2] != _lock(opened):
        return NOTHING
    address, proof, password, since = told[2:]
    begun = datetime.fromisoformat(since)
    return Pass(address, proof, password, begun) if begun <= now < begun + LIFE else NOTHING


def _lock(opened: Opened) -> list[str]:
    """What a pass is good for: this link, what it leads to, and its terms; other words or slides there change nothing."""
    share = opened.share
    aim = [share.asset, share.deck or "", share.room or ""]
    terms = [*aim, share.password_hash, opened.gate, opened.lists]
    return [share.public_id, hashlib.sha256("\n".join(terms).encode()).hexdigest()[:32]]


def _signer(key: bytes) -> URLSafeSerializer:
    return URLSafeSerializer(key, salt="sales-share")
