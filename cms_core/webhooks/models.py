"""Webhooks and the messages that each is sent."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from cms_core.db import Base, PublicId


class MessageState(StrEnum):
    """Pending is sent again until it is delivered or 24 hours old."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


class Webhook(PublicId, Base):
    """An address that is told of events of some kinds (none named: all). ``secret`` is encrypted by the vault.

    A ``chat`` is sent what chats take, {"text": …}, and notices alone.
    """

    __tablename__ = "core_webhook"
    __table_args__ = {"info": {"secret": True}}

    url: Mapped[str] = mapped_column(Text, info={"secret": True})  # that of a chat is a key to it
    kinds: Mapped[list[Any]]
    chat: Mapped[bool] = mapped_column(default=False)
    secret: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    failing_since: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]
    disabled_reason: Mapped[str] = mapped_column(String(300), default="")
    row_version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": row_version}


class WebhookMessage(PublicId, Base):
    """One event for one webhook. ``public_id`` is its ``webhook-id``, the same however often it is sent.

    ``request_head`` and ``response_head`` are those of the last try; no secret stands in them.
    """

    __tablename__ = "core_webhook_message"
    __table_args__ = (
        UniqueConstraint("webhook_id", "event"),
        Index("ix_core_webhook_message_due", "webhook_id", "state", "next_at"),
        Index("ix_core_webhook_message_settled", "settled_at"),
        {"info": {"secret": True}},
    )

    webhook_id: Mapped[int] = mapped_column(ForeignKey("core_webhook.id", ondelete="CASCADE"))
    event: Mapped[str] = mapped_column(String(36))
    kind: Mapped[str] = mapped_column(String(40))
    body: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(10), default=MessageState.PENDING)
    tries: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    next_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    status: Mapped[int | None]
    reason: Mapped[str] = mapped_column(String(300), default="")
    request_head: Mapped[str] = mapped_column(Text, default="")
    response_head: Mapped[str] = mapped_column(Text, default="")

    webhook: Mapped[Webhook] = relationship()
