"""A rep's decks: slides of an approved presentation, picked and filled for somebody; the file is written whenever it is wanted."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload
from sqlalchemy.orm.attributes import flag_modified

from cms_core import Conflict, Invalid, NotFound, Services, merge
from cms_sales_enablement import filling, office, presentations, training, values, variants
from cms_sales_enablement.models import Deck, DeckSlide, Slide
from cms_sales_enablement.pptx.findings import Finding, Level
from cms_sales_enablement.pptx.template import Copied, DeckTemplate
from cms_sales_enablement.presentations import MAKE, Kept
from cms_sales_enablement.values import DeckSubject

SEES_ALL = "sales.all"
LOGOS = ("image/png", "image/jpeg")
LONGEST_NAME = 200
TEMPLATES = 8  # that are kept open, ready to be copied


@dataclass(frozen=True)
class Wanted:
    """What a rep wants of a deck: ids of slides in order (none: all), values by field, a logo's bytes, for whom, its language."""

    picks: Sequence[str] = ()
    said: Mapping[str, str] = field(default_factory=dict)
    logo: bytes | None = None
    subject: str = ""
    name: str = ""
    locale: str = ""

    @property
    def nothing(self) -> bool:
        """Whether nothing is asked for."""
        return self == Wanted()


@dataclass(frozen=True)
class Written:
    """A deck as a file: what it holds, and what is to be said of it."""

    copied: Copied
    findings: tuple[Finding, ...]


def make(svc: Services, source: str, wanted: Wanted) -> Deck:
    """A new deck of an approved presentation, or of another deck with these changes; that one itself where nothing is asked for.

    Raises NotFound, and Invalid for slides, values or a logo that cannot be used; nothing is kept then.
    """
    user = svc.require(MAKE)
    before = find_or_none(svc, source)
    if before is not None and wanted.nothing:
        return before
    kept = presentations.find(svc, before.asset if before else source)
    training.require_certified(svc, kept.asset.id)
    today = variants.of(svc, kept)
    earlier = today.carried([each.uid for each in before.slides]) if before else []
    picked = today.arrange(wanted.picks or earlier, wanted.locale)
    subject = values.subject_or_new(svc, wanted.subject)
    deck = Deck(
        asset=kept.asset.id,
        name=_name(wanted, kept, subject, before),
        company=subject.company if subject else before and before.company,
        deal=subject.id if subject and subject.kind != "company" else before and before.deal,
        contact=subject.contact if subject else before and before.contact,
        values=_values(svc, subject, wanted.said, before),
        logo=_logo(svc, wanted.logo) if wanted.logo else before.logo if before else "",
        user=user.id,
        user_name=user.name or user.email,
        created_at=svc.now(),
        changed_at=svc.now(),
        slides=_rows(picked),
    )
    _require_writable(svc, kept, deck)
    with svc.transaction() as session:
        session.add(deck)
        session.flush()
    return deck


def change(svc: Services, public_id: str, wanted: Wanted, version: int | None = None) -> Deck:
    """Change a deck as it stands: what is not asked for stays; an empty value takes a field's value away.

    ``version`` is the one that the rep saw. Raises what ``make`` raises, and Conflict when it was changed meanwhile.
    """
    found = find(svc, public_id)
    kept = presentations.find(svc, found.asset)
    training.require_certified(svc, kept.asset.id)
    today = variants.of(svc, kept)
    earlier = today.carried([each.uid for each in found.slides]) if wanted.locale else []
    picked = today.arrange(wanted.picks or earlier, wanted.locale) if wanted.picks or earlier else None
    subject = values.subject_or_new(svc, wanted.subject)
    given = _values(svc, subject, _new(wanted.said, found), found)
    logo = _logo(svc, wanted.logo) if wanted.logo else found.logo
    with svc.transaction() as session:
        deck = _row(session, public_id)
        if deck is None or (version is not None and deck.version != version):
            raise Conflict("somebody else has changed this deck meanwhile", "look at it again")
        if picked is not None:
            deck.slides.clear()
            session.flush()
            deck.slides = _rows(picked)
        if subject is not None:
            deck.company = subject.company
            deck.deal = subject.id if subject.kind != "company" else None
            deck.contact = subject.contact
        deck.name = _name(wanted, kept, None, deck) if wanted.name else deck.name
        deck.values, deck.logo, deck.changed_at = given, logo, svc.now()
        _require_writable(svc, kept, deck)
        flag_modified(deck, "changed_at")  # also within the same instant: every change counts up the version
        session.flush()
    return deck


