"""What marketing says of single slides on the page of a presentation: what they are about, and whose translations they are."""

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response

from cms_core import CmsError, permission, services, toast
from cms_sales_enablement import PLUGIN, presentations, rules, slide_facets, translating

LABELS = {
    "funnel_stage": "Stage",
    "industry": "Industry",
    "persona": "Persona",
    "product": "Product",
    "locale": "Language",
}

blueprint = Blueprint(
    "sales_facets",
    __name__,
    url_prefix="/app/p/sales_enablement/presentations",
    template_folder="templates",
)


@blueprint.post("/<slug>/slides/<uid>/facets")
@permission(rules.CHANGE)
def say(slug: str, uid: str) -> Response:
    """Say what one slide is about; what is left empty, its presentation says."""
    return _say(slug, {uid: _sent()}, uid)


@blueprint.post("/<slug>/facets")
@permission(rules.CHANGE)
def say_of_many(slug: str) -> Response:
    """Say it of all slides that are ticked; what is left empty stays."""
    said = {name: values for name, values in _sent().items() if values}
    slides = request.form.getlist("slide")
    if not slides or not said:
        toast("Tick slides and say something of them; nothing was changed.", "bad")
        return _back(slug, "many")
    return _say(slug, dict.fromkeys(slides, said), "")


@blueprint.post("/<slug>/slides/<uid>/variant")
@permission(rules.CHANGE)
def translate(slug: str, uid: str) -> Response:
    """Say whose translation a slide is; of none where no original is named."""
    svc = services.current(PLUGIN)
    original = request.form.get("of", "")
    try:
        kept = presentations.find(svc, slug)
        if original:
            translating.set_variant(svc, kept, uid, original, request.form.get("locale", ""))
        else:
            translating.unset_variant(svc, kept, uid)
    except CmsError as error:
        toast(f"{error.message}; nothing was changed.", "bad")
    return _back(slug, f"s{uid}")


@blueprint.post("/<slug>/current")
@permission(rules.CHANGE)
def current(slug: str) -> Response:
    """Say that a translation (none is named: all of them) says what its original does now."""
    svc = services.current(PLUGIN)
    slides = request.form.getlist("slide")
    try:
        translating.set_current(svc, presentations.find(svc, slug), slides)
    except CmsError as error:
        toast(f"{error.message}; nothing was changed.", "bad")
    return _back(slug, f"s{slides[0]}" if slides else "main")


def _say(slug: str, said: dict[str, dict[str, list[str]]], uid: str) -> Response:
    svc = services.current(PLUGIN)
    try:
        slide_facets.say(svc, presentations.find(svc, slug), said)
    except CmsError as error:
        toast(f"{error.message}; nothing was changed.", "bad")
    else:
        toast(f"Saved for {len(said)} {'slide' if len(said) == 1 else 'slides'}.")
    return _back(slug, f"s{uid}" if uid else "many")


def _sent() -> dict[str, list[str]]:
    """Several values stand in one input, with commas between; one that the page does not have is not said."""
    sent = {name: request.form[name].split(",") for name in LABELS if name in request.form}
    return {name: [each for each in values if each.strip()] for name, values in sent.items()}


def _back(slug: str, anchor: str) -> Response:
    return redirect(url_for("sales_templates.show", slug=slug, _anchor=anchor), 303)
