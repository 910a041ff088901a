"""Inviting on the page of people, and links for new passwords that an admin makes."""

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from cms_core.auth import service as auth
from cms_core.auth.models import User
from cms_core.auth.pages import people_page
from cms_core.errors import CmsError
from cms_core.notices import invitations, resets
from cms_core.notices.invitations import Invited
from cms_core.notices.transport import REMEDY
from cms_core.web.auth import permission, user
from cms_core.web.request import Answer, session, workspace
from cms_core.web.shell import toast

blueprint = Blueprint("invitations", __name__, url_prefix="/app/users", template_folder="templates")

ADMIN = "system.admin"


@blueprint.post("/invite")
@permission(ADMIN)
def invite() -> Answer:
    """Invite somebody by address and role."""
    form = {name: request.form.get(name, "").replace("\0", "") for name in ("email", "role", "name")}
    try:
        made = invitations.invite(session(), workspace(), _mine(), form["email"], form["role"], form["name"])
    except CmsError as error:
        return people_page(problem=error, typed=form), error.status
    return _told(made)


@blueprint.post("/invitations/<public_id>/again")
@permission(ADMIN)
def again(public_id: str) -> Answer:
    """Send an invitation again, with a new link."""
    found = invitations.find(session(), public_id)
    return _told(invitations.again(session(), workspace(), _mine(), found))


@blueprint.post("/invitations/<public_id>/revoke")
@permission(ADMIN)
def revoke(public_id: str) -> Answer:
    """Take an invitation back."""
    found = invitations.find(session(), public_id)
    invitations.revoke(session(), found)
    toast(f"The invitation of {found.email} is taken back.")
    return _back()


@blueprint.post("/<public_id>/link")
@permission(ADMIN)
def link(public_id: str) -> Answer:
    """Send somebody a link for a new password, or show it where no mail can bring it."""
    found = auth.find_by_public_id(session(), public_id)
    url = resets.send(session(), workspace(), found, _mine())
    if url:
        return _once(found.email, url, "Good for an hour, and once.")
    toast(f"A link for a new password is on its way to {found.email}.")
    return _back()


def _told(made: Invited) -> Answer:
    if made.url:
        return _once(made.link.email, made.url, "Good for seven days, and once.")
    toast(f"An invitation is on its way to {made.link.email}.")
    return _back()


def _once(email: str, url: str, words: str) -> str:
    return render_template("notices/link.html", email=email, url=url, words=words, remedy=REMEDY)


def _back() -> Response:
    return redirect(url_for("auth.people"), 303)


def _mine() -> User:
    return session().get_one(User, user().id)
