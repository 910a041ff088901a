"""The doors for those who cannot sign in (yet): an invitation, a forgotten password. No page here says who has an account."""

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from marshmallow import Schema, ValidationError, fields
from werkzeug.wrappers import Response

from cms_core.auth.schemas import PASSWORD
from cms_core.auth.service import MAX_NAME, MIN_PASSWORD
from cms_core.errors import CmsError, Invalid
from cms_core.notices import invitations, links, resets
from cms_core.notices.links import Gone
from cms_core.notices.models import AccessLink, Purpose
from cms_core.notices.transport import transport_of
from cms_core.web.forms import SchemaForm
from cms_core.web.request import Answer, session, workspace
from cms_core.web.session import end_session, limit_asking, limit_asking_for, limit_links, start_session
from cms_core.web.shell import toast

blueprint = Blueprint("entrance", __name__, url_prefix="/app", template_folder="templates")


class Chosen(Schema):
    """A password that somebody chooses by a link."""

    password = fields.String(
        required=True,
        validate=PASSWORD,
        metadata={
            "label": "New password",
            "secret": True,
            "hint": f"At least {MIN_PASSWORD} characters; a few words are good",
        },
    )


class Joining(Schema):
    """What somebody says who accepts an invitation."""

    name = fields.String(
        load_default="", validate=lambda text: len(text) <= MAX_NAME, metadata={"label": "Your name"}
    )
    password = fields.String(required=True, validate=PASSWORD, metadata=Chosen().fields["password"].metadata)


# --- a forgotten password ---------------------------------------------------------------------------------------------


@blueprint.get("/forgot")
def forgot() -> Answer:
    """Where somebody asks for a link."""
    return render_template("notices/forgot.html", email="", asked=False, mails=_mails())


@blueprint.post("/forgot")
@limit_asking
@limit_asking_for
def ask() -> Answer:
    """Take the address down. Whether anybody has it is looked up by the worker: here all addresses are the same."""
    resets.ask(session(), request.form.get("email", ""))
    return render_template("notices/forgot.html", email="", asked=True, mails=_mails())


@blueprint.get("/reset/<token>")
@limit_links
def reset(token: str) -> Answer:
    """The form for a new password, or why this link is good for nothing."""
    return _door(Purpose.RESET, token, SchemaForm(Chosen()))


@blueprint.post("/reset/<token>")
@limit_links
def set_password(token: str) -> Answer:
    """Take the new password; all sessions of the user end, also one in this browser."""
    form = SchemaForm(Chosen())
    try:
        resets.use(session(), workspace(), token, form.load(request.form)["password"])
    except ValidationError as error:
        return _door(Purpose.RESET, token, form.rejected(request.form, error), 422)
    except Gone as error:
        return _gone(error)
    end_session()
    toast("Your password is changed, and all your sessions have ended. Sign in with the new one.")
    return _kept_to_ourselves(redirect(url_for("auth.login"), 303))


# --- an invitation ----------------------------------------------------------------------------------------------------


@blueprint.get("/join/<token>")
@limit_links
def join(token: str) -> Answer:
    """The form for name and password, or why this invitation is good for nothing."""
    return _door(Purpose.INVITATION, token, SchemaForm(Joining()))


@blueprint.post("/join/<token>")
@limit_links
def accept(token: str) -> Answer:
    """Take name and password; the new user is signed in."""
    form = SchemaForm(Joining())
    try:
        values = form.load(request.form)
        user = invitations.accept(session(), workspace(), token, values["name"], values["password"])
    except ValidationError as error:
        return _door(Purpose.INVITATION, token, form.rejected(request.form, error), 422)
    except Gone as error:
        return _gone(error)
    except Invalid as error:  # the address was added by other means meanwhile
        return _gone(Gone(error.message, "sign in, or ask whoever invited you"))
    start_session(user)
    toast(f"Welcome. You sign in as {user.email} from now on.")
    return _kept_to_ourselves(redirect("/app/", 303))


def _door(purpose: Purpose, token: str, form: SchemaForm, status: int = 200) -> Answer:
    try:
        link = links.open_link(session(), workspace(), purpose, token)
    except Gone as error:
        return _gone(error)
    if isinstance(form.schema, Joining) and not form.errors:
        form = SchemaForm(Joining(), {"name": link.name})
    return _kept_to_ourselves(make_response(_page(link, form), status))


def _page(link: AccessLink, form: SchemaForm) -> str:
    return render_template("notices/door.html", link=link, form=form, by=link.made_by)


def _gone(error: CmsError) -> Response:
    page = render_template("notices/gone.html", problem=error)
    return _kept_to_ourselves(make_response(page, error.status))


def _kept_to_ourselves(response: Response) -> Response:
    """The address is a key: no other page is told of it, and no cache keeps it."""
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _mails() -> bool:
    return transport_of(workspace().config) is not None
