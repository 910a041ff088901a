"""The slides of a deck for people who look at it in a browser: what they say, filled, and their pictures where there are any."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cms_core import Media, Services, merge
from cms_sales_enablement import pictures, presentations, values
from cms_sales_enablement.models import Deck, Picture, Slide
from cms_sales_enablement.pptx.fields import OWN
from cms_sales_enablement.pptx.slides import compile_text


@dataclass(frozen=True)
class Shown:
    """One slide: where it stands in the deck, its title, the lines below it, and whether there is a picture of it (or will be)."""

    uid: str
    position: int
    title: str
    lines: Sequence[str]
    notes: str
    drawn: bool
    awaited: bool

    @property
    def words(self) -> str:
        """All that it says: what stands for its picture."""
        return "\n".join([self.title, *self.lines])


def slides_of(svc: Services, deck: Deck) -> list[Shown]:
    """The slides that the presentation still has, filled; a field without a value shows nothing, as in the file."""
    there = rows_of(svc, deck)
    fields, known = merge.Fields.of(svc.merge_fields), by_namespace(deck)
    made = pictures.ask_for(svc, deck.asset, there, deck)
    return [
        _shown(slide, position, fields, known, made.get(slide.uid)) for position, slide in enumerate(there, 1)
    ]


def rows_of(svc: Services, deck: Deck) -> list[Slide]:
    """The slides of a deck that the presentation still has, in its order, as the presentation has them."""
    by_uid = {slide.uid: slide for slide in presentations.find(svc, deck.asset).slides}
    return [by_uid[each.uid] for each in deck.slides if each.uid in by_uid]


def picture_of(svc: Services, deck: Deck, uid: str, width: int) -> Media | None:
    """The picture of a slide of this deck, if it was made."""
    if uid not in {each.uid for each in deck.slides}:
        return None
    slides = presentations.find(svc, deck.asset).slides
    slide = next((each for each in slides if each.uid == uid), None)
    return pictures.of(svc, deck.asset, slide, deck, width) if slide else None


def by_namespace(deck: Deck) -> dict[str, dict[str, Any]]:
    """The values of a deck as the merge language takes them."""
    found: dict[str, dict[str, Any]] = {}
    for field, value in values.restored(deck.values).items():
        namespace, dot, name = field.partition(".")
        found.setdefault(namespace if dot else OWN, {})[name if dot else namespace] = value.value
    return found


def _shown(
    slide: Slide, position: int, fields: merge.Fields, known: Mapping[str, Any], picture: Picture | None
) -> Shown:
    lines = [line for line in slide.text.split("\n") if line.strip()]
    if lines and " ".join(lines[0].split()) == slide.title:
        del lines[0]
    return Shown(
        uid=slide.uid,
        position=position,
        title=_filled(slide.title, fields, known),
        lines=[_filled(line, fields, known) for line in lines],
        notes=_filled(slide.notes, fields, known),
        drawn=picture is not None and picture.wide is not None,
        awaited=picture is not None and picture.wide is None and picture.tries < pictures.TRIES,
    )


def _filled(text: str, fields: merge.Fields, known: Mapping[str, Any]) -> str:
    try:
        return compile_text(text, fields).render(known)
    except merge.MergeError:
        return text
