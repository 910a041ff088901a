"""Single slides in the search: those that hold the words and are about what was asked for, as the index has them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Label,
    Select,
    Subquery,
    and_,
    exists,
    func,
    literal,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import Session, aliased, load_only

from cms_core import insert_missing
from cms_sales_enablement import words
from cms_sales_enablement.library_models import SlideFacet, SlidePosting, SlideVariant
from cms_sales_enablement.models import Document, Picture, Presentation, Slide, SlideRule
from cms_sales_enablement.pictures import key_of
from cms_sales_enablement.slide_facets import FACETS

LAST = "\U0010ffff"
IS, AND = "\x1f", "\x1e"  # which no value holds: they are blanks
READ = (Slide.uid, Slide.number, Slide.title, Slide.digest, Slide.slots)

Facets = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class SlideHit:
    """A slide that holds what was looked for, what it is about, and how decks may use it; ``drawn``: there is a picture of it."""

    id: str
    number: int
    title: str
    facets: Facets = field(default_factory=dict)
    locked: bool = False
    required: bool = False
    pinned: str = ""
    until: date | None = None
    translation_of: str = ""
    drawn: bool = False


def keep_words(session: Session, presentation: Presentation) -> None:
    """Put the words of slides into the index, unless they are there."""
    known = exists().where(SlidePosting.slide_id == Slide.id)
    query = select(Slide).where(Slide.presentation_id == presentation.id, ~known)
    rows = [
        {"term": term, "slide_id": slide.id}
        for slide in session.scalars(query)
        for term in set(words.terms(f"{slide.title}\n{slide.text}\n{slide.notes}"))
    ]
    insert_missing(session, SlidePosting, rows)


def said(session: Session, asked: Sequence[str], today: date) -> dict[int, list[Facets]]:
    """What is said of slides themselves that hold one of the words (none: of all), each combination once, by document."""
    query = _usable(select(Document.id, _said(), SlideVariant.locale), today)
    if asked:
        holding = _holding(asked)
        query = query.join(holding, holding.c.slide_id == Slide.id)
    rows = query.subquery().c
    something = or_(rows.said.is_not(None), rows.locale.is_not(None))
    found: dict[int, list[Facets]] = {}
    for document, told, locale in session.execute(select(*rows).where(something).distinct()):
        found.setdefault(document, []).append(_parsed(told, locale))
    return found


def hits(
    session: Session,
    documents: Mapping[int, Facets],
    asked: Sequence[str],
    wanted: Mapping[str, str],
    today: date,
) -> dict[int, list[SlideHit]]:
    """Of each of these documents (with what it is about itself) the slides that fit, in the order of the show.

    They are about all that is ``wanted`` and hold the most of the words; without words, they say of themselves what is wanted.
    """
    if not asked and not wanted:
        return {}
    found: dict[int, list[tuple[int, SlideHit]]] = {}
    for row in _slides(session, documents, asked, wanted, today):
        facets = {**documents[row.document], **row.own}
        if all(value in facets.get(name, ()) for name, value in wanted.items()):
            found.setdefault(row.document, []).append((row.count, row.hit(facets)))
    return {document: _best(each) for document, each in found.items()}


def about(session: Session, wanted: Mapping[str, str], today: date) -> dict[str, dict[str, list[int]]]:
    """By asset and facet the numbers of slides that say one of these of themselves, in whatever case."""
    if not wanted:
        return {}
    said = [
        and_(
            SlideFacet.name == name,
            or_(SlideFacet.value == value, func.lower(SlideFacet.value) == value.lower()),
        )
        for name, value in wanted.items()
    ]
    mine = and_(SlideFacet.asset == Document.asset, SlideFacet.uid == Slide.uid)
    query = _usable(select(Document.asset, SlideFacet.name, Slide.number), today)
    query = query.join(SlideFacet, mine).where(or_(*said))
    found: dict[str, dict[str, list[int]]] = {}
    for asset, name, number in session.execute(query.distinct().order_by(Slide.number)):
        found.setdefault(asset, {}).setdefault(name, []).append(number)
    return found


@dataclass
class _Row:
    """A slide as it was found, with how many of the words it holds and what is said of it itself."""

    document: int
    slide: Slide
    count: int
    rule: SlideRule | None
    variant: SlideVariant | None
    own: Facets
    drawn: bool = False

    def hit(self, facets: Facets) -> SlideHit:
        rule = self.rule
        return SlideHit(
            id=self.slide.uid,
            number=self.slide.number,
            title=self.slide.title,
            facets={name: tuple(facets[name]) for name in FACETS if facets.get(name)},
            locked=rule is not None and rule.locked,
            required=rule is not None and (rule.required or rule.locked),
            pinned=rule.pinned if rule else "",
            until=rule.until if rule else None,
            translation_of=self.variant.original if self.variant else "",
            drawn=self.drawn,
        )


def _slides(
    session: Session,
    documents: Collection[int],
    asked: Sequence[str],
    wanted: Mapping[str, str],
    today: date,
) -> Collection[_Row]:
    """The slides of these documents that hold a word, or else say something that is wanted."""
    count: ColumnElement[int] = literal(0)
    told = (Document.id, Slide, SlideRule, SlideVariant, _said())
    query = _usable(select(*told), today).options(load_only(*READ, raiseload=True))
    query = query.where(Document.id.in_(documents)).order_by(Document.id, Slide.number)
    if asked:
        holding = _holding(asked)
        query, count = query.join(holding, holding.c.slide_id == Slide.id), holding.c.count
    else:
        query = query.where(_says_itself(wanted))
    found = [
        _Row(document, slide, held, rule, variant, _parsed(words, variant.locale if variant else None))
        for document, slide, rule, variant, words, held in session.execute(query.add_columns(count))
    ]
    _draw(session, found)
    return found


def _said() -> Label[str]:
    """All that is said of a slide itself in one text, so that it is one row."""
    mine = and_(SlideFacet.asset == Document.asset, SlideFacet.uid == Slide.uid)
    each = SlideFacet.name + IS + SlideFacet.value
    told = select(func.aggregate_strings(each, AND)).where(mine).correlate(Document, Slide)
    return told.scalar_subquery().label("said")


@lru_cache(maxsize=10_000)
def _parsed(told: str | None, locale: str | None) -> Facets:
    """The same by facet; a translation has the language that it translates into."""
    found: dict[str, tuple[str, ...]] = {}
    for each in sorted(told.split(AND)) if told else ():
        name, _, value = each.partition(IS)
        found[name] = (*found.get(name, ()), value)
    return found | {"locale": (locale,)} if locale else found


def _usable(query: Select[*tuple[Any, ...]], today: date) -> Select[*tuple[Any, ...]]:
    """Slides of approved presentations that may be in decks, with their rules and whose translations they are."""
    of_slide = and_(SlideVariant.asset == Document.asset, SlideVariant.uid == Slide.uid)
    original = func.coalesce(SlideVariant.original, Slide.uid)
    return (
        query.select_from(Document)
        .join(Presentation, Presentation.sha256 == Document.file)
        .join(Slide, Slide.presentation_id == Presentation.id)
        .outerjoin(SlideVariant, of_slide)
        .outerjoin(SlideRule, and_(SlideRule.asset == Document.asset, SlideRule.uid == original))
        .where(~_barred(today))
    )


def _barred(today: date) -> Any:
    """Whether a slide, or the one that it translates, may be in no deck."""
    other = aliased(SlideRule)
    ended = or_(other.forbidden, other.until < today)
    of_it = and_(
        other.asset == Document.asset, or_(other.uid == Slide.uid, other.uid == SlideVariant.original)
    )
    return select(other.uid).where(of_it, ended).correlate(Document, Slide, SlideVariant).exists()


def _holding(asked: Sequence[str]) -> Subquery:
    """The slides that hold some of these words, or words that begin with them, and how many."""
    each = (
        select(literal(n).label("which"), SlidePosting.slide_id)
        .where(SlidePosting.term >= term, SlidePosting.term < term + LAST)
        .distinct()
        for n, term in enumerate(asked)
    )
    found = union_all(*each).subquery().c
    return select(found.slide_id, func.count().label("count")).group_by(found.slide_id).subquery()


def _says_itself(wanted: Mapping[str, str]) -> Any:
    """Whether one of these is said of the slide itself: what all slides of a presentation are about singles none out."""
    said = [and_(SlideFacet.name == name, SlideFacet.value == value) for name, value in wanted.items()]
    mine = and_(SlideFacet.asset == Document.asset, SlideFacet.uid == Slide.uid)
    own = select(SlideFacet.uid).where(mine, or_(*said)).correlate(Document, Slide).exists()
    return or_(own, SlideVariant.locale == wanted["locale"]) if "locale" in wanted else own


def _draw(session: Session, rows: Collection[_Row]) -> None:
    """Mark those of which there is a picture."""
    keys = {id(row): key_of(row.slide, None) for row in rows}  # slides that look the same share one
    query = select(Picture.key).where(Picture.key.in_(set(keys.values())), Picture.small.is_not(None))
    made = set(session.scalars(query)) if keys else set()
    for row in rows:
        row.drawn = keys[id(row)] in made


def _best(found: Sequence[tuple[int, SlideHit]]) -> list[SlideHit]:
    most = max(count for count, _ in found)
    return [hit for count, hit in found if count == most]
