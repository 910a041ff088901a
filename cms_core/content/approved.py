"""What may be published now, as a whole: for indexes that others keep of it."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session, contains_eager, selectinload

from cms_core.content.models import Asset, Revision, RevisionState
from cms_core.db import now
from cms_core.dialect import among


def versions(session: Session) -> dict[str, str]:
    """Every asset with an approved revision, neither archived nor expired, by id; its text changes with it and its facets."""
    query = (
        select(Asset.public_id, Revision.n, Asset.row_version)
        .join(Revision, Revision.asset_id == Asset.id)
        .where(*_usable(session))
    )
    return {public_id: f"{n}.{row}" for public_id, n, row in session.execute(query)}


def revisions(session: Session, public_ids: Sequence[str]) -> list[Revision]:
    """The approved revisions of these assets, as far as they have one and are neither archived nor expired."""
    query = (
        select(Revision)
        .join(Revision.asset)
        .where(*_usable(session))
        .where(among(session, Asset.public_id, public_ids))
        .options(contains_eager(Revision.asset).options(selectinload(Asset.tags)))
        .order_by(Revision.id)
    )
    return list(session.scalars(query))


def _usable(session: Session) -> tuple[ColumnElement[bool], ...]:
    unexpired = or_(Asset.unpublish_at.is_(None), Asset.unpublish_at > now(session))
    return Asset.archived_at.is_(None), Revision.state == RevisionState.APPROVED, unexpired
