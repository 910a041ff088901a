"""REST: one's notices, invitations, links for new passwords, and the system's mail."""

from typing import Any

from flask import Response
from marshmallow import fields, validate
from sqlalchemy import select

from cms_core.api import Blueprint, Document, Input, PageArgs, answer, bearer, page, pages_of
from cms_core.api.schemas import instant, number, text
from cms_core.auth import service as auth
from cms_core.auth import tokens
from cms_core.auth.models import Role, User
from cms_core.auth.service import MAX_NAME
from cms_core.db import now
from cms_core.notices import inbox, invitations, outbox, resets, trial
from cms_core.notices.models import AccessLink, Mail, Notice, Purpose
from cms_core.notices.transport import document as transport_document
from cms_core.web.request import session, workspace

blueprint = Blueprint(
    "notices_api", __name__, url_prefix="/api/v1", description="Notices, invitations, the system's mail."
)

ADMIN = "system.admin"
ADDRESS: Any = {"validate": validate.Length(1, 320)}


class NoticeShown(Document):
    """Something that needs somebody."""

    id = text()
    kind = text()
    label = text()
    title = text()
    reason = text()
    url = text("Where it is mended.")
    at = instant()
    times = number("How often it was raised.")
    resolved_at = instant(null=True)
    read = fields.Boolean(required=True)


class NoticeQuery(PageArgs):
    """Which notices to list."""

    all = fields.Boolean(load_default=False, metadata={"description": "Also what is settled."})


class ReadAll(Document):
    """How many were new."""

    read = number()


class Invitation(Document):
    """An invitation that waits."""

    id = text()
    email = text()
    name = text()
    role = text()
    state = text("open, expired, accepted or revoked")
    invited_by = fields.String(required=True, allow_none=True)
    created_at = instant()
    expires_at = instant()


class FreshInvitation(Invitation):
    """An invitation that was just made."""

    mailed = fields.Boolean(required=True)
    link = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "To be handed over where no mail is sent; not shown again."},
    )


class NewInvitation(Input):
    """Who is to be invited."""

    email = fields.String(required=True, **ADDRESS)
    role = fields.String(required=True, validate=validate.OneOf([str(role) for role in Role]))
    name = fields.String(load_default="", validate=validate.Length(max=MAX_NAME))


class ResetWanted(Input):
    """Who is to choose a new password."""

    email = fields.String(required=True, **ADDRESS)


class ResetLink(Document):
    """A link for a new password."""

    email = text()
    link = text("Good once and for an hour; not shown again.")
    expires_at = instant()


class MailShown(Document):
    """A mail of the system, without its words."""

    id = text()
    purpose = text()
    address = text()
    subject = text()
    state = text("pending, sent, failed, unknown or void")
    tries = number()
    created_at = instant()
    next_at = instant(null=True)
    settled_at = instant(null=True)
    code = number("Of the server's last answer.", null=True)
    reason = text()


class TransportShown(Document):
    """How the system's mail goes out."""

    configured = fields.Boolean(required=True)
    server = text()
    security = text()
    username = text()
    remedy = text()


# --- notices ----------------------------------------------------------------------------------------------------------


@blueprint.get("/notices")
@blueprint.call(None, "notices list", query=NoticeQuery, answers=pages_of(NoticeShown))
def notices(query: dict[str, Any]) -> Response:
    """What needs the caller, the oldest first."""
    caller, plugins, base = bearer().user, workspace().plugins, workspace().config.base_url
    rows = select(Notice, inbox.is_read(caller).label("seen")).where(inbox.visible(plugins, caller, _reaches))
    if not query.pop("all"):
        rows = rows.where(Notice.resolved_at.is_(None))
    return page(
        session(),
        rows,
        (Notice.id,),
        query,
        lambda row: inbox.document(row["Notice"], base, bool(row["seen"])),
    )


