"""The page of what holds for everything that is sent to people: frequency caps and quiet hours."""

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from marshmallow import Schema, ValidationError, fields, validate

from cms_core.audience import caps, limits, quiet
from cms_core.errors import CmsError
from cms_core.web.auth import permission
from cms_core.web.forms import SchemaForm
from cms_core.web.request import Answer, session, workspace
from cms_core.web.shell import toast

blueprint = Blueprint("limits", __name__)


def _cap_form() -> SchemaForm:
    known = limits.channels(workspace().plugins)
    made: dict[str, fields.Field[Any]] = {
        "most": fields.Integer(
            required=True,
            validate=validate.Range(1, caps.MOST),
            metadata={"label": "At most so many messages"},
        ),
        "days": fields.Integer(
            required=True, validate=validate.Range(1, caps.DAYS), metadata={"label": "Within so many days"}
        ),
        "channel": fields.String(
            load_default="",
            validate=validate.OneOf(["", *(name for name, _ in known)]),
            metadata={"label": "Channel", "choices": known, "widget": "select", "blank": "All together"},
        ),
    }
    return SchemaForm(Schema.from_dict(made, name="CapForm")(), prefix="cap-")


def _quiet_form() -> SchemaForm:
    known = limits.channels(workspace().plugins)
    made: dict[str, fields.Field[Any]] = {
        "channel": fields.String(
            required=True,
            validate=validate.OneOf([name for name, _ in known]),
            metadata={"label": "Channel", "choices": known, "widget": "select"},
        ),
        "starts": fields.String(
            required=True,
            validate=validate.Length(1, 10),
            metadata={"label": "From", "hint": "Such as 21:00"},
        ),
        "ends": fields.String(
            required=True, validate=validate.Length(1, 10), metadata={"label": "To", "hint": "Such as 08:00"}
        ),
    }
    return SchemaForm(Schema.from_dict(made, name="QuietForm")(), prefix="quiet-")


@blueprint.get("/limits")
@permission("calendar.read")
def index() -> Answer:
    """Caps and quiet hours."""
    return _page(_cap_form(), _quiet_form())


@blueprint.post("/limits/caps")
@permission(limits.EDIT)
def add_cap() -> Answer:
    """Add a cap."""
    form = _cap_form()
    try:
        added = limits.add_cap(session(), workspace().plugins, **form.load(request.form))
    except (ValidationError, CmsError) as error:
        return _page(form.rejected(request.form, _as_validation(error, "most")), _quiet_form()), 422
    toast(f"The cap {caps.in_words(added)} holds from now on.")
    return redirect(url_for(".index"), 303)


@blueprint.post("/limits/caps/<public_id>/remove")
@permission(limits.EDIT)
def remove_cap(public_id: str) -> Answer:
    """Take a cap away."""
    found = caps.find(session(), public_id)
    caps.remove(session(), found)
    toast(f"The cap {caps.in_words(found)} is removed.")
    return redirect(url_for(".index"), 303)


@blueprint.post("/limits/quiet")
@permission(limits.EDIT)
def set_quiet() -> Answer:
    """Set the quiet hours of a channel."""
    form = _quiet_form()
    try:
        values = form.load(request.form)
        limits.set_quiet(session(), workspace().plugins, values["channel"], values["starts"], values["ends"])
    except (ValidationError, CmsError) as error:
        shown = form.rejected(request.form, _as_validation(error, "starts", {"from": "starts", "to": "ends"}))
        return _page(_cap_form(), shown), 422
    toast(f"The quiet hours of {values['channel']} are kept from now on.")
    return redirect(url_for(".index"), 303)


@blueprint.post("/limits/quiet/<channel>/remove")
@permission(limits.EDIT)
def remove_quiet(channel: str) -> Answer:
    """Take the quiet hours of a channel away."""
    quiet.remove(session(), quiet.find(session(), channel))
    toast(f"{channel} has no quiet hours any more.")
    return redirect(url_for(".index"), 303)


def _page(cap_form: SchemaForm, quiet_form: SchemaForm) -> str:
    return render_template(
        "audience/limits.html",
        caps=[(each.public_id, caps.in_words(each)) for each in caps.list_all(session())],
        quiet=[quiet.document(each) for each in quiet.list_all(session())],
        cap_form=cap_form,
        quiet_form=quiet_form,
        channels=limits.channels(workspace().plugins),
    )


def _as_validation(
    error: ValidationError | CmsError, field: str, names: dict[str, str] | None = None
) -> ValidationError:
    if isinstance(error, ValidationError):
        return error
    place = (names or {}).get(error.field, error.field) or field
    return ValidationError({place: [f"{error.message}. {error.remedy}".rstrip(". ") + "."]})
