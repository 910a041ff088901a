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
from cms_sales_enablement import index, ratings, slide_facets, slide_search, words
from cms_sales_enablement.models import Document, DocumentTag, Posting, Shelf
from cms_sales_enablement.slide_search import LAST, Facets, SlideHit

FACETS = ("kind", "funnel_stage", "industry", "persona", "product", "tag", "locale")
MOST_WORDS = 12
EXCERPT = 180


@dataclass(frozen=True)
class Wanted:
    """What a rep looks for; empty parts do not narrow."""

    words: str = ""
    kind: str = ""
    funnel_stage: str = ""
    persona: str = ""
    tag: str = ""
    locale: str = ""
    industry: str = ""
    product: str = ""

    def of_slides(self) -> dict[str, str]:
        """What is wanted of slides."""
        return {name: wish for name in slide_facets.FACETS if (wish := getattr(self, name))}


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
    industry: str = ""
    product: str = ""
    slides: Sequence[SlideHit] = ()
    rating: ratings.Stars = ratings.NONE


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
        return find(session, wanted, svc.now().date(), limit)


def find(session: Session, wanted: Wanted, today: date, limit: int) -> Found:
    """Search the index as it is."""
    asked = list(dict.fromkeys(words.terms(wanted.words)))[:MOST_WORDS]
    if wanted.words.strip() and not asked:
        return Found()
    rows = session.execute(_matching(asked, today)).all()
    tags, said = _tags(session), slide_search.said(session, asked, today)
    stars = ratings.means(session)
    ways = {row.id: _ways(row, tags.get(row.id, ()), said.get(row.id, ())) for row in rows}
    wishes = [(name, wish) for name in FACETS if (wish := getattr(wanted, name))]
    fitting = [row for row in rows if any(_fits(way, wishes) for way in ways[row.id])]
    fitting.sort(key=lambda row: (-row.score, -stars.get(row.asset, ratings.NONE).weighed))
    best = {row.id: row.score for row in fitting[:limit]}
    slides = slide_search.hits(session, {key: ways[key][0] for key in best}, asked, wanted.of_slides(), today)
    found = session.execute(
        select(Document, Shelf.until)
        .outerjoin(Shelf, Shelf.asset == Document.asset)
        .where(Document.id.in_(best))
    )
    documents = {document.id: (document, until) for document, until in found}
    hits = [
        replace(
            _hit(*documents[key], tags.get(key, ()), asked, score),
            slides=slides.get(key, []),
            rating=stars.get(documents[key][0].asset, ratings.NONE),
        )
        for key, score in best.items()
        if key in documents
    ]
    return Found(hits, len(fitting), _facets(ways, wishes))


def _matching(asked: Sequence[str], today: date) -> Select[*tuple[Any, ...]]:
    """Every document that holds all terms, or terms that begin with them, the best first."""
    columns = (
        Document.id,
        Document.asset,
        Document.kind,
        Document.funnel_stage,
        Document.industry,
        Document.persona,
        Document.product,
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


def _ways(row: Any, tags: Sequence[str], said: Sequence[Facets]) -> list[Facets]:
    """What a document is about itself, and then what its slides are about that say something of their own."""
    own: dict[str, Sequence[str]] = {
        name: (value,) for name in FACETS if name != "tag" and (value := getattr(row, name))
    }
    own["tag"] = tags
    return [own, *({**own, **each} for each in said)]


def _fits(way: Facets, wishes: Sequence[tuple[str, str]]) -> bool:
    return all(wish in way.get(name, ()) for name, wish in wishes)


def _facets(
    ways: Mapping[int, Sequence[Facets]], wishes: Sequence[tuple[str, str]]
) -> dict[str, Sequence[tuple[str, int]]]:
    """How many documents fit under each value and the other facets."""
    counted: dict[str, Counter[str]] = {name: Counter() for name in FACETS}
    for each in ways.values():
        fits: dict[str, set[str]] = {}
        for way in each:
            misses = [name for name, wish in wishes if wish not in way.get(name, ())]
            for name in way if not misses else misses if len(misses) == 1 else ():
                fits.setdefault(name, set()).update(way.get(name, ()))
        for name, values in fits.items():
            counted[name].update(values)
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
        industry=document.industry,
        product=document.product,
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
