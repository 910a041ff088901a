"""A room for tests, and how people outside move in it."""

import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from cms_sales_enablement import rooms, shares
from cms_sales_enablement.models import Share
from cms_sales_enablement.room_models import Room
from cms_sales_enablement.rooms import Wanted


@dataclass
class Kept:
    """A room of a rep with an article and a deck, and links to it."""

    desk: Any
    room: Room
    links: list[shares.Made] = field(default_factory=list)

    @property
    def id(self) -> str:
        return self.room.public_id

    @property
    def items(self) -> list[Share]:
        return list(rooms.items(self.desk.services(), self.room))

    def share(self, **asked: Any) -> str:
        """A new link; its address."""
        made = rooms.share(self.desk.services(), self.id, asked)
        self.links.append(made)
        return made.url


def keep(desk: Any, *pieces: str, name: str = "Acme and us", welcome: str = "Dear Dana,\nwelcome.") -> Kept:
    return Kept(desk, rooms.make(desk.services(), Wanted(name, "Acme", welcome, pieces)))


def view_of(answer: Any) -> str:
    """The id of the look that a page began or goes on with."""
    return str(answer.text.partition('data-view="')[2].partition('"')[0])


def links_of(answer: Any) -> list[str]:
    """The addresses of the pieces that the page of a room shows, in order."""
    found = re.findall(r'<li><a(?: class="deck")? href="(/d/[^"]+)"', answer.text)
    return [each.replace("&amp;", "&") for each in found]


def within(url: str) -> str:
    """An address as readers open it."""
    return f"http://x{url}"


def enter(reader: Any, url: str, at: int = 0, seconds: int = 0) -> Any:
    """Open a room, then a piece of it, and keep that in sight for so long; gives its page."""
    page = reader.get(within(links_of(reader.get(url))[at]))
    if seconds:
        reader.clock.at += timedelta(seconds=seconds)
        item = page.text.partition('data-action="')[2].partition('"')[0]
        told = {"view": view_of(page), "n": "1", "ms": str(seconds * 1000)}
        assert reader.post(within(item), **told).status_code == 204
    return page
