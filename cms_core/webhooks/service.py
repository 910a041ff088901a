"""Webhooks: add, change, look at. A webhook is told of what happens after it was added or switched on."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from cms_core.db import now
from cms_core.documents import dump
from cms_core.errors import Conflict, Invalid, NotFound
from cms_core.events import ledger
from cms_core.events.ledger import Reader
from cms_core.events.models import Cursor, Event
from cms_core.ids import new_id
from cms_core.outbound.http_call import check_url
from cms_core.plugins import Plugins
from cms_core.secrets import Vault
from cms_core.webhooks.models import MessageState, Webhook, WebhookMessage
from cms_core.webhooks.signing import new_secret
from cms_core.workspace import Workspace

MAX_URL = 2_000
PING = "ping"
NOTICE = "notice"  # no event of the ledger: what people are told (cms_core.notices)


def add(
    session: Session, workspace: Workspace, url: str, kinds: Sequence[str] = (), *, chat: bool = False
) -> tuple[Webhook, str]:
    """A new webhook for events of these kinds (none: all), and its secret, which is not shown again; connects to nothing.

    One for a chat is told of notices alone.
    """
    secret = new_secret()
    if chat and set(kinds) - {NOTICE}:
        raise Invalid("a chat is told of notices alone", "leave the kinds out", field="kinds")
    webhook = Webhook(
        url=checked_url(workspace, url),
        kinds=[NOTICE] if chat else checked_kinds(workspace.plugins, kinds),
        chat=chat,
        secret=_sealed(workspace.vault, secret),
        created_at=now(session),
    )
    session.add(webhook)
    session.flush()
    _begin_here(session, webhook)
    return webhook, secret


def change(
    session: Session,
    workspace: Workspace,
    webhook: Webhook,
    *,
    url: str | None = None,
    kinds: Sequence[str] | None = None,
) -> None:
    """Give a webhook another address or other kinds."""
    if url is not None:
        webhook.url = checked_url(workspace, url)
    if kinds is not None and not webhook.chat:
        webhook.kinds = checked_kinds(workspace.plugins, kinds)
    session.flush()


def enable(session: Session, webhook: Webhook) -> None:
    """Switch a webhook on again; what happened meanwhile it is not told of."""
    if webhook.disabled_at is not None:
        webhook.disabled_at, webhook.disabled_reason, webhook.failing_since = None, "", None
        _begin_here(session, webhook)
        session.flush()


def disable(session: Session, webhook: Webhook, reason: str) -> None:
    """Switch a webhook off; what it has not been told yet it is not told any more."""
    if webhook.disabled_at is None:
        webhook.disabled_at, webhook.disabled_reason = now(session), reason[:300]
        session.execute(
            update(WebhookMessage)
            .where(WebhookMessage.webhook_id == webhook.id, WebhookMessage.state == MessageState.PENDING)
            .values(
                state=MessageState.FAILED,
                next_at=None,
                settled_at=now(session),
                reason="the webhook was switched off",
            )
        )
        session.flush()


def remove(session: Session, webhook: Webhook) -> None:
    """Delete a webhook with its messages."""
    session.execute(delete(WebhookMessage).where(WebhookMessage.webhook_id == webhook.id))
    session.execute(delete(Cursor).where(Cursor.name == reader(webhook).name))
    session.delete(webhook)
    session.flush()


def ping(session: Session, webhook: Webhook) -> WebhookMessage:
    """A message that only says hello, to be sent at once."""
    at = now(session)
    message_id = new_id()
    message = WebhookMessage(
        public_id=message_id,
        webhook_id=webhook.id,
        webhook=webhook,
        event=message_id,
        kind=PING,
        body=_hello(webhook, at),
        created_at=at,
        next_at=at,
    )
    session.add(message)
    session.flush()
    return message


def _hello(webhook: Webhook, at: datetime) -> str:
    if webhook.chat:
        return dump({"text": "cms-core tells of notices here."}).decode()
    return body_of(PING, at, {"webhook": webhook.public_id})


def resend(session: Session, message: WebhookMessage) -> None:
    """Send a message again, from the first try on; refused while its webhook is off."""
    if message.webhook.disabled_at is not None:
        raise Conflict("this webhook is switched off", "switch it on first")
    message.state, message.tries, message.next_at = MessageState.PENDING, 0, now(session)
    message.settled_at, message.reason = None, ""
    session.flush()


def webhooks(session: Session) -> list[Webhook]:
    """All webhooks, the oldest first."""
    return list(session.scalars(select(Webhook).order_by(Webhook.id)))


def find(session: Session, public_id: str) -> Webhook:
    """The webhook of this id; raises NotFound."""
    found = session.scalar(select(Webhook).where(Webhook.public_id == public_id))
    if found is None:
        raise NotFound(f"there is no webhook {public_id[:40]!r}", "`cms webhooks list` shows them")
    return found


def find_message(session: Session, webhook: Webhook, public_id: str) -> WebhookMessage:
    """The message of a webhook with this id; raises NotFound."""
    mine = WebhookMessage.webhook_id == webhook.id, WebhookMessage.public_id == public_id
    found = session.scalar(select(WebhookMessage).where(*mine))
    if found is None:
        raise NotFound(
            f"this webhook has no message {public_id[:40]!r}", "`cms webhooks messages ID` shows them"
        )
    return found


def messages(session: Session, webhook: Webhook, limit: int = 100) -> list[WebhookMessage]:
    """The newest messages of a webhook."""
    query = select(WebhookMessage).where(WebhookMessage.webhook_id == webhook.id)
    return list(session.scalars(query.order_by(WebhookMessage.id.desc()).limit(limit)))


def document(webhook: Webhook) -> dict[str, Any]:
    """A webhook as it may be shown: without its secret."""
    on = "failing" if webhook.failing_since else "active"
    return {
        "id": webhook.public_id,
        "url": webhook.url,
        "kinds": list(webhook.kinds),
        "chat": webhook.chat,
        "state": "disabled" if webhook.disabled_at else on,
        "reason": webhook.disabled_reason,
        "failing_since": webhook.failing_since,
        "created_at": webhook.created_at,
    }


def message_document(message: WebhookMessage) -> dict[str, Any]:
    """A message with the heads of its last try."""
    names = ("kind", "event", "state", "tries", "status", "reason", "created_at", "next_at", "settled_at")
    shown = {name: getattr(message, name) for name in names}
    heads = {"request_head": message.request_head, "response_head": message.response_head}
    return {"id": message.public_id, **shown, **heads}


def body_of(kind: str, at: datetime, data: Mapping[str, Any]) -> str:
    """The body of a message: type, timestamp, data."""
    return dump({"type": kind, "timestamp": at, "data": data}).decode()


def secret_of(vault: Vault, webhook: Webhook) -> str:
    """The secret in the clear: to sign with, never to be shown."""
    return vault.decrypt(webhook.secret)["secret"]


def reader(webhook: Webhook) -> Reader:
    """The webhook as a reader of the events."""
    return Reader(f"webhook:{webhook.public_id}", Event)


def checked_url(workspace: Workspace, url: str) -> str:
    """The address, if it may be called; a name is looked up only when it is called. Raises Blocked or Invalid."""
    url = url.strip()
    if len(url) > MAX_URL:
        raise Invalid(f"the address has more than {MAX_URL} characters", "shorten it", field="url")
    check_url(url)
    workspace.guard.check_numeric(urlsplit(url).hostname or "")
    return url


def checked_kinds(plugins: Plugins, kinds: Sequence[str]) -> list[str]:
    """The kinds without doubles; raises Invalid naming those there are."""
    known = kinds_there_are(plugins)
    for kind in kinds:
        if kind not in known:
            raise Invalid(
                f"there is no kind of event {kind[:60]!r}", f"kinds: {', '.join(known)}", field="kinds"
            )
    return [kind for kind in known if kind in kinds]


def kinds_there_are(plugins: Plugins) -> list[str]:
    """What a webhook may be told of: all kinds of event, and notices."""
    return sorted({*plugins.event_types, NOTICE})


def _begin_here(session: Session, webhook: Webhook) -> None:
    session.execute(delete(Cursor).where(Cursor.name == reader(webhook).name))
    ledger.begin_at(session, reader(webhook), ledger.end(session, Event))


def _sealed(vault: Vault, secret: str) -> str:
    return vault.encrypt({"secret": secret})