def find(svc: Services, public_id: str) -> Deck:
    """One's own deck, or with the permission for it anybody's; raises NotFound."""
    svc.require(MAKE)
    found = find_or_none(svc, public_id)
    if found is None:
        raise NotFound(f"there is no deck {public_id[:60]!r}", "`cms sales decks list` shows what there is")
    return found


def listed(svc: Services, limit: int | None = None, before: int | None = None) -> Sequence[Deck]:
    """The decks that who asks may see, the newest first; ``before``: the row id to read on from."""
    user = svc.require(MAKE)
    query = select(Deck).options(selectinload(Deck.slides)).order_by(Deck.id.desc()).limit(limit)
    if not svc.can(SEES_ALL):
        query = query.where(Deck.user == user.id)
    if before is not None:
        query = query.where(Deck.id < before)
    with svc.session() as session:
        return session.scalars(query).all()


def write(svc: Services, deck: Deck, out: Path) -> Written:
    """Write a deck's file (.pptx) from the presentation as it is approved now; slides that it no longer has are left out and told.

    Raises NotFound when the presentation is no longer approved, Invalid when none of the slides is left.
    """
    kept, wanted = presentations.find(svc, deck.asset), [each.uid for each in deck.slides]
    there = {slide.uid for slide in kept.slides}
    today = variants.of(svc, kept)
    picks = [uid for uid in wanted if uid in there and not today.barred(uid)]
    if not picks:
        raise Invalid("none of its slides may be used any more", "make a new deck of the presentation")
    copied = write_slides(svc, kept, picks, deck, out)
    return Written(copied, (*copied.findings, *_gone(deck, there), *today.findings(wanted)))


def write_slides(svc: Services, kept: Kept, picks: Sequence[str], deck: Deck | None, out: Path) -> Copied:
    """Write some slides of a presentation as they look in a deck; without one, fields show what stands there."""
    given = filling.of_deck(svc, kept, deck) if deck else filling.of_presentation(kept)
    return _template(svc, kept).write(
        out, picks, given.values, pictures=given.pictures, charts=given.charts, tables=given.tables
    )


def opened(svc: Services, deck: Deck) -> tuple[BinaryIO, Written]:
    """The same as an open file that nobody else can name, and that is gone when it is closed."""
    with tempfile.TemporaryDirectory(prefix="cms-deck-") as folder:
        path = Path(folder, "deck.pptx")
        written = write(svc, deck, path)
        return path.open("rb"), written


def look(svc: Services, deck: Deck) -> Written:
    """What the file of a deck would hold and lack."""
    file, written = opened(svc, deck)
    file.close()
    return written


def require_writable(out: Path) -> None:
    """Raise Invalid for a file that ``write_as`` could not write: asked before anything is kept."""
    ending = out.suffix.lower()
    if ending not in (".pptx", ".pdf"):
        raise Invalid(f"{out.name!r:.80} is neither .pptx nor .pdf", "name the file so", field="out")
    if not out.absolute().parent.is_dir():
        raise Invalid(f"there is no folder {str(out.parent)!r:.200}", "make it first", field="out")
    if ending == ".pdf":
        office.require()


def write_as(svc: Services, deck: Deck, out: Path) -> Written:
    """The same as .pptx or .pdf, whichever ``out`` is named; raises Invalid for another ending."""
    require_writable(out)
    if out.suffix.lower() == ".pptx":
        return write(svc, deck, out)
    with tempfile.TemporaryDirectory(prefix="cms-deck-") as folder:
        pptx = Path(folder, "deck.pptx")
        written = write(svc, deck, pptx)
        office.to_pdf(pptx, out)
    return written


