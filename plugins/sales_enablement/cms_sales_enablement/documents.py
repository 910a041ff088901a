"""Hits and links as commands print and calls answer them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any
from urllib.parse import quote

from cms_core import Asset, CampaignFigures, NotFound, Services
from cms_sales_enablement import deck_view, decks, feedback, material, ratings, terms, views
from cms_sales_enablement.models import Share, View
from cms_sales_enablement.ratings import Stars
from cms_sales_enablement.recommending import Recommendation
from cms_sales_enablement.search import Hit
from cms_sales_enablement.slide_facets import at_doors
from cms_sales_enablement.slide_search import SlideHit


def hit(found: Hit) -> dict[str, Any]:
    """One asset of the library."""
    return {
        **asdict(found),
        "id": found.asset,
        "asset": found.slug,
        "tags": list(found.tags),
        "slides": [_slide_hit(found.slug, each) for each in found.slides],
        **stars(found.rating),
    }


def standing(svc: Services, asset: Asset) -> dict[str, Any]:
    """What reps say of an asset, until when they may use it, and what it reached in campaigns."""
    said = dict.fromkeys(feedback.KINDS, 0) | dict(feedback.counts(svc, asset.id))
    return {
        "asset": asset.slug,
        "until": feedback.until(svc, asset.id),
        **said,
        **stars(ratings.of(svc, asset.id)),
        "campaigns": [reached(each) for each in svc.reached(asset.id)],
    }


def reached(found: CampaignFigures) -> dict[str, Any]:
    """What an asset reached in one campaign."""
    days = {"starts_on": found.starts_on, "ends_on": found.ends_on}
    return {"campaign": found.campaign.name, **days, **asdict(found.reached)}


def stars(found: Stars) -> dict[str, Any]:
    """What reps give the approved revision of a piece; no mean where nobody gave any."""
    return {"rating": found.mean, "ratings": found.count}


def _slide_hit(slug: str, found: SlideHit) -> dict[str, Any]:
    """A slide of a hit; ``thumbnail`` is the address of a call where there is a picture."""
    told = asdict(found) | {"facets": at_doors(found.facets)}
    drawn = told.pop("drawn")
    address = f"/api/v1/sales_enablement/templates/{slug}/slides/{quote(found.id, safe='')}/picture"
    return {**told, "thumbnail": address if drawn else None}


def recommendation(found: Recommendation) -> dict[str, Any]:
    """A piece that helps, and why."""
    asset = found.asset
    return {
        "id": asset.id,
        "slug": asset.slug,
        "title": asset.title,
        "kind": asset.kind,
        "score": found.score,
        "won": found.record.won,
        "lost": found.record.lost,
        **stars(found.stars),
        "reasons": [{"reason": each.words, "points": each.points} for each in found.reasons],
    }


def links(svc: Services, found: Sequence[Share]) -> list[dict[str, Any]]:
    """Links with what counted of each."""
    tallies, rules = views.tallies(svc, found), terms.listed(svc, found)
    states, limits = views.states(svc, found, tallies), terms.Limits.of(svc)
    return [
        {
            **_link(each, tallies.get(each.id, views.Tally()), limits),
            "state": states[each.id],
            **rules[each.id],
        }
        for each in found
    ]


def link_with_views(svc: Services, found: Share) -> dict[str, Any]:
    """One link with every look at it."""
    (row,) = links(svc, [found])
    looks = views.of_share(svc, found)
    slides, dwells = _slides(svc, found), views.dwells(svc, looks)
    return {**row, "views": [_look(found, each, slides, dwells.get(each.id, {})) for each in looks]}


def _slides(svc: Services, share: Share) -> dict[str, str]:
    """The titles of the slides of the deck that was shared, by their ids, in its order."""
    deck = decks.row_or_none(svc, share.deck) if share.deck else None
    if deck is None:
        return {}
    fill = deck_view.filler(svc, deck)
    try:
        return {slide.uid: fill(slide.title) for slide in material.of_deck(svc, deck).of(deck)}
    except NotFound:
        return {}


def _link(share: Share, tally: views.Tally, limits: terms.Limits) -> dict[str, Any]:
    """What it asks for and gives by the settings of now."""
    return {
        "id": share.public_id,
        "asset": share.slug,
        "deck": share.deck,
        "room": share.room,
        "title": share.title,
        "contact": share.contact_email or None,
        "created_by": share.user_name,
        "created_at": share.created_at,
        "expires_at": limits.end_of(share),
        "password": bool(share.password_hash),
        "gate": limits.gate_of(share),
        "download": limits.may_download(share),
        "watermark": share.watermark,
        "max_views": share.max_views,
        "view_count": tally.views,
        "visitors": tally.people,
        "seconds": tally.seconds,
        "last_viewed_at": tally.last_at,
    }


def _look(share: Share, view: View, slides: Mapping[str, str], dwell: Mapping[str, int]) -> dict[str, Any]:
    """``slides`` are those of a deck that were in sight; an article has none. ``email`` is only said unless it is ``verified``."""
    return {
        "visitor": view.email or share.contact_email or view.visitor,
        "email": view.email or None,
        "verified": view.verified,
        "downloaded": view.downloaded,
        "browser": view.visitor,
        "agent_class": view.agent_class,
        "at": view.at,
        "counted": view.counted,
        "seconds": view.milliseconds // 1000,
        "revision": view.revision,
        "slides": [
            {"slide": uid, "title": title, "seconds": dwell[uid] // 1000}
            for uid, title in slides.items()
            if uid in dwell
        ],
    }
