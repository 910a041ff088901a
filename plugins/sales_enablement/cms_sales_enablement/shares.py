"""Links to approved assets, decks and rooms for people outside. A share follows its asset: who opens it sees what is approved now.

Strangers get one and the same answer for a link that never was, that ended, that was taken back, or whose asset may not be shown.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from cms_core import Asset, Invalid, NotFound, Services
from cms_sales_enablement import decks, drafts, material, pictures, presentations, shelf, variants
from cms_sales_enablement import terms as conditions
from cms_sales_enablement.drafts import ANY, Asked, Draft, secret_row
from cms_sales_enablement.ladder import Ladder
from cms_sales_enablement.models import Deck, Share
from cms_sales_enablement.room_models import Room
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
    asked, drawn = Asked(contact, expires, password, terms), _is_drawn(svc, found, terms)
    with svc.transaction():
        draft = Draft.of(svc, asked, is_deck=found.is_deck, drawn=drawn)
        made = _told(svc, draft, _aim(svc, found, draft.share.contact_email))
    if draft.share.deck:
        _have_drawn(svc, draft.share.deck)
    return made


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
    if asset is None or not svc.assets([asset.id]) or shelf.over(svc, [asset.id]):
        called = (svc.slug_of(deck.asset) if deck else None) or named
        raise Invalid(
            f"there is no approved content {called[:120]!r} that may be shared",
            "`cms sales search` lists what there is, `cms sales decks list` your decks",
            field="asset",
        )
    if deck is not None:
        decks.require_certified(svc, deck)
    return Piece(asset, deck)


def _have_drawn(svc: Services, public_id: str) -> None:
    """So that whoever looks first sees pictures."""
    if (deck := decks.row_or_none(svc, public_id)) is not None:
        there = variants.leaving(svc, material.of_deck(svc, deck), deck)
        pictures.ask_for(svc, deck.asset, there, deck)


def _is_drawn(svc: Services, found: Piece, terms: Terms) -> bool:
    """Whether all that is shown of a deck can be drawn here; looked at for a watermark alone."""
    if not (terms.watermark and found.is_deck):
        return False
    if found.deck is not None:
        slides = variants.leaving(svc, material.of_deck(svc, found.deck), found.deck)
    else:
        slides = [each for each in presentations.find(svc, found.asset.id).slides if not each.hidden]
    return Ladder(svc, found.asset.id).draws(slides)


def as_pieces(svc: Services, found: Iterable[Piece], room: str, given: Terms, whom: str) -> list[Share]:
    """Rows of pieces of a room for somebody, not kept yet; their tokens are told nobody. Raises Invalid for what cannot be."""
    limits, several = Limits.of(svc), list(found)
    for each in several:
        drawn = _is_drawn(svc, each, given)
        conditions.check_given(given, limits, is_deck=each.is_deck, drawn=drawn, names=True)
    more = {"room": room, "download": given.download, "watermark": given.watermark}
    return [secret_row(svc, **_aim(svc, each, whom), **more) for each in several]


def _told(svc: Services, draft: Draft, aim: Mapping[str, Any]) -> Made:
    kept = draft.keep(svc, aim)
    return Made(kept.public_id, f"{svc.base_url}/d/{draft.token}")


def _aim(svc: Services, found: Piece, whom: str) -> dict[str, Any]:
    """What a share of a piece leads to; of a whole presentation a deck is made, filled for whom it is shared with."""
    deck = found.deck
    if deck is None and found.is_deck:
        deck = decks.make(svc, found.asset.id, decks.Wanted(subject=whom))
    title, named = (deck.name, deck.public_id) if deck else (found.asset.title, None)
    return {"asset": found.asset.id, "slug": found.asset.slug, "deck": named, "title": title}


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
