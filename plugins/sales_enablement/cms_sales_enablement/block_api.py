"""REST: what reps put into a deck beside the slides of its presentation, and pictures for it."""

from typing import Any

from flask import Response
from marshmallow import fields, validate

from cms_core import api
from cms_sales_enablement import PLUGIN, blocks, decks, images, own_slides
from cms_sales_enablement import block_documents as documents
from cms_sales_enablement.deck_api import DeckFull, full
from cms_sales_enablement.presentations import MAKE

REF = validate.Length(max=240)

blueprint = api.Blueprint(
    "sales_blocks_api",
    __name__,
    url_prefix="/api/v1/sales_enablement",
    description="Slides of one's own in decks, and slides of other presentations.",
)


class KindShown(api.Document):
    """A kind of slides that are told and not drawn."""

    type = api.text()
    label = api.text()
    names = fields.List(fields.String(), required=True, data_key="fields", attribute="fields")


class BlockBody(api.Input):
    """What is told; a field that is not sent stays."""

    data = fields.Dict(keys=fields.String(validate=validate.Length(1, 80)), required=True)


class NewBlock(BlockBody):
    """A slide that is to be put in."""

    type = fields.String(required=True, validate=validate.Length(1, 40))
    after = fields.String(
        load_default="",
        validate=REF,
        metadata={"description": "The slide that it stands behind; left out: last."},
    )


class OfferArgs(api.Input):
    """Of which presentation."""

    template = fields.String(
        required=True, validate=validate.Length(1, 200), metadata={"description": "Its slug or id."}
    )


class OfferedSlide(api.Document):
    """A slide of another presentation."""

    id = api.text("As `pick` takes it.")
    number = api.number()
    title = api.text()


class OfferShown(api.Document):
    """What another presentation has for a deck."""

    template = api.text()
    slides = api.listing(OfferedSlide)
    unfit = api.number("How many more stand on layouts that the deck's presentation does not have.")


class MoreSlides(api.Input):
    """Slides that are to be put in."""

    pick = fields.List(
        fields.String(validate=REF), required=True, validate=validate.Length(1, own_slides.MOST)
    )
    after = fields.String(load_default="", validate=REF)


class PictureShown(api.Document):
    """A picture that was sent."""

    id = api.text("What a deck's `pictures` and a block's `picture` name.")


@blueprint.get("/deck-blocks")
@blueprint.call(MAKE, "sales decks blocks kinds", answers=api.pages_of(KindShown))
def list_kinds() -> Response:
    """What can be told, and the fields of each; all on one page."""
    rows = documents.kinds(blocks.kinds(api.services(PLUGIN)).values())
    return api.answer({"items": rows, "next": None})


@blueprint.post("/deck-pictures")
@blueprint.call(MAKE, answers=PictureShown, status=201, files=True)
def add_picture() -> Response:
    """Send a PNG or JPEG for decks; it is kept without an address."""
    _, data = api.upload("picture")
    return api.answer({"id": images.keep(api.services(PLUGIN), "picture", data)}, 201)


@blueprint.post("/decks/<id>/blocks")
@blueprint.call(MAKE, "sales decks blocks add", body=NewBlock, answers=DeckFull, status=201)
def add_block(body: dict[str, Any], id: str) -> Response:  # noqa: A002  # the name in the path
    """Put a slide of one's own into a deck."""
    svc = api.services(PLUGIN)
    found, ref = own_slides.add_block(svc, id, body["type"], body["data"], body["after"])
    where = f"/api/v1/sales_enablement/decks/{id}/blocks/{ref}"
    return api.answer(full(svc, found), 201, location=where)


@blueprint.patch("/decks/<id>/blocks/<block>")
@blueprint.call(MAKE, "sales decks blocks change", body=BlockBody, answers=DeckFull, versioned=True)
def change_block(body: dict[str, Any], id: str, block: str) -> Response:  # noqa: A002
    """Tell a slide anew."""
    svc = api.services(PLUGIN)
    version = decks.find(svc, id).version
    api.require_match(version)
    found = own_slides.change_block(svc, id, block, body["data"], version)
    return api.answer(full(svc, found), version=found.version)


@blueprint.get("/decks/<id>/slides")
@blueprint.call(MAKE, "sales decks slides", query=OfferArgs, answers=OfferShown)
def offer(query: dict[str, Any], id: str) -> Response:  # noqa: A002
    """The slides of another presentation that fit into a deck."""
    svc = api.services(PLUGIN)
    return api.answer(documents.offer(own_slides.offer(svc, decks.find(svc, id), query["template"])))


@blueprint.post("/decks/<id>/slides")
@blueprint.call(MAKE, "sales decks slides", body=MoreSlides, answers=DeckFull)
def add_slides(body: dict[str, Any], id: str) -> Response:  # noqa: A002
    """Put slides of other presentations into a deck."""
    svc = api.services(PLUGIN)
    return api.answer(full(svc, own_slides.add_slides(svc, id, body["pick"], body["after"])))
