"""Former addresses: which old slug leads to its asset is decided here, by a person."""

from flask import Blueprint, redirect, render_template, request, url_for

from cms_core.content import renames
from cms_core.web.auth import permission
from cms_core.web.request import Answer, session
from cms_core.web.shell import local_path, toast

blueprint = Blueprint("renames", __name__)


@blueprint.get("/redirects")
@permission("content.read")
def index() -> Answer:
    """All former slugs: those that are offered first, then those that lead to their asset."""
    return render_template("content/redirects.html", rows=renames.all_former_slugs(session()))


@blueprint.post("/redirects/<former>/<any(accept, remove):what>")
@permission("content.edit")
def decide(former: str, what: str) -> Answer:
    """Let an old address lead to its asset, or let it lead nowhere."""
    row = renames.find(session(), former)
    if what == "accept":
        renames.accept(session(), row)
        toast(f"/{former} leads to /{row.asset.slug}, once nothing is public there any more.")
    else:
        renames.remove(session(), row)
        toast(f"/{former} leads nowhere now.")
    return redirect(local_path(request.form.get("next"), url_for("content.renames.index")), 303)
