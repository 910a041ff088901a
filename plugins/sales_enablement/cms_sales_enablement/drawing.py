"""Draws the slides that somebody wants to see: has a page made of each, keeps their pictures."""

import contextlib
import logging
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from sqlalchemy import delete, select, update

from cms_core import CmsError, Invalid, JobContext, Services
from cms_sales_enablement import (
    decks,
    material,
    pdf_pages,
    pictures,
    presentations,
    printing,
    variants,
)
from cms_sales_enablement.material import Material
from cms_sales_enablement.models import TRIES, Deck, Picture, Slide
from cms_sales_enablement.pictures import PAPER, SMALL, WIDE

log = logging.getLogger(__name__)

MOST = 40  # slides at once
PAUSE = timedelta(minutes=1)  # before the second try; eight times as long before the third
LEFT = {
    "cms-slides-*": 3_600,
    "cms-deck-*": 3_600,
    "cms-pdf-*": 3_600,
    "weasyprint-*": 3_600,
    "cms-office-*": 86_400,
}  # seconds; one that is kept warm lives on
MIME, PDF = "image/webp", "application/pdf"


def run(ctx: JobContext) -> None:
    """Draw what is wanted, deck by deck, until nothing is."""
    _sweep()
    if not pdf_pages.installed():
        return
    while draw_next(ctx.services):
        pass


def _sweep() -> None:
    """Take away what a process that was killed has left: decks are not for everybody who uses the machine."""
    folder, present = Path(tempfile.gettempdir()), time.time()
    for pattern, seconds in LEFT.items():
        for left in folder.glob(pattern):
            with contextlib.suppress(OSError):
                if present - left.stat().st_mtime > seconds:
                    shutil.rmtree(left)


def draw_next(svc: Services) -> bool:
    """Draw the slides of one deck (or presentation) that were asked for first; False when nobody waits."""
    rows = _next(svc)
    if rows:
        _try(svc, rows)
    return bool(rows)


def _try(svc: Services, rows: Sequence[Picture]) -> None:
    """Draw them; where that fails each by itself, so that one which cannot be drawn costs no other its picture."""
    try:
        _draw(svc, rows)
    except OSError as error:  # no room: that says nothing of the slides
        log.warning("slides are drawn later: %s", error)
        _put_off(svc, rows)
    except CmsError as error:
        if len(rows) > 1:
            for row in rows:
                _try(svc, [row])
            return
        log.warning("slides could not be drawn: %s", error)
        _count_try(svc, rows[0], str(error))


def _next(svc: Services) -> Sequence[Picture]:
    asked = Picture.asked_at <= svc.now()  # who failed asks again later
    waiting = select(Picture).where(Picture.wide.is_(None), Picture.tries < TRIES, asked)
    with svc.session() as session:
        first = session.scalar(waiting.order_by(Picture.asked_at, Picture.key).limit(1))
        if first is None:
            return []
        of_one = Picture.deck == first.deck if first.deck else Picture.deck.is_(None)
        return session.scalars(waiting.where(Picture.asset == first.asset, of_one).limit(MOST)).all()


def _draw(svc: Services, rows: Sequence[Picture]) -> None:
    deck = decks.row_or_none(svc, rows[0].deck) if rows[0].deck else None
    made_of = (
        material.of_deck(svc, deck)
        if deck
        else material.of_presentation(svc, presentations.find(svc, rows[0].asset))
    )
    papers = [row for row in rows if row.slide == PAPER]
    if papers and deck is not None:
        _print(svc, made_of, deck, papers)
    rows = [row for row in rows if row not in papers]
    if rows:
        _draw_slides(svc, made_of, deck, rows)


def _print(svc: Services, made_of: Material, deck: Deck, rows: Sequence[Picture]) -> None:
    """The PDF of the deck as it is now; one that was asked for before it was changed is forgotten."""
    now = pictures.paper_key_of(svc, variants.leaving(svc, made_of, deck), deck)
    _forget(svc, [row for row in rows if row.key != now])
    if now not in {row.key for row in rows}:
        return
    with tempfile.TemporaryDirectory(prefix="cms-slides-") as folder:
        out = Path(folder, "deck.pdf")
        printing.write_as(svc, deck, out)
        file = svc.keep_file(out.read_bytes(), out.name, PDF)
    with svc.transaction() as session:
        session.execute(update(Picture).where(Picture.key == now).values(wide=file.sha256, reason=""))


def _draw_slides(svc: Services, made_of: Material, deck: Deck | None, rows: Sequence[Picture]) -> None:
    wanted = _still_wanted(svc, made_of, deck, rows)
    _forget(svc, [row for row in rows if row.key not in wanted])
    if not wanted:
        return
    with tempfile.TemporaryDirectory(prefix="cms-slides-") as folder:
        pdf = Path(folder, "slides.pdf")
        printing.write_pages(svc, made_of, list(wanted.values()), deck, pdf)
        pages = pdf_pages.render(pdf, Path(folder), (WIDE, SMALL))
        if len(pages) != len(wanted):  # a program that leaves hidden slides out would shift the others
            raise Invalid(f"{len(pages)} pages of {len(wanted)} slides")
        for key, page in zip(wanted, pages, strict=True):
            _keep(svc, key, page)


def _still_wanted(
    svc: Services, made_of: Material, deck: Deck | None, rows: Sequence[Picture]
) -> dict[str, Slide]:
    """The slides by key, as they look now: who changed the deck meanwhile wants another picture."""
    keys = pictures.keys_of(svc, made_of.kept.asset.id, made_of.slides, deck)
    by_key = {key: made_of.by_ref[uid] for uid, key in keys.items()}
    return {row.key: by_key[row.key] for row in rows if row.key in by_key}


def _keep(svc: Services, key: str, page: Mapping[int, Path]) -> None:
    wide, small = (
        svc.keep_file(page[width].read_bytes(), f"slide-{width}.webp", MIME).sha256 for width in (WIDE, SMALL)
    )
    with svc.transaction() as session:
        session.execute(update(Picture).where(Picture.key == key).values(wide=wide, small=small, reason=""))


def _count_try(svc: Services, row: Picture, reason: str) -> None:
    with svc.transaction() as session:
        tried = update(Picture).where(Picture.key == row.key)
        session.execute(tried.values(tries=Picture.tries + 1, reason=reason[:500]))
    _put_off(svc, [row])


def _put_off(svc: Services, rows: Sequence[Picture]) -> None:
    """What failed may have failed for the weather's sake, and that changes."""
    with svc.transaction() as session:
        for row in rows:
            later = svc.now() + PAUSE * 8**row.tries
            session.execute(update(Picture).where(Picture.key == row.key).values(asked_at=later))


def _forget(svc: Services, rows: Sequence[Picture]) -> None:
    if rows:
        with svc.transaction() as session:
            session.execute(delete(Picture).where(Picture.key.in_([row.key for row in rows])))
