"""Mail of the system with its log, links that are good once, and notices with who was told of them."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from cms_core.auth.models import User
from cms_core.db import Base, PublicId


class Purpose(StrEnum):
    """What a link lets its bearer do, or what a mail is for."""

    INVITATION = "invitation"
    RESET = "reset"
    CHANGED = "changed"
    NOTICE = "notice"
    TEST = "test"
    PLUGIN = "plugin"


class MailState(StrEnum):
    """``unknown``: it may have arrived, and is not repeated by itself; ``void``: what it was about had ended before."""

    PENDING = "pending"
    SENT = "sent"
    FAILED = "failed"
    UNKNOWN = "unknown"
    VOID = "void"


class AccessLink(PublicId, Base):
    """A link that is good once and for a time: to join (``email``, ``role``), or for a new password of ``user_id``.

    Its address is made from the id with a key of the workspace whenever it is needed, so no table holds what would open a door.
    """

    __tablename__ = "core_access_link"
    __table_args__ = (
        Index("ix_core_access_link_email", "purpose", "email"),
        {"info": {"secret": True}},
    )
    __audited__ = True

    purpose: Mapped[str] = mapped_column(String(12))
    email: Mapped[str] = mapped_column(String(320))
    name: Mapped[str] = mapped_column(String(200), default="")
    role: Mapped[str] = mapped_column(String(20), default="")
    user_id: Mapped[int | None] = mapped_column(ForeignKey("core_user.id"))
    made_by_id: Mapped[int | None] = mapped_column(ForeignKey("core_user.id"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]

    user: Mapped[User | None] = relationship(foreign_keys=[user_id])
    made_by: Mapped[User | None] = relationship(foreign_keys=[made_by_id])


class ResetRequest(Base):
    """That somebody typed this address under "Forgot password"; the worker finds out whether anybody has it."""

    __tablename__ = "core_reset_request"
    __table_args__ = {"info": {"secret": True}}

    address: Mapped[str] = mapped_column(String(320), primary_key=True)
    asked_at: Mapped[datetime]


class Mail(PublicId, Base):
    """A mail of the system itself, written in the transaction of its cause and sent by the worker.

    ``on_wire_at`` is committed before the write that can complete it at the server: from then on it is not repeated by itself.
    """

    __tablename__ = "core_mail"
    __table_args__ = (
        Index("ix_core_mail_due", "state", "next_at"),
        Index("ix_core_mail_user", "user_id", "purpose", "created_at"),
        {"info": {"secret": True}},
    )

    purpose: Mapped[str] = mapped_column(String(12))
    address: Mapped[str] = mapped_column(String(320))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("core_user.id"))
    link_id: Mapped[int | None] = mapped_column(ForeignKey("core_access_link.id", ondelete="CASCADE"))
    subject: Mapped[str] = mapped_column(String(200))
    body: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(10), default=MailState.PENDING)
    tries: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    next_at: Mapped[datetime | None]
    on_wire_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    code: Mapped[int | None]
    reason: Mapped[str] = mapped_column(String(300), default="")

    link: Mapped[AccessLink | None] = relationship()


class Notice(PublicId, Base):
    """Something that somebody should know: what it is about, the reason in words, and the page where it is mended.

    It concerns whoever has ``permission``, or one ``user_id``, but not ``except_id`` (who did it, and knows). At most one of a
    ``source`` and ``key`` is open; raised again it is counted (``times``), not told again. ``contact`` names a person in the
    audience who is mentioned, so that erasing them takes it away.
    """

    __tablename__ = "core_notice"
    __table_args__ = (
        Index(
            "uq_core_notice_open",
            "source",
            "key",
            unique=True,
            sqlite_where=text("resolved_at IS NULL"),
            postgresql_where=text("resolved_at IS NULL"),
        ),
        Index("ix_core_notice_last", "last_at"),
        Index("ix_core_notice_contact", "contact"),
    )

    source: Mapped[str] = mapped_column(String(60))
    kind: Mapped[str] = mapped_column(String(60))
    key: Mapped[str] = mapped_column(String(200))
    title: Mapped[str] = mapped_column(String(200))
    reason: Mapped[str] = mapped_column(String(1000), default="")
    path: Mapped[str] = mapped_column(String(500), default="")
    permission: Mapped[str] = mapped_column(String(100), default="")
    user_id: Mapped[int | None] = mapped_column(ForeignKey("core_user.id"))
    except_id: Mapped[int | None] = mapped_column(ForeignKey("core_user.id"))
    contact: Mapped[str | None] = mapped_column(String(36))
    urgent: Mapped[bool] = mapped_column(default=True)
    times: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    last_at: Mapped[datetime]
    resolved_at: Mapped[datetime | None]


class NoticeRead(Base):
    """That a user has seen a notice."""

    __tablename__ = "core_notice_read"

    notice_id: Mapped[int] = mapped_column(
        ForeignKey("core_notice.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    user_id: Mapped[int] = mapped_column(ForeignKey("core_user.id"), primary_key=True, autoincrement=False)
    at: Mapped[datetime]


class NoticeChoice(Base):
    """How a user wants to be mailed about a kind of notice: now, daily or never."""

    __tablename__ = "core_notice_choice"

    user_id: Mapped[int] = mapped_column(ForeignKey("core_user.id"), primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(String(60), primary_key=True)
    how: Mapped[str] = mapped_column(String(10))


class NoticePost(Base):
    """That a notice is still to be told to a user by mail, or to a webhook; gathered into one letter when it is due."""

    __tablename__ = "core_notice_post"
    __table_args__ = (
        UniqueConstraint("notice_id", "user_id"),
        UniqueConstraint("notice_id", "webhook_id"),
        Index("ix_core_notice_post_due", "due_at"),
        {"info": {"secret": True}},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    notice_id: Mapped[int] = mapped_column(ForeignKey("core_notice.id", ondelete="CASCADE"))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("core_user.id"))
    webhook_id: Mapped[int | None] = mapped_column(ForeignKey("core_webhook.id", ondelete="CASCADE"))
    due_at: Mapped[datetime]
