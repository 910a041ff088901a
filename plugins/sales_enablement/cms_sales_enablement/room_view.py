"""What people outside see of a room: its pieces, what is to be done next, questions and answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cms_core import AssetKind, Services
from cms_sales_enablement import deck_view, material, opening, room_questions, room_steps, variants
from cms_sales_enablement.deck_view import Shown
from cms_sales_enablement.models import Deck, Slide
from cms_sales_enablement.opening import OpenedPiece, OpenedRoom
from cms_sales_enablement.pictures import SMALL
from cms_sales_enablement.room_models import Room, RoomQuestion, RoomStep


@dataclass(frozen=True)
class Cover:
    """The first slide of a deck that others see, and how many they see."""

    first: Shown
    slides: int


@dataclass(frozen=True)
class PieceShown:
    """A piece as it stands in the list of a room."""

    id: str
    title: str
    summary: str
    kind: str
    slides: int
    cover: Shown | None


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
    room, opened, kinds = door.room, opening.open_pieces(svc, door), svc.asset_kinds
    covers = covers_of(svc, opened)
    return RoomShown(
        room,
        [_piece(each, kinds, covers[each.share.id]) for each in opened],
        room_steps.listed(svc, [room])[room.id],
        room_questions.listed(svc, [room])[room.id],
        {each.share.id: each.title for each in opened},
    )


def covers_of(svc: Services, opened: Sequence[OpenedPiece]) -> Mapping[int, Cover | None]:
    """The covers of decks, by row id of the piece; of what is no deck, or has nothing to show, none."""
    return {each.share.id: _cover(svc, each.deck) if each.deck else None for each in opened}


def _cover(svc: Services, deck: Deck) -> Cover | None:
    made_of = material.of_deck(svc, deck)
    seen = variants.leaving(svc, made_of, deck)
    first = next(iter(deck_view.slides_of(svc, made_of, deck, seen[:1])), None)
    return Cover(first, len(seen)) if first else None


def is_cover(there: Sequence[Slide], slide: str, width: int) -> bool:
    """Whether this picture of a slide stands on the page of a room: small, of the first one."""
    return width <= SMALL and slide in {each.uid for each in there[:1]}


def _piece(opened: OpenedPiece, kinds: Mapping[str, AssetKind], cover: Cover | None) -> PieceShown:
    asset, deck = opened.asset, opened.deck
    kind = kinds.get(asset.kind)
    return PieceShown(
        id=opened.share.public_id,
        title=opened.title,
        summary="" if deck else asset.summary,
        kind="" if deck or kind is None else kind.label,
        slides=cover.slides if cover else 0,
        cover=cover.first if cover and not opened.share.watermark else None,
    )
