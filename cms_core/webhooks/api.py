"""REST: webhooks."""

from typing import Any

from flask import Response
from marshmallow import fields, validate
from sqlalchemy import select

from cms_core.api import Blueprint, Document, Input, PageArgs, answer, bearer, page, pages_of, require_match
from cms_core.api.schemas import instant, listing, number, text
from cms_core.web.request import session, workspace
from cms_core.webhooks import service
from cms_core.webhooks.models import MessageState, Webhook, WebhookMessage
from cms_core.webhooks.sending import ping_now

blueprint = Blueprint(
    "webhooks_api", __name__, url_prefix="/api/v1/webhooks", description="Addresses that are told of events."
)

ADMIN = "system.admin"
KINDS: Any = {"validate": validate.Length(max=100), "metadata": {"description": "None: all."}}


class WebhookShown(Document):
    """A webhook, without its secret."""

    id = text()
    url = text()
    kinds = listing(fields.String(), "None: all.")
    chat = fields.Boolean(
        required=True, metadata={"description": 'Sent {"text": …} of notices, as chats take it.'}
    )
    state = text("active, failing or disabled")
    reason = text("Why it is disabled.")
    failing_since = instant(null=True)
    created_at = instant()


class FreshWebhook(WebhookShown):
    """A new webhook."""

    secret = text("To check signatures with; it is not shown again.")


class Message(Document):
    """What a webhook was told, and what it answered."""

    id = text("The header webhook-id.")
    kind = text()
    event = text()
    state = text("pending, delivered or failed")
    tries = number()
    status = number("Of the last answer.", null=True)
    reason = text()
    created_at = instant()
    next_at = instant(null=True)
    settled_at = instant(null=True)
    request_head = text()
    response_head = text()


class NewWebhook(Input):
    """A webhook that is to be added."""

    url = fields.String(required=True, validate=validate.Length(1, service.MAX_URL))
    kinds = fields.List(fields.String(), load_default=list, **KINDS)
    chat = fields.Boolean(load_default=False)


class WebhookChange(Input):
    """What is to change about a webhook."""

    url = fields.String(validate=validate.Length(1, service.MAX_URL))
    kinds = fields.List(fields.String(), **KINDS)
    disabled = fields.Boolean()


class MessageQuery(PageArgs):
    """Which messages to list."""

    state = fields.String(load_default="", validate=validate.OneOf(["", *map(str, MessageState)]))


@blueprint.get("")
@blueprint.call(ADMIN, "webhooks list", query=PageArgs, answers=pages_of(WebhookShown))
def list_webhooks(query: dict[str, Any]) -> Response:
    """All webhooks and whether they work."""
    return page(
        session(), select(Webhook), (Webhook.id,), query, lambda row: service.document(row["Webhook"])
    )


@blueprint.post("")
@blueprint.call(ADMIN, "webhooks add", body=NewWebhook, answers=FreshWebhook, status=201)
def add(body: dict[str, Any]) -> Response:
    """Tell an address of events from now on. Its secret is answered this once."""
    made, secret = service.add(session(), workspace(), body["url"], body["kinds"], chat=body["chat"])
    location = f"/api/v1/webhooks/{made.public_id}"
    told = {**service.document(made), "secret": secret}
    return answer(told, 201, version=made.row_version, location=location)


@blueprint.get("/<id>")
@blueprint.call(ADMIN, answers=WebhookShown, versioned=True)
def one(id: str) -> Response:  # noqa: A002  # the name in the path
    """One webhook."""
    return _shown(service.find(session(), id))


@blueprint.patch("/<id>")
@blueprint.call(ADMIN, "webhooks enable", body=WebhookChange, answers=WebhookShown, versioned=True)
def change(body: dict[str, Any], id: str) -> Response:  # noqa: A002
    """Change its address or kinds, or switch it off and on; what happens while it is off it is not told of."""
    found = service.find(session(), id)
    require_match(found.row_version)
    disabled = body.pop("disabled", None)
    service.change(session(), workspace(), found, **body)
    if disabled is True:
        service.disable(session(), found, f"switched off by {bearer().user.email}")
    elif disabled is False:
        service.enable(session(), found)
    return _shown(found)


@blueprint.delete("/<id>")
@blueprint.call(ADMIN, "webhooks remove", answers=WebhookShown, versioned=True)
def remove(id: str) -> Response:  # noqa: A002
    """Delete a webhook with its messages."""
    found = service.find(session(), id)
    require_match(found.row_version)
    gone = service.document(found)
    service.remove(session(), found)
    return answer(gone)


@blueprint.post("/<id>/test")
@blueprint.call(ADMIN, "webhooks test", answers=Message)
def test(id: str) -> Response:  # noqa: A002
    """Send a ping now and say what was answered."""
    with workspace().db.transaction() as own:  # committed before the network is asked
        own.info["actor"] = (bearer().user.id, "rest")
        message_id = service.ping(own, service.find(own, id)).id
    return answer(ping_now(workspace(), message_id))


@blueprint.get("/<id>/messages")
@blueprint.call(ADMIN, "webhooks messages", query=MessageQuery, answers=pages_of(Message))
def messages(query: dict[str, Any], id: str) -> Response:  # noqa: A002
    """What a webhook was told, the oldest first, and what it answered."""
    found = service.find(session(), id)
    rows = select(WebhookMessage).where(WebhookMessage.webhook_id == found.id)
    if query["state"]:
        rows = rows.where(WebhookMessage.state == query["state"])
    shown = service.message_document
    return page(session(), rows, (WebhookMessage.id,), query, lambda row: shown(row["WebhookMessage"]))


@blueprint.post("/<id>/messages/<message>/resend")
@blueprint.call(ADMIN, "webhooks resend", answers=Message)
def resend(id: str, message: str) -> Response:  # noqa: A002
    """Send a message again; the worker does it."""
    found = service.find_message(session(), service.find(session(), id), message)
    service.resend(session(), found)
    return answer(service.message_document(found))


def _shown(found: Webhook) -> Response:
    return answer(service.document(found), version=found.row_version)
