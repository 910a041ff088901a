"""Presentations that marketing keeps: a PowerPoint file is an asset, each of its slides has an id, each new file is a revision.

What is read out of a file is kept once per content; the revision names the file, and review, approval and feedback are those of
any other asset.
"""

import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from sqlalchemy import or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import selectinload

from cms_core import Asset, Conflict, Invalid, Media, NotFound, Saved, Services
from cms_sales_enablement import brought, fonts, pdf_copies
from cms_sales_enablement.models import Deck, DeckSlide, Document, Presentation, Slide
from cms_sales_enablement.pptx import slides as pptx
from cms_sales_enablement.pptx.reading import TAKEN_OUT, Read, read_in_child

KIND = "presentation"
READ, MAKE = "sales.read", "sales.decks"
MIME = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
LONGEST_TITLE = 500


@dataclass(frozen=True)
class Kept:
    """An approved presentation with what was read out of its file."""

    asset: Asset
    file: Media
    presentation: Presentation

    @property
    def pdf(self) -> Media | None:
        """The PDF that was brought along with the file."""
        return brought.pdf_of(self.asset)

    @property
    def slides(self) -> list[Slide]:
        """Its slides in the order of the show."""
        return self.presentation.slides

    def find_slide(self, uid: str) -> Slide:
        """One of them by its id; raises NotFound."""
        if (found := self.find_slide_or_none(uid)) is None:
            raise NotFound(
                f"{self.asset.slug!r} has no slide {uid[:80]!r}", "`cms sales templates show` lists them"
            )
        return found

    def find_slide_or_none(self, uid: str) -> Slide | None:
        """The same, or None."""
        return next((each for each in self.slides if each.uid == uid), None)


@dataclass(frozen=True)
class Added:
    """A file that was taken in, and the decks whose slides look different in it or are gone."""

    saved: Saved
    presentation: Presentation
    behind: Sequence[Deck]


def add(
    svc: Services, data: bytes, filename: str, title: str = "", replaces: str = "", pdf: bytes = b""
) -> Added:
    """Take a file in, as a new presentation or as the next revision of the one named by ``replaces`` (slug or id).

    The same file again is the presentation that has it, whoever adds it and however many at once. ``pdf`` is brought along. Raises
    Invalid for a file that cannot be used, or holds what the settings refuse; then nothing is kept.
    """
    svc.require("content.edit")
    before = find(svc, replaces) if replaces else None
    found = _read(data, filename)
    _require_allowed(svc, found)
    paper = brought.keep(svc, pdf, len(found.slides), filename) if pdf else None
    file = svc.keep_file(data, f"{Path(filename).stem}.pptx", MIME)
    presentation = _remember(svc, file.sha256, found)
    name = " ".join(title.split())[:LONGEST_TITLE] or (
        before.asset.title if before else _title(filename, found)
    )
    approved = None if before else _with_file(svc, file.sha256)
    with svc.transaction() as session:
        row = session.scalars(
            select(Presentation).where(Presentation.sha256 == file.sha256).with_for_update()
        ).one()
        known = _saved(approved.asset) if approved else svc.saved(row.asset) if row.asset else None
        if before is None and known is not None:
            return Added(_with_pdf(svc, known, paper) if paper else known, presentation, ())
        body = _body(file, paper, before.asset.body if before else {})
        saved = svc.save_asset(KIND, name, body, slug=before.asset.slug if before else "")
        session.execute(update(Presentation).where(Presentation.asset == saved.id).values(asset=None))
        row.asset = saved.id
    return Added(saved, presentation, behind(svc, saved.id, presentation))


def bring(svc: Services, named: str, pdf: bytes) -> Saved:
    """Bring a PDF for an approved presentation: its next revision, of the same file, approved or reviewed like any other.

    Raises Invalid for a PDF that is not page by page the same, Conflict where newer words wait for approval.
    """
    svc.require("content.edit")
    kept = find(svc, named)
    paper = brought.keep(svc, pdf, len(kept.slides), kept.file.filename)
    with svc.transaction():
        return _with_pdf(svc, _saved(kept.asset), paper)


def _with_pdf(svc: Services, known: Saved, paper: Media) -> Saved:
    asset, newest = next(iter(svc.assets([known.id])), None), svc.saved(known.id)
    if asset is None or newest is None or newest.revision != asset.revision:
        raise Conflict(
            f"{known.slug!r} has a newer version that waits for approval",
            "bring the PDF when that is approved",
            field=pdf_copies.FIELD,
        )
    return svc.save_asset(KIND, asset.title, _body(_file(asset), paper, asset.body), slug=asset.slug)


def _body(file: Media, paper: Media | None, before: Mapping[str, Any]) -> dict[str, Any]:
    """What was said of it before stays; its file is another one, and its PDF belongs to that."""
    named = {"file": file, pdf_copies.FIELD: paper}
    said = {name: value for name, value in before.items() if name not in named}
    return said | {name: f"/media/{each.sha256}/{each.filename}" for name, each in named.items() if each}


def _saved(asset: Asset) -> Saved:
    return Saved(asset.id, asset.slug, asset.revision, asset.state)


def find(svc: Services, named: str) -> Kept:
    """An approved presentation by its slug or id; raises NotFound."""
    by_slug = svc.asset(named)
    asset = next(iter(svc.assets([by_slug.id if by_slug else named])), None)
    if asset is None or asset.kind != KIND:
        called = svc.slug_of(named) or named
        raise NotFound(
            f"there is no approved presentation {called[:120]!r}",
            "`cms sales templates list` shows what there is",
        )
    return of_asset(svc, asset)


