"""Searching the library: every word must be found, the best fit comes first, and facets count what their links lead to."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, literal, or_, select, union_all
from sqlalchemy.orm import Session

from cms_core import Services
from cms_sales_enablement import index, presentations, words
from cms_sales_enablement.models import Document, DocumentTag, Posting, Shelf

FACETS = ("kind", "funnel_stage", "persona", "tag", "locale")
MOST_WORDS = 12
EXCERPT = 180
LAST = "\U0010ffff"


@dataclass(frozen=True)
class Wanted:
    """What a rep looks for; empty parts do not narrow."""

    words: str = ""
    kind: str = ""
    funnel_stage: str = ""
    persona: str = ""
    tag: str = ""
    locale: str = ""


@dataclass(frozen=True)
class SlideHit:
    """A slide that holds what was looked for."""

    id: str
    number: int
    title: str


@dataclass(frozen=True)
class Hit:
    """One asset that fits; ``score`` is 0 where no words were given."""

    asset: str
    slug: str
    title: str
    summary: str
    kind: str
    funnel_stage: str
    persona: str
    locale: str
    tags: tuple[str, ...]
    revision: int
    updated_at: datetime
    until: date | None
    excerpt: str
    score: int
    slides: Sequence[SlideHit] = ()


@dataclass(frozen=True)
class Found:
    """The best hits, how many fit in all, and (value, how many) of each facet under the other ones."""

    hits: Sequence[Hit] = ()
    total: int = 0
    facets: Mapping[str, Sequence[tuple[str, int]]] = field(default_factory=dict)


def search(svc: Services, wanted: Wanted, limit: int = 50) -> Found:
    """Bring the index up to date, then search it."""
    index.catch_up(svc)
    with svc.session() as session:
        found = find(session, wanted, svc.now().date(), limit)
    asked = list(dict.fromkeys(words.terms(wanted.words)))[:MOST_WORDS]
    hits = [replace(hit, slides=_slides(svc, hit, asked)) for hit in found.hits]
    return replace(found, hits=hits)


def _slides(svc: Services, hit: Hit, asked: Sequence[str]) -> list[SlideHit]:
    """The slides of a presentation with the most of these words, in order; without words none."""
    if hit.kind != presentations.KIND or not asked:
        return []
    slides = presentations.of_asset(svc, svc.assets([hit.asset])[0]).slides
    counted = {slide.uid: _count(f"{slide.text}\n{slide.notes}", asked) for slide in slides}
    most = max(counted.values(), default=0)
    return [
        SlideHit(slide.uid, slide.number, slide.title)
        for slide in slides
        if most and counted[slide.uid] == most
    ]


def _count(text: str, asked: Sequence[str]) -> int:
    """How many of these words the text holds, or words that begin with them."""
    there = set(words.terms(text))
    return sum(any(term.startswith(word) for term in there) for word in asked)


def find(session: Session, wanted: Wanted, today: date, limit: int) -> Found:
    """Search the index as it is."""
    asked = list(dict.fromkeys(words.terms(wanted.words)))[:MOST_WORDS]
    if wanted.words.strip() and not asked:
        return Found()
    rows = session.execute(_matching(asked, today)).all()
    tags = _tags(session)
    fitting = [row for row in rows if not _misfits(row, wanted, tags)]
    best = {row.id: row.score for row in fitting[:limit]}
    found = session.execute(
        select(Document, Shelf.until)
        .outerjoin(Shelf, Shelf.asset == Document.asset)
        .where(Document.id.in_(best))
    )
    documents = {document.id: (document, until) for document, until in found}
    hits = [
        _hit(*documents[key], tags.get(key, ()), asked, score)
        for key, score in best.items()
        if key in documents
    ]
    return Found(hits, len(fitting), _facets(rows, wanted, tags))


def _matching(asked: Sequence[str], today: date) -> Select[*tuple[Any, ...]]:
    """Every document that holds all terms, or terms that begin with them, the best first."""
    columns = (
        Document.id,
        Document.kind,
        Document.funnel_stage,
        Document.persona,
        Document.locale,
        Document.updated_at,
    )
    query: Select[*tuple[Any, ...]] = select(*columns).outerjoin(Shelf, Shelf.asset == Document.asset)
    score: ColumnElement[int] = literal(0)
    if asked:
        found = union_all(*(_with_term(n, term) for n, term in enumerate(asked))).subquery().c
        scored = select(found.document_id, func.sum(found.weight).label("score")).group_by(found.document_id)
        scores = scored.having(func.count() == len(asked)).subquery()
        query = query.join(scores, scores.c.document_id == Document.id)
        score = scores.c.score
    query = query.where(or_(Shelf.until.is_(None), Shelf.until >= today))
    return query.add_columns(score.label("score")).order_by(
        score.desc(), Document.updated_at.desc(), Document.id.desc()
    )


def _with_term(n: int, term: str) -> Select[*tuple[Any, ...]]:
    """The documents that hold a term; the term itself counts twice what a longer one that begins with it does."""
    weight = Posting.weight * case((Posting.term == term, 2), else_=1)
    return (
        select(literal(n).label("which"), Posting.document_id, func.max(weight).label("weight"))
        .where(Posting.term >= term, Posting.term < term + LAST)
        .group_by(Posting.document_id)
    )


def _tags(session: Session) -> dict[int, tuple[str, ...]]:
    query = select(DocumentTag.document_id, DocumentTag.name).order_by(DocumentTag.name)
    found: dict[int, tuple[str, ...]] = {}
    for key, name in session.execute(query):
        found[key] = (*found.get(key, ()), name)
    return found


def _misfits(row: Any, wanted: Wanted, tags: Mapping[int, tuple[str, ...]]) -> list[str]:
    """The facets by which a document does not fit."""
    misses = [
        name
        for name in FACETS
        if name != "tag" and (wish := getattr(wanted, name)) and getattr(row, name) != wish
    ]
    return [*misses, "tag"] if wanted.tag and wanted.tag not in tags.get(row.id, ()) else misses


def _facets(
    rows: Sequence[Any], wanted: Wanted, tags: Mapping[int, tuple[str, ...]]
) -> dict[str, Sequence[tuple[str, int]]]:
    counted: dict[str, Counter[str]] = {name: Counter() for name in FACETS}
    for row in rows:
        misses = _misfits(row, wanted, tags)
        for name, counts in counted.items():
            if misses in ([], [name]):
                values = tags.get(row.id, ()) if name == "tag" else (getattr(row, name),)
                counts.update(value for value in values if value)
    return {
        name: sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])) for name, counts in counted.items()
    }


def _hit(
    document: Document, until: date | None, tags: Sequence[str], asked: Sequence[str], score: int
) -> Hit:
    return Hit(
        asset=document.asset,
        slug=document.slug,
        title=document.title,
        summary=document.summary,
        kind=document.kind,
        funnel_stage=document.funnel_stage,
        persona=document.persona,
        locale=document.locale,
        tags=tuple(tags),
        revision=document.revision,
        updated_at=document.updated_at,
        until=until,
        excerpt=_excerpt(document.text, asked),
        score=int(score),
    )


def _excerpt(text: str, asked: Sequence[str]) -> str:
    """The words around the first place in the body where one of the terms begins; "" where none does."""
    if not asked:
        return ""
    place = re.search(rf"\b(?:{'|'.join(map(re.escape, asked))})", text.lower())
    if place is None:
        return ""
    start = text.rfind(" ", 0, max(place.start() - EXCERPT // 4, 0)) + 1
    cut = " ".join(text[start : start + EXCERPT].split())
    return f"{'… ' if start else ''}{cut}{' …' if start + EXCERPT < len(text) else ''}"
