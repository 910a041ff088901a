"""Links to approved assets and decks for people outside. A share follows its asset: who opens it sees what is approved now.

Strangers get one and the same answer for a link that never was, that ended, that was taken back, or whose asset may not be shown.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cms_core import Asset, Contact, Invalid, NotFound, Services
from cms_sales_enablement import decks, presentations, training
from cms_sales_enablement import terms as conditions
from cms_sales_enablement.models import Deck, Share, Shelf, View
from cms_sales_enablement.terms import Limits, Terms

TOKEN_BYTES = 24  # 192 bit
SHORTEST, LONGEST = 4, 200
MAY_SHARE, SEES_ALL = "sales.share", "sales.all"
ANY = Terms()
_DAYS = re.compile(r"\+?(\d{1,4})d")
hasher = PasswordHasher()


@dataclass(frozen=True)
class Made:
    """A new share; the only time that its address is known."""

    id: str
    url: str


@dataclass(frozen=True)
class Opened:
    """A share that may be shown now, with the asset as it is approved now, and the deck of it if it is to one.

    ``gate`` and ``download`` are what it asks for and allows by the settings of now, ``lists`` is the same for the same lists.
    """

    share: Share
    asset: Asset
    deck: Deck | None = None
    gate: str = ""
    download: bool = False
    lists: str = ""


def create(
    svc: Services,
    named: str,
    contact: str = "",
    expires: str | date = "",
    password: str | None = None,
    terms: Terms = ANY,
) -> Made:
    """Share an approved asset (by its slug) or a deck (by its id); without a password or gate the link is open to whoever has it.

    ``expires`` is a day, "14d" or an instant with its offset. Raises Invalid and Forbidden.
    """
    user = svc.require(MAY_SHARE)
    deck = decks.find_or_none(svc, named)
    asset = next(iter(svc.assets([deck.asset])), None) if deck else svc.asset(named)
    if asset is None or not svc.assets([asset.id]) or _off_the_shelf(svc, asset.id):
        raise Invalid(
            f"there is no approved content {named[:120]!r} that may be shared",
            "`cms sales search` lists what there is, `cms sales decks list` your decks",
            field="asset",
        )
    if deck is not None:
        training.require_certified(svc, deck.asset)
    is_deck, limits = deck is not None or asset.kind == presentations.KIND, Limits.of(svc)
    ends = _end(svc, expires, limits)
    kept = conditions.checked(svc, terms, limits, is_deck=is_deck, contact=bool(contact.strip()))
    if password is not None and not SHORTEST <= len(password.strip()) <= len(password) <= LONGEST:
        raise Invalid(
            f"a password has {SHORTEST} to {LONGEST} characters", "give another one", field="password"
        )
    person = svc.upsert_contacts([Contact("", contact)])[0] if contact.strip() else None
    known = svc.find_contact(contact) if person else None
    if deck is None and is_deck:
        deck = decks.make(svc, asset.id, decks.Wanted())
    token = secrets.token_urlsafe(TOKEN_BYTES)
    share = Share(
        token_hash=_hash(token),
        asset=asset.id,
        deck=deck.public_id if deck else None,
        slug=asset.slug,
        title=deck.name if deck else asset.title,
        contact=person,
        contact_email=(known.email or "") if known else "",
        user=user.id,
        user_name=user.name or user.email,
        password_hash=hasher.hash(password) if password is not None else "",
        created_at=svc.now(),
        expires_at=ends,
        gate=kept.gate,
        download=kept.download,
        watermark=kept.watermark,
        max_views=kept.max_views,
    )
    with svc.transaction() as session:
        session.add(share)
        session.flush()
        for rule in conditions.rules_of(kept):
            rule.share_id = share.id
            session.add(rule)
    return Made(share.public_id, f"{svc.base_url}/d/{token}")


def create_from(svc: Services, named: str, asked: Mapping[str, Any]) -> Made:
    """The same from the keys of a form or call; those that are not there are not asked for."""
    known = {each.name: asked[each.name] for each in fields(Terms) if each.name in asked}
    contact, expires = asked.get("contact") or "", asked.get("expires") or ""
    return create(svc, named, contact, expires, asked.get("password"), Terms(**known))


def open_share(svc: Services, token: str, view: str = "") -> Opened | None:
    """What a token shows now, or None: unknown, taken back, ended, or no longer approved, whichever it is.

    ``view`` is the id of a look that is under way: the one that used up the last of the views goes on.
    """
    hashed = _hash(token)
    with svc.session() as session:
        share = session.scalar(select(Share).where(Share.token_hash == hashed))
    if share is None or not hmac.compare_digest(share.token_hash, hashed):
        return None
    limits = Limits.of(svc)
    counted = counted_views(svc, share, but=view) if share.max_views else 0
    if state_of(share, svc.now(), limits, counted) != "active" or _off_the_shelf(svc, share.asset):
        return None
    assets = svc.assets([share.asset])
    deck = decks.shared(svc, share.deck) if share.deck else None
    if not assets or (share.deck and deck is None):
        return None
    gate = limits.gate_of(share)
    lists = conditions.fingerprint(svc, share) if gate else ""
    return Opened(share, assets[0], deck, gate, limits.may_download(share), lists)


def counted_views(svc: Services, share: Share, but: str = "") -> int:
    """How many looks at a link counted, without the one of this id."""
    query = select(func.count()).where(View.share_id == share.id, View.counted, View.public_id != but)
    with svc.session() as session:
        return session.scalar(query) or 0


def unlocks(share: Share, password: str) -> bool:
    """Whether this is the password of the share."""
    try:
        return hasher.verify(share.password_hash, password[:LONGEST])
    except (VerificationError, InvalidHashError):
        return False


def revoke(svc: Services, public_id: str) -> Share:
    """Let a link show nothing from now on; doing it again changes nothing."""
    svc.require(MAY_SHARE)
    with svc.transaction() as session:
        share = _find(session, svc, public_id)
        share.revoked_at = share.revoked_at or svc.now()
    return share


def find(svc: Services, public_id: str) -> Share:
    """One's own share, or with the permission for it anybody's; raises NotFound."""
    svc.require(MAY_SHARE)
    with svc.session() as session:
        return _find(session, svc, public_id)


def listed(
    svc: Services, asset: str = "", limit: int | None = None, before: int | None = None
) -> Sequence[Share]:
    """The shares that who asks may see, the newest first; of one asset or of all. ``before``: the row id to read on from."""
    user = svc.require(MAY_SHARE)
    query = select(Share).order_by(Share.id.desc()).limit(limit)
    if not svc.can(SEES_ALL):
        query = query.where(Share.user == user.id)
    if asset:
        query = query.where(Share.asset == asset)
    if before is not None:
        query = query.where(Share.id < before)
    with svc.session() as session:
        return session.scalars(query).all()


def states(svc: Services, found: Iterable[Share], counted: Mapping[int, int]) -> Mapping[int, str]:
    """What each of these links is now, by row id; ``counted`` are the looks that counted."""
    now, limits = svc.now(), Limits.of(svc)
    return {share.id: state_of(share, now, limits, counted.get(share.id, 0)) for share in found}


def state_of(share: Share, now: datetime, limits: Limits, counted: int) -> str:
    """revoked, expired (by time or by looks) or active."""
    if share.revoked_at is not None:
        return "revoked"
    end = limits.end_of(share)
    over = end is not None and end <= now
    return "expired" if over or (share.max_views is not None and counted >= share.max_views) else "active"


def _find(session: Session, svc: Services, public_id: str) -> Share:
    share = session.scalar(select(Share).where(Share.public_id == public_id))
    mine = share is not None and svc.user is not None and share.user == svc.user.id
    if share is None or not (mine or svc.can(SEES_ALL)):
        raise NotFound(f"there is no share {public_id[:60]!r}", "`cms sales shares list` shows them")
    return share


def _off_the_shelf(svc: Services, asset: str) -> bool:
    with svc.session() as session:
        until = session.scalar(select(Shelf.until).where(Shelf.asset == asset))
    return until is not None and until < svc.now().date()


def _end(svc: Services, expires: str | date, limits: Limits) -> datetime | None:
    """When a link ends, within what the settings allow."""
    now, most = svc.now(), limits.longest_days
    latest = now + timedelta(days=most) if most else None
    ends = _instant(expires, now) or latest
    if ends is not None and ends <= now:
        raise Invalid(
            f"the link would end at {ends:%Y-%m-%d %H:%M} UTC, before it begins",
            "give a later day",
            field="expires",
        )
    if ends is not None and latest is not None and ends > latest:
        raise Invalid(
            f"links may live for {most} days at most by the setting “longest_days” of this workspace",
            f"give {latest:%Y-%m-%d} or a day before",
            field="expires",
        )
    return ends


def _instant(expires: str | date, now: datetime) -> datetime | None:
    text = str(expires or "").strip()
    if not text:
        return None
    try:
        if days := _DAYS.fullmatch(text):
            return now + timedelta(days=int(days[1]))
        if len(text) == len("2026-05-04"):
            return datetime.combine(date.fromisoformat(text), time(), UTC) + timedelta(days=1)
        found = datetime.fromisoformat(text)
        if found.tzinfo is not None:
            return found.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise Invalid(
        f"{text[:60]!r} is not a time at which a link could end",
        "write 2026-05-04, 14d, or 2026-05-04T18:00+02:00",
        field="expires",
    )


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
