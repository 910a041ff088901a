"""Use of content in sales as commands print and calls answer it."""

from typing import Any

from cms_sales_enablement.usage import RepUse, SlideUse, Use


def asset(use: Use) -> dict[str, Any]:
    """One asset."""
    low, high = use.interval
    return {
        "id": use.asset.id,
        "slug": use.asset.slug,
        "title": use.asset.title,
        "kind": use.asset.kind,
        "shares": use.shares,
        "decks": use.decks,
        "looks": use.looks,
        "seconds": use.seconds,
        "last_at": use.last_at,
        "won": use.record.won,
        "lost": use.record.lost,
        "won_between": [round(low, 3), round(high, 3)],
        "outdated": use.outdated,
        "stale": use.stale,
    }


def slide(use: SlideUse) -> dict[str, Any]:
    """One slide."""
    return {
        "slide": use.uid,
        "number": use.number,
        "title": use.title,
        "decks": use.decks,
        "looks": use.looks,
        "seconds": use.seconds,
    }


def rep(use: RepUse) -> dict[str, Any]:
    """One person."""
    return {"name": use.name, "shares": use.shares, "decks": use.decks, "looks": use.looks}
