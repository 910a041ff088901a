"""REST: what single slides are about, and their pictures."""

from typing import Any

from flask import Response, send_file
from marshmallow import fields, validate

from cms_core import Invalid, NotFound, api
from cms_sales_enablement import PLUGIN, pictures, presentations, rules, slide_facets
from cms_sales_enablement import facet_documents as documents
from cms_sales_enablement.slide_facets import LONGEST, MOST

WEBP = "image/webp"

blueprint = api.Blueprint(
    "sales_facets_api",
    __name__,
    url_prefix="/api/v1/sales_enablement/templates",
    description="What single slides are about.",
)


def _values(of: str) -> fields.List[str]:
    item = fields.String(validate=validate.Length(1, LONGEST))
    return fields.List(item, validate=validate.Length(max=MOST), metadata={"description": of})


class SlideFacets(api.Input):
    """What is to be said of one slide; what is not sent stays, an empty list takes away."""

    slide = fields.String(required=True, validate=validate.Length(1, 80))
    stage = _values("Stages of a deal.")
    industry = _values("Industries.")
    persona = _values("Whom it talks to.")
    product = _values("Products.")
    locale = _values("Its language, one at most.")


class FacetsBody(api.Input):
    """What is to be said of slides: all of it, or nothing."""

    slides = fields.List(fields.Nested(SlideFacets), required=True, validate=validate.Length(1, 2000))


class FacetsShown(api.Document):
    """What is said of a slide itself."""

    slide = api.text()
    stage = api.listing(fields.String())
    industry = api.listing(fields.String())
    persona = api.listing(fields.String())
    product = api.listing(fields.String())
    locale = api.listing(fields.String())


class Width(api.Input):
    """How wide a picture is wanted."""

    width = fields.Integer(
        load_default=pictures.SMALL, validate=validate.OneOf([pictures.SMALL, pictures.WIDE])
    )


@blueprint.post("/<named>/facets")
@blueprint.call(rules.CHANGE, "sales templates facets", body=FacetsBody, answers=api.pages_of(FacetsShown))
def say(body: dict[str, Any], named: str) -> Response:
    """Say what slides are about, so that they are found; it holds with a new version of the file, too."""
    svc = api.services(PLUGIN)
    kept = presentations.find(svc, named)
    said = {each.pop("slide"): slide_facets.from_doors(each) for each in body["slides"]}
    if len(said) < len(body["slides"]):
        raise Invalid("a slide comes twice", "name each once", field="slides")
    slide_facets.say(svc, kept, said)
    rows = documents.facets(kept, slide_facets.of(svc, kept.asset.id))
    return api.answer({"items": rows, "next": None})


@blueprint.get("/<named>/slides/<slide>/picture")
@blueprint.call(presentations.READ, query=Width, streams=WEBP)
def picture(query: dict[str, Any], named: str, slide: str) -> Response:
    """The picture of a slide as it stands in the presentation, once somebody has looked at its page and it is made."""
    svc = api.services(PLUGIN)
    kept = presentations.find(svc, named)
    found = kept.find_slide_or_none(slide)
    file = pictures.of(svc, kept.asset.id, found, None, query["width"]) if found else None
    if file is None:
        raise NotFound("this picture is not made (yet)", "look again in some seconds")
    response = send_file(file.path, mimetype=file.mime)
    response.headers["Cache-Control"] = "private, no-store"
    return response
