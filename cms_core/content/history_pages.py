"""Two revisions beside each other, and the way back to an older one."""

from flask import Blueprint, redirect, render_template, request, url_for

from cms_core.content import service
from cms_core.content.compare import compare, find_revision
from cms_core.content.revisions import head_of
from cms_core.errors import CmsError
from cms_core.web.auth import permission, user
from cms_core.web.request import Answer, session, whole_number, workspace
from cms_core.web.shell import toast

blueprint = Blueprint("history", __name__)

VIEWS = ("inline", "beside")


@blueprint.get("/<slug>/compare")
@permission("content.read")
def differences(slug: str) -> Answer:
    """What revision ``b`` says otherwise than ``a``; by default the newest and the one before it."""
    return _page(slug)


@blueprint.post("/<slug>/restore")
@permission("content.edit")
def restore(slug: str) -> Answer:
    """Make an older revision's words the newest again, if nobody else saved meanwhile."""
    asset = service.find(session(), slug)
    n, seen = (request.form.get(name, 0, type=whole_number) for name in ("n", "row_version"))
    try:
        older = find_revision(session(), asset, n)
        new = service.restore(session(), workspace().plugins, asset, older, user(), seen)
    except CmsError as error:
        session().rollback()
        return _page(slug, error), error.status
    toast(f"{new.title}: revision {new.n} has the words of revision {n}. It needs approval.")
    return redirect(url_for("content.asset", slug=slug), 303)


def _page(slug: str, problem: CmsError | None = None) -> str:
    asset = service.find(session(), slug)
    head = head_of(session(), asset)
    b = request.args.get("b", head.n, type=whole_number)
    a = request.args.get("a", max(1, b - 1), type=whole_number)
    before, after = find_revision(session(), asset, a), find_revision(session(), asset, b)
    view = request.args.get("view", "")
    return render_template(
        "content/compare.html",
        asset=asset,
        head=head,
        before=before,
        after=after,
        changes=compare(session(), before, after),
        view=view if view in VIEWS else VIEWS[0],
        problem=problem,
    )
