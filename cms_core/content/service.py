"""Saves and finds assets. Words are cut into immutable revisions; what is said about them (tags, stage, persona) is not."""

import difflib
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import flag_modified

from cms_core.auth import audit
from cms_core.auth import service as auth
from cms_core.auth.models import User
from cms_core.content import renames, usage
from cms_core.content.drafts import BadField, Draft, clean, require_kind
from cms_core.content.models import Asset, Media, Revision, RevisionState, Tag
from cms_core.content.review import withdraw_requests
from cms_core.content.revisions import content_hash, head_of, media_in, was_approved
from cms_core.content.slugs import first_free, slug_fault, slug_or_digest
from cms_core.db import lock, now
from cms_core.errors import Conflict, NotFound
from cms_core.plugins import Plugins


def save(
    session: Session,
    plugins: Plugins,
    asset: Asset | None,
    draft: Draft,
    author: User,
    expected_version: int | None = None,
) -> Revision:
    """Save a new asset (``asset`` is None) or a change; new words are cut as revision n + 1, the same words add nothing.

    ``expected_version`` is the ``row_version`` that the author saw. Raises Conflict when somebody else saved since then, or the
    slug is taken; BadField for what cannot be used; Forbidden.
    """
    auth.require(plugins, author, "content.edit")
    if asset is not None:
        lock(session, asset)
        require_kind(plugins, asset)
    draft = clean(plugins.asset_kinds, draft)
    if asset is None:
        return _create(session, draft, author)
    if expected_version is not None and asset.row_version != expected_version:
        raise _lost_race(session, asset)
    return _change(session, asset, draft, author)


def restore(
    session: Session,
    plugins: Plugins,
    asset: Asset,
    revision: Revision,
    author: User,
    expected_version: int | None = None,
) -> Revision:
    """Cut the words of an older revision anew, as a draft that needs approval; what is said about the asset stays.

    Raises Conflict when they are the newest words already, or somebody else saved since ``expected_version``.
    """
    head = head_of(session, asset)
    draft = draft_of(session, asset, revision)
    if head.content_hash == revision.content_hash:
        raise Conflict(
            f"the newest words of {asset.slug!r} are those of revision {revision.n}",
            "choose another revision",
        )
    restored = save(session, plugins, asset, draft, author, expected_version)
    audit.note(session, "restore", "asset", asset.public_id, {"revision": [revision.n, restored.n]})
    return restored


def find(session: Session, slug: str) -> Asset:
    """The asset with this slug; raises NotFound with the slugs that look like it."""
    asset = find_or_none(session, slug)
    if asset is None:
        former = renames.find_or_none(session, slug)
        if former is not None:
            raise NotFound(
                f"there is no content {slug!r} any more", f"it is called {former.asset.slug!r} now"
            )
        close = difflib.get_close_matches(slug, session.scalars(select(Asset.slug).limit(10_000)), n=3)
        remedy = f"did you mean {' or '.join(close)}?" if close else "`cms content list` shows what there is"
        raise NotFound(f"there is no content {slug[:120]!r}", remedy)
    return asset


def find_or_none(session: Session, slug: str) -> Asset | None:
    """The asset with this slug, if any."""
    if "\0" in slug:  # PostgreSQL takes no such text, not even in a question
        return None
    return session.scalars(select(Asset).where(Asset.slug == slug)).first()


def draft_of(session: Session, asset: Asset, head: Revision | None = None) -> Draft:
    """The newest words of an asset (``head``, if it is at hand) as a draft, to be changed and saved."""
    head = head or head_of(session, asset)
    return Draft(
        kind=asset.kind,
        title=head.title,
        summary=head.summary,
        body=head.body,
        variants=head.variants,
        slug=asset.slug,
        tags=tuple(tag.name for tag in asset.tags),
        funnel_stage=asset.funnel_stage,
        persona=asset.persona,
        locale=head.locale,
        unpublish_at=asset.unpublish_at,
    )


def _create(session: Session, draft: Draft, author: User) -> Revision:
    at = now(session)
    asset = Asset(
        slug=_new_slug(session, draft),
        kind=draft.kind,
        owner_id=author.id,
        funnel_stage=draft.funnel_stage,
        persona=draft.persona,
        locale=draft.locale,
        unpublish_at=draft.unpublish_at,
        created_at=at,
        updated_at=at,
        tags=[Tag(name=name) for name in draft.tags],
    )
    session.add(asset)
    session.flush()
    return _cut(session, asset, draft, author, None)