def file_name(deck: Deck) -> str:
    """The name of a deck as files can have it, without an ending."""
    return "".join(each if each.isalnum() or each in " -_" else "-" for each in deck.name).strip() or "deck"


def _gone(deck: Deck, there: set[str]) -> list[Finding]:
    return [
        Finding(
            Level.WARNING, "slide_gone", each.uid, "the presentation has this slide no longer; it is left out"
        )
        for each in deck.slides
        if each.uid not in there
    ]


# --- making -----------------------------------------------------------------------------------------------------------


def _require_writable(svc: Services, kept: Kept, deck: Deck) -> None:
    """Raise Invalid for figures, rows and pictures that its slides cannot take, before anything is kept."""
    there = {slide.uid for slide in kept.slides}
    with tempfile.TemporaryDirectory(prefix="cms-deck-") as folder:
        picks = [each.uid for each in deck.slides if each.uid in there]
        write_slides(svc, kept, picks, deck, Path(folder, "deck.pptx"))


def _rows(picked: Sequence[Slide]) -> list[DeckSlide]:
    return [DeckSlide(position=at, uid=slide.uid, digest=slide.digest) for at, slide in enumerate(picked)]


def _name(wanted: Wanted, kept: Kept, subject: DeckSubject | None, before: Deck | None) -> str:
    if name := " ".join(wanted.name.split()):
        return name[:LONGEST_NAME]
    if subject is not None:
        return f"{kept.asset.title} for {subject.title}"[:LONGEST_NAME]
    return before.name if before else kept.asset.title[:LONGEST_NAME]


def _values(
    svc: Services, subject: DeckSubject | None, said: Mapping[str, str], before: Deck | None
) -> dict[str, Any]:
    """What was said for an earlier deck holds; what was known of somebody else does not."""
    kept = values.restored(before.values) if before else {}
    if subject is not None:
        kept = {name: each for name, each in kept.items() if each.source == values.SAID}
    kept = {name: each for name, each in kept.items() if said.get(name) != ""}
    return values.stored({**values.gather(svc, subject), **kept, **values.check(said)})


def _new(said: Mapping[str, str], deck: Deck) -> dict[str, str]:
    """What a form says that was not so before: the rest stays known from where it was known."""
    known = {name: str(each.value) for name, each in values.restored(deck.values).items()}
    return {name: value for name, value in said.items() if value != known.get(name, "")}


def _logo(svc: Services, data: bytes) -> str:
    picture = svc.keep_picture(data, filling.LOGO)
    if picture.mime not in LOGOS:
        raise Invalid("the logo is neither PNG nor JPEG", "save it as one of them", field="logo")
    return picture.sha256


def shared(svc: Services, public_id: str) -> Deck | None:
    """A deck for whoever has a link to it."""
    with svc.session() as session:
        return _row(session, public_id)


def find_or_none(svc: Services, public_id: str) -> Deck | None:
    """A deck of the one who asks, or any for whom sees all of them."""
    with svc.session() as session:
        found = _row(session, public_id)
    mine = found is not None and svc.user is not None and found.user == svc.user.id
    return found if mine or svc.can(SEES_ALL) else None


def _row(session: Session, public_id: str) -> Deck | None:
    if "\0" in public_id:
        return None
    query = select(Deck).where(Deck.public_id == public_id).options(selectinload(Deck.slides))
    return session.scalar(query)


# --- templates, ready to be copied ------------------------------------------------------------------------------------


def _template(svc: Services, kept: Kept) -> DeckTemplate:
    fields = tuple(
        (provider.namespace, provider.open, tuple((each.name, each.type) for each in provider.fields))
        for provider in svc.merge_fields
    )
    return _compiled(kept.file.path, fields)


@lru_cache(maxsize=TEMPLATES)
def _compiled(path: str, fields: tuple[Any, ...]) -> DeckTemplate:
    """Named by content, a file never changes; the fields are part of what was compiled."""
    namespaces = {
        namespace: merge.Namespace({name: merge.FieldType(kind) for name, kind in specs}, open=is_open)
        for namespace, is_open, specs in fields
    }
    return DeckTemplate(Path(path), merge.Fields(namespaces))
