"""Tells webhooks of events: each new event becomes a message, once per webhook; a message is sent until it is taken, for 24 hours.

Messages are made in the transaction that moves the webhook's cursor over the ledger, so no event is passed over or told twice. A
message is claimed by one UPDATE that puts its next try off; the network is asked outside of any transaction. Who dies meanwhile has
perhaps sent it: then it is sent again, with the same ``webhook-id``.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.orm import Session

from cms_core.contract import ChannelError, Retryable
from cms_core.dialect import insert_missing
from cms_core.events import ledger
from cms_core.events.ledger import Place
from cms_core.events.models import Event
from cms_core.ids import new_id
from cms_core.logs import tell_fault
from cms_core.outbound import HttpClient, HttpResponse
from cms_core.outbound.http_answers import retry_after
from cms_core.reports.export import document, rows_of
from cms_core.secrets import storable
from cms_core.webhooks import service
from cms_core.webhooks.models import MessageState, Webhook, WebhookMessage
from cms_core.webhooks.signing import headers_of
from cms_core.workspace import Workspace

log = logging.getLogger(__name__)

# After each try that failed; with those of all tries a message is given up about a day after the first.
WAITS = tuple(
    timedelta(seconds=each) for each in (5, 30, 120, 600, 1800, 3600, 7200, 14400, 14400, 21600, 21600)
)
LEASE = timedelta(minutes=2)  # longer than any try
DISABLED_AFTER = timedelta(days=3)
KEPT = timedelta(days=30)
BATCH = 500
AT_ONCE = 8  # webhooks that are called side by side
IN_A_ROW = 50  # messages of one webhook before the others have their turn
SLEEP_SECONDS = 1.0
REST_SECONDS = 10.0  # where there is no webhook
PURGE_EVERY = 3600
MAX_HEAD = 4_000
GONE = 410
TAKEN = range(200, 300)
ANY_STATUS = frozenset(range(300, 600))


@contextmanager
def telling_webhooks(workspace: Workspace, stopping: threading.Event) -> Iterator[None]:
    """Tell webhooks in a thread of its own, as long as the block runs: a slow receiver keeps nothing else waiting."""
    done = threading.Event()

    def run() -> None:
        rounds = 0
        while not (done.is_set() or stopping.is_set()):
            seconds = REST_SECONDS
            try:
                if _active(workspace):
                    seconds = SLEEP_SECONDS
                    tell_webhooks(workspace, lambda: done.is_set() or stopping.is_set())
                if rounds % PURGE_EVERY == 0:
                    purge(workspace)
            except Exception as fault:
                tell_fault(log, "webhooks could not be told; trying again", fault)
            rounds += 1
            done.wait(seconds)

    thread = threading.Thread(target=run, name="cms-webhooks", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def tell_webhooks(workspace: Workspace, stopped: Callable[[], bool] = lambda: False) -> int:
    """Make messages of new events, and send what is due; returns how many were taken. Nothing leaves behind a closed fence."""
    active = _active(workspace)
    if not active or workspace.fence.reason is not None:
        return 0
    for webhook in active:
        while _make_messages(workspace, webhook):
            pass
    with ThreadPoolExecutor(min(AT_ONCE, len(active)), "cms-webhook") as pool:
        return sum(pool.map(lambda each: _send_due(workspace, each.id, stopped), active))


def _active(workspace: Workspace) -> list[Webhook]:
    query = select(Webhook).where(Webhook.disabled_at.is_(None)).order_by(Webhook.id)
    with workspace.db.session() as session:
        return list(session.scalars(query))


def ping_now(workspace: Workspace, message_id: int) -> dict[str, Any]:
    """Send a message that is due now, if no worker was faster, and give what became of it."""
    with workspace.db.transaction() as session:
        taken = _claim(session, workspace.db.clock.now(), WebhookMessage.id == message_id)
    if taken is not None:
        _send(workspace, taken)
    with workspace.db.session() as session:
        return service.message_document(session.get_one(WebhookMessage, message_id))


def purge(workspace: Workspace) -> None:
    """Forget messages that were settled a month ago."""
    with workspace.db.transaction() as session:
        before = workspace.db.clock.now() - KEPT
        session.execute(delete(WebhookMessage).where(WebhookMessage.settled_at < before))


# --- from events to messages ------------------------------------------------------------------------------------------


def _make_messages(workspace: Workspace, webhook: Webhook) -> bool:
    """One batch; False when nothing is new, or another process is doing the same."""
    reader = service.reader(webhook)
    with workspace.db.session() as session:
        start, end = ledger.position(session, reader), ledger.end(session, Event)
        if end <= start:
            return False
        rows, last = _new_events(session, webhook, start, end)
        at = workspace.db.clock.now()
    on = select(Webhook.id).where(Webhook.id == webhook.id, Webhook.disabled_at.is_(None))
    with workspace.db.transaction() as session:
        if session.scalar(on.with_for_update()) is None:  # switched off, or removed, meanwhile
            return False
        if not ledger.advance(session, reader, start, last):
            return False
        insert_missing(session, WebhookMessage, [_message(webhook, row, at) for row in rows])
    return True


def _new_events(
    session: Session, webhook: Webhook, start: Place, end: Place
) -> tuple[list[dict[str, object]], Place]:
    """The documents of a batch of events, and how far it reaches."""
    query = rows_of().add_columns(Event.xid.label("_xid"), Event.id.label("_id"))
    query = query.where(ledger.after(session, Event, start), ledger.up_to(session, Event, end))
    if webhook.kinds:
        query = query.where(Event.kind.in_(webhook.kinds))
    found = session.execute(query.order_by(*ledger.order(session, Event)).limit(BATCH)).mappings().all()
    last = Place(found[-1]["_xid"], found[-1]["_id"]) if len(found) == BATCH else end
    return [document(dict(row)) for row in found], last


def _message(webhook: Webhook, event: dict[str, object], at: datetime) -> dict[str, object]:
    happened = event["at"]
    assert isinstance(happened, datetime)  # noqa: S101  # a column that is never empty
    return {
        "public_id": new_id(),
        "webhook_id": webhook.id,
        "event": event["id"],
        "kind": event["kind"],
        "body": service.body_of(str(event["kind"]), happened, event),
        "state": MessageState.PENDING,
        "tries": 0,
        "created_at": at,
        "next_at": at,
        "reason": "",
        "request_head": "",
        "response_head": "",
    }


# --- sending ----------------------------------------------------------------------------------------------------------


def _send_due(workspace: Workspace, webhook_id: int, stopped: Callable[[], bool]) -> int:
    """Send messages of one webhook, oldest first, until nothing is due or one is not taken; returns how many were."""
    sent = 0
    while sent < IN_A_ROW and not stopped():
        at = workspace.db.clock.now()
        if not _is_anything_due(workspace, webhook_id, at):  # asked without the lock of those who write
            return sent
        with workspace.db.transaction() as session:
            taken = _claim(session, at, WebhookMessage.webhook_id == webhook_id)
        if taken is None:
            return sent
        if not _send(workspace, taken):
            return sent
        sent += 1
    return sent


def _is_anything_due(workspace: Workspace, webhook_id: int, at: datetime) -> bool:
    due = WebhookMessage.state == MessageState.PENDING, WebhookMessage.next_at <= at
    query = select(WebhookMessage.id).where(WebhookMessage.webhook_id == webhook_id, *due)
    with workspace.db.session() as session:
        return session.scalar(query.limit(1)) is not None


def _claim(session: Session, at: datetime, wanted: ColumnElement[bool]) -> int | None:
    """Take the oldest due message: its next try is put off, so nobody else takes it while it is sent."""
    due = (WebhookMessage.state == MessageState.PENDING, WebhookMessage.next_at <= at, wanted)
    oldest = (
        select(WebhookMessage.id).where(*due).order_by(WebhookMessage.next_at, WebhookMessage.id).limit(1)
    )
    claimed = (
        update(WebhookMessage)
        .where(WebhookMessage.id == oldest.scalar_subquery(), *due[:2])
        .values(next_at=at + LEASE, tries=WebhookMessage.tries + 1)
        .returning(WebhookMessage.id)
        .execution_options(synchronize_session=False)
    )
    return session.scalar(claimed)


def _send(workspace: Workspace, message_id: int) -> bool:
    """Send a message that was claimed; says whether it was taken."""
    with workspace.db.session() as session:
        message = session.get_one(WebhookMessage, message_id)
        webhook = session.get_one(Webhook, message.webhook_id)
    at, body = workspace.db.clock.now(), message.body.encode()
    headers = headers_of(service.secret_of(workspace.vault, webhook), message.public_id, at, body)
    client = HttpClient(workspace.guard, timeout=10, deadline=20, max_bytes=64_000, clock=workspace.db.clock)
    response, reason, wait = None, "", None
    try:
        # Twice does no harm, for the receiver knows the id; a redirect is not followed but is an answer like any other.
        response = client.request(
            "POST", webhook.url, headers=headers, data=body, idempotent=True, expect=ANY_STATUS
        )
    except ChannelError as error:
        reason = error.reason
        wait = error.after if isinstance(error, Retryable) else None
    finally:
        client.close()
    if response is not None and response.status not in TAKEN:
        reason, wait = f"answered {response.status}", retry_after(response.headers.get("Retry-After"), at)
    with workspace.db.transaction() as session:
        _settle(session, message_id, at, _heads(webhook, headers, response), reason, wait)
    return not reason


def _settle(
    session: Session,
    message_id: int,
    at: datetime,
    heads: tuple[str, str, int | None],
    reason: str,
    wait: timedelta | None,
) -> None:
    message = session.get(WebhookMessage, message_id)
    webhook = session.get(Webhook, message.webhook_id) if message is not None else None
    if message is None or webhook is None:  # removed while it was sent
        return
    message.request_head, message.response_head, message.status = heads
    message.reason = storable(reason)[:300]
    if not reason:
        message.state, message.next_at, message.settled_at = MessageState.DELIVERED, None, at
    elif message.tries > len(WAITS) or webhook.disabled_at is not None:
        message.state, message.next_at, message.settled_at = MessageState.FAILED, None, at
    else:
        message.next_at = at + max(WAITS[max(message.tries, 1) - 1], wait or timedelta())
    _note_health(session, webhook, at, message)


def _note_health(session: Session, webhook: Webhook, at: datetime, message: WebhookMessage) -> None:
    """Keep since when a webhook fails, apart from its version; switch it off when it is gone, or has failed for days."""
    if message.status == GONE:
        service.disable(session, webhook, "the receiver says that it is gone (410)")
    elif message.reason and webhook.failing_since and webhook.failing_since <= at - DISABLED_AFTER:
        service.disable(
            session, webhook, f"nothing was taken for {DISABLED_AFTER.days} days: {message.reason}"
        )
        log.warning("webhook %s is switched off: %s", webhook.public_id, message.reason)
    failing = (webhook.failing_since or at) if message.reason else None
    if failing != webhook.failing_since:
        session.execute(
            update(Webhook)
            .where(Webhook.id == webhook.id)
            .values(failing_since=failing)
            .execution_options(synchronize_session=False)
        )


def _heads(
    webhook: Webhook, headers: dict[str, str], response: HttpResponse | None
) -> tuple[str, str, int | None]:
    """Request and response without their bodies, as they are kept, and the status; the path of a chat is a key to it."""
    parts = urlsplit(webhook.url)
    path = "(hidden)" if webhook.chat else parts.path or "/"
    asked = [f"POST {path}", f"Host: {parts.netloc}", *(f"{k}: {v}" for k, v in headers.items())]
    if response is None:
        return "\n".join(asked), "", None
    told = [str(response.status), *(f"{name}: {value}" for name, value in response.headers.items())]
    return "\n".join(asked), storable("\n".join(told))[:MAX_HEAD], response.status
