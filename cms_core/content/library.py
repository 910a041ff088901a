"""The library: a page of assets with their tags, and how many there are of each kind, state, stage, persona and tag."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cms_core.auth.models import User
from cms_core.content.files import thumb_of
from cms_core.content.listing import AssetRow, Filter, list_assets, matching
from cms_core.content.media import RASTER
from cms_core.content.models import Asset, Media, Reference, Review, Revision, RevisionState, Tag

PAGE = 24
SHOWN_OPTIONS = 12
FACETS = ("state", "kind", "funnel_stage", "persona")


@dataclass(frozen=True)
class Card:
    """One asset of the library; ``asked_by`` and ``content_hash`` only where somebody waits for an answer.

    ``thumb`` is the path of a small version of its first picture, or "".
    """

    row: AssetRow
    tags: tuple[str, ...] = ()
    asked_by: str = ""
    content_hash: str = ""
    thumb: str = ""


@dataclass(frozen=True)
class Page:
    """Some cards, from where to read on ("" at the end), how many fit in all, and (value, count) by facet."""

    cards: list[Card]
    next: str
    total: int
    facets: dict[str, list[tuple[str, int]]]


def library(session: Session, wanted: Filter, before: str = "") -> Page:
    """The assets that fit, the last changed first; ``before`` is ``next`` of the page before, and unreadable ones are ignored."""
    rows = list_assets(session, wanted, before=_position(before), limit=PAGE + 1)
    shown = rows[:PAGE]
    total, facets = _facets(session, wanted)
    last = f"{shown[-1].updated_at.isoformat()}~{shown[-1].key}" if len(rows) > PAGE else ""
    return Page(_cards(session, shown), last, total, facets)


def _position(text: str) -> tuple[datetime, int] | None:
    instant, _, key = text.partition("~")
    try:
        at = datetime.fromisoformat(instant)
        return (at.astimezone(UTC), int(key)) if at.tzinfo and len(key) < 19 else None
    except (ValueError, OverflowError):
        return None


def _cards(session: Session, rows: Sequence[AssetRow]) -> list[Card]:
    keys = [row.key for row in rows]
    tags: dict[int, list[str]] = {}
    for key, name in session.execute(
        select(Tag.asset_id, Tag.name).where(Tag.asset_id.in_(keys)).order_by(Tag.name)
    ):
        tags.setdefault(key, []).append(name)
    asked = {}
    if any(row.state == RevisionState.IN_REVIEW for row in rows):
        query = (
            select(Review.asset_id, User.name, User.email, Review.content_hash)
            .outerjoin(User, User.id == Review.requested_by_id)
            .where(Review.asset_id.in_(keys), Review.state == "open")
        )
        asked = {key: (name or email or "", digest) for key, name, email, digest in session.execute(query)}
    thumbs = _thumbs(session, keys)
    return [
        Card(row, tuple(tags.get(row.key, ())), *asked.get(row.key, ("", "")), thumbs.get(row.key, ""))
        for row in rows
    ]


def _thumbs(session: Session, keys: Sequence[int]) -> dict[int, str]:
    """The thumbnail of the first picture of each asset's newest revision."""
    newest = (
        select(func.max(Revision.id)).where(Revision.asset_id.in_(keys)).group_by(Revision.asset_id)
    )  # revisions of an asset are made in order
    query = (
        select(Revision.asset_id, Media)
        .join(Reference, Reference.revision_id == Revision.id)
        .join(Media, Media.id == Reference.media_id)
        .where(Revision.id.in_(newest), Media.mime.in_(sorted(RASTER)), Media.archived_at.is_(None))
        .order_by(Media.id.desc())
    )
    return {key: thumb_of(media) for key, media in session.execute(query)}


def _facets(session: Session, wanted: Filter) -> tuple[int, dict[str, list[tuple[str, int]]]]:
    """Each facet is counted under the other filters, so that every number is what its link leads to."""
    columns = (Revision.state, Asset.kind, Asset.funnel_stage, Asset.persona)
    query = matching(select(*columns, func.count()), Filter(words=wanted.words, tag=wanted.tag))
    chosen = [getattr(wanted, name) for name in FACETS]
    counted: list[Counter[str]] = [Counter() for _ in FACETS]
    total = 0
    for *values, count in session.execute(query.group_by(*columns)):
        differs = [
            n for n, (value, wish) in enumerate(zip(values, chosen, strict=True)) if wish and value != wish
        ]
        total += count if not differs else 0
        for n, value in enumerate(values):
            if value and differs in ([], [n]):
                counted[n][value] += count
    facets = {name: counts.most_common() for name, counts in zip(FACETS, counted, strict=True)}
    tagged = matching(select(Tag.name, func.count()), replace(wanted, tag="")).join(
        Tag, Tag.asset_id == Asset.id
    )
    tags = tagged.group_by(Tag.name).order_by(func.count().desc(), Tag.name).limit(SHOWN_OPTIONS)
    facets["tag"] = [(name, count) for name, count in session.execute(tags)]
    return total, facets
