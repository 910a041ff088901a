"""Blocks and slides of other presentations as commands print and calls answer them."""

from collections.abc import Iterable
from typing import Any

from cms_sales_enablement.blocks import BlockKind
from cms_sales_enablement.own_slides import Offer


def kinds(found: Iterable[BlockKind]) -> list[dict[str, Any]]:
    """What can be told."""
    rows = [{"type": kind.name, "label": kind.label, "fields": list(kind.schema().fields)} for kind in found]
    return sorted(rows, key=lambda row: row["type"])


def offer(found: Offer) -> dict[str, Any]:
    """What another presentation has for a deck."""
    return {
        "template": found.kept.asset.slug,
        "slides": [
            {"id": f"{found.kept.asset.slug}:{each.uid}", "number": each.number, "title": each.title}
            for each in found.slides
        ],
        "unfit": found.unfit,
    }
