"""REST: frequency caps and quiet hours."""

from typing import Any
from zlib import crc32

from flask import Response
from marshmallow import fields, validate
from sqlalchemy import select

from cms_core.api import Blueprint, PageArgs, answer, page, pages_of, require_match
from cms_core.api.schemas import Document, Input, number, text
from cms_core.audience import caps, limits, quiet
from cms_core.audience.models import Cap, QuietHours
from cms_core.web.request import session, workspace

READ = "calendar.read"
CLOCK = validate.Length(1, 10)

blueprint = Blueprint(
    "limits_api",
    __name__,
    url_prefix="/api/v1",
    description="How much people get, and when they get nothing.",
)


class CapShown(Document):
    """Nobody gets more than `most` messages within `days` days."""

    id = text()
    most = number()
    days = number()
    channel = text("Null: on all channels together.", null=True)


class NewCap(Input):
    """A cap that is to be added."""

    most = fields.Integer(required=True, validate=validate.Range(1, caps.MOST))
    days = fields.Integer(required=True, validate=validate.Range(1, caps.DAYS))
    channel = fields.String(
        load_default="",
        validate=validate.Length(max=40),
        metadata={"description": "Left out: all channels together."},
    )


class QuietShown(Document):
    """Between these two times of the recipient's day the channel sends nothing."""

    channel = text()
    from_ = fields.String(required=True, data_key="from")
    to = text()


class QuietTimes(Input):
    """On which channel, from when to when."""

    channel = fields.String(required=True, validate=validate.Length(1, 40))
    from_ = fields.String(
        required=True, data_key="from", validate=CLOCK, metadata={"description": "Such as 21:00."}
    )
    to = fields.String(required=True, validate=CLOCK, metadata={"description": "Such as 08:00."})


@blueprint.get("/caps")
@blueprint.call(READ, "caps list", query=PageArgs, answers=pages_of(CapShown))
def list_caps(query: dict[str, Any]) -> Response:
    """All frequency caps, the oldest first."""
    return page(session(), select(Cap), (Cap.id,), query, lambda row: caps.document(row["Cap"]))


@blueprint.post("/caps")
@blueprint.call(limits.EDIT, "caps add", body=NewCap, answers=CapShown, status=201)
def add_cap(body: dict[str, Any]) -> Response:
    """Let nobody get more than so many messages within so many days."""
    return _cap(limits.add_cap(session(), workspace().plugins, **body), 201)


@blueprint.get("/caps/<id>")
@blueprint.call(READ, answers=CapShown, versioned=True)
def one_cap(id: str) -> Response:  # noqa: A002  # the name in the path
    """One cap."""
    return _cap(caps.find(session(), id))


@blueprint.delete("/caps/<id>")
@blueprint.call(limits.EDIT, "caps remove", answers=CapShown, versioned=True)
def remove_cap(id: str) -> Response:  # noqa: A002
    """Take a cap away; who was skipped for it stays skipped."""
    found = caps.find(session(), id)
    require_match(_version(found.public_id))
    told = caps.document(found)
    caps.remove(session(), found)
    return answer(told)


@blueprint.get("/quiet-hours")
@blueprint.call(READ, "quiet-hours list", query=PageArgs, answers=pages_of(QuietShown))
def list_quiet(query: dict[str, Any]) -> Response:
    """The quiet hours of all channels."""
    shown = quiet.document
    return page(session(), select(QuietHours), (QuietHours.id,), query, lambda row: shown(row["QuietHours"]))


@blueprint.post("/quiet-hours")
@blueprint.call(limits.EDIT, "quiet-hours set", body=QuietTimes, answers=QuietShown)
def set_quiet(body: dict[str, Any]) -> Response:
    """Send nothing on a channel between two times of the recipient's day; replaces what was set."""
    made = limits.set_quiet(session(), workspace().plugins, body["channel"], body["from_"], body["to"])
    return _quiet(made)


@blueprint.get("/quiet-hours/<channel>")
@blueprint.call(READ, answers=QuietShown, versioned=True)
def one_quiet(channel: str) -> Response:
    """The quiet hours of one channel."""
    return _quiet(quiet.find(session(), channel))


@blueprint.delete("/quiet-hours/<channel>")
@blueprint.call(limits.EDIT, "quiet-hours remove", answers=QuietShown, versioned=True)
def remove_quiet(channel: str) -> Response:
    """Take the quiet hours of a channel away."""
    found = quiet.find(session(), channel)
    told = quiet.document(found)
    require_match(_version(told))
    quiet.remove(session(), found)
    return answer(told)


def _quiet(found: QuietHours) -> Response:
    told = quiet.document(found)
    return answer(told, version=_version(told))


def _cap(found: Cap, status: int = 200) -> Response:
    location = f"/api/v1/caps/{found.public_id}" if status == 201 else ""
    return answer(caps.document(found), status, version=_version(found.public_id), location=location)


def _version(told: object) -> int:
    """The version of what has no number of its own: a cap never changes, and quiet hours are changed as a whole."""
    return crc32(repr(told).encode())
