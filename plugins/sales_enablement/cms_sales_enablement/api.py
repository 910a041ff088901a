"""REST: the reps' library, the links that they share, and who looked."""

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

from flask import Response
from marshmallow import fields, validate

from cms_core import api
from cms_sales_enablement import PLUGIN, documents, recommending, search, shares
from cms_sales_enablement.models import Share
from cms_sales_enablement.schemas import GATES, MOST_VIEWS, PASSWORD
from cms_sales_enablement.terms import MOST_RULES

READ = "sales.read"
FACET = validate.Length(max=200)
RATING = fields.Float(
    required=True,
    allow_none=True,
    metadata={"description": "Stars by reps for what is approved now, the mean; null: nobody gave any."},
)

blueprint = api.Blueprint(
    "sales_api",
    __name__,
    url_prefix="/api/v1/sales_enablement",
    description="The reps' library and their links.",
)


class Wanted(api.Input):
    """What a rep looks for."""

    words = fields.String(load_default="", validate=FACET)
    kind = fields.String(load_default="", validate=FACET)
    funnel_stage = fields.String(load_default="", validate=FACET, data_key="stage")
    persona = fields.String(load_default="", validate=FACET)
    tag = fields.String(load_default="", validate=FACET)
    locale = fields.String(load_default="", validate=FACET)
    industry = fields.String(load_default="", validate=FACET)
    product = fields.String(load_default="", validate=FACET)
    limit = fields.Integer(load_default=50, validate=validate.Range(1, 500))


class SlideHit(api.Document):
    """A slide that holds what was looked for."""

    id = api.text()
    number = api.number()
    title = api.text()
    facets = api.table(
        "What it is about, itself or as its presentation: values by stage, industry, persona, product and locale."
    )
    locked = api.truth()
    required = api.truth("It must be in each deck.")
    pinned = api.text("first, last, or empty.")
    until = fields.Date(required=True, allow_none=True, metadata={"description": "The last day of its use."})
    translation_of = api.text("The id of the slide that it translates, or empty.")
    thumbnail = api.text("The address of its picture, once it is made.", null=True)


class HitShown(api.Document):
    """One asset that fits."""

    id = api.text()
    asset = api.text()
    slug = api.text()
    title = api.text()
    summary = api.text()
    kind = api.text()
    funnel_stage = api.text()
    persona = api.text()
    locale = api.text()
    industry = api.text()
    product = api.text()
    tags = api.listing(fields.String())
    revision = api.number()
    updated_at = api.instant()
    until = fields.Date(required=True, allow_none=True, metadata={"description": "The last day of its use."})
    excerpt = api.text()
    score = api.number()
    rating = RATING
    ratings = api.number("How many reps gave stars.")
    slides = api.listing(
        SlideHit, "Of a presentation the slides that hold the most of the words and fit the facets."
    )


class Found(api.Document):
    """The best hits; there is no next page: narrow the search."""

    items = api.listing(HitShown)
    next = api.text(null=True)
    total = api.number("How many fit in all.")


class Asked(api.Input):
    """Where a deal stands."""

    subject = fields.String(
        load_default="",
        validate=FACET,
        data_key="for",
        metadata={"description": "A company by name or domain, or a deal by name or id."},
    )
    stage = fields.String(load_default="", validate=FACET)
    industry = fields.String(load_default="", validate=FACET)
    persona = fields.String(load_default="", validate=FACET)
    limit = fields.Integer(load_default=10, validate=validate.Range(1, 100))


class ReasonShown(api.Document):
    """Why it is recommended."""

    reason = api.text()
    points = api.number()


class Recommended(api.Document):
    """A piece that helps."""

    id = api.text()
    slug = api.text()
    title = api.text()
    kind = api.text()
    score = api.number("The sum of the points.")
    won = api.number("Deals in which it was used and that were won.")
    lost = api.number()
    rating = RATING
    ratings = api.number("How many reps gave stars.")
    reasons = api.listing(ReasonShown)


def _addresses(description: str) -> fields.List[str]:
    item = fields.String(validate=validate.Length(1, 320))
    several = validate.Length(max=MOST_RULES)
    return fields.List(item, load_default=list, validate=several, metadata={"description": description})


class NewShare(api.Input):
    """A link that is to be made."""

    asset = fields.String(
        required=True,
        validate=validate.Length(1, 200),
        metadata={"description": "The slug of an asset, or the id of a deck."},
    )
    contact = fields.Email(
        load_default=None,
        validate=validate.Length(max=320),
        metadata={"description": "Whom it is for, by e-mail address; made a contact if new."},
    )
    expires = fields.String(
        load_default="",
        validate=validate.Length(max=60),
        metadata={"description": "2026-05-04 (through that day, UTC), 14d, or an instant."},
    )
    password = fields.String(
        load_default=None, validate=PASSWORD, metadata={"description": "Asked for before anything is shown."}
    )
    gate = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.OneOf(GATES),
        metadata={
            "description": "What the reader is asked for: email (as they say it), verified (by a code), or nothing. "
            "Null: what the settings ask for at least."
        },
    )
    allow = _addresses("Only these addresses and domains (@acme.com) may open it; needs a gate.")
    deny = _addresses("These may not; they win over allow.")
    download = fields.Boolean(
        load_default=False, metadata={"description": "The page of a deck offers its file."}
    )
    watermark = fields.Boolean(
        load_default=False,
        metadata={"description": "The reader's address is drawn into the pictures of a deck's slides."},
    )
    max_views = fields.Integer(
        load_default=None,
        allow_none=True,
        validate=validate.Range(1, MOST_VIEWS),
        metadata={"description": "It ends after so many views that counted."},
    )


