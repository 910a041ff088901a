"""Stars that reps give an approved revision, and what they weigh: a few say little.

The weighed mean is as if ``DOUBT`` reps more had given ``MIDDLE`` stars: one rep with five stars does not outrank nine with four.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cms_core import Invalid, NotFound, Services
from cms_sales_enablement import index
from cms_sales_enablement.library_models import Rating
from cms_sales_enablement.models import Document
from cms_sales_enablement.shares import MAY_SHARE
from cms_sales_enablement.slide_facets import lock

LEAST, MIDDLE, MOST = 1, 3, 5
DOUBT = 5


@dataclass(frozen=True)
class Stars:
    """How many reps gave stars, and the sum of these."""

    count: int = 0
    sum: int = 0

    @property
    def mean(self) -> float | None:
        """Stars per rep, to one decimal; None where nobody gave any."""
        return round(self.sum / self.count, 1) if self.count else None

    @property
    def weighed(self) -> float:
        """The mean that counts: near ``MIDDLE`` while few have rated."""
        return (self.sum + DOUBT * MIDDLE) / (self.count + DOUBT)


NONE = Stars()


def give(svc: Services, slug: str, stars: int) -> Stars:
    """Give the approved revision of an asset so many stars, instead of those given before; raises NotFound and Invalid."""
    user = svc.require(MAY_SHARE)
    asset = svc.asset(slug)
    if asset is None:
        raise NotFound(f"there is no approved content {slug[:120]!r}", "look for it in the library")
    if not LEAST <= stars <= MOST:
        raise Invalid("there are one to five stars", f"give {LEAST} to {MOST}", field="stars")
    index.catch_up(svc)  # it knows which revision is approved
    given = Rating(asset=asset.id, revision=asset.revision, user=user.id, stars=stars, at=svc.now())
    with svc.transaction() as session:
        lock(session, asset.id)
        session.merge(given)
    return of(svc, asset.id)


def of(svc: Services, asset: str) -> Stars:
    """What the approved revision of an asset was given."""
    with svc.session() as session:
        return means(session, asset).get(asset, NONE)


def mine(svc: Services, asset: str, revision: int) -> int:
    """How many stars who asks has given a revision; 0: none yet."""
    with svc.session() as session:
        found = session.get(Rating, (asset, revision, svc.user.id)) if svc.user else None
    return found.stars if found else 0


def means(session: Session, asset: str = "") -> Mapping[str, Stars]:
    """By asset (or only of one) what its approved revision was given; those that nobody rated are left out."""
    same = (Document.asset == Rating.asset) & (Document.revision == Rating.revision)
    query = select(Rating.asset, func.count(), func.sum(Rating.stars)).join(Document, same)
    query = query.where(Rating.asset == asset) if asset else query
    return {
        key: Stars(count, int(total)) for key, count, total in session.execute(query.group_by(Rating.asset))
    }
