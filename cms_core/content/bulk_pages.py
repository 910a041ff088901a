"""What is done to several pieces of the library at once: all of them, or none."""

from collections.abc import Callable
from dataclasses import replace

from flask import Blueprint, redirect, request, url_for

from cms_core.content import review, service
from cms_core.content.models import Asset
from cms_core.content.revisions import head_of
from cms_core.errors import CmsError, Invalid
from cms_core.web.auth import permission, user
from cms_core.web.request import Answer, session, workspace
from cms_core.web.shell import local_path, toast

blueprint = Blueprint("bulk", __name__)

MOST = 200


@blueprint.post("/bulk/approve")
@permission("content.approve")
def approve() -> Answer:
    """Approve the newest words of the chosen pieces, as they were when the list was shown."""
    return _each(_approve, "approved")


@blueprint.post("/bulk/tag")
@permission("content.edit")
def tag() -> Answer:
    """Put a tag on the chosen pieces."""
    return _each(lambda asset: _tag(asset, on=True), "tagged")


@blueprint.post("/bulk/untag")
@permission("content.edit")
def untag() -> Answer:
    """Take a tag off the chosen pieces."""
    return _each(lambda asset: _tag(asset, on=False), "changed")


def _each(act: Callable[[Asset], None], done: str) -> Answer:
    chosen = list(dict.fromkeys(request.form.getlist("slug")))[:MOST]
    try:
        if not chosen:
            raise Invalid("nothing is chosen", "tick the pieces first")
        for slug in chosen:
            act(service.find(session(), slug))
    except CmsError as error:
        session().rollback()
        toast(f"{error.message}; nothing was changed. {error.remedy}", "bad")
    else:
        toast(f"{len(chosen)} {'piece' if len(chosen) == 1 else 'pieces'} {done}.")
    return redirect(local_path(request.form.get("next"), url_for("content.index", view="table")), 303)


def _approve(asset: Asset) -> None:
    seen = request.form.get(f"n-{asset.slug}", "")
    head = head_of(session(), asset)
    if seen != str(head.n):
        raise Invalid(
            f"{asset.slug!r} was changed after you looked at it", "look at the newest revision first"
        )
    review.approve_newest(session(), workspace(), asset, user())


def _tag(asset: Asset, on: bool) -> None:
    word = " ".join(request.form.get("tag", "").split())
    if not word:
        raise Invalid("the tag is empty", "write a tag")
    draft = service.draft_of(session(), asset)
    kept = [each for each in draft.tags if each.casefold() != word.casefold()]
    changed = replace(draft, tags=[*kept, word] if on else kept)
    service.save(session(), workspace().plugins, asset, changed, user())
