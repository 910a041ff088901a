"""What pages show of a piece beside its words: stars, what can be said of it, what it reached, pictures of its slides."""

from collections.abc import Sequence
from typing import Any

from cms_core import Asset, Services
from cms_sales_enablement import feedback, pictures, presentations, ratings
from cms_sales_enablement.search import Hit

SLIDES = 4  # of a hit that are shown


def standing(svc: Services, asset: Asset) -> dict[str, Any]:
    """Its stars and one's own, what can be said of it, and what it reached in campaigns."""
    return {
        "stars": ratings.of(svc, asset.id),
        "mine": ratings.mine(svc, asset.id, asset.revision),
        "said": feedback.KINDS,
        "reached": svc.reached(asset.id),
    }


def ask_for_pictures(svc: Services, hits: Sequence[Hit]) -> None:
    """Have the slides drawn that are shown by their words for now."""
    for hit in hits:
        wanted = {slide.id for slide in hit.slides[:SLIDES] if not slide.drawn}
        if wanted:
            slides = presentations.find(svc, hit.asset).slides
            pictures.ask_for(svc, hit.asset, [each for each in slides if each.uid in wanted], None)
