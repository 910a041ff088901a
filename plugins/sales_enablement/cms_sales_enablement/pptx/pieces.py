"""A part taken apart into pieces: bytes that never change, and places that each copy fills.

Places are marked in the tree, and the part is split at the marks once it is serialised; so a copy is written by joining bytes, and
no value is ever parsed.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from xml.sax.saxutils import escape

from lxml import etree

from cms_core import merge
from cms_sales_enablement.pptx.archive import Packed
from cms_sales_enablement.pptx.data import Rows
from cms_sales_enablement.pptx.fields import one_line
from cms_sales_enablement.pptx.package import Element
from cms_sales_enablement.pptx.pictures import Box, Picture

BEGIN, MIDDLE, END = "begin", "middle", "end"
SPECIAL = re.compile("[^ -%'-;=?-~\xa0-\ud7ff]")  # what has to be looked at
Ids = Counter[str]  # how often relationships are named


class Filling(Protocol):
    """What a copy puts into one part. What is asked for in vain is noted; ``lose`` tells that ids are named less often."""

    holes: Mapping[str, bytes]

    def said(self, text: merge.Template) -> str:
        """The words of a text."""

    def picture(self, field: str, explicit: bool) -> Picture | None:
        """The picture for a field."""

    def shown(self, picture: Picture) -> str:
        """The id by which the part names a picture."""

    def rows(self, field: str) -> Rows | None:
        """The rows for a field."""

    def has_slide(self, part: str) -> bool:
        """Whether a slide is in the copy."""

    def lose(self, ids: Ids) -> None:
        """Note that an element was left out."""


class Place(Protocol):
    """Where a copy puts something."""

    def fill(self, filling: Filling) -> Iterable[bytes]:
        """What stands there in this copy, in pieces."""


Pieces = Sequence[bytes | Place]


def join(pieces: Pieces, filling: Filling) -> list[bytes]:
    """A part, or a stretch of it, as this copy has it; what never changes is packed already."""
    found: list[bytes] = []
    for each in pieces:
        if isinstance(each, bytes):
            found.append(each)
        else:
            found += each.fill(filling)
    return found


def escaped(text: str) -> bytes:
    """A value as a run holds it."""
    return escape(one_line(text)).encode() if SPECIAL.search(text) else text.encode()


@dataclass(frozen=True)
class Text:
    """A text with fields."""

    template: merge.Template

    def fill(self, filling: Filling) -> Iterable[bytes]:
        """Its words."""
        return (escaped(filling.said(self.template)),)


@dataclass(frozen=True)
class Hole:
    """Where a replacement takes a value of its own."""

    name: str

    def fill(self, filling: Filling) -> Iterable[bytes]:
        """That value."""
        return (filling.holes.get(self.name, b""),)


@dataclass
class Jump:
    """An element that leads to a slide, and is only there while that is."""

    slide: str
    ids: Ids
    inside: Pieces = ()

    def fill(self, filling: Filling) -> Iterable[bytes]:
        """The element, or nothing."""
        if filling.has_slide(self.slide):
            return join(self.inside, filling)
        filling.lose(self.ids)
        return ()


@dataclass
class PicturePlace:
    """A shape that a picture replaces; ``lost`` are the ids that the shape names and the picture does not."""

    field: str
    explicit: bool
    box: Box | None
    lost: Ids
    inside: Pieces = ()
    instead: Pieces = ()

    def fill(self, filling: Filling) -> Iterable[bytes]:
        """The picture in the box of the shape, or the shape."""
        picture = filling.picture(self.field, self.explicit)
        if picture is None:
            return join(self.inside, filling)
        filling.lose(self.lost)
        box = self.box.fit(picture).written() if self.box else b""
        filling.holes = {"id": filling.shown(picture).encode(), "box": box}
        return join(self.instead, filling)


@dataclass
class PictureOnly:
    """What means something only while a field is a text: an animation of its words."""

    field: str
    inside: Pieces = ()

    def fill(self, filling: Filling) -> Iterable[bytes]:
        """Nothing beside a picture."""
        return () if filling.picture(self.field, False) else join(self.inside, filling)


@dataclass
class TablePlace:
    """The rows of a table below its header; ``instead`` is the model of one row."""

    field: str
    columns: int
    lost: Ids
    inside: Pieces = ()
    instead: Pieces = ()

    def fill(self, filling: Filling) -> Iterable[bytes]:
        """The rows that were given, or those of the template."""
        rows = filling.rows(self.field)
        if rows is None:
            return join(self.inside, filling)
        filling.lose(self.lost)
        return [piece for row in rows for piece in self._row(row, filling)]

    def _row(self, row: Sequence[str], filling: Filling) -> Iterable[bytes]:
        filling.holes = {str(at): escaped(cell) for at, cell in enumerate(row)}
        return join(self.instead, filling)


@dataclass
class Marks:
    """The marks in one tree; nobody who wrote the file can know the ``nonce`` in them."""

    nonce: str
    places: list[Any] = field(default_factory=list)

    def put(self, place: Place) -> str:
        """A text that stands for a place, for texts and attributes."""
        self.places.append(place)
        return f"-{self.nonce}.{len(self.places) - 1}-"

    def around(self, first: Element, last: Element, place: Place) -> None:
        """Mark the elements from one to its later sibling as what is there of a place."""
        number = self._number(place)
        first.addprevious(self._comment(number, BEGIN))
        last.addnext(self._comment(number, END))

    def replacing(self, first: Element, last: Element, new: Element, place: Place) -> None:
        """The same, with what stands there instead."""
        number = self._number(place)
        first.addprevious(self._comment(number, BEGIN))
        end = self._comment(number, END)
        last.addnext(end)
        end.addprevious(self._comment(number, MIDDLE))
        end.addprevious(new)

    def following(self, element: Element, new: Element, place: Place) -> None:
        """The same, with nothing there yet."""
        number = self._number(place)
        for each in (
            self._comment(number, END),
            new,
            self._comment(number, MIDDLE),
            self._comment(number, BEGIN),
        ):
            element.addnext(each)

    def split(self, data: bytes) -> Pieces:
        """The pieces of the part, serialised."""
        nonce = self.nonce.encode()
        tokens = re.split(rb"<!--%b\.(\d+)\.(begin|middle|end)-->|-%b\.(\d+)-" % (nonce, nonce), data)
        stack: list[tuple[list[bytes | Place], Any]] = [([], None)]
        for at in range(0, len(tokens), 4):
            stack[-1][0].append(Packed(tokens[at]))
            if at + 3 < len(tokens):
                self._take(stack, *tokens[at + 1 : at + 4])
        return stack[0][0]

    def _take(self, stack: list[tuple[list[bytes | Place], Any]], number: Any, word: Any, alone: Any) -> None:
        if alone is not None:
            stack[-1][0].append(self.places[int(alone)])
            return
        place = self.places[int(number)]
        if word == BEGIN.encode():
            stack.append(([], place))
            return
        pieces, _ = stack.pop()
        if word == MIDDLE.encode():
            place.inside = pieces
            stack.append(([], place))
            return
        if hasattr(place, "instead"):
            place.instead = pieces
        else:
            place.inside = pieces
        stack[-1][0].append(place)

    def _number(self, place: Place) -> int:
        self.places.append(place)
        return len(self.places) - 1

    def _comment(self, number: int, word: str) -> Any:
        return etree.Comment(f"{self.nonce}.{number}.{word}")
