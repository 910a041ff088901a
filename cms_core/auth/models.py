"""Who signs in, and who did what."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from cms_core.db import Base, PublicId


class Role(StrEnum):
    """What a user is; permissions are given to roles (auth/service.py)."""

    ADMIN = "admin"
    MARKETER = "marketer"
    APPROVER = "approver"
    REP = "rep"
    VIEWER = "viewer"


class User(PublicId, Base):
    """Somebody who signs in. Raising ``session_epoch`` ends all sessions of the user."""

    __tablename__ = "core_user"

    email: Mapped[str] = mapped_column(String(320), unique=True)
    name: Mapped[str] = mapped_column(String(200), default="")
    role: Mapped[str] = mapped_column(String(20))
    password_hash: Mapped[str] = mapped_column(String(200), info={"secret": True})
    session_epoch: Mapped[int] = mapped_column(default=1)
    timezone: Mapped[str] = mapped_column(String(64), default="UTC")
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]


class AuditEntry(Base):
    """One change that somebody made; append-only."""

    __tablename__ = "core_audit"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("core_user.id"))
    via: Mapped[str] = mapped_column(String(20))
    action: Mapped[str] = mapped_column(String(20))
    kind: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(100))
    changes: Mapped[dict[str, Any]]

    __table_args__ = (Index("ix_core_audit_subject", "kind", "subject"),)
