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
from cms_sales_enablement import brought, office, pdf_pages, values
from cms_sales_enablement.models import Deck, Picture, Slide

LOOKS = 1  # raised when slides are drawn in another way
WIDE, SMALL = 1600, 480
PAPER = ""  # stands for all slides of a deck


def can_be_made() -> bool:
    """Whether slides can be drawn on this machine."""
    return pdf_pages.installed() and office.program() is not None


def key_of(slide: Slide, deck: Deck | None, sheet: str = "") -> str:
    """The same for the same looks: the slide itself, the values and pictures of its fields, the PDF whose page it is."""
    known = values.restored(deck.values) if deck else {}
    filled = {name: known[name].value for name in slide.fields if name in known}
    shown = {name: deck.picture(name) for name in slide.fields} if deck else {}
    told = [LOOKS, slide.digest, deck is not None, filled, shown, *filter(None, [sheet])]
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()


def paper_key(slides: Iterable[Slide], deck: Deck, sheet: str = "") -> str:
    """The same for a deck of the same looks: what its PDF is known by."""
    return hashlib.sha256(
        "\n".join(["PDF", *(key_of(slide, deck, sheet) for slide in slides)]).encode()
    ).hexdigest()


def ask_for(svc: Services, asset: str, slides: Iterable[Slide], deck: Deck | None) -> Mapping[str, Picture]:
    """The pictures of these slides by slide id, made or not; those that nobody has asked for yet are asked for."""
    sheet = brought.stand_in(svc, asset)
    if sheet:
        slides = [each for each in slides if brought.shows(each, deck)]
    elif not can_be_made():
        return {}
    return _ask(svc, asset, {slide.uid: key_of(slide, deck, sheet) for slide in slides}, deck)


def paper_can_be_made(svc: Services, slides: Iterable[Slide], deck: Deck) -> bool:
    """Whether there can be a PDF of this deck here."""
    if brought.stand_in(svc, deck.asset):
        return all(brought.shows(each, deck) for each in slides)
    return can_be_made()


def ask_for_paper(svc: Services, slides: Iterable[Slide], deck: Deck) -> Picture | None:
    """The PDF of a deck, made or not; None where none can be made."""
    slides, sheet = list(slides), brought.stand_in(svc, deck.asset)
    if not paper_can_be_made(svc, slides, deck):
        return None
    return _ask(svc, deck.asset, {PAPER: paper_key(slides, deck, sheet)}, deck).get(PAPER)


def paper(svc: Services, slides: Iterable[Slide], deck: Deck) -> Picture | None:
    """The same, if somebody has asked for it."""
    with svc.session() as session:
        return session.get(Picture, paper_key(slides, deck, brought.stand_in(svc, deck.asset)))


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
    sheet = brought.stand_in(svc, asset)
    with svc.session() as session:
        row = session.get(Picture, key_of(slide, deck, sheet))
    sha256 = (row.wide if width > SMALL else row.small) if row else None
    return svc.file(sha256) if sha256 else None
