"""Lists of assets, and one asset in full, for pages and commands."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVarTuple

from sqlalchemy import Select, func, or_, select, tuple_
from sqlalchemy.orm import Session, aliased

from cms_core.auth.models import User
from cms_core.content.media import url_path
from cms_core.content.models import Asset, Media, Reference, Review, Revision, RevisionState, Tag

Columns = TypeVarTuple("Columns")


@dataclass(frozen=True)
class AssetRow:
    """One line of the library: an asset with the state of its newest revision."""

    id: str
    slug: str
    kind: str
    title: str
    state: str
    revision: int
    approved_revision: int | None
    funnel_stage: str
    locale: str
    updated_at: datetime
    key: int


@dataclass(frozen=True)
class Filter:
    """Which assets to list; empty parts do not filter. ``words`` must all stand in title, slug or summary."""

    kind: str = ""
    state: str = ""
    tag: str = ""
    funnel_stage: str = ""
    persona: str = ""
    words: str = ""


def list_assets(
    session: Session,
    wanted: Filter | None = None,
    *,
    before: tuple[datetime, int] | None = None,
    limit: int | None = None,
) -> Sequence[AssetRow]:
    """Assets that are not archived, the last changed first; ``before`` is (updated_at, key) of the last row of the page before."""
    query = rows_of(wanted or Filter())
    if before is not None:
        query = query.where(tuple_(Asset.updated_at, Asset.id) < before)
    query = query.order_by(Asset.updated_at.desc(), Asset.id.desc()).limit(limit)
    return [AssetRow(*row) for row in session.execute(query)]


def rows_of(wanted: Filter) -> Select[*tuple[Any, ...]]:
    """The query of the lines of the library, with the names of AssetRow; in no order yet."""
    approved = aliased(Revision)
    query: Select[*tuple[Any, ...]] = select(
        Asset.public_id.label("id"), Asset.slug, Asset.kind, Revision.title, Revision.state, Revision.n.label("revision"),
        approved.n.label("approved_revision"), Asset.funnel_stage, Asset.locale, Asset.updated_at, Asset.id.label("key"),
    )  # fmt: skip
    state = (approved.asset_id == Asset.id) & (approved.state == RevisionState.APPROVED)
    return matching(query, wanted).outerjoin(approved, state)


def details(session: Session, asset: Asset, users: Sequence[User] | None = None) -> dict[str, Any]:
    """Everything about an asset at its newest revision, as plain values; ``users`` are all users, if they are at hand."""
    users = session.scalars(select(User)).all() if users is None else users
    people: dict[int | None, str] = {user.id: user.email for user in users}
    revisions = asset.revisions
    head = revisions[-1]
    approved = [each.n for each in revisions if each.state == RevisionState.APPROVED]
    return {
        "id": asset.public_id,
        "slug": asset.slug,
        "kind": asset.kind,
        "title": head.title,
        "summary": head.summary,
        "state": head.state,
        "revision": head.n,
        "approved_revision": approved[-1] if approved else None,
        "content_hash": head.content_hash,
        "body": head.body,
        "variants": head.variants,
        "tags": [tag.name for tag in asset.tags],
        "funnel_stage": asset.funnel_stage,
        "persona": asset.persona,
        "locale": asset.locale,
        "owner": people.get(asset.owner_id),
        "row_version": asset.row_version,
        "created_at": asset.created_at,
        "updated_at": asset.updated_at,
        "archived_at": asset.archived_at,
        "unpublish_at": asset.unpublish_at,
        "media": _media(session, head),
        "revisions": [_revision(each, people) for each in reversed(revisions)],
        "reviews": _reviews(session, asset, people),
    }


def matching(query: Select[*Columns], wanted: Filter) -> Select[*Columns]:
    """A query on assets and their newest revisions, narrowed to those that are not archived and fit the filter."""
    newest = select(Revision.asset_id, func.max(Revision.n).label("n")).group_by(Revision.asset_id).subquery()
    query = (
        query.join_from(Asset, newest, newest.c.asset_id == Asset.id)
        .join(Revision, (Revision.asset_id == Asset.id) & (Revision.n == newest.c.n))
        .where(Asset.archived_at.is_(None))
    )
    for column, value in (
        (Asset.kind, wanted.kind),
        (Revision.state, wanted.state),
        (Asset.funnel_stage, wanted.funnel_stage),
        (Asset.persona, wanted.persona),
    ):
        if value:
            query = query.where(column == value)
    if wanted.tag:
        query = query.where(Asset.tags.any(Tag.name == wanted.tag))
    for word in wanted.words.split():
        columns = (Revision.title, Asset.slug, Revision.summary)
        query = query.where(or_(*(column.icontains(word, autoescape=True) for column in columns)))
    return query


def _media(session: Session, head: Revision) -> list[dict[str, Any]]:
    query = select(Media).join(Reference).where(Reference.revision_id == head.id).order_by(Media.id)
    names = ("sha256", "mime", "size", "width", "height", "alt", "filename")
    return [
        {"id": row.public_id, **{name: getattr(row, name) for name in names}, "path": url_path(row)}
        for row in session.scalars(query)
    ]


def _revision(revision: Revision, people: dict[int | None, str]) -> dict[str, Any]:
    return {
        "n": revision.n,
        "state": revision.state,
        "content_hash": revision.content_hash,
        "author": people.get(revision.author_id),
        "created_at": revision.created_at,
    }


def _reviews(session: Session, asset: Asset, people: dict[int | None, str]) -> list[dict[str, Any]]:
    query = (
        select(Review, Revision.n)
        .join(Revision, Revision.id == Review.revision_id)
        .where(Review.asset_id == asset.id)
    )
    return [
        {
            "revision": n,
            "state": review.state,
            "content_hash": review.content_hash,
            "requested_by": people.get(review.requested_by_id),
            "requested_at": review.requested_at,
            "decided_by": people.get(review.decided_by_id),
            "decided_at": review.decided_at,
            "comment": review.comment,
        }
        for review, n in session.execute(query.order_by(Review.id.desc()))
    ]
