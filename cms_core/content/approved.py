"""What may be published now, as a whole: for indexes that others keep of it."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session, contains_eager, selectinload

from cms_core.content.models import Asset, Revision, RevisionState
from cms_core.dialect import among


def versions(session: Session) -> dict[str, str]:
    """Every asset with an approved revision that is not archived, by public id; the text changes with it and its facets."""
    query = (
        select(Asset.public_id, Revision.n, Asset.row_version)
        .join(Revision, Revision.asset_id == Asset.id)
        .where(Asset.archived_at.is_(None), Revision.state == RevisionState.APPROVED)
    )
    return {public_id: f"{n}.{row}" for public_id, n, row in session.execute(query)}


def revisions(session: Session, public_ids: Sequence[str]) -> list[Revision]:
    """The approved revisions of these assets, as far as they have one and are not archived."""
    query = (
        select(Revision)
        .join(Revision.asset)
        .where(Asset.archived_at.is_(None), Revision.state == RevisionState.APPROVED)
        .where(among(session, Asset.public_id, public_ids))
        .options(contains_eager(Revision.asset).options(selectinload(Asset.tags)))
        .order_by(Revision.id)
    )
    return list(session.scalars(query))
