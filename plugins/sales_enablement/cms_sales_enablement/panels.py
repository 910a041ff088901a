"""What stands on pages of the core: the card of an asset, the notes in its review, and what is kept about a contact."""

from collections.abc import Iterable, Sequence

from flask import has_app_context
from sqlalchemy import select

from cms_core import Asset, Contact, Finding, Panel, PersonalRecord, services
from cms_sales_enablement import PLUGIN, feedback, personal, ratings, views
from cms_sales_enablement.models import Share


def of_asset(asset: str) -> list[Panel]:
    """How reps use an asset, what they say of it, and until when they may."""
    svc = services.current(PLUGIN)
    found = next(iter(svc.assets([asset])), None)
    with svc.session() as session:
        shares = session.scalars(select(Share).where(Share.asset == asset)).all()
    if found is None and not shares:
        return []
    tallies = views.tallies(svc, shares).values()
    context = {
        "asset": found,
        "shared": len(shares),
        "tally": views.Tally(sum(each.views for each in tallies), sum(each.people for each in tallies)),
        "looked_at": len(tallies),
        "said": feedback.counts(svc, asset),
        "asked": feedback.open_words(svc, asset),
        "until": feedback.until(svc, asset),
        "stars": ratings.of(svc, asset),
    }
    return [Panel("In sales", "sales_enablement/asset_panel.html", context)]


def remarks(asset: Asset) -> Iterable[Finding]:
    """Open feedback as notes of the review; for pages only, because it stops nothing."""
    return feedback.remarks(services.current(PLUGIN), asset) if has_app_context() else []


def personal_data(contacts: Sequence[Contact], erase: bool) -> Iterable[PersonalRecord]:
    """What is kept about these contacts, on its way out if it is to be erased."""
    return personal.data(services.current(PLUGIN), contacts, erase)
