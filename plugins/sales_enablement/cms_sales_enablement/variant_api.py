"""REST: slides that are translations of others."""

from typing import Any

from flask import Response
from marshmallow import fields, validate

from cms_core import Services, api
from cms_sales_enablement import PLUGIN, presentations, rules, translating, variants
from cms_sales_enablement import facet_documents as documents
from cms_sales_enablement.presentations import Kept

SLIDE = validate.Length(1, 80)

blueprint = api.Blueprint(
    "sales_variants_api",
    __name__,
    url_prefix="/api/v1/sales_enablement/templates",
    description="Slides that are translations of others.",
)


class VariantShown(api.Document):
    """A slide that is a translation."""

    slide = api.text()
    translation_of = api.text("The id of the original.")
    locale = api.text()
    behind = api.truth("The original looks different since it was said to be current.")


VARIANTS = api.pages_of(VariantShown)


class VariantBody(api.Input):
    """Whose translation a slide is, and into which language."""

    translation_of = fields.String(
        required=True,
        validate=validate.Length(max=80),
        metadata={"description": "The id of the original; empty: it translates none."},
    )
    locale = fields.String(
        load_default="", validate=validate.Length(max=35), metadata={"description": "de, or de-AT."}
    )


class Current(api.Input):
    """Which translations are current."""

    slides = fields.List(
        fields.String(validate=SLIDE),
        load_default=list,
        validate=validate.Length(max=2000),
        metadata={"description": "Ids of translations; none: all that are behind."},
    )


@blueprint.post("/<named>/slides/<slide>/variant")
@blueprint.call(rules.CHANGE, "sales templates variant", body=VariantBody, answers=VARIANTS)
def set_variant(body: dict[str, Any], named: str, slide: str) -> Response:
    """Say that a slide is the translation of another one, and current; decks in its language take it for that one."""
    svc = api.services(PLUGIN)
    kept = presentations.find(svc, named)
    if body["translation_of"]:
        translating.set_variant(svc, kept, slide, body["translation_of"], body["locale"])
    else:
        translating.unset_variant(svc, kept, slide)
    return _all(svc, kept)


@blueprint.post("/<named>/current")
@blueprint.call(rules.CHANGE, "sales templates current", body=Current, answers=VARIANTS)
def set_current(body: dict[str, Any], named: str) -> Response:
    """Say that translations say what their originals do now; doing it again changes nothing."""
    svc = api.services(PLUGIN)
    kept = presentations.find(svc, named)
    translating.set_current(svc, kept, body["slides"])
    return _all(svc, kept)


def _all(svc: Services, kept: Kept) -> Response:
    rows = documents.variants(variants.of_presentation(svc, kept))
    return api.answer({"items": rows, "next": None})
