"""Rooms: what a rep puts together for a company or a deal, in an order, behind links that are shares like any other.

A room and all that is in it are the rep's own; who sees everybody's links sees everybody's rooms. A closed room stays readable
inside and is gone outside, with all its pieces, at once; opened again, its links show it as before.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from cms_core import Invalid, NotFound, Services
from cms_sales_enablement import decks, shares, values, views
from cms_sales_enablement.drafts import ANY
from cms_sales_enablement.models import Share
from cms_sales_enablement.room_models import Room, RoomItem
from cms_sales_enablement.shares import MAY_SHARE, SEES_ALL, Made, Piece
from cms_sales_enablement.terms import Limits, Terms

AT = "/app/p/sales_enablement/rooms"
LONGEST_NAME, LONGEST_WELCOME = 200, 4_000
MOST = 50  # pieces


@dataclass(frozen=True)
class Wanted:
    """A new room: its name, the company or deal that it is for, words of welcome, and its pieces by slug or deck."""

    name: str
    subject: str
    welcome: str = ""
    pieces: Sequence[str] = ()


def make(svc: Services, wanted: Wanted) -> Room:
    """A new room; raises Invalid for what is not approved, before anything is kept."""
    user = svc.require(MAY_SHARE)
    name, welcome = _name(wanted.name), _welcome(wanted.welcome)
    if not wanted.subject.strip():
        raise Invalid("a room is for somebody", "name a company or a deal", field="for")
    found = _pieces(svc, wanted.pieces)
    with svc.transaction() as session:
        subject = values.subject_or_new(svc, wanted.subject)
        room = Room(
            name=name,
            welcome=welcome,
            subject=subject.title[:LONGEST_NAME] if subject else "",
            company=subject.company if subject else None,
            deal=subject.deal if subject else None,
            user=user.id,
            user_name=user.name or user.email,
            created_at=svc.now(),
        )
        session.add(room)
        session.flush()
        _put(svc, session, room, found, 0, ANY)
    return room


def change(svc: Services, public_id: str, name: str | None = None, welcome: str | None = None) -> Room:
    """Give a room another name, or other words of welcome; what is not said stays."""
    with svc.transaction() as session:
        room = open_row(svc, session, public_id)
        if name is not None:
            room.name = _name(name)
            mine = Share.room == room.public_id, Share.asset == ""
            session.execute(update(Share).where(*mine).values(title=room.name))
        if welcome is not None:
            room.welcome = _welcome(welcome)
    return room


def close(svc: Services, public_id: str) -> Room:
    """Let no link to a room show anything from now on; doing it again changes nothing."""
    svc.require(MAY_SHARE)
    with svc.transaction() as session:
        room = _row(svc, session, public_id)
        room.closed_at = room.closed_at or svc.now()
    return room


def reopen(svc: Services, public_id: str) -> Room:
    """Let the links that have not ended show a room again; doing it again changes nothing.

    Raises Forbidden without the certificates that its decks ask for: they leave the house anew.
    """
    _given(svc, find(svc, public_id))
    with svc.transaction() as session:
        room = _row(svc, session, public_id)
        room.closed_at = None
    return room


def find(svc: Services, public_id: str) -> Room:
    """One's own room, or with the permission for it anybody's; raises NotFound."""
    svc.require(MAY_SHARE)
    with svc.session() as session:
        return _row(svc, session, public_id)


def listed(svc: Services, limit: int | None = None, before: int | None = None) -> Sequence[Room]:
    """The rooms that who asks may see, the newest first; ``before``: the row id to read on from."""
    user = svc.require(MAY_SHARE)
    query = select(Room).order_by(Room.id.desc()).limit(limit)
    if not svc.can(SEES_ALL):
        query = query.where(Room.user == user.id)
    if before is not None:
        query = query.where(Room.id < before)
    with svc.session() as session:
        return session.scalars(query).all()


def open_row(svc: Services, session: Session, public_id: str) -> Room:
    """The row of a room that is to be changed, one change after the other; raises Invalid once it is closed."""
    svc.require(MAY_SHARE)
    room = _row(svc, session, public_id)
    session.refresh(room, with_for_update=True)
    if room.closed_at is not None:
        raise Invalid("this room is closed", "open it again first")
    return room


# --- links ------------------------------------------------------------------------------------------------------------


def share(svc: Services, public_id: str, asked: Mapping[str, Any]) -> Made:
    """A new link to a room, with the keys of a link's form or call; it is told once."""
    room = find(svc, public_id)
    if room.closed_at is not None:
        raise Invalid("this room is closed", "open it again first")
    pieces = _given(svc, room)
    marked = any(each.watermark for each in pieces)
    return shares.create_for_room(svc, room, asked, marked=marked)


def _given(svc: Services, room: Room) -> Sequence[Share]:
    """The pieces that links to a room show; raises Forbidden without the certificates that its decks ask for."""
    pieces = [each for each in items(svc, room) if each.revoked_at is None]
    rows = [decks.row_or_none(svc, deck) for deck in {each.deck for each in pieces if each.deck}]
    decks.require_certified(svc, *filter(None, rows))
    return pieces


