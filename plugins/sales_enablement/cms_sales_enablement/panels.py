"""What stands on pages of the core: the card of an asset, the notes in its review, and what is kept about a contact."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from flask import has_app_context
from sqlalchemy import select, update

from cms_core import Asset, Contact, Finding, Panel, PersonalRecord, services
from cms_sales_enablement import feedback, views
from cms_sales_enablement.models import Deck, Share, View
from cms_sales_enablement.share_pages import PLUGIN


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
    }
    return [Panel("In sales", "sales_enablement/asset_panel.html", context)]


def remarks(asset: Asset) -> Iterable[Finding]:
    """Open feedback as notes of the review; for pages only, because it stops nothing."""
    return feedback.remarks(services.current(PLUGIN), asset) if has_app_context() else []


def personal_data(contacts: Sequence[Contact], erase: bool) -> Iterable[PersonalRecord]:
    """The links and decks made for these contacts; erased, they name nobody and their looks cannot be told apart."""
    svc, ids = services.current(PLUGIN), [contact.id for contact in contacts]
    with svc.transaction() as session:
        shares = session.scalars(select(Share).where(Share.contact.in_(ids)).order_by(Share.id)).all()
        decks = session.scalars(select(Deck).where(Deck.contact.in_(ids)).order_by(Deck.id)).all()
        records = [*map(_record, shares), *map(_deck_record, decks)]
        if erase:
            keys = [share.id for share in shares]
            session.execute(update(View).where(View.share_id.in_(keys)).values(visitor=""))
            for share in shares:
                share.contact, share.contact_email = None, ""
                share.revoked_at = share.revoked_at or svc.now()
            for deck in decks:
                deck.contact = None
                deck.values = {
                    name: each for name, each in deck.values.items() if not _names_them(name, each)
                }
    return records


def _names_them(field: str, value: Mapping[str, Any]) -> bool:
    """Whether a value of a deck is known of its contact, or was said in the place of what is."""
    return value["source"] == "contact" or field.startswith("contact.")


def _deck_record(deck: Deck) -> PersonalRecord:
    known = {name: each["value"] for name, each in deck.values.items() if _names_them(name, each)}
    made = {"name": deck.name, "by": deck.user_name, "at": deck.created_at.isoformat(), **known}
    return PersonalRecord(deck.contact or "", "Deck that was made for you", made)


def _record(share: Share) -> PersonalRecord:
    made = {"asset": share.slug, "by": share.user_name, "at": share.created_at.isoformat()}
    return PersonalRecord(share.contact or "", "Link that was shared with you", made)
