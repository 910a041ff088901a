"""Until when reps may use a piece of content."""

from collections.abc import Collection, Iterable

from sqlalchemy import select

from cms_core import Services
from cms_sales_enablement.models import Shelf


def over(svc: Services, assets: Iterable[str]) -> Collection[str]:
    """Which of these assets reps may use no longer."""
    found = select(Shelf.asset).where(Shelf.asset.in_(list(assets)), Shelf.until < svc.now().date())
    with svc.session() as session:
        return session.scalars(found).all()
