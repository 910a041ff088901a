"""REST: the decks that reps make."""

from collections.abc import Sequence
from typing import Any

from flask import Response, send_file
from marshmallow import fields, validate

from cms_core import NotFound, api
from cms_sales_enablement import PLUGIN, deck_files, decks, material, printing
from cms_sales_enablement import deck_documents as documents
from cms_sales_enablement.brought import MIME as PDF
from cms_sales_enablement.models import Deck
from cms_sales_enablement.presentations import MAKE, MIME
from cms_sales_enablement.template_api import NAME, Remark, SlideShown
from cms_sales_enablement.values import LONGEST

blueprint = api.Blueprint(
    "sales_decks_api",
    __name__,
    url_prefix="/api/v1/sales_enablement",
    description="The decks that reps make of presentations.",
)


class DeckShown(api.Document):
    """A deck that was made."""

    id = api.text()
    name = api.text()
    template = api.text("The id of its presentation.")
    company = api.text(null=True)
    deal = api.text(null=True)
    slide_count = api.number()
    created_by = api.text()
    created_at = api.instant()


class DeckSlideShown(SlideShown):
    """One slide of a deck."""

    changed = api.truth("It looks different since the deck was made.")
    template = api.text("The slug of the presentation that it is of; null for a block.", null=True)
    block = fields.Raw(
        required=True, allow_none=True, metadata={"description": "What is told in it, by type and data."}
    )


class ValueShown(api.Document):
    """What stands in a field, and where it is from."""

    field = api.text()
    value = fields.Raw(required=True)
    source = api.text("said (by the rep), rep (their account), company, contact, deal, …")


class DeckFull(DeckShown):
    """A deck with all that is in it."""

    slides = api.listing(DeckSlideShown)
    pictures = fields.Dict(required=True, metadata={"description": "The ids of pictures, by field."})
    values = api.listing(ValueShown)
    missing = api.listing(fields.String(), "Fields of its slides that have no value: they show nothing.")
    findings = api.listing(Remark)


class DeckBody(api.Input):
    """What a rep wants of a deck."""

    pick = fields.List(
        fields.String(validate=validate.Length(1, 240)),
        load_default=list,
        validate=validate.Length(max=2000),
        metadata={
            "description": "Ids of slides in order, `other-slug:id` for one of another presentation; none: all."
        },
    )
    values = fields.Dict(
        keys=fields.String(validate=validate.Length(1, 200)),
        values=fields.String(validate=validate.Length(max=LONGEST)),
        load_default=dict,
        metadata={"description": "By field; an empty one takes the value away."},
    )
    pictures = fields.Dict(
        keys=fields.String(validate=validate.Length(1, 200)),
        values=fields.String(validate=validate.Regexp(r"([0-9a-f]{64})?$", error="Not the id of a picture.")),
        load_default=dict,
        metadata={
            "description": "Ids of pictures that were sent, by field; an empty one takes the picture away."
        },
    )
    subject = fields.String(
        load_default="",
        validate=NAME,
        data_key="for",
        metadata={"description": "A company by name or domain, or a deal by name or id."},
    )
    name = fields.String(load_default="", validate=NAME)
    locale = fields.String(
        load_default="",
        validate=validate.Length(max=35),
        metadata={
            "description": "Its language (de, or de-AT): each slide in it, where it has a translation."
        },
    )


class NewDeck(DeckBody):
    """A deck that is to be made."""

    source = fields.String(
        required=True,
        validate=validate.Length(1, 200),
        metadata={"description": "The slug or id of a presentation, or the id of a deck."},
    )


@blueprint.get("/decks")
@blueprint.call(MAKE, "sales decks list", query=api.PageArgs, answers=api.pages_of(DeckShown))
def list_decks(query: dict[str, Any]) -> Response:
    """One's own decks, the newest first; of everybody, for those who may see them."""
    svc = api.services(PLUGIN)

    def read(after: Sequence[Any] | None, count: int) -> Sequence[Deck]:
        return decks.listed(svc, limit=count, before=after[0] if after else None)

    def shown(rows: Sequence[Deck]) -> list[dict[str, Any]]:
        return [documents.deck_in_list(each) for each in rows]

    return api.page_by(read, lambda row: (row.id,), 1, query, shown)


@blueprint.post("/decks")
@blueprint.call(MAKE, "sales decks make", body=NewDeck, answers=DeckFull, status=201)
def make_deck(body: dict[str, Any]) -> Response:
    """Make a deck of a presentation, or of another deck with these changes; fields without a value are listed."""
    svc = api.services(PLUGIN)
    found = decks.make(svc, body["source"], _wanted(body))
    return api.answer(full(svc, found), 201, location=f"/api/v1/sales_enablement/decks/{found.public_id}")


@blueprint.get("/decks/<id>")
@blueprint.call(MAKE, "sales decks show", answers=DeckFull, versioned=True)
def show_deck(id: str) -> Response:  # noqa: A002  # the name in the path
    """A deck's slides, its values and the fields that have none."""
    svc = api.services(PLUGIN)
    found = decks.find(svc, id)
    return api.answer(full(svc, found), version=found.version)


@blueprint.patch("/decks/<id>")
@blueprint.call(MAKE, body=DeckBody, answers=DeckFull, versioned=True)
def change_deck(body: dict[str, Any], id: str) -> Response:  # noqa: A002
    """Change a deck as it stands; what is not named stays."""
    svc = api.services(PLUGIN)
    found = decks.find(svc, id)
    api.require_match(found.version)
    found = decks.change(svc, id, _wanted(body), found.version)
    return api.answer(full(svc, found), version=found.version)


@blueprint.get("/decks/<id>/file")
@blueprint.call(MAKE, "sales decks make", streams=MIME)
def deck_file(id: str) -> Response:  # noqa: A002
    """The deck as a PowerPoint file, of the presentation as it is approved now."""
    svc = api.services(PLUGIN)
    file, _ = deck_files.opened(svc, decks.find_to_give(svc, id))
    response = send_file(file, mimetype=MIME, as_attachment=True, download_name="deck.pptx")
    response.headers["Cache-Control"] = "private, no-store"
    return response


@blueprint.get("/decks/<id>/paper")
@blueprint.call(MAKE, "sales decks make", streams=PDF)
def deck_paper(id: str) -> Response:  # noqa: A002
    """The deck as PDF, without hidden slides, once it is made; asking for it has it made."""
    svc = api.services(PLUGIN)
    found = printing.ready(svc, decks.find_to_give(svc, id))
    if found is None:
        raise NotFound("this PDF is not made yet", "ask again in some seconds")
    response = send_file(found.path, mimetype=found.mime, as_attachment=True, download_name="deck.pdf")
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _wanted(body: dict[str, Any]) -> decks.Wanted:
    asked = {name: body[name] for name in ("subject", "name", "locale")}
    return decks.Wanted(tuple(body["pick"]), body["values"], body["pictures"], **asked)


def full(svc: Any, found: Deck) -> dict[str, Any]:
    """A deck with all that is in it, as calls answer it."""
    made_of = material.of_deck(svc, found)
    written = documents.written(found, deck_files.look(svc, found, made_of))
    whole = documents.deck(found, made_of)
    return {**whole, "missing": written["missing"], "findings": written["findings"]}
