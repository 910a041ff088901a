"""What people outside see of a room: its pieces, what is to be done next, questions and answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cms_core import AssetKind, Services
from cms_sales_enablement import room_questions, room_steps, shares
from cms_sales_enablement.room_models import Room, RoomQuestion, RoomStep
from cms_sales_enablement.shares import OpenedPiece, OpenedRoom


@dataclass(frozen=True)
class PieceShown:
    """A piece as it stands in the list of a room."""

    id: str
    title: str
    summary: str
    kind: str
    slides: int


@dataclass(frozen=True)
class RoomShown:
    """A room as it is now, without what may not be shown."""

    room: Room
    pieces: Sequence[PieceShown]
    steps: Sequence[RoomStep]
    questions: Sequence[RoomQuestion]
    about: Mapping[int, str]

    @property
    def left(self) -> int:
        """How many steps are not done yet."""
        return sum(step.done_at is None for step in self.steps)


def of(svc: Services, door: OpenedRoom) -> RoomShown:
    """The room that a link opened."""
    room, opened, kinds = door.room, shares.open_pieces(svc, door), svc.asset_kinds
    return RoomShown(
        room,
        [_piece(each, kinds) for each in opened],
        room_steps.listed(svc, [room])[room.id],
        room_questions.listed(svc, [room])[room.id],
        {each.share.id: each.title for each in opened},
    )


def _piece(opened: OpenedPiece, kinds: Mapping[str, AssetKind]) -> PieceShown:
    asset, deck = opened.asset, opened.deck
    kind = kinds.get(asset.kind)
    return PieceShown(
        id=opened.share.public_id,
        title=opened.title,
        summary="" if deck else asset.summary,
        kind="" if deck or kind is None else kind.label,
        slides=len(deck.slides) if deck else 0,
    )
