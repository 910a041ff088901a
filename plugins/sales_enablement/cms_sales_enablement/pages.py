"""The pages of reps: the library, one asset to look at and share, and the links with who looked."""

from datetime import date
from urllib.parse import urlencode

from flask import Blueprint, Response, g, redirect, render_template, request, url_for
from marshmallow import ValidationError
from werkzeug.wrappers import Response as AnyResponse

from cms_core import (
    CmsError,
    NotFound,
    SchemaForm,
    permission,
    preview_response,
    services,
    toast,
)
from cms_sales_enablement import (
    PLUGIN,
    feedback,
    library_view,
    presentations,
    ratings,
    render,
    search,
    shares,
    social,
    terms,
    views,
)
from cms_sales_enablement.schemas import ShareForm
from cms_sales_enablement.share_pages import OWN

YEAR = 365 * 24 * 3600
MOST = 200
LABELS = {
    "kind": "Kind",
    "funnel_stage": "Funnel stage",
    "industry": "Industry",
    "persona": "Persona",
    "product": "Product",
    "tag": "Tag",
    "locale": "Language",
}

Answer = str | AnyResponse | tuple[str, int]

blueprint = Blueprint("sales", __name__, url_prefix="/app/p/sales_enablement", template_folder="templates")


@blueprint.after_request
def mark_as_ours(response: Response) -> Response:
    """Whoever is signed in here and opens links in this browser is one of us, not a customer."""
    if g.get("session_info"):
        response.set_cookie(
            OWN, "1", max_age=YEAR, path="/d", secure=request.is_secure, httponly=True, samesite="Lax"
        )
    return response


@blueprint.get("/")
@permission("sales.read")
def library() -> Answer:
    """What may be used now, by words and facets."""
    asked = {name: request.args.get(name, "") for name in ("words", *search.FACETS)}
    wanted = search.Wanted(**{name: value.replace("\0", "")[:200] for name, value in asked.items()})
    svc = services.current(PLUGIN)
    found = search.search(svc, wanted)
    library_view.ask_for_pictures(svc, found.hits)

    def address(**changed: str) -> str:
        values = {name: value for name, value in {**asked, **changed}.items() if value}
        return url_for("sales.library") + (f"?{urlencode(values)}" if values else "")

    return render_template(
        "sales_enablement/library.html",
        found=found,
        asked=asked,
        labels=LABELS,
        kinds=svc.asset_kinds,
        address=address,
        narrowed=any(asked.values()),
        most=library_view.SLIDES,
    )


@blueprint.get("/a/<slug>")
@permission("sales.read")
def asset(slug: str) -> Answer:
    """One asset: how it looks to others, its links, and what to say of it; a presentation has a page of its own."""
    found = services.current(PLUGIN).asset(slug)
    if found is not None and found.kind == presentations.KIND:
        return redirect(url_for("sales_templates.show", slug=slug))
    return _asset_page(slug, SchemaForm(ShareForm()))


def _asset_page(
    slug: str, form: SchemaForm, made: shares.Made | None = None, problem: CmsError | None = None
) -> str:
    svc = services.current(PLUGIN)
    found = svc.asset(slug)
    if found is None:
        raise NotFound("there is no approved content here", "look for it in the library")
    own = shares.listed(svc, found.id, MOST) if svc.can(shares.MAY_SHARE) else []
    tallies = views.tallies(svc, own)
    return render_template(
        "sales_enablement/asset.html",
        asset=found,
        kind=svc.asset_kinds.get(found.kind),
        form=form,
        made=made,
        offers=social.offers(found, made.url) if made else [],
        problem=problem,
        until=feedback.until(svc, found.id),
        **library_view.standing(svc, found),
        shares=own,
        tallies=tallies,
        states=views.states(svc, own, tallies),
    )


@blueprint.get("/a/<slug>/preview")
@permission("sales.read")
def preview(slug: str) -> AnyResponse:
    """The page as the other side will see it, for a sandboxed frame."""
    found = services.current(PLUGIN).asset(slug)
    if found is None:
        raise NotFound("there is no approved content here", "look for it in the library")
    page = render.shown(found, services.current(PLUGIN).merge_fields)
    return preview_response(
        render_template("sales_enablement/preview.html", page=page, style=render.stylesheet())
    )


