"""Pictures of slides, one for each way that a slide looks: all decks in which it looks the same share them.

They are asked for by those who show them, and made by a job (``drawing``), for it takes seconds; whoever shows a slide without one
shows its words.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import select

from cms_core import Media, Services, insert_missing
from cms_sales_enablement import values
from cms_sales_enablement.ladder import Ladder
from cms_sales_enablement.models import Deck, Picture, Slide

LOOKS = 1  # raised when slides are drawn in another way
WIDE, SMALL = 1600, 480
PAPER = ""  # stands for all slides of a deck


def key_of(slide: Slide, deck: Deck | None, mark: str = "") -> str:
    """The same for the same looks: the slide itself, the values and pictures of its fields, and who draws it (``Way.mark``)."""
    known = values.restored(deck.values) if deck else {}
    filled = {name: known[name].value for name in slide.fields if name in known}
    shown = {name: deck.picture(name) for name in slide.fields} if deck else {}
    told = [LOOKS, slide.digest, deck is not None, filled, shown, *filter(None, [mark])]
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()


def keys_of(svc: Services, asset: str, slides: Iterable[Slide], deck: Deck | None) -> Mapping[str, str]:
    """The keys of those of these slides that can be drawn here, by slide id."""
    slides = list(slides)
    ways = Ladder(svc, asset).ways(slides, in_deck=deck is not None)
    return {slide.uid: key_of(slide, deck, ways[slide.uid].mark) for slide in slides if slide.uid in ways}


def paper_key(keys: Iterable[str]) -> str:
    """The same for a deck of the same looks, from the keys of its slides: what its PDF is known by."""
    return hashlib.sha256("\n".join(["PDF", *keys]).encode()).hexdigest()


def paper_key_of(svc: Services, slides: Iterable[Slide], deck: Deck) -> str:
    """The same for slides of a deck; "" where there are none, or one of them cannot be drawn here."""
    slides = list(slides)
    keys = keys_of(svc, deck.asset, slides, deck)
    return paper_key(keys.values()) if keys and len(keys) == len(slides) else ""


def ask_for(svc: Services, asset: str, slides: Iterable[Slide], deck: Deck | None) -> Mapping[str, Picture]:
    """The pictures of these slides by slide id, made or not; those that nobody has asked for yet are asked for."""
    return _ask(svc, asset, keys_of(svc, asset, slides, deck), deck)


def ask_for_paper(svc: Services, slides: Iterable[Slide], deck: Deck) -> Picture | None:
    """The PDF of a deck, made or not; None where none can be made."""
    key = paper_key_of(svc, slides, deck)
    return _ask(svc, deck.asset, {PAPER: key}, deck).get(PAPER) if key else None


def paper(svc: Services, slides: Iterable[Slide], deck: Deck) -> Picture | None:
    """The same, if somebody has asked for it."""
    with svc.session() as session:
        return session.get(Picture, paper_key_of(svc, slides, deck))


def _ask(svc: Services, asset: str, keys: Mapping[str, str], deck: Deck | None) -> Mapping[str, Picture]:
    """By slide; slides that look the same share one."""
    slides = {key: slide for slide, key in keys.items()}
    with svc.session() as session:
        known = set(session.scalars(select(Picture.key).where(Picture.key.in_(slides))))
    if new := [key for key in slides if key not in known]:
        same = {"asset": asset, "deck": deck.public_id if deck else None, "asked_at": svc.now(), "tries": 0}
        rows: list[dict[str, Any]] = [{"key": key, "slide": slides[key], **same} for key in new]
        with svc.transaction() as session:
            insert_missing(session, Picture, rows)
    with svc.session() as session:
        found = {row.key: row for row in session.scalars(select(Picture).where(Picture.key.in_(slides)))}
    return {slide: found[key] for slide, key in keys.items() if key in found}


def of(svc: Services, asset: str, slide: Slide, deck: Deck | None, width: int) -> Media | None:
    """The picture of a slide of a presentation as it looks in a deck (None: in the presentation), if it was made."""
    key = keys_of(svc, asset, [slide], deck).get(slide.uid, "")
    with svc.session() as session:
        row = session.get(Picture, key)
    sha256 = (row.wide if width > SMALL else row.small) if row else None
    return svc.file(sha256) if sha256 else None
