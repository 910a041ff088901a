"""REST: the presentations that marketing keeps."""

from collections.abc import Sequence
from typing import Any

from flask import Response
from marshmallow import fields, validate

from cms_core import Invalid, api
from cms_sales_enablement import PLUGIN, index, presentations, rules, slide_sources
from cms_sales_enablement import deck_documents as documents
from cms_sales_enablement.facet_api import FacetsShown
from cms_sales_enablement.facet_documents import said_of_slides
from cms_sales_enablement.variant_api import VariantShown

NAME = validate.Length(max=200)

blueprint = api.Blueprint(
    "sales_templates_api",
    __name__,
    url_prefix="/api/v1/sales_enablement",
    description="Presentations, their slides and what decks may do with them.",
)


class SlotShown(api.Document):
    """A field, and what it takes."""

    name = api.text()
    kind = api.text("text, picture, chart or table")


class SlideShown(api.Document):
    """One slide; its id is the same in each version of the file."""

    id = api.text()
    number = api.number()
    title = api.text()
    names = fields.List(
        fields.String(), required=True, data_key="fields", attribute="fields"
    )  # a schema has fields of its own
    slots = api.listing(SlotShown, "The fields again, with what each takes.")
    notes = api.text()
    jumps = api.listing(fields.Integer(), "The numbers of slides that it leads to.")
    hidden = api.truth()


class Remark(api.Document):
    """What is odd about a file."""

    level = api.text("error, warning or note")
    code = api.text()
    where = api.text("A part of the file, a slide, a font, or empty.")
    message = api.text()


class TemplateShown(api.Document):
    """An approved presentation."""

    id = api.text()
    slug = api.text()
    title = api.text()
    revision = api.number()
    slide_count = api.number()
    size = api.number("In bytes.")
    updated_at = api.instant()


class RuleShown(api.Document):
    """How decks may use a slide."""

    slide = api.text()
    required = api.truth("It must be in each deck.")
    locked = api.truth("Required, and in order among the other locked ones.")
    forbidden = api.truth("It may be in no deck.")
    pinned = api.text("first, last, or empty.")
    until = fields.Date(required=True, allow_none=True, metadata={"description": "The last day of its use."})


class LimitsShown(api.Document):
    """How few and how many slides a deck has."""

    id = api.text()
    least = api.number(null=True)
    most = api.number(null=True)


class RuleBody(api.Input):
    """What is to be said of a slide; what is not sent stays."""

    required = fields.Boolean()
    locked = fields.Boolean()
    forbidden = fields.Boolean()
    pinned = fields.String(validate=validate.OneOf(["", "first", "last"]))
    until = fields.Date(allow_none=True)


class LimitsBody(api.Input):
    """How few and how many slides a deck has; null: any number."""

    least = fields.Integer(load_default=None, allow_none=True, validate=validate.Range(1, 2000))
    most = fields.Integer(load_default=None, allow_none=True, validate=validate.Range(1, 2000))


class TemplateFull(TemplateShown):
    """An approved presentation with its slides."""

    rules = api.listing(RuleShown)
    facets = api.listing(FacetsShown, "What single slides are about, of those of which something is said.")
    variants = api.listing(VariantShown, "Slides that are translations of others.")
    least = api.number("How few slides a deck has.", null=True)
    most = api.number("How many slides a deck has at most.", null=True)

    slides = api.listing(SlideShown)
    findings = api.listing(Remark)
    fonts = api.listing(fields.String())
    pdf = api.truth("A PDF was brought along: what its slides look like where no LibreOffice is.")


class Behind(api.Document):
    """A deck with slides that look different in the new version."""

    id = api.text()
    name = api.text()
    user = api.text()


class Saved(api.Document):
    """A revision that was saved."""

    id = api.text()
    slug = api.text()
    revision = api.number()
    state = api.text("approved, or in_review where somebody else has to approve it.")


class Added(Saved):
    """A file that was taken in."""

    slides = api.listing(SlideShown)
    findings = api.listing(Remark)
    behind = api.listing(Behind)


class NewTemplate(api.Input):
    """What is known of a file that is sent as the body, or as the one part of a form."""

    name = fields.String(
        load_default="upload.pptx",
        validate=validate.Length(1, 200),
        metadata={"description": "Its name, when the body is the file."},
    )
    title = fields.String(load_default="", validate=validate.Length(max=500))
    replace = fields.String(
        load_default="",
        validate=NAME,
        metadata={"description": "The slug or id of the presentation that it is a new version of."},
    )


class SourceShown(api.Document):
    """A place that presentations can be taken in from."""

    name = api.text()
    label = api.text()


class InSource(api.Document):
    """A presentation there."""

    key = api.text()
    title = api.text()


class Fetched(api.Input):
    """What is to be taken in."""

    key = fields.String(required=True, validate=validate.Length(1, 1000))
    title = fields.String(load_default="", validate=validate.Length(max=500))
    replace = fields.String(load_default="", validate=NAME)


