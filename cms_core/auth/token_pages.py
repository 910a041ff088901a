"""One's own tokens for the REST interface: make one, see it once, revoke it."""

from flask import Blueprint, redirect, render_template, request, url_for

from cms_core.auth import tokens
from cms_core.auth.models import User
from cms_core.db import now
from cms_core.errors import CmsError
from cms_core.web.auth import user
from cms_core.web.request import Answer, session, workspace
from cms_core.web.shell import toast

blueprint = Blueprint("tokens", __name__, url_prefix="/app/me/tokens", template_folder="templates")


@blueprint.get("")
def index() -> Answer:
    """One's tokens, and the form for another one."""
    return _page()


@blueprint.post("")
def add() -> Answer:
    """Make a token; its text is on this one page."""
    form = request.form
    try:
        _, text = tokens.add(
            session(),
            workspace().plugins,
            _mine(),
            _mine(),
            name=form.get("name", "").replace("\0", ""),
            scopes=form.getlist("scopes"),
            expires=form.get("expires", ""),
        )
    except CmsError as error:
        return _page(problem=error), error.status
    return _page(text)


@blueprint.post("/<public_id>/revoke")
def revoke(public_id: str) -> Answer:
    """End a token of one's own."""
    found = tokens.find(session(), public_id, _mine())
    tokens.revoke(session(), workspace().plugins, _mine(), found)
    toast(f"{found.prefix}… is revoked.")
    return redirect(url_for(".index"), 303)


def _mine() -> User:
    return session().get_one(User, user().id)


def _page(text: str = "", problem: CmsError | None = None) -> str:
    at = now(session())
    rows = [tokens.document(each, at) for each in tokens.listed(session(), _mine())]
    known = tokens.scopes_there_are(workspace().plugins)
    return render_template(
        "auth/tokens.html",
        rows=rows,
        scopes=known,
        text=text,
        problem=problem,
        form=request.form,
        base=_base(),
    )


def _base() -> str:
    return f"{workspace().config.base_url}/api/v1"