@blueprint.post("/notices/<id>/read")
@blueprint.call(None, "notices read", answers=NoticeShown)
def read_notice(id: str) -> Response:  # noqa: A002  # the name in the path
    """Mark a notice as read."""
    found = inbox.find(session(), workspace().plugins, bearer().user, id, _reaches)
    inbox.mark_read(session(), bearer().user, found)
    return answer(inbox.document(found, workspace().config.base_url, seen=True))


@blueprint.post("/notices/read")
@blueprint.call(None, "notices read", answers=ReadAll)
def read_all() -> Response:
    """Mark all notices as read."""
    number_read = inbox.mark_all_read(session(), workspace().plugins, bearer().user, _reaches)
    return answer({"read": number_read})


def _reaches(permission: str) -> bool:
    """A token sees what its scopes reach, though its user may see more."""
    return tokens.covers(bearer().scopes, permission)


# --- people -----------------------------------------------------------------------------------------------------------


@blueprint.get("/users/invitations")
@blueprint.call(ADMIN, "users invitations", query=PageArgs, answers=pages_of(Invitation))
def list_invitations(query: dict[str, Any]) -> Response:
    """All invitations, also those that were accepted or taken back."""
    rows = select(AccessLink).where(AccessLink.purpose == Purpose.INVITATION)
    at = now(session())
    return page(
        session(), rows, (AccessLink.id,), query, lambda row: invitations.document(row["AccessLink"], at)
    )


@blueprint.post("/users/invitations")
@blueprint.call(ADMIN, "users invite", body=NewInvitation, answers=FreshInvitation, status=201)
def invite(body: dict[str, Any]) -> Response:
    """Invite somebody, by mail where the system sends mail; an earlier invitation of the address is replaced."""
    made = invitations.invite(session(), workspace(), _caller(), **body)
    return answer(invitations.told(made, now(session())), 201)


@blueprint.post("/users/invitations/<id>/revoke")
@blueprint.call(ADMIN, "users uninvite", answers=Invitation)
def uninvite(id: str) -> Response:  # noqa: A002
    """Take an invitation back."""
    found = invitations.find(session(), id)
    invitations.revoke(session(), found)
    return answer(invitations.document(found, now(session())))


@blueprint.post("/users/reset-links")
@blueprint.call(ADMIN, "users reset-link", body=ResetWanted, answers=ResetLink, status=201)
def reset_link(body: dict[str, Any]) -> Response:
    """A link for a new password of a user, to be handed over; an earlier one is good for nothing then."""
    found = auth.find_user(session(), body["email"])
    return answer(resets.told(session(), workspace(), found, _caller()), 201)


# --- mail -------------------------------------------------------------------------------------------------------------


@blueprint.get("/mail")
@blueprint.call(ADMIN, "mail status", answers=TransportShown)
def transport() -> Response:
    """How the system's mail goes out; no secret is among it."""
    return answer(transport_document(workspace().config))


@blueprint.get("/mail/log")
@blueprint.call(ADMIN, "mail list", query=PageArgs, answers=pages_of(MailShown))
def mails(query: dict[str, Any]) -> Response:
    """Mails of the system, the oldest first, and what became of them."""
    return page(session(), select(Mail), (Mail.id,), query, lambda row: outbox.document(row["Mail"]))


@blueprint.post("/mail/test")
@blueprint.call(ADMIN, "mail test", body=ResetWanted, answers=MailShown)
def test(body: dict[str, Any]) -> Response:
    """Send a mail to an address now and say what became of it."""
    return answer(trial.send_trial(workspace(), body["email"], (bearer().user.id, "rest")))


@blueprint.post("/mail/log/<id>/again")
@blueprint.call(ADMIN, "mail again", answers=MailShown)
def again(id: str) -> Response:  # noqa: A002
    """Send a mail again that did not arrive; the worker does it."""
    found = outbox.find(session(), id)
    outbox.again(session(), workspace(), found)
    return answer(outbox.document(found))


def _caller() -> User:
    return session().get_one(User, bearer().user.id)