def links(svc: Services, room: Room) -> Sequence[Share]:
    """The links to a room, the newest first."""
    query = select(Share).where(Share.room == room.public_id, Share.asset == "").order_by(Share.id.desc())
    with svc.session() as session:
        return session.scalars(query).all()


# --- pieces -----------------------------------------------------------------------------------------------------------


def items(svc: Services, room: Room) -> Sequence[Share]:
    """The pieces of a room in their order."""
    with svc.session() as session:
        return _items(session, room)


def change_items(
    svc: Services,
    public_id: str,
    *,
    add: Sequence[str] = (),
    remove: Collection[str] = (),
    order: Sequence[str] = (),
    given: Terms = ANY,
) -> Room:
    """Take pieces out of a room, order those that stay, and put others behind them; all of it or nothing.

    ``add`` names approved assets and decks, ``remove`` and ``order`` pieces by their ids; ``order`` names each that stays, once.
    ``given``: whether the new ones may be downloaded, or are shown with a watermark.
    """
    room = find(svc, public_id)
    found = _pieces(svc, add)
    if found and given.watermark:
        _require_names(svc, room)
    with svc.transaction() as session:
        room = open_row(svc, session, public_id)
        by_id = {each.public_id: each for each in _items(session, room)}
        stay = arranged(list(by_id), remove, order)
        gone = [by_id[each] for each in remove]
        session.execute(delete(RoomItem).where(RoomItem.share_id.in_([each.id for each in gone])))
        for each in gone:
            each.revoked_at = svc.now()
        for position, each_id in enumerate(stay):
            row = session.get_one(RoomItem, by_id[each_id].id)
            row.position = position
        _require_space(len(stay) + len(found))
        _put(svc, session, room, found, len(stay), given)
    return room


def arranged(now: Sequence[str], remove: Collection[str], order: Sequence[str]) -> list[str]:
    """The pieces that stay, in their new order, or the old one where none is said; raises Invalid for others than these."""
    if strange := [each for each in remove if each not in now]:
        raise Invalid(
            f"the room has no piece {strange[0][:60]!r}", "`cms sales rooms show` lists them", field="remove"
        )
    stay = [each for each in now if each not in remove]
    if order and sorted(order) != sorted(stay):
        raise Invalid(
            "the order does not name each piece of the room once", "look at the room again", field="order"
        )
    return list(order) or stay


def _pieces(svc: Services, named: Sequence[str]) -> list[Piece]:
    _require_space(len(named))
    try:
        return [shares.piece(svc, each) for each in named]
    except Invalid as error:
        raise Invalid(str(error), error.remedy, field="items") from None


def _require_space(count: int) -> None:
    if count > MOST:
        raise Invalid(f"a room holds {MOST} pieces at most", "take some out, or make another", field="items")


def _put(
    svc: Services, session: Session, room: Room, found: Sequence[Piece], after: int, given: Terms
) -> None:
    known = (each for each in (room.deal, room.company) if each and values.subject(svc, each))
    rows = shares.as_pieces(svc, found, room.public_id, given, next(known, ""))
    session.add_all(rows)
    session.flush()
    for position, row in enumerate(rows, after):
        session.add(RoomItem(share_id=row.id, room_id=room.id, position=position))
    session.flush()


def _items(session: Session, room: Room) -> Sequence[Share]:
    query = select(Share).join(RoomItem, RoomItem.share_id == Share.id).where(RoomItem.room_id == room.id)
    return session.scalars(query.order_by(RoomItem.position, Share.id)).all()


def _require_names(svc: Services, room: Room) -> None:
    """Raise Invalid where a link to the room would not know whose address a watermark shows."""
    found, limits = links(svc, room), Limits.of(svc)
    states = views.states(svc, found, views.tallies(svc, found))
    if any(states[each.id] == "active" and not (limits.gate_of(each) or each.contact) for each in found):
        raise Invalid(
            "a watermark shows the reader's address, and a link to this room knows none",
            "take that link back first, and make one with a gate",
            field="watermark",
        )


# --- rows -------------------------------------------------------------------------------------------------------------


def _row(svc: Services, session: Session, public_id: str) -> Room:
    room = session.scalar(select(Room).where(Room.public_id == public_id.replace("\0", "")))
    mine = room is not None and svc.user is not None and room.user == svc.user.id
    if room is None or not (mine or svc.can(SEES_ALL)):
        raise NotFound(f"there is no room {public_id[:60]!r}", "`cms sales rooms list` shows them")
    return room


def _name(text: str) -> str:
    name = " ".join(text.replace("\0", "").split())
    if not 1 <= len(name) <= LONGEST_NAME:
        raise Invalid(f"a room has a name of 1 to {LONGEST_NAME} characters", "give it one", field="name")
    return name


def _welcome(text: str) -> str:
    words = text.replace("\r\n", "\n").replace("\0", "").strip()
    if len(words) > LONGEST_WELCOME:
        raise Invalid(
            f"the words of welcome have over {LONGEST_WELCOME:,} characters", "shorten them", field="welcome"
        )
    return words
