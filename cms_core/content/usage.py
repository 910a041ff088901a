"""Where an asset or a file is used: an index that every save keeps, and that can be made anew from the revisions at any time."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import String, cast, delete, func, or_, select
from sqlalchemy.orm import Session

from cms_core.connections.models import Connection, PluginSettings
from cms_core.content.models import Asset, AssetLink, FormerSlug, Media, Reference, Revision, RevisionState
from cms_core.content.revisions import media_in, strings_in
from cms_core.content.slugs import MAX_LENGTH

_SLUG = r"/([a-z0-9]+(?:-[a-z0-9]+)*)/?"
# A link in Markdown, a definition, an attribute of HTML; or a field that is nothing but an address.
_LINK = re.compile(
    rf"""(?:\]\(\s*<?|\]:\s*<?|\bhref\s*=\s*["']?){_SLUG}(?=[?#)\s>"']|$)|\A{_SLUG}(?:[?#]\S*)?\Z"""
)
BATCH = 500


@dataclass(frozen=True)
class Use:
    """One asset that uses something, by its newest revision that does; ``current``: the newest or the approved words do."""

    slug: str
    title: str
    kind: str
    revision: int
    state: str
    current: bool


def links_in(*values: Any) -> list[str]:
    """The slugs of the assets that these values lead to, in order of first appearance."""
    found = (
        one or other for value in values for text in strings_in(value) for one, other in _LINK.findall(text)
    )
    return [slug for slug in dict.fromkeys(found) if len(slug) <= MAX_LENGTH]


def index(session: Session, revision: Revision, files: Sequence[int]) -> None:
    """Note which files (ids) and assets a revision uses."""
    session.add_all(Reference(revision_id=revision.id, media_id=media_id) for media_id in files)
    slugs = links_in(revision.summary, revision.body, revision.variants)
    session.add_all(AssetLink(revision_id=revision.id, slug=slug) for slug in slugs)
    session.flush()


def rebuild(session: Session) -> int:
    """Make the index anew from all revisions; returns how many there are."""
    session.execute(delete(Reference))
    session.execute(delete(AssetLink))
    ids = {row.sha256: row.id for row in session.execute(select(Media.sha256, Media.id))}
    count = 0
    for revision in _all(session):
        wanted = media_in(revision.summary, revision.body, revision.variants)
        index(session, revision, [ids[sha256] for sha256 in wanted if sha256 in ids])
        count += 1
    return count


def uses_of_asset(session: Session, asset: Asset) -> list[Use]:
    """The other assets that lead to this one, by its present or a former slug."""
    former = select(FormerSlug.slug).where(FormerSlug.asset_id == asset.id)
    query = select(AssetLink.revision_id).where(or_(AssetLink.slug == asset.slug, AssetLink.slug.in_(former)))
    return [use for use in _uses(session, query) if use.slug != asset.slug]


def uses_of_media(session: Session, media: Media) -> list[Use]:
    """The assets that show a file, in whichever revision."""
    return _uses(session, select(Reference.revision_id).where(Reference.media_id == media.id))


def settings_with(session: Session, media: Media) -> list[str]:
    """The connections and plugins whose settings name a file (a logo)."""
    words = f"%{media.sha256}%"
    found = session.scalars(
        select(Connection).where(cast(Connection.settings, String).like(words)).order_by(Connection.id)
    )
    plugins = session.scalars(
        select(PluginSettings.plugin).where(cast(PluginSettings.data, String).like(words))
    )
    return [*(f"{row.channel}:{row.name}" for row in found), *(f"plugin {name}" for name in plugins)]


def _uses(session: Session, revisions: Any) -> list[Use]:
    newest = (
        select(func.max(Revision.n)).where(Revision.asset_id == Asset.id).correlate(Asset).scalar_subquery()
    )
    query = (
        select(Asset.slug, Asset.kind, Revision.title, Revision.n, Revision.state, newest.label("newest"))
        .join(Revision, Revision.asset_id == Asset.id)
        .where(Revision.id.in_(revisions), Asset.archived_at.is_(None))
        .order_by(Asset.slug, Revision.n)
    )
    found: dict[str, Use] = {}
    for row in session.execute(query):
        current = row.n == row.newest or row.state == RevisionState.APPROVED
        earlier = found.get(row.slug)
        current = current or (earlier is not None and earlier.current)
        found[row.slug] = Use(row.slug, row.title, row.kind, row.n, row.state, current)
    return list(found.values())


def _all(session: Session) -> Iterator[Revision]:
    last = 0
    while rows := session.scalars(
        select(Revision).where(Revision.id > last).order_by(Revision.id).limit(BATCH)
    ).all():
        yield from rows
        last = rows[-1].id
