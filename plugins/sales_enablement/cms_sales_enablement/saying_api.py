"""REST: what reps say of a piece, until when they may use it, and what it reached in campaigns."""

from datetime import date
from typing import Any

from flask import Response
from marshmallow import fields, validate

from cms_core import Asset, NotFound, Services, api
from cms_sales_enablement import PLUGIN, documents, feedback, ratings, shares
from cms_sales_enablement.api import RATING, READ

blueprint = api.Blueprint(
    "sales_saying_api",
    __name__,
    url_prefix="/api/v1/sales_enablement/assets",
    description="What reps say of pieces, and what these reached.",
)


class Reached(api.Document):
    """What an asset reached in one campaign; people alone are counted. docs/figures.md says what each figure is."""

    campaign = api.text("Its name.")
    starts_on = fields.Date(required=True)
    ends_on = fields.Date(required=True)
    sent = api.number()
    opened_people = api.number()
    clicked_people = api.number()
    visits = api.number()
    conversions = api.number()
    likes = api.number()
    reposts = api.number()
    replies = api.number()
    quotes = api.number()


class Standing(api.Document):
    """What reps say of an asset, until when they may use it, and what it reached in campaigns."""

    asset = api.text()
    until = fields.Date(required=True, allow_none=True)
    used = api.number()
    won = api.number()
    outdated = api.number()
    wish = api.number()
    rating = RATING
    ratings = api.number("How many reps gave stars.")
    campaigns = api.listing(Reached, "What it reached in marketing's campaigns, the latest first.")


class Words(api.Input):
    """What a rep says of an asset."""

    kind = fields.String(required=True, validate=validate.OneOf(list(feedback.KINDS)))
    words = fields.String(load_default="", validate=validate.Length(max=feedback.LONGEST))


class StarsBody(api.Input):
    """Stars of a rep."""

    stars = fields.Integer(required=True, validate=validate.Range(ratings.LEAST, ratings.MOST))


class Until(api.Input):
    """The last day on which reps may use an asset; null: for as long as it is approved."""

    until = fields.Date(required=True, allow_none=True)


@blueprint.get("/<slug>")
@blueprint.call(READ, "sales show", answers=Standing)
def standing(slug: str) -> Response:
    """What reps say of an approved asset, until when they may use it, and what it reached in campaigns."""
    svc = api.services(PLUGIN)
    return _standing(svc, _asset(svc, slug))


@blueprint.post("/<slug>/feedback")
@blueprint.call(shares.MAY_SHARE, "sales feedback", body=Words, answers=Standing)
def say(body: dict[str, Any], slug: str) -> Response:
    """Tell marketing that an approved asset was used, that a deal was won with it, that it is outdated, or what it lacks."""
    svc = api.services(PLUGIN)
    found = _asset(svc, slug)
    feedback.give(svc, slug, body["kind"], body["words"])
    return _standing(svc, found)


@blueprint.post("/<slug>/rating")
@blueprint.call(shares.MAY_SHARE, "sales rate", body=StarsBody, answers=Standing)
def rate(body: dict[str, int], slug: str) -> Response:
    """Give an approved asset one to five stars, instead of those given before."""
    svc = api.services(PLUGIN)
    found = _asset(svc, slug)
    ratings.give(svc, slug, body["stars"])
    return _standing(svc, found)


@blueprint.post("/<slug>/until")
@blueprint.call("content.edit", body=Until, answers=Standing)
def until(body: dict[str, date | None], slug: str) -> Response:
    """Set the last day on which reps may use an asset."""
    svc = api.services(PLUGIN)
    found = _asset(svc, slug)
    feedback.set_until(svc, found.id, body["until"])
    return _standing(svc, found)


def _asset(svc: Services, slug: str) -> Asset:
    found = svc.asset(slug)
    if found is None:
        raise NotFound("there is no approved content here", "look for it in the library")
    return found


def _standing(svc: Services, asset: Asset) -> Response:
    return api.answer(documents.standing(svc, asset))
