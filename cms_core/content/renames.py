"""Slugs that assets had before. An old address leads nowhere by itself: it is offered as a redirect, and a person decides.

A former slug names the asset itself. Whatever it is called next, and however often, all its former slugs lead to the present one in
one step: there is nothing that could form a chain or a loop.
"""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from cms_core.content.models import Asset, FormerSlug
from cms_core.db import now
from cms_core.errors import Conflict, NotFound


def note_rename(session: Session, asset: Asset, before: str, after: str) -> None:
    """Offer the slug that an asset has left as a redirect; the one that it takes (back) is none any more."""
    taken = find_or_none(session, after)
    if taken is not None:
        session.delete(taken)
    session.add(FormerSlug(slug=before, asset_id=asset.id, created_at=now(session)))
    session.flush()


def require_not_redirected(session: Session, slug: str, asset: Asset | None) -> None:
    """A slug that leads to another asset cannot be taken; one that was only offered can, and the offer is gone."""
    former = find_or_none(session, slug)
    if former is None or (asset is not None and former.asset_id == asset.id):
        return
    if former.redirects:
        raise Conflict(
            f"slug {slug!r} leads to {former.asset.slug!r}, which was called that before",
            f"choose another slug, or end the redirect: `cms content redirect {slug} --remove`",
        )
    session.delete(former)
    session.flush()


def former_slugs(session: Session, asset: Asset) -> Sequence[FormerSlug]:
    """The slugs that an asset had before, the oldest first."""
    query = select(FormerSlug).where(FormerSlug.asset_id == asset.id).order_by(FormerSlug.id)
    return session.scalars(query).all()


def all_former_slugs(session: Session) -> Sequence[FormerSlug]:
    """All former slugs, those that nobody has decided about first."""
    return session.scalars(select(FormerSlug).order_by(FormerSlug.redirects, FormerSlug.slug)).all()


def find(session: Session, slug: str) -> FormerSlug:
    """The former slug; raises NotFound."""
    found = find_or_none(session, slug)
    if found is None:
        raise NotFound(
            f"no content was called {slug[:120]!r} before", "`cms content redirects` shows former slugs"
        )
    return found


def find_or_none(session: Session, slug: str) -> FormerSlug | None:
    """The former slug, if it is one."""
    if "\0" in slug:  # PostgreSQL takes no such text, not even in a question
        return None
    return session.scalars(select(FormerSlug).where(FormerSlug.slug == slug)).first()


def target_of(session: Session, slug: str) -> str | None:
    """The present slug of the asset to which a former slug leads, or None where no redirect was decided."""
    query = select(Asset.slug).join(FormerSlug, FormerSlug.asset_id == Asset.id)
    return session.scalar(query.where(FormerSlug.slug == slug, FormerSlug.redirects))


def accept(session: Session, former: FormerSlug) -> None:
    """Let the old address lead to the asset from now on."""
    former.redirects = True
    session.flush()


def remove(session: Session, former: FormerSlug) -> None:
    """Decline the offer, or end the redirect: the old address leads nowhere, and anybody may take it."""
    session.delete(former)
    session.flush()
