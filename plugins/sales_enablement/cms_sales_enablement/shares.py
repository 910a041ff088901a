"""Links to approved assets, decks and rooms for people outside. A share follows its asset: who opens it sees what is approved now.

Strangers get one and the same answer for a link that never was, that ended, that was taken back, or whose asset may not be shown.
"""

import hmac
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, selectinload

from cms_core import Asset, Invalid, NotFound, Services
from cms_sales_enablement import decks, drafts, presentations
from cms_sales_enablement import terms as conditions
from cms_sales_enablement.drafts import ANY, LONGEST, Asked, Draft, hash_of, hasher, secret_row
from cms_sales_enablement.models import Deck, Share, Shelf, View
from cms_sales_enablement.room_models import Room, RoomItem
from cms_sales_enablement.terms import Limits, Terms

MAY_SHARE, SEES_ALL = drafts.MAY_SHARE, "sales.all"
IS_LINK = or_(Share.room.is_(None), Share.asset == "")  # no piece of a room


@dataclass(frozen=True)
class Made:
    """A new share; the only time that its address is known."""

    id: str
    url: str


@dataclass(frozen=True)
class Piece:
    """Something approved that may be shared: an asset, or a deck of one."""

    asset: Asset
    deck: Deck | None = None

    @property
    def is_deck(self) -> bool:
        """Whether it is shown slide by slide."""
        return self.deck is not None or self.asset.kind == presentations.KIND


@dataclass(frozen=True)
class Opened:
    """A share that may be shown now; ``gate`` is what it asks for by the settings of now."""

    share: Share
    gate: str

    @property
    def revision(self) -> int:
        """Which revision of the asset is shown; 0 where there is none."""
        return 0

    @property
    def slides(self) -> Collection[str]:
        """The ids of the slides that it shows."""
        return ()


@dataclass(frozen=True)
class OpenedPiece(Opened):
    """An asset as it is approved now, and the deck of it if that was shared; ``download``: whether its file is given now."""

    asset: Asset
    deck: Deck | None = None
    download: bool = False

    @property
    def revision(self) -> int:
        return self.asset.revision

    @property
    def slides(self) -> Collection[str]:
        return {each.uid for each in self.deck.slides} if self.deck else ()

    @property
    def title(self) -> str:
        """What it is called now."""
        return self.deck.name if self.deck else self.asset.title


@dataclass(frozen=True)
class OpenedRoom(Opened):
    """A room, by a link to it."""

    room: Room


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
    svc.require(MAY_SHARE)
    found = piece(svc, named)
    draft = Draft.of(svc, Asked(contact, expires, password, terms), is_deck=found.is_deck)
    return _told(svc, draft, _aim(svc, found))


def create_from(svc: Services, named: str, asked: Mapping[str, Any]) -> Made:
    """The same from the keys of a form or call; those that are not there are not asked for."""
    given = Asked.read(asked)
    return create(svc, named, given.contact, given.expires, given.password, given.terms)


def create_for_room(svc: Services, room: Room, asked: Mapping[str, Any], *, marked: bool) -> Made:
    """A link to a room; where pieces in it are ``marked`` with the reader's address, one by which that is known."""
    svc.require(MAY_SHARE)
    draft = Draft.of(svc, Asked.read(asked), is_deck=False)
    if marked and not (draft.share.gate or draft.share.contact):
        raise Invalid(
            "a piece of this room shows the reader's address as a watermark, and this link would know none",
            "choose a gate, or say whom it is for",
            field="gate",
        )
    return _told(svc, draft, {"room": room.public_id, "asset": "", "slug": "", "title": room.name})


def piece(svc: Services, named: str) -> Piece:
    """What may be shared under this name: an approved asset by its slug, or a deck by its id; raises Invalid."""
    deck = decks.find_or_none(svc, named)
    asset = next(iter(svc.assets([deck.asset])), None) if deck else svc.asset(named)
    if asset is None or not svc.assets([asset.id]) or _off_the_shelf(svc, [asset.id]):
        raise Invalid(
            f"there is no approved content {named[:120]!r} that may be shared",
            "`cms sales search` lists what there is, `cms sales decks list` your decks",
            field="asset",
        )
    return Piece(asset, deck)


