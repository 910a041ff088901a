"""REST: what content does in sales."""

from typing import Any

from flask import Response
from marshmallow import fields

from cms_core import api
from cms_sales_enablement import PLUGIN, presentations, usage
from cms_sales_enablement import usage_documents as documents

blueprint = api.Blueprint(
    "sales_usage_api",
    __name__,
    url_prefix="/api/v1/sales_enablement/usage",
    description="What content does in sales.",
)


class AssetUse(api.Document):
    """How one asset is used."""

    id = api.text()
    slug = api.text()
    title = api.text()
    kind = api.text()
    shares = api.number()
    decks = api.number()
    looks = api.number("Those that count.")
    seconds = api.number()
    last_at = api.instant()
    won = api.number("Deals in which it was used and that were won.")
    lost = api.number()
    won_between = api.listing(fields.Float(), "The Wilson interval (95 %) of the share of won deals.")
    outdated = api.truth("A rep says so.")
    stale = api.truth("Outdated, or not approved anew for half a year.")


class SlideUse(api.Document):
    """How one slide is used."""

    slide = api.text()
    number = api.number()
    title = api.text()
    decks = api.number()
    looks = api.number()
    seconds = api.number()


class RepUse(api.Document):
    """What one person does."""

    name = api.text()
    shares = api.number()
    decks = api.number()
    looks = api.number()


class OnlyStale(api.Input):
    """What is asked for."""

    stale = fields.Boolean(load_default=False, metadata={"description": "Only what is used and stale."})


@blueprint.get("/content")
@blueprint.call(usage.SEES, "sales usage content", query=OnlyStale, answers=api.pages_of(AssetUse))
def content(query: dict[str, Any]) -> Response:
    """By asset: links, decks, looks that count, and how the deals ended in which it was used; all on one page."""
    svc = api.services(PLUGIN)
    found = usage.of_assets(svc)
    rows = usage.hot_but_stale(found, svc.now()) if query["stale"] else found
    return api.answer({"items": [documents.asset(each) for each in rows], "next": None})


@blueprint.get("/templates/<named>")
@blueprint.call(presentations.READ, "sales usage slides", answers=api.pages_of(SlideUse))
def slides(named: str) -> Response:
    """By slide of a presentation: decks, looks, and the seconds that it was in sight."""
    svc = api.services(PLUGIN)
    rows = usage.of_slides(svc, presentations.find(svc, named))
    return api.answer({"items": [documents.slide(each) for each in rows], "next": None})


@blueprint.get("/reps")
@blueprint.call(usage.SEES, "sales usage reps", answers=api.pages_of(RepUse))
def reps() -> Response:
    """By person: links, decks, and looks that count."""
    rows = usage.of_reps(api.services(PLUGIN))
    return api.answer({"items": [documents.rep(each) for each in rows], "next": None})
