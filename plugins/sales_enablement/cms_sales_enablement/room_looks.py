"""What is looked at in rooms: each look with who, and for a list of rooms what there is and what waits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import InstrumentedAttribute, aliased

from cms_core import Services
from cms_sales_enablement import views
from cms_sales_enablement.models import Share, View
from cms_sales_enablement.room_models import Room, RoomItem, RoomQuestion, RoomStep

NEWEST = 100


@dataclass(frozen=True)
class Look:
    """One look at a room (``piece`` is none) or at a piece of it; ``who`` is the address at the gate, else whom the link is for."""

    view: View
    piece: Share | None
    who: str

    @property
    def said(self) -> bool:
        """Whether ``who`` is only said, by nobody but themselves."""
        return bool(self.view.email) and not self.view.verified


@dataclass(frozen=True)
class Overview:
    """A room in a list: pieces, steps that are left, questions that wait, looks, and the seconds that all of it was in sight."""

    room: Room
    pieces: int = 0
    left: int = 0
    waiting: int = 0
    looks: int = 0
    seconds: int = 0
    last_at: datetime | None = None


def of(svc: Services, room: Room, most: int = NEWEST) -> list[Look]:
    """The newest looks at a room and its pieces, also at those that were taken out."""
    visit, link = aliased(View), aliased(Share)
    query = (
        select(View, Share, link.contact_email)
        .join(Share, Share.id == View.share_id)
        .outerjoin(visit, (visit.public_id == View.visit) & (View.visit != ""))
        .outerjoin(link, link.id == func.coalesce(visit.share_id, Share.id))
        .where(Share.room == room.public_id)
        .order_by(View.id.desc())
        .limit(most)
    )
    with svc.session() as session:
        return [
            Look(view, share if share.is_piece else None, view.email or contact or "")
            for view, share, contact in session.execute(query)
        ]


def overviews(svc: Services, found: Sequence[Room]) -> list[Overview]:
    """The same rooms with what there is and what waits."""
    by_room = _shares(svc, found)
    tallies = views.tallies(svc, [share for some in by_room.values() for share in some])
    pieces = _counts(svc, found, RoomItem.room_id)
    left = _counts(svc, found, RoomStep.room_id, RoomStep.done_at.is_(None))
    waiting = _counts(svc, found, RoomQuestion.room_id, RoomQuestion.answered_at.is_(None))
    return [
        Overview(
            room,
            pieces.get(room.id, 0),
            left.get(room.id, 0),
            waiting.get(room.id, 0),
            *_sum(by_room[room.public_id], tallies),
        )
        for room in found
    ]


def _sum(found: Sequence[Share], tallies: Mapping[int, views.Tally]) -> tuple[int, int, datetime | None]:
    """A look at a piece is part of one at the room; its seconds come on top."""
    known = [(share, tallies[share.id]) for share in found if share.id in tallies]
    looks = sum(tally.views for share, tally in known if not share.is_piece)
    last = max((tally.last_at for _, tally in known if tally.last_at), default=None)
    return looks, sum(tally.seconds for _, tally in known), last


def _shares(svc: Services, found: Sequence[Room]) -> Mapping[str, list[Share]]:
    by_room: dict[str, list[Share]] = {room.public_id: [] for room in found}
    with svc.session() as session:
        for share in session.scalars(select(Share).where(Share.room.in_(by_room))):
            by_room[share.room or ""].append(share)
    return by_room


def _counts(
    svc: Services, found: Sequence[Room], room_id: InstrumentedAttribute[int], *those: ColumnElement[bool]
) -> Mapping[int, int]:
    """How many rows these rooms have, by row id."""
    ids = [room.id for room in found]
    query = select(room_id, func.count()).where(room_id.in_(ids), *those).group_by(room_id)
    with svc.session() as session:
        return dict(session.execute(query).all())
