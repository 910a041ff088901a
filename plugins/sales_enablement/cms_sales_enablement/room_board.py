"""All that a rep's page of a room shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from cms_core import Services
from cms_sales_enablement import (
    decks,
    index,
    opening,
    presentations,
    room_looks,
    room_questions,
    room_steps,
    room_view,
    rooms,
    views,
)
from cms_sales_enablement.models import Document, Share
from cms_sales_enablement.room_looks import Look, Overview
from cms_sales_enablement.room_models import Room, RoomQuestion, RoomStep

DECKS, ASSETS, LOOKS = 60, 300, 30


@dataclass(frozen=True)
class Board:
    """A room with what is in it, what waits, its links, and who looked at what. ``covers``: of pieces that are shown now."""

    overview: Overview
    items: Sequence[Share]
    covers: Mapping[int, room_view.Cover | None]
    steps: Sequence[RoomStep]
    questions: Sequence[RoomQuestion]
    links: Sequence[Share]
    tallies: Mapping[int, views.Tally]
    states: Mapping[int, str]
    looks: Sequence[Look]
    titles: Mapping[int, str]
    choices: Mapping[str, Sequence[tuple[str, str]]]

    @property
    def room(self) -> Room:
        """The room itself."""
        return self.overview.room


def of(svc: Services, room: Room) -> Board:
    """The page of a room, for whoever may see it."""
    items, links = rooms.items(svc, room), rooms.links(svc, room)
    tallies = views.tallies(svc, [*items, *links])
    (overview,) = room_looks.overviews(svc, [room])
    return Board(
        overview,
        items,
        room_view.covers_of(svc, opening.shown_now(svc, items)),
        room_steps.listed(svc, [room])[room.id],
        room_questions.listed(svc, [room])[room.id],
        links,
        tallies,
        views.states(svc, links, tallies),
        room_looks.of(svc, room, LOOKS),
        {each.id: each.title for each in items},
        {} if room.closed_at else _choices(svc),
    )


def _choices(svc: Services) -> Mapping[str, Sequence[tuple[str, str]]]:
    """What can be put into a room, by what shares name it."""
    index.catch_up(svc)
    query = select(Document.slug, Document.title).order_by(Document.title, Document.slug).limit(ASSETS)
    with svc.session() as session:
        assets = [(slug, title) for slug, title in session.execute(query)]
    mine = (
        [(each.public_id, each.name) for each in decks.listed(svc, DECKS)]
        if svc.can(presentations.MAKE)
        else []
    )
    return {"Decks": mine, "Library": assets}
