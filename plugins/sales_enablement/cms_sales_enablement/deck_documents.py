"""Presentations and decks as commands print and calls answer them."""

from collections.abc import Iterable
from typing import Any

from cms_core import Saved, Services
from cms_sales_enablement import fonts, slide_sources, values
from cms_sales_enablement.deck_files import Written
from cms_sales_enablement.material import Material
from cms_sales_enablement.models import Deck, DeckSlide, Presentation, Slide, SlideRule
from cms_sales_enablement.pptx.findings import Finding
from cms_sales_enablement.presentations import Added, Kept
from cms_sales_enablement.rules import Rules


def added(found: Added) -> dict[str, Any]:
    """A file that was taken in."""
    return {
        **brought(found.saved),
        **_read(found.presentation),
        "behind": [
            {"id": deck.public_id, "name": deck.name, "user": deck.user_name} for deck in found.behind
        ],
    }


def brought(saved: Saved) -> dict[str, Any]:
    """A revision that was saved."""
    return {"id": saved.id, "slug": saved.slug, "revision": saved.revision, "state": saved.state}


def template(kept: Kept, rules: Rules) -> dict[str, Any]:
    """One presentation with its slides and what decks of it must keep."""
    told = [rule(each) for slide in kept.slides if (each := rules.slides.get(slide.uid)) is not None]
    return {
        **in_list(kept),
        **_read(kept.presentation),
        "fonts": kept.presentation.fonts,
        "pdf": kept.pdf is not None,
        "rules": told,
        "least": rules.least,
        "most": rules.most,
    }


def sources(svc: Services) -> list[dict[str, Any]]:
    """The places that presentations can be taken in from."""
    return [{"name": each.name, "label": each.label} for each in slide_sources.sources(svc)]


def in_source(found: Iterable[tuple[str, str]]) -> list[dict[str, Any]]:
    """What one of them holds."""
    return [{"key": key, "title": title} for key, title in found]


def rule(found: SlideRule) -> dict[str, Any]:
    """What is said of a slide."""
    return {
        "slide": found.uid,
        "required": found.required,
        "locked": found.locked,
        "forbidden": found.forbidden,
        "pinned": found.pinned,
        "until": found.until,
    }


def in_list(kept: Kept) -> dict[str, Any]:
    """One presentation among others."""
    asset = kept.asset
    return {
        "id": asset.id,
        "slug": asset.slug,
        "title": asset.title,
        "revision": asset.revision,
        "slide_count": len(kept.slides),
        "size": kept.file.size,
        "updated_at": asset.updated_at,
    }


def deck(found: Deck, made_of: Material) -> dict[str, Any]:
    """A deck with its slides as they are now, and its values with where they are from."""
    return {
        **deck_in_list(found),
        "slides": [_in_deck(each, made_of) for each in found.slides if each.uid in made_of.by_ref],
        "pictures": dict(found.pictures),
        "values": [
            {"field": name, "value": each.value, "source": each.source}
            for name, each in sorted(values.restored(found.values).items())
        ],
    }


def _in_deck(found: DeckSlide, made_of: Material) -> dict[str, Any]:
    source = made_of.source(found.uid)
    return slide(made_of.by_ref[found.uid]) | {
        "changed": made_of.digest(found.uid) != found.digest,
        "template": source[0].asset.slug if source else None,
        "block": found.block,
    }


def deck_in_list(found: Deck) -> dict[str, Any]:
    """A deck among others."""
    return {
        "id": found.public_id,
        "name": found.name,
        "template": found.asset,
        "company": found.company,
        "deal": found.deal,
        "slide_count": len(found.slides),
        "created_by": found.user_name,
        "created_at": found.created_at,
    }


def written(found: Deck, file: Written) -> dict[str, Any]:
    """What became of a deck's file."""
    return {
        "id": found.public_id,
        "name": found.name,
        "slides": [{"id": each.id, "title": each.title} for each in file.copied.slides],
        "missing": list(file.copied.missing),
        "findings": findings(file.findings),
    }


def findings(found: Iterable[Finding]) -> list[dict[str, str]]:
    """Remarks on a file."""
    return [each.document() for each in found]


def slide(found: Slide) -> dict[str, Any]:
    """One slide."""
    return {
        "id": found.uid,
        "number": found.number,
        "title": found.title,
        "fields": found.fields,
        "slots": found.slots,
        "notes": found.notes,
        "jumps": found.jumps,
        "hidden": found.hidden,
    }


def _read(presentation: Presentation) -> dict[str, Any]:
    return {
        "slides": [slide(each) for each in presentation.slides],
        "findings": fonts.current(presentation.findings),
    }
