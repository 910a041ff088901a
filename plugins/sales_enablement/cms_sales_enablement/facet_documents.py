"""What slides are about, and whose translations they are, as commands print and calls answer it."""

from collections.abc import Mapping
from typing import Any

from cms_core import Services
from cms_sales_enablement import slide_facets
from cms_sales_enablement import variants as translations
from cms_sales_enablement.presentations import Kept
from cms_sales_enablement.slide_facets import Values
from cms_sales_enablement.variants import Variants


def facets(kept: Kept, said: Mapping[str, Values]) -> list[dict[str, Any]]:
    """By slide what is said of it itself; those of which nothing is said are left out."""
    return [
        {
            "slide": slide.uid,
            **{name: [] for name in slide_facets.NAMES},
            **slide_facets.at_doors(said[slide.uid]),
        }
        for slide in kept.slides
        if slide.uid in said
    ]


def variants(known: Variants) -> list[dict[str, Any]]:
    """The translations of a presentation's slides, in its order."""
    return [
        {
            "slide": slide.uid,
            "translation_of": known.rows[slide.uid].original,
            "locale": known.rows[slide.uid].locale,
            "behind": slide.uid in known.behind,
        }
        for slide in known.made_of.kept.slides
        if slide.uid in known.rows
    ]


def said_of_slides(svc: Services, kept: Kept) -> dict[str, Any]:
    """What a presentation's own document has of this."""
    said = slide_facets.of(svc, kept.asset.id)
    return {"facets": facets(kept, said), "variants": variants(translations.of_presentation(svc, kept))}
