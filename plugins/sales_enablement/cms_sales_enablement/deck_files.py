"""Decks as files: written in milliseconds whenever they are wanted, never kept."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from cms_core import Invalid, Services
from cms_sales_enablement import filling, material, variants
from cms_sales_enablement.material import Material
from cms_sales_enablement.models import Deck
from cms_sales_enablement.pptx.findings import Finding, Level
from cms_sales_enablement.pptx.template import Copied


@dataclass(frozen=True)
class Written:
    """A deck as a file: what it holds, and what is to be said of it."""

    copied: Copied
    findings: tuple[Finding, ...]


def write(
    svc: Services, deck: Deck, out: Path, made_of: Material | None = None, *, outside: bool = False
) -> Written:
    """Write a deck's file (.pptx) from what it is made of now; slides that are no longer there are left out and told.

    ``outside``: for others, so without hidden slides, notes and comments.

    Raises NotFound when the presentation is no longer approved, Invalid when none of the slides is left.
    """
    made_of = made_of or material.of_deck(svc, deck)
    today = variants.of(svc, made_of)
    there = [slide for slide in made_of.of(deck) if not today.barred(slide.uid)]
    picks = [slide.uid for slide in there if not (outside and slide.hidden)]
    if not picks:
        raise Invalid("none of its slides may be used any more", "make a new deck of the presentation")
    copied = write_slides(svc, made_of, picks, deck, out, bare=outside)
    wanted = [each.uid for each in deck.slides]
    stripped = [each for each in made_of.stripped if each.where in picks]
    odd = (*stripped, *filling.unknown(made_of, deck), *_gone(deck, made_of), *today.findings(wanted))
    return Written(copied, (*copied.findings, *odd))


def write_slides(
    svc: Services,
    made_of: Material,
    picks: Sequence[str],
    deck: Deck | None,
    out: Path,
    *,
    bare: bool = False,
) -> Copied:
    """Write some slides of a material as they look in a deck; without one, fields show what stands there."""
    given = filling.of_deck(svc, made_of, deck) if deck else filling.of_presentation(made_of)
    return made_of.template(bare=bare).write(
        out, picks, given.values, pictures=given.pictures, charts=given.charts, tables=given.tables
    )


def opened(
    svc: Services, deck: Deck, made_of: Material | None = None, *, outside: bool = False
) -> tuple[BinaryIO, Written]:
    """The same as an open file that nobody else can name, and that is gone when it is closed."""
    with tempfile.TemporaryDirectory(prefix="cms-deck-") as folder:
        path = Path(folder, "deck.pptx")
        written = write(svc, deck, path, made_of, outside=outside)
        return path.open("rb"), written


def look(svc: Services, deck: Deck, made_of: Material | None = None) -> Written:
    """What the file of a deck would hold and lack."""
    file, written = opened(svc, deck, made_of)
    file.close()
    return written


def file_name(deck: Deck) -> str:
    """The name of a deck as files can have it, without an ending."""
    return "".join(each if each.isalnum() or each in " -_" else "-" for each in deck.name).strip() or "deck"


def _gone(deck: Deck, made_of: Material) -> list[Finding]:
    return [
        Finding(
            Level.WARNING,
            "slide_gone",
            each.uid,
            f"it is left out: {made_of.lacking.get(each.uid, 'the presentation has this slide no longer')}",
        )
        for each in deck.slides
        if each.uid not in made_of.by_ref
    ]
