"""The pages of presentations for who keeps them: taking a file in, and what is in it."""

from collections.abc import Iterable
from datetime import date
from typing import Any

from flask import Blueprint, redirect, render_template, request, send_file, url_for
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response

from cms_core import CmsError, NotFound, Services, permission, services, toast
from cms_sales_enablement import (
    PLUGIN,
    decks,
    facet_pages,
    feedback,
    fonts,
    index,
    library_view,
    office,
    pictures,
    presentations,
    rules,
    slide_facets,
    slide_sources,
    usage,
    variants,
)
from cms_sales_enablement.models import Deck

Answer = str | Response | tuple[str, int]

blueprint = Blueprint(
    "sales_templates",
    __name__,
    url_prefix="/app/p/sales_enablement/presentations",
    template_folder="templates",
)


@blueprint.get("/new")
@permission("content.edit")
def new() -> Answer:
    """Where a file is taken in."""
    return _new()


def _new(problem: CmsError | None = None) -> str:
    svc, place = services.current(PLUGIN), request.values.get("place", "")
    return render_template(
        "sales_enablement/presentation_new.html",
        problem=problem,
        replaces=request.values.get("replace", ""),
        places=slide_sources.sources(svc),
        place=place,
        found=slide_sources.listed(svc, place) if place and problem is None else [],
    )


@blueprint.post("/new")
@permission("content.edit")
def add() -> Answer:
    """Take a file in, as a new presentation or as the next version of one."""
    svc = services.current(PLUGIN)
    paper: FileStorage | None = request.files.get("pdf")
    try:
        name, data = _sent(svc)
        index.catch_up(svc)
        found = presentations.add(
            svc,
            data,
            name[:200],
            request.form.get("title", ""),
            request.form.get("replace", ""),
            paper.read() if paper else b"",
        )
    except CmsError as error:
        return _new(error), error.status
    if found.saved.state != "approved":
        toast(f"“{found.saved.slug}” waits for approval: then decks can be made of it.")
        return redirect(url_for("content.asset", slug=found.saved.slug), 303)
    if found.behind:
        toast(f"{len(found.behind)} decks show slides that look different now.", "warn")
    return redirect(url_for("sales_templates.show", slug=found.saved.slug), 303)


def _sent(svc: Services) -> tuple[str, bytes]:
    """The file that was chosen, here or in a place that a plugin brings."""
    if "key" in request.form:
        return slide_sources.fetch(svc, request.form.get("place", ""), request.form["key"])
    sent: FileStorage | None = request.files.get("file")
    return (sent.filename or "", sent.read()) if sent else ("", b"")


@blueprint.post("/<slug>/pdf")
@permission("content.edit")
def bring(slug: str) -> Answer:
    """Bring a PDF for a presentation as it is approved."""
    sent: FileStorage | None = request.files.get("pdf")
    try:
        saved = presentations.bring(services.current(PLUGIN), slug, sent.read() if sent else b"")
    except CmsError as error:
        return _show(slug, error), error.status
    if saved.state != "approved":
        toast(f"“{saved.slug}” waits for approval: then its PDF is used.")
    return redirect(url_for("sales_templates.show", slug=saved.slug), 303)


@blueprint.get("/<slug>")
@permission(presentations.READ)
def show(slug: str) -> Answer:
    """The slides of a presentation, what is odd about its file, and which decks are behind."""
    return _show(slug)


def _show(slug: str, problem: CmsError | None = None) -> str:
    svc = services.current(PLUGIN)
    kept = presentations.find(svc, slug)
    translations = variants.of_presentation(svc, kept)
    return render_template(
        "sales_enablement/presentation.html",
        kept=kept,
        findings=fonts.current(kept.presentation.findings),
        problem=problem,
        draws=office.program() is not None,
        uses={each.uid: each for each in usage.of_slides(svc, kept)},
        rules=translations.for_all,
        variants=translations,
        facets=slide_facets.of(svc, kept.asset.id),
        whole=slide_facets.of_asset(kept.asset),
        labels=facet_pages.LABELS,
        made=pictures.ask_for(svc, kept.asset.id, kept.slides, None),
        behind=_theirs(svc, presentations.behind(svc, kept.asset.id, kept.presentation)),
        asked=feedback.open_words(svc, kept.asset.id),
        **library_view.standing(svc, kept.asset),
    )


def _theirs(svc: Services, found: Iterable[Deck]) -> list[Deck]:
    """Those that who asks may see: names of decks tell of customers."""
    everybody, user = svc.can(decks.SEES_ALL), svc.user
    return [each for each in found if everybody or (user is not None and each.user == user.id)]


@blueprint.post("/<slug>/slides/<uid>/rule")
@permission(rules.CHANGE)
def set_rule(slug: str, uid: str) -> Answer:
    """Say how decks may use a slide."""
    svc = services.current(PLUGIN)
    said: dict[str, Any] = {name: name in request.form for name in ("required", "locked", "forbidden")}
    said["pinned"] = request.form.get("pinned", "")
    until = request.form.get("until", "").strip()
    try:
        said["until"] = date.fromisoformat(until) if until else None
        rules.set_rule(svc, presentations.find(svc, slug), uid, said)
    except ValueError:
        toast(f"{until[:40]!r} is not a day; nothing was changed.", "bad")
    except CmsError as error:
        toast(f"{error.message}; nothing was changed.", "bad")
    return redirect(url_for("sales_templates.show", slug=slug, _anchor=f"s{uid}"), 303)


@blueprint.post("/<slug>/limits")
@permission(rules.CHANGE)
def set_limits(slug: str) -> Answer:
    """Say how few and how many slides a deck has."""
    svc = services.current(PLUGIN)
    least, most = (request.form.get(name, type=int) for name in ("least", "most"))
    try:
        rules.set_limits(svc, presentations.find(svc, slug), least, most)
    except CmsError as error:
        toast(f"{error.message}; nothing was changed.", "bad")
    return redirect(url_for("sales_templates.show", slug=slug), 303)


@blueprint.get("/<slug>/slides/<uid>/<int:width>")
@permission(presentations.READ)
def picture(slug: str, uid: str, width: int) -> Response:
    """The picture of one slide as it stands in the presentation."""
    svc = services.current(PLUGIN)
    kept = presentations.find(svc, slug)
    slide = kept.find_slide_or_none(uid)
    found = pictures.of(svc, kept.asset.id, slide, None, width) if slide else None
    if found is None:
        raise NotFound(
            "there is no picture of this slide", "where it is being made, look again in some seconds"
        )
    response = send_file(found.path, mimetype=found.mime)
    response.headers["Cache-Control"] = "private, no-store"
    return response