def _change(session: Session, asset: Asset, draft: Draft, author: User) -> Revision:
    revision = head_of(session, asset)
    if draft.kind != asset.kind and was_approved(session, asset):
        raise BadField(
            "kind",
            f"{asset.slug!r} was approved as {asset.kind}; its kind stays",
            f"save the {draft.kind} under another slug",
        )
    slug = draft.slug or asset.slug
    if slug != asset.slug:
        _require_free(session, slug, asset)
    same_words = content_hash(draft.kind, draft) == revision.content_hash
    if same_words and _about(asset) == (
        slug,
        draft.funnel_stage,
        draft.persona,
        draft.unpublish_at,
        *draft.tags,
    ):
        return revision
    if not same_words:
        withdraw_requests(session, asset)
        revision = _cut(session, asset, draft, author, revision)
    if slug != asset.slug:
        renames.note_rename(session, asset, asset.slug, slug)
    _describe(asset, slug, draft)
    asset.updated_at = now(session)
    flag_modified(asset, "updated_at")  # also within the same instant: every change counts up row_version
    session.flush()
    return revision


def _about(asset: Asset) -> tuple[str | datetime | None, ...]:
    """What is said about an asset and is no part of its words."""
    return (
        asset.slug,
        asset.funnel_stage,
        asset.persona,
        asset.unpublish_at,
        *(tag.name for tag in asset.tags),
    )


def _describe(asset: Asset, slug: str, draft: Draft) -> None:
    asset.slug = slug
    asset.kind = draft.kind
    asset.funnel_stage = draft.funnel_stage
    asset.persona = draft.persona
    asset.unpublish_at = draft.unpublish_at
    asset.locale = draft.locale
    kept = {tag.name: tag for tag in asset.tags}
    asset.tags = [kept.get(name) or Tag(name=name) for name in draft.tags]


def _cut(session: Session, asset: Asset, draft: Draft, author: User, parent: Revision | None) -> Revision:
    files = _files(session, draft)
    revision = Revision(
        asset_id=asset.id,
        n=parent.n + 1 if parent else 1,
        locale=draft.locale,
        parent_id=parent.id if parent else None,
        title=draft.title,
        summary=draft.summary,
        body=dict(draft.body),
        variants={key: dict(overrides) for key, overrides in draft.variants.items()},
        content_hash=content_hash(draft.kind, draft),
        state=RevisionState.DRAFT,
        author_id=author.id,
        created_at=now(session),
        asset=asset,
    )
    session.add(revision)
    session.flush()
    usage.index(session, revision, files)
    return revision


def _files(session: Session, draft: Draft) -> list[int]:
    wanted = media_in(draft.summary, draft.body, draft.variants)
    query = select(Media.sha256, Media.id).where(Media.sha256.in_(wanted), Media.archived_at.is_(None))
    found = {row.sha256: row.id for row in session.execute(query)}
    missing = [sha256 for sha256 in wanted if sha256 not in found]
    if missing:
        raise BadField(
            "text",
            f"the text shows /media/{missing[0][:12]}…, which is not stored here",
            "upload the file again",
        )
    return [found[sha256] for sha256 in wanted]


def _new_slug(session: Session, draft: Draft) -> str:
    if draft.slug:
        _require_free(session, draft.slug)
        return draft.slug
    base = slug_or_digest(draft.title)
    return first_free(base, lambda slug: bool(slug_fault(slug)) or is_taken(session, slug))


def is_taken(session: Session, slug: str) -> bool:
    """Whether a slug is that of an asset, or was and leads there still."""
    return find_or_none(session, slug) is not None or renames.find_or_none(session, slug) is not None


def _require_free(session: Session, slug: str, asset: Asset | None = None) -> None:
    renames.require_not_redirected(session, slug, asset)
    other = find_or_none(session, slug)
    if other is not None:
        raise Conflict(f"slug {slug!r} is taken by {head_of(session, other).title!r}", "choose another slug")


def _lost_race(session: Session, asset: Asset) -> Conflict:
    head = head_of(session, asset)
    author = session.get(User, head.author_id) if head.author_id else None
    who = (author.name or author.email) if author else "somebody"
    return Conflict(
        f"{asset.slug!r} was changed at {asset.updated_at:%Y-%m-%d %H:%M} UTC, after you opened it "
        f"(newest revision {head.n} by {who}); nothing was saved",
        "copy your text, reload, and make your change on the newest words",
    )