class Made(api.Document):
    """A new link; its address is told this once."""

    id = api.text()
    url = api.text()


class ShareShown(api.Document):
    """A link that was made."""

    id = api.text()
    asset = api.text()
    deck = api.text("The id of the deck that it shows.", null=True)
    room = api.text("The id of the room that it leads to, or that it is a piece of.", null=True)
    title = api.text()
    contact = api.text(null=True)
    created_by = api.text()
    created_at = api.instant()
    expires_at = api.instant(null=True)
    state = api.text("active, expired or revoked")
    password = api.truth()
    gate = api.text("What it asks the reader for by the settings of now: nothing, email or verified.")
    allow = api.listing(fields.String())
    deny = api.listing(fields.String())
    download = api.truth("It gives the file of its deck, where the settings allow it.")
    watermark = api.truth()
    max_views = api.number("After how many counted views it ends.", null=True)
    view_count = api.number()
    visitors = api.number()
    seconds = api.number()
    last_viewed_at = api.instant(null=True)


class Look(api.Document):
    """One look at what a link leads to."""

    visitor = api.text()
    email = api.text("The address that was given at the gate; only said, unless verified.", null=True)
    verified = api.truth("A code was mailed to the address, and typed.")
    downloaded = api.truth()
    browser = api.text()
    agent_class = api.text()
    at = api.instant()
    counted = api.truth("A person had it in sight for a second.")
    seconds = api.number()
    revision = api.number()
    slides = api.listing(fields.Dict())


class ShareFull(ShareShown):
    """A link with every look at it."""

    views = api.listing(Look)


@blueprint.get("/search")
@blueprint.call(READ, "sales search", query=Wanted, answers=Found)
def find(query: dict[str, Any]) -> Response:
    """Approved content with all of these words, the best fit first: title before summary before text."""
    limit = query.pop("limit")
    found = search.search(api.services(PLUGIN), search.Wanted(**query), limit)
    rows = [documents.hit(each) for each in found.hits]
    return api.answer({"items": rows, "next": None, "total": found.total})


@blueprint.get("/recommendations")
@blueprint.call(READ, "sales recommend", query=Asked, answers=api.pages_of(Recommended))
def helps(query: dict[str, Any]) -> Response:
    """What helps at this point of a deal, the best first, each with its reasons."""
    svc = api.services(PLUGIN)
    given = recommending.Situation(query["stage"], query["industry"], query["persona"])
    situation = recommending.situation_of(svc, query["subject"], given)
    rows = [documents.recommendation(each) for each in recommending.recommend(svc, situation, query["limit"])]
    return api.answer({"items": rows, "next": None})


@blueprint.get("/shares")
@blueprint.call(shares.MAY_SHARE, "sales shares list", query=api.PageArgs, answers=api.pages_of(ShareShown))
def links(query: dict[str, Any]) -> Response:
    """One's own links, the newest first; of everybody, for those who may see them."""
    svc = api.services(PLUGIN)

    def read(after: Sequence[Any] | None, count: int) -> Sequence[Share]:
        return shares.listed(svc, limit=count, before=after[0] if after else None)

    return api.page_by(read, lambda row: (row.id,), 1, query, partial(documents.links, svc))


@blueprint.post("/shares")
@blueprint.call(
    shares.MAY_SHARE, ("sales share", "sales shares add"), body=NewShare, answers=Made, status=201
)
def share(body: dict[str, Any]) -> Response:
    """Make a tracked link to an approved asset; the link is told once."""
    made = shares.create_from(api.services(PLUGIN), body["asset"], body)
    return api.answer(asdict(made), 201, location=f"/api/v1/sales_enablement/shares/{made.id}")


@blueprint.get("/shares/<id>")
@blueprint.call(shares.MAY_SHARE, "sales shares show", answers=ShareFull)
def one_link(id: str) -> Response:  # noqa: A002  # the name in the path
    """One link and every look at it."""
    svc = api.services(PLUGIN)
    return api.answer(documents.link_with_views(svc, shares.find(svc, id)))


@blueprint.post("/shares/<id>/revoke")
@blueprint.call(shares.MAY_SHARE, "sales shares revoke", answers=ShareShown)
def revoke(id: str) -> Response:  # noqa: A002
    """Let a link show nothing from now on; doing it again changes nothing."""
    svc = api.services(PLUGIN)
    (told,) = documents.links(svc, [shares.revoke(svc, id)])
    return api.answer(told)
