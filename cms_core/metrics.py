"""The figures of a workspace in Prometheus' text format: for those who watch it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

import cms_core
from cms_core.connections.models import Connection, ConnectionState
from cms_core.db import now
from cms_core.notices.models import Mail, MailState, Notice
from cms_core.publishing import status
from cms_core.publishing.models import DeliveryState, PublicationState
from cms_core.webhooks.models import MessageState, Webhook, WebhookMessage
from cms_core.workspace import Workspace

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True)
class Gauge:
    """One figure, or one for each value of a label; those that are not known are left out."""

    name: str
    about: str
    values: Mapping[str, float | None]
    label: str = ""

    def lines(self) -> Iterator[str]:
        yield f"# HELP cms_{self.name} {self.about}"
        yield f"# TYPE cms_{self.name} gauge"
        for value, number in self.values.items():
            if number is not None:
                label = f'{{{self.label}="{value}"}}' if self.label else ""
                yield (
                    f"cms_{self.name}{label} {number:g}"
                    if number < 1e6
                    else f"cms_{self.name}{label} {number:.0f}"
                )


def text(workspace: Workspace) -> str:
    """All figures; labels are states and versions of our own, so nothing in them needs to be escaped."""
    with workspace.db.session() as session:
        gauges = [*_publishing(session, workspace), *_accounts(session), *_telling(session)]
    closed = Gauge(
        "fence_closed", "1 while nothing may be published.", _one(workspace.fence.reason is not None)
    )
    version = Gauge("info", "The version of cms-core.", {cms_core.__version__: 1}, "version")
    return "".join(f"{line}\n" for gauge in [version, closed, *gauges] for line in gauge.lines())


def _one(value: float | None) -> Mapping[str, float | None]:
    return {"": value}


def _publishing(session: Session, workspace: Workspace) -> Iterator[Gauge]:
    found, present = status.document(session, workspace), now(session)
    publications = {each.value: found["publications"].get(each, 0) for each in PublicationState}
    deliveries = {each.value: found["deliveries"].get(each, 0) for each in DeliveryState}
    worker = found["worker"]
    seen = _age(present, worker["seen_at"]) if worker else None
    yield Gauge("due", "Publications that are due and not taken yet.", _one(found["due"]))
    yield Gauge(
        "oldest_due_seconds", "How long the oldest of them waits.", _one(found["oldest_due_seconds"] or 0)
    )
    yield Gauge("publications", "Publications by state.", publications, "state")
    yield Gauge("deliveries", "Deliveries by state.", deliveries, "state")
    yield Gauge(
        "sent_today", "Deliveries that servers have accepted since midnight (UTC).", _one(found["sent_today"])
    )
    yield Gauge("worker_heartbeat_age_seconds", "Since the last sign of life of a worker.", _one(seen))
    yield Gauge("worker_alive", "1 while a worker is at work.", _one(bool(worker and worker["alive"])))
    yield Gauge("plugins_in_error", "Plugins that could not be loaded.", _one(len(found["plugins_in_error"])))


def _accounts(session: Session) -> Iterator[Gauge]:
    count = select(func.count()).select_from(Connection)
    resting = session.scalar(count.where(Connection.probe_at.is_not(None)))
    broken = session.scalar(count.where(Connection.state == ConnectionState.BROKEN))
    yield Gauge("connections_resting", "Connections whose circuit is open.", _one(resting))
    yield Gauge("connections_broken", "Connections that a person must mend.", _one(broken))


def _telling(session: Session) -> Iterator[Gauge]:
    """What waits to be told; a message to a webhook that is switched off waits for nothing."""
    messages = select(func.count()).select_from(WebhookMessage).join(Webhook)
    pending = messages.where(WebhookMessage.state == MessageState.PENDING, Webhook.disabled_at.is_(None))
    mails = select(func.count()).select_from(Mail).where(Mail.state == MailState.PENDING)
    notices = select(func.count()).select_from(Notice).where(Notice.resolved_at.is_(None))
    yield Gauge("webhook_messages_pending", "Messages to webhooks that wait.", _one(session.scalar(pending)))
    yield Gauge("mails_pending", "Mails of the system that wait.", _one(session.scalar(mails)))
    yield Gauge("notices_open", "Notices that are not settled.", _one(session.scalar(notices)))


def _age(present: datetime, at: datetime) -> float:
    return max(0.0, (present - at).total_seconds())
