"""Pages of the content library: the list with its review queue, and one asset with everything that is known about it."""

from collections.abc import Mapping
from urllib.parse import urlencode

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy import select

from cms_core.auth.models import User
from cms_core.auth.service import require
from cms_core.campaigns import board as calendar
from cms_core.content import board, editing, listing, renames, review, service, usage
from cms_core.content.bulk_pages import blueprint as bulk
from cms_core.content.edit_pages import blueprint as editor
from cms_core.content.edit_pages import tried
from cms_core.content.file_pages import blueprint as files
from cms_core.content.history_pages import blueprint as history
from cms_core.content.import_pages import blueprint as importing
from cms_core.content.library import FACETS, SHOWN_OPTIONS, library
from cms_core.content.media_pages import media
from cms_core.content.models import Asset
from cms_core.content.ownfields_pages import own_fields
from cms_core.content.rename_pages import blueprint as renaming
from cms_core.content.revisions import head_of
from cms_core.contract import Place, Subject
from cms_core.errors import CmsError, Invalid
from cms_core.web.auth import permission, user
from cms_core.web.panels import draw_panels
from cms_core.web.request import Answer, session, workspace
from cms_core.web.shell import local_path, toast

__all__ = ["blueprint", "media"]

blueprint = Blueprint("content", __name__, url_prefix="/app/content", template_folder="templates")
blueprint.register_blueprint(editor)
blueprint.register_blueprint(importing)
blueprint.register_blueprint(history)
blueprint.register_blueprint(files)
blueprint.register_blueprint(bulk)
blueprint.register_blueprint(renaming)

FACET_LABELS = {
    "state": "Review",
    "kind": "Kind",
    "funnel_stage": "Funnel stage",
    "persona": "Persona",
    "tag": "Tag",
}
VIEWS = ("cards", "table")


# --- the library ----------------------------------------------------------------------------------------------------------


@blueprint.get("")
@permission("content.read")
def index() -> Answer:
    """Everything there is, narrowed by facets and words; ``?state=in_review`` is the queue of those who approve."""
    chosen = {name: request.args.get(name, "") for name in (*FACETS, "tag")}
    words = request.args.get("q", "")
    page = library(session(), listing.Filter(**chosen, words=words), request.args.get("before", ""))
    view = request.args.get("view", "")
    asked = {name: value for name, value in [*chosen.items(), ("q", words), ("view", view)] if value}

    def address(**changed: str) -> str:
        return url_for("content.index") + _query({**asked, **changed})

    return render_template(
        "content/library.html",
        page=page,
        kinds=workspace().plugins.asset_kinds,
        chosen=chosen,
        words=words,
        view=view if view in VIEWS else VIEWS[0],
        facets=[(name, label, page.facets[name][:SHOWN_OPTIONS]) for name, label in FACET_LABELS.items()],
        address=address,
        asked=asked,
        me=user(),
    )


def _query(values: Mapping[str, str]) -> str:
    text = urlencode({key: value for key, value in values.items() if value})
    return f"?{text}" if text else ""


# --- one asset ------------------------------------------------------------------------------------------------------------


@blueprint.get("/<slug>")
@permission("content.read")
def asset(slug: str) -> Answer:
    """One asset: its words as channels show them, its history, where it stands on the calendar."""
    return _asset_page(service.find(session(), slug))


def _asset_page(found: Asset, problem: CmsError | None = None, comment: str = "") -> str:
    # Held until the page is done: the checks ask for the author among them.
    users = session().scalars(select(User)).all()
    details = listing.details(session(), found, users)
    head = found.revisions[-1]
    draft = service.draft_of(session(), found, head)
    checks = tried(session(), draft, found, head)
    kinds = workspace().plugins.asset_kinds
    accounts = [
        (channel, name) for channel, _, name in (key.partition(":") for key in draft.variants) if name
    ]
    return render_template(
        "content/asset.html",
        asset=details,
        kind=kinds.get(found.kind),
        checks=checks,
        own=[
            field
            for field in own_fields(kinds.get(found.kind), head.body, judged=False)
            if field.value or field.rows
        ],
        variants=[
            part
            for part in editing.parts_of(draft, workspace().plugins.channels.values(), accounts)
            if part.changed
        ],
        entries=calendar.entries_of(session(), workspace().plugins, found)[::-1],
        linking=usage.uses_of_asset(session(), found),
        former=renames.former_slugs(session(), found),
        panels=draw_panels(Place.ASSET, Subject("asset", found.public_id)),
        problem=problem,
        comment=comment,
        here=url_for("content.asset", slug=found.slug),
    )


# --- review ---------------------------------------------------------------------------------------------------------------


@blueprint.post("/<slug>/<any(archive, back):what>")
@permission("content.edit")
def put_away(slug: str, what: str) -> Answer:
    """Put an asset away that nothing uses, or bring it back."""
    found, plugins = service.find(session(), slug), workspace().plugins
    try:
        if what == "archive":
            board.archive(session(), plugins, found, user())
        else:
            board.bring_back(session(), plugins, found, user())
    except CmsError as error:
        session().rollback()
        return _asset_page(service.find(session(), slug), error), error.status
    toast(f"{slug} is {'put away' if what == 'archive' else 'back in the library'}.")
    return redirect(url_for("content.asset", slug=slug), 303)


@blueprint.post("/<slug>/<any(ask, approve, changes):what>")
@permission("content.read")
def decide(slug: str, what: str) -> Answer:
    """Ask for review, approve, or request changes; the service says who may."""
    found = service.find(session(), slug)
    head = head_of(session(), found)
    comment = request.form.get("comment", "")
    try:
        said = _decide(found, what, request.form.get("hash", ""), comment)
    except CmsError as error:
        session().rollback()
        return _asset_page(service.find(session(), slug), error, comment), error.status
    toast(f"{head.title}: {said}")
    return redirect(local_path(request.form.get("next"), url_for("content.asset", slug=found.slug)), 303)


def _decide(found: Asset, what: str, seen_hash: str, comment: str) -> str:
    head, me = head_of(session(), found), user()
    require(workspace().plugins, me, "content.edit" if what == "ask" else "content.approve")
    if what == "ask":
        review.request_review(session(), head, me)
        return "waits for approval."
    if what == "approve":
        review.approve(session(), workspace(), head, me, seen_hash, comment.strip())
        return "approved."
    if seen_hash != head.content_hash:
        raise Invalid(
            f"{found.slug!r} was changed after you looked at it", "look at the newest revision first"
        )
    review.request_changes(session(), workspace(), head, me, comment)
    return "sent back with your comment."