def of_asset(svc: Services, asset: Asset) -> Kept:
    """What was read out of the file of an asset; one that came by an import is read now."""
    return _of_assets(svc, [asset])[0]


def listed(svc: Services) -> list[Kept]:
    """All approved presentations by title, as the index knows them (``index.catch_up``)."""
    with svc.session() as session:
        ids = session.scalars(select(Document.asset).where(Document.kind == KIND)).all()
    return _of_assets(svc, sorted(svc.assets(ids), key=lambda asset: asset.title.casefold()))


def behind(svc: Services, asset: str, presentation: Presentation) -> list[Deck]:
    """The decks of a presentation in which a slide of it looks different now, or is gone, the newest first."""
    digests = {slide.uid: slide.digest for slide in presentation.slides}
    elsewhere = f"{asset}:"
    shows_it = or_(Deck.asset == asset, Deck.slides.any(DeckSlide.uid.startswith(elsewhere)))
    query = select(Deck).where(shows_it).options(selectinload(Deck.slides)).order_by(Deck.id.desc())
    with svc.session() as session:
        decks = session.scalars(query).all()

    def is_behind(deck: Deck, slide: DeckSlide) -> bool:
        of_it = slide.is_own if deck.asset == asset else slide.uid.startswith(elsewhere)
        return of_it and digests.get(slide.uid.removeprefix(elsewhere)) != slide.digest

    return [deck for deck in decks if any(is_behind(deck, each) for each in deck.slides)]


def text_of(kept: Kept) -> str:
    """What the slides of a presentation say, notes too: what it is found by."""
    return "\n\n".join(part for slide in kept.slides for part in (slide.text, slide.notes) if part)


def sha256_of(asset: Asset) -> str:
    """The hash of a presentation's file; "" of what has none."""
    found = next((each for each in asset.media if each.mime == MIME), None)
    return found.sha256 if found and asset.kind == KIND else ""


# --- reading --------------------------------------------------------------------------------------------------------------


def _read(data: bytes, filename: str) -> Read:
    if not data:
        raise Invalid(f"{filename!r:.120} is empty", "choose a .pptx file", field="file")
    with tempfile.NamedTemporaryFile(suffix=".pptx") as file:
        file.write(data)
        file.flush()
        return read_in_child(Path(file.name))


def _require_allowed(svc: Services, found: Read) -> None:
    refused = [each for each in found.findings if each.code in TAKEN_OUT]
    if refused and svc.settings().get("foreign") == "refuse":
        first = refused[0]
        raise Invalid(
            f"the settings refuse a file with this: {first.message} ({first.code} in {first.where or 'the file'})",
            "take it out and save the file anew",
            field="file",
        )


def _with_file(svc: Services, sha256: str) -> Kept | None:
    with svc.session() as session:
        ids = session.scalars(select(Document.asset).where(Document.file == sha256)).all()
    return next((each for each in _of_assets(svc, svc.assets(ids)) if each.file.sha256 == sha256), None)


def _title(filename: str, found: Read) -> str:
    stem = " ".join(re.split(r"[\s_-]+", PurePath(filename.replace("\\", "/")).stem)).strip()
    title = stem[:1].upper() + stem[1:] or found.slides[0].slide.title
    return title[:LONGEST_TITLE]


def _of_assets(svc: Services, assets: Iterable[Asset]) -> list[Kept]:
    files = [(asset, _file(asset)) for asset in assets]
    known = _remembered(svc, [file.sha256 for _, file in files])
    return [
        Kept(
            asset,
            file,
            known.get(file.sha256) or _remember(svc, file.sha256, read_in_child(Path(file.path))),
        )
        for asset, file in files
    ]


def _file(asset: Asset) -> Media:
    file = next((each for each in asset.media if each.mime == MIME), None)
    if file is None:
        raise NotFound(f"{asset.slug!r} has no file", "`cms sales templates add --replace` gives it one")
    return file


def _remembered(svc: Services, sha256s: Sequence[str]) -> dict[str, Presentation]:
    query = select(Presentation).where(Presentation.sha256.in_(sha256s))
    with svc.session() as session:
        found = session.scalars(query.options(selectinload(Presentation.slides)))
        return {each.sha256: each for each in found}


def _remember(svc: Services, sha256: str, found: Read) -> Presentation:
    try:
        with svc.transaction() as session:
            known = session.scalar(select(Presentation).where(Presentation.sha256 == sha256))
            if known is None:
                session.add(_row(svc, sha256, found))
    except IntegrityError:  # another process has read the same file at this moment
        pass
    remembered = _remembered(svc, [sha256]).get(sha256)
    if remembered is None:
        raise NotFound("the presentation is gone", "add its file again")
    return remembered


def _row(svc: Services, sha256: str, found: Read) -> Presentation:
    return Presentation(
        sha256=sha256,
        fonts=list(found.fonts),
        findings=[
            each.document() for each in (*found.findings, *fonts.findings(found.fonts, found.embedded))
        ],
        read_at=svc.now(),
        slides=[row_of(each.slide, each.digest) for each in found.slides],
    )


def row_of(slide: pptx.Slide, digest: str) -> Slide:
    """A slide as it is kept."""
    return Slide(
        uid=slide.id,
        number=slide.number,
        title=slide.title[:500],
        text=slide.text,
        notes=slide.notes,
        slots=[{"name": each.name, "kind": str(each.kind)} for each in slide.slots],
        jumps=list(slide.jumps),
        hidden=slide.hidden,
        digest=digest,
    )