def as_pieces(svc: Services, found: Iterable[Piece], room: str, given: Terms) -> list[Share]:
    """Rows of pieces of a room, not kept yet; their tokens are told nobody. Raises Invalid for what cannot be given."""
    limits, several = Limits.of(svc), list(found)
    for each in several:
        conditions.check_given(given, limits, is_deck=each.is_deck, names=True)
    more = {"room": room, "download": given.download, "watermark": given.watermark}
    return [secret_row(svc, **_aim(svc, each), **more) for each in several]


def _told(svc: Services, draft: Draft, aim: Mapping[str, Any]) -> Made:
    kept = draft.keep(svc, aim)
    return Made(kept.public_id, f"{svc.base_url}/d/{draft.token}")


def _aim(svc: Services, found: Piece) -> dict[str, Any]:
    """What a share of a piece leads to; of a whole presentation a deck is made."""
    deck = found.deck
    if deck is None and found.is_deck:
        deck = decks.make(svc, found.asset.id, decks.Wanted())
    title, named = (deck.name, deck.public_id) if deck else (found.asset.title, None)
    return {"asset": found.asset.id, "slug": found.asset.slug, "deck": named, "title": title}


# --- opening ----------------------------------------------------------------------------------------------------------


def open_share(svc: Services, token: str, view: str = "") -> OpenedPiece | OpenedRoom | None:
    """What a token shows now, or None: unknown, taken back, ended, or no longer approved, whichever it is.

    ``view`` is the id of a look that is under way: the one that used up the last of the views goes on.
    """
    hashed = hash_of(token)
    with svc.session() as session:
        share = session.scalar(select(Share).where(Share.token_hash == hashed))
    if share is None or share.is_piece or not hmac.compare_digest(share.token_hash, hashed):
        return None
    limits = Limits.of(svc)
    counted = counted_views(svc, share, but=view) if share.max_views else 0
    if state_of(share, svc.now(), limits, counted) != "active":
        return None
    gate = limits.gate_of(share)
    if share.room is None:
        return next(iter(_shown(svc, [share], gate)), None)
    with svc.session() as session:
        room = session.scalar(select(Room).where(Room.public_id == share.room, Room.closed_at.is_(None)))
    return OpenedRoom(share, gate, room) if room else None


def open_piece(svc: Services, door: Opened, public_id: str) -> OpenedPiece | None:
    """A piece of the room that a link opened, by its id; None for what is not in it now, or may not be shown any more."""
    return next((each for each in open_pieces(svc, door) if each.share.public_id == public_id), None)


def open_pieces(svc: Services, door: Opened) -> list[OpenedPiece]:
    """The pieces of the room that a link opened which may be shown now, in their order; of another link none."""
    if not isinstance(door, OpenedRoom):
        return []
    query = select(Share).join(RoomItem, RoomItem.share_id == Share.id)
    mine = query.where(RoomItem.room_id == door.room.id, Share.revoked_at.is_(None))
    with svc.session() as session:
        found = session.scalars(mine.order_by(RoomItem.position, Share.id)).all()
    return _shown(svc, found, door.gate)


def shown_now(svc: Services, found: Sequence[Share]) -> list[OpenedPiece]:
    """Those of these pieces that a room shows now."""
    return _shown(svc, [share for share in found if share.revoked_at is None], "")


def _shown(svc: Services, found: Sequence[Share], gate: str) -> list[OpenedPiece]:
    """Those of these whose assets and decks may be shown, as they are now."""
    limits, assets = Limits.of(svc), {each.id: each for each in svc.assets([share.asset for share in found])}
    gone = _off_the_shelf(svc, assets)
    wanted = [share.deck for share in found if share.deck]
    query = select(Deck).where(Deck.public_id.in_(wanted)).options(selectinload(Deck.slides))
    with svc.session() as session:
        made = {deck.public_id: deck for deck in session.scalars(query)} if wanted else {}
    return [
        OpenedPiece(share, gate, assets[share.asset], made.get(share.deck or ""), limits.may_download(share))
        for share in found
        if share.asset in assets and share.asset not in gone and (not share.deck or share.deck in made)
    ]


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
    """The links that who asks may see, the newest first; of one asset or of all. ``before``: the row id to read on from."""
    user = svc.require(MAY_SHARE)
    query = select(Share).order_by(Share.id.desc()).limit(limit)
    query = query.where(IS_LINK)
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


def _off_the_shelf(svc: Services, assets: Iterable[str]) -> Collection[str]:
    over = select(Shelf.asset).where(Shelf.asset.in_(list(assets)), Shelf.until < svc.now().date())
    with svc.session() as session:
        return session.scalars(over).all()