@blueprint.post("/templates")
@blueprint.call(
    "content.edit", "sales templates add", query=NewTemplate, answers=Added, status=201, files=True
)
def add_template(query: dict[str, Any]) -> Response:
    """Take a PowerPoint file in: each slide gets an id, fields are found, and what is odd about the file is told.

    A form may have a second part, the same as PDF: what its slides look like where no LibreOffice is.
    """
    (name, data), pdf = _with_pdf(api.uploads(query["name"]))
    svc = api.services(PLUGIN)
    index.catch_up(svc)
    found = presentations.add(svc, data, name, query["title"], query["replace"], pdf)
    return api.answer(
        documents.added(found), 201, location=f"/api/v1/sales_enablement/templates/{found.saved.id}"
    )


@blueprint.get("/slide-sources")
@blueprint.call(rules.CHANGE, "sales templates sources", answers=api.pages_of(SourceShown))
def list_sources() -> Response:
    """The places that presentations can be taken in from, all on one page."""
    return api.answer({"items": documents.sources(api.services(PLUGIN)), "next": None})


@blueprint.get("/slide-sources/<name>")
@blueprint.call(rules.CHANGE, "sales templates sources", answers=api.pages_of(InSource))
def list_source(name: str) -> Response:
    """What one of them holds, all on one page."""
    rows = documents.in_source(slide_sources.listed(api.services(PLUGIN), name))
    return api.answer({"items": rows, "next": None})


@blueprint.post("/slide-sources/<name>")
@blueprint.call(rules.CHANGE, "sales templates fetch", body=Fetched, answers=Added, status=201)
def fetch(body: dict[str, Any], name: str) -> Response:
    """Take a presentation in from one of them."""
    svc = api.services(PLUGIN)
    filename, data = slide_sources.fetch(svc, name, body["key"])  # before anything is asked of the database
    index.catch_up(svc)
    found = presentations.add(svc, data, filename, body["title"], body["replace"])
    return api.answer(
        documents.added(found), 201, location=f"/api/v1/sales_enablement/templates/{found.saved.id}"
    )


@blueprint.post("/templates/<named>/pdf")
@blueprint.call("content.edit", "sales templates pdf", answers=Saved, status=201, files=True)
def bring(named: str) -> Response:
    """Bring a PDF for an approved presentation, page by page the same: its next revision."""
    _, data = api.upload("upload.pdf")
    saved = presentations.bring(api.services(PLUGIN), named, data)
    return api.answer(
        documents.brought(saved), 201, location=f"/api/v1/sales_enablement/templates/{saved.id}"
    )


@blueprint.get("/templates")
@blueprint.call(presentations.READ, "sales templates list", answers=api.pages_of(TemplateShown))
def list_templates() -> Response:
    """The approved presentations by title, all on one page."""
    svc = api.services(PLUGIN)
    index.catch_up(svc)
    rows = [documents.in_list(each) for each in presentations.listed(svc)]
    return api.answer({"items": rows, "next": None})


@blueprint.get("/templates/<named>")
@blueprint.call(presentations.READ, "sales templates show", answers=TemplateFull)
def show_template(named: str) -> Response:
    """The slides of a presentation with their ids and fields, and what is odd about its file."""
    svc = api.services(PLUGIN)
    kept = presentations.find(svc, named)
    return api.answer(documents.template(kept, rules.of(svc, kept.asset.id)) | said_of_slides(svc, kept))


@blueprint.post("/templates/<named>/slides/<slide>/rule")
@blueprint.call(rules.CHANGE, "sales templates rule", body=RuleBody, answers=RuleShown)
def set_rule(body: dict[str, Any], named: str, slide: str) -> Response:
    """Say how decks may use a slide; what is not sent stays, also with a new version of the file."""
    svc = api.services(PLUGIN)
    return api.answer(documents.rule(rules.set_rule(svc, presentations.find(svc, named), slide, body)))


@blueprint.post("/templates/<named>/limits")
@blueprint.call(rules.CHANGE, "sales templates limits", body=LimitsBody, answers=LimitsShown)
def set_limits(body: dict[str, Any], named: str) -> Response:
    """Say how few and how many slides a deck of a presentation has."""
    svc = api.services(PLUGIN)
    kept = presentations.find(svc, named)
    rules.set_limits(svc, kept, body["least"], body["most"])
    return api.answer({"id": kept.asset.id, **body})


def _with_pdf(sent: Sequence[tuple[str, bytes]]) -> tuple[tuple[str, bytes], bytes]:
    """The presentation and, if a second file is one, the PDF."""
    pdfs = [data for _, data in sent if data.startswith(b"%PDF-")]
    others = [each for each in sent if each[1] not in pdfs]
    if len(others) != 1 or len(pdfs) > 1:
        raise Invalid(f"{len(sent)} files were sent", "send one .pptx, and the same as .pdf if you like")
    return others[0], pdfs[0] if pdfs else b""
