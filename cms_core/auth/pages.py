"""Signing in and out, people, one's own page and the audit log."""

from collections.abc import Mapping

from flask import Blueprint, redirect, render_template, request, url_for
from marshmallow import ValidationError
from werkzeug.wrappers import Response

from cms_core.auth import audit, listing, service
from cms_core.auth.models import Role, User
from cms_core.auth.schemas import Me, NewPassword, NewUser
from cms_core.db import now
from cms_core.errors import CmsError
from cms_core.notices import inbox, invitations
from cms_core.notices.transport import transport_of
from cms_core.web.auth import permission, signed_in, user
from cms_core.web.forms import SchemaForm
from cms_core.web.request import Answer, session, whole_number, workspace
from cms_core.web.session import (
    end_session,
    limit_account,
    limit_address,
    safe_next,
    start_session,
)
from cms_core.web.shell import THEMES, toast

blueprint = Blueprint("auth", __name__, url_prefix="/app", template_folder="templates")

WRONG = "E-mail and password do not fit together. Check both; after several tries you have to wait a minute."


# --- in and out -----------------------------------------------------------------------------------------------------------


@blueprint.get("/login")
def login() -> Answer:
    """The sign-in form; who is signed in goes on to where they wanted."""
    target = safe_next(request.args.get("next"))
    return redirect(target, 303) if signed_in() else render_template("cms/login.html", next=target)


@blueprint.post("/login")
@limit_address
@limit_account
def sign_in() -> Answer:
    """Check address and password; the answer is the same for an unknown address, a disabled user and a wrong password."""
    email, target = request.form.get("email", ""), safe_next(request.form.get("next"))
    # Read apart from the page's writing session: hashing takes long, and nobody else could write meanwhile.
    with workspace().db.session() as reading:
        found = service.authenticate(reading, email, request.form.get("password", ""))
    if found is None:
        return render_template("cms/login.html", error=WRONG, email=email, next=target), 401
    start_session(found)
    audit.note(session(), "sign-in", "user", found.public_id, {})
    return redirect(target, 303)


@blueprint.post("/logout")
def logout() -> Answer:
    """Sign out, in every browser: a copy of the cookie must be worth nothing afterwards."""
    service.end_sessions(session(), mine())
    audit.note(session(), "sign-out", "user", user().public_id, {})
    end_session()
    return redirect(url_for("auth.login"), 303)


# --- one's own page -------------------------------------------------------------------------------------------------------


def mine() -> User:
    """The signed-in user's row in this request's session."""
    return session().get_one(User, user().id)


@blueprint.get("/me")
def me() -> Answer:
    """One's name, zone, theme and password."""
    return _me_page(
        SchemaForm(Me(), {"name": user().name, "timezone": user().timezone}), SchemaForm(NewPassword())
    )


@blueprint.post("/me")
def change_me() -> Answer:
    """Change one's name and zone."""
    form = SchemaForm(Me(), {"name": user().name, "timezone": user().timezone})
    try:
        values = form.load(request.form)
        service.update_profile(session(), mine(), values["name"], values["timezone"])
    except ValidationError as error:
        return _me_page(form.rejected(request.form, error), SchemaForm(NewPassword())), 422
    toast("Saved.")
    return redirect(url_for("auth.me"), 303)


@blueprint.post("/me/password")
@limit_address
def change_password() -> Answer:
    """Change one's password; all sessions end, and this browser gets a new one."""
    form = SchemaForm(NewPassword())
    try:
        values = form.load(request.form)
        service.change_password(session(), mine(), values["current"], values["password"])
    except ValidationError as error:
        shown = form.rejected(request.form, error)
    except CmsError as error:
        shown = form.rejected(request.form, ValidationError({"current": [error.message]}))
    else:
        start_session(mine())
        toast("Your password is changed, and your sessions in other browsers have ended.")
        return redirect(url_for("auth.me"), 303)
    profile = SchemaForm(Me(), {"name": user().name, "timezone": user().timezone})
    return _me_page(profile, shown), 422


def _me_page(profile: SchemaForm, password: SchemaForm) -> str:
    return render_template(
        "auth/me.html",
        profile=profile,
        password=password,
        themes=THEMES,
        me=user(),
        choices=inbox.choices(session(), workspace().plugins, user()),
        mails=transport_of(workspace().config) is not None,
    )


# --- people ---------------------------------------------------------------------------------------------------------------


@blueprint.get("/users")
@permission("system.admin")
def people() -> Answer:
    """Everybody who signs in."""
    return people_page()


@blueprint.post("/users")
@permission("system.admin")
def add_user() -> Answer:
    """Add somebody."""
    form = SchemaForm(NewUser())
    try:
        values = form.load(request.form)
        added = service.create_user(session(), **values)
    except ValidationError as error:
        return people_page(form.rejected(request.form, error)), 422
    except CmsError as error:
        return people_page(
            form.rejected(request.form, ValidationError({"email": [error.message]}))
        ), error.status
    toast(f"{added.email} can sign in now.")
    return redirect(url_for("auth.people"), 303)


@blueprint.post("/users/<public_id>/role")
@permission("system.admin")
def set_role(public_id: str) -> Answer:
    """Give somebody another role."""
    found = service.find_by_public_id(session(), public_id)
    service.change_role(session(), found, request.form.get("role", ""))
    return _changed(f"{found.email} is {found.role} now, and has to sign in again.")


@blueprint.post("/users/<public_id>/disable")
@permission("system.admin")
def disable(public_id: str) -> Answer:
    """Keep somebody from signing in."""
    found = service.find_by_public_id(session(), public_id)
    service.disable(session(), found)
    return _changed(f"{found.email} cannot sign in any more.")


@blueprint.post("/users/<public_id>/enable")
@permission("system.admin")
def enable(public_id: str) -> Answer:
    """Let somebody sign in again."""
    found = service.find_by_public_id(session(), public_id)
    service.enable(session(), found)
    return _changed(f"{found.email} can sign in again.")


@blueprint.post("/users/<public_id>/password")
@permission("system.admin")
def reset_password(public_id: str) -> Answer:
    """Give somebody a new password, told to them by other means."""
    found = service.find_by_public_id(session(), public_id)
    service.set_password(session(), found, request.form.get("password", ""))
    return _changed(f"{found.email} has a new password, and has to sign in with it.")


def _changed(message: str) -> Response:
    toast(message)
    return redirect(url_for("auth.people"), 303)


def people_page(
    form: SchemaForm | None = None, problem: CmsError | None = None, typed: Mapping[str, str] | None = None
) -> str:
    """The page of people, with what was typed and refused: in the form for a new user, or for an invitation."""
    at = now(session())
    return render_template(
        "auth/users.html",
        people=service.users(session()),
        invitations=[invitations.document(each, at) for each in invitations.waiting(session())],
        mails=transport_of(workspace().config) is not None,
        form=form or SchemaForm(NewUser(), {"role": Role.VIEWER.value}),
        problem=problem,
        typed=typed or {},
        roles=list(Role),
        me=user(),
        solo=service.solo_mode(session()),
    )


# --- the log --------------------------------------------------------------------------------------------------------------


@blueprint.get("/audit")
@permission("system.admin")
def audit_log() -> Answer:
    """Who changed what, the newest first."""
    page = listing.audit_page(
        session(),
        before=request.args.get("before", type=whole_number),
        kind=request.args.get("kind", ""),
        subject=request.args.get("subject", ""),
    )
    return render_template("auth/audit.html", page=page)
