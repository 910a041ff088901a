"""What a link shows now: an asset, a deck, a room or a piece of one; or nothing, and nobody outside learns why."""

import hmac
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import selectinload

from cms_core import Asset, Services
from cms_sales_enablement import shares, shelf
from cms_sales_enablement.drafts import LONGEST, hash_of, hasher
from cms_sales_enablement.models import Deck, Share, View
from cms_sales_enablement.room_models import Room, RoomItem
from cms_sales_enablement.terms import Limits, fingerprint


@dataclass(frozen=True)
class Opened:
    """A share that may be shown now.

    ``gate`` is what it asks for by the settings of now, ``lists`` is the same for the same lists of who may open it.
    """

    share: Share
    gate: str
    lists: str

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
    if shares.state_of(share, svc.now(), limits, counted) != "active":
        return None
    gate = limits.gate_of(share)
    lists = fingerprint(svc, share) if gate else ""
    if share.room is None:
        return next(iter(_shown(svc, [share], gate, lists)), None)
    with svc.session() as session:
        room = session.scalar(select(Room).where(Room.public_id == share.room, Room.closed_at.is_(None)))
    return OpenedRoom(share, gate, lists, room) if room else None


def open_piece(svc: Services, door: Opened, public_id: str) -> OpenedPiece | None:
    """A piece of the room that a link opened, by its id; None for what is not in it now, or may not be shown any more."""
    return next(iter(_pieces(svc, door, Share.public_id == public_id)), None)


def open_pieces(svc: Services, door: Opened) -> list[OpenedPiece]:
    """The pieces of the room that a link opened which may be shown now, in their order; of another link none."""
    return _pieces(svc, door)


def _pieces(svc: Services, door: Opened, *which: ColumnElement[bool]) -> list[OpenedPiece]:
    if not isinstance(door, OpenedRoom):
        return []
    query = select(Share).join(RoomItem, RoomItem.share_id == Share.id)
    mine = query.where(RoomItem.room_id == door.room.id, Share.revoked_at.is_(None), *which)
    with svc.session() as session:
        found = session.scalars(mine.order_by(RoomItem.position, Share.id)).all()
    return _shown(svc, found, door.gate)


def shown_now(svc: Services, found: Sequence[Share]) -> list[OpenedPiece]:
    """Those of these pieces that a room shows now."""
    return _shown(svc, [share for share in found if share.revoked_at is None], "")


def _shown(svc: Services, found: Sequence[Share], gate: str, lists: str = "") -> list[OpenedPiece]:
    """Those of these whose assets and decks may be shown, as they are now."""
    limits, assets = Limits.of(svc), {each.id: each for each in svc.assets([share.asset for share in found])}
    gone = shelf.over(svc, assets)
    wanted = [share.deck for share in found if share.deck]
    query = select(Deck).where(Deck.public_id.in_(wanted)).options(selectinload(Deck.slides))
    with svc.session() as session:
        made = {deck.public_id: deck for deck in session.scalars(query)} if wanted else {}
    return [
        OpenedPiece(
            share, gate, lists, assets[share.asset], made.get(share.deck or ""), limits.may_download(share)
        )
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
