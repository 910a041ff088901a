"""What marketing says of translations: which slide translates which one, and that it is current."""

from collections.abc import Sequence

from cms_core import Invalid, NotFound, Services
from cms_sales_enablement import rules, slide_facets
from cms_sales_enablement.library_models import SlideVariant
from cms_sales_enablement.presentations import Kept
from cms_sales_enablement.slide_facets import locale_of
from cms_sales_enablement.variants import Variants, of_presentation


def set_variant(svc: Services, kept: Kept, uid: str, original: str, locale: str) -> None:
    """Say that a slide is the translation of another one, and current; raises Forbidden, NotFound and Invalid."""
    svc.require(rules.CHANGE)
    wanted, asset = locale_of(locale), kept.asset.id
    source = kept.find_slide(original)
    kept.find_slide(uid)
    with svc.transaction() as session:
        slide_facets.lock(session, asset)
        known = of_presentation(svc, kept)
        _require_fitting(known, uid, original, wanted)
        row = SlideVariant(asset=asset, uid=uid, original=original, locale=wanted, digest=source.digest)
        session.merge(row)
        slide_facets.forget(session, asset, uid, "locale")


def unset_variant(svc: Services, kept: Kept, uid: str) -> None:
    """Say that a slide translates none; doing it again changes nothing."""
    svc.require(rules.CHANGE)
    kept.find_slide(uid)
    with svc.transaction() as session:
        if (row := session.get(SlideVariant, (kept.asset.id, uid))) is not None:
            session.delete(row)


def set_current(svc: Services, kept: Kept, uids: Sequence[str] = ()) -> list[str]:
    """Say that translations (none: all that are behind) say what their originals do now; returns which were behind.

    Raises Forbidden, and NotFound for a slide that is no translation.
    """
    svc.require(rules.CHANGE)
    with svc.transaction() as session:
        slide_facets.lock(session, kept.asset.id)
        known = of_presentation(svc, kept)
        for uid in uids:
            if uid not in known.rows:
                raise NotFound(
                    f"slide {uid[:80]!r} is no translation", "`cms sales templates show` lists what is"
                )
        stale = [uid for uid in uids or known.by_uid if uid in known.behind]
        for uid in stale:
            row = session.get_one(SlideVariant, (kept.asset.id, uid))
            row.digest = known.by_uid[row.original].digest
    return stale


def _require_fitting(known: Variants, uid: str, original: str, locale: str) -> None:
    if original == uid or original in known.rows:
        raise Invalid(f"slide {original} is no original", "name the slide that was translated", field="of")
    if any(row.original == uid for row in known.rows.values()):
        raise Invalid(
            f"slide {uid} has translations itself", "say of those that they are none first", field="of"
        )
    if known.locales.get(original, "").casefold() == locale.casefold():
        raise Invalid(f"slide {original} is in {locale} itself", "name another locale", field="locale")
    taken = [
        row.uid
        for row in known.rows.values()
        if row.original == original and row.locale == locale and row.uid != uid
    ]
    if taken:
        raise Invalid(
            f"slide {taken[0]} is the translation into {locale} already",
            "say of it that it is none",
            field="locale",
        )