@blueprint.post("/a/<slug>/share")
@permission("sales.share")
def share(slug: str) -> Answer:
    """Make a link; it is shown on this page and never again."""
    form = SchemaForm(ShareForm())
    try:
        wanted = form.load(request.form)
        made = shares.create_from(services.current(PLUGIN), slug, wanted)
    except ValidationError as error:
        return _asset_page(slug, form.rejected(request.form, error)), 422
    except CmsError as error:
        return _asset_page(slug, form, problem=error), error.status
    return _asset_page(slug, form, made)


@blueprint.post("/a/<slug>/feedback")
@permission("sales.share")
def say(slug: str) -> Answer:
    """Tell marketing that it was used, or that it is outdated."""
    try:
        feedback.give(
            services.current(PLUGIN), slug, request.form.get("kind", ""), request.form.get("words", "")
        )
    except CmsError as error:
        return _asset_page(slug, SchemaForm(ShareForm()), problem=error), error.status
    toast("Thank you: whoever keeps this piece sees it.")
    return redirect(url_for("sales.asset", slug=slug), 303)


@blueprint.post("/a/<slug>/rating")
@permission("sales.share")
def rate(slug: str) -> Answer:
    """Give stars, instead of those given before."""
    try:
        ratings.give(services.current(PLUGIN), slug, request.form.get("stars", 0, type=int))
    except CmsError as error:
        return _asset_page(slug, SchemaForm(ShareForm()), problem=error), error.status
    toast("Thank you: your stars count where content is looked for.")
    return redirect(url_for("sales.asset", slug=slug), 303)


@blueprint.post("/a/<slug>/until")
@permission("content.edit")
def until(slug: str) -> Answer:
    """Set the last day on which reps may use an asset."""
    svc = services.current(PLUGIN)
    found, text = svc.asset(slug), request.form.get("until", "").strip()
    if found is None:
        raise NotFound("there is no approved content here", "approve it first")
    try:
        day = date.fromisoformat(text) if text else None
    except ValueError:
        toast(f"{text[:40]!r} is not a day; nothing was changed.", "bad")
    else:
        feedback.set_until(svc, found.id, day)
        toast(f"Reps may use it through {day}." if day else "Reps may use it for as long as it is approved.")
    return redirect(url_for("content.asset", slug=slug), 303)


# --- links ------------------------------------------------------------------------------------------------------------


@blueprint.get("/shares")
@permission("sales.share")
def links() -> Answer:
    """The links that one has made, with who looked; of everybody, for those who may see them."""
    svc = services.current(PLUGIN)
    found = shares.listed(svc, limit=MOST)
    tallies = views.tallies(svc, found)
    return render_template(
        "sales_enablement/shares.html",
        shares=found,
        tallies=tallies,
        everybody=svc.can(shares.SEES_ALL),
        most=MOST,
        states=views.states(svc, found, tallies),
    )


@blueprint.get("/shares/<public_id>")
@permission("sales.share")
def one_link(public_id: str) -> Answer:
    """One link and every look at it."""
    svc = services.current(PLUGIN)
    found, limits = shares.find(svc, public_id), terms.Limits.of(svc)
    tallies = views.tallies(svc, [found])
    return render_template(
        "sales_enablement/one_share.html",
        share=found,
        views=views.of_share(svc, found),
        tally=tallies.get(found.id, views.Tally()),
        state=views.states(svc, [found], tallies)[found.id],
        rules=terms.listed(svc, [found])[found.id],
        asks=terms.ASKS[limits.gate_of(found)],
        gives=limits.may_download(found),
        ends=limits.end_of(found),
    )


@blueprint.post("/shares/<public_id>/revoke")
@permission("sales.share")
def revoke(public_id: str) -> Answer:
    """Let a link show nothing any more."""
    shares.revoke(services.current(PLUGIN), public_id)
    toast("The link shows nothing any more.")
    return redirect(url_for("sales.one_link", public_id=public_id), 303)
