"""Who signs in, and who did what."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

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


class ApiToken(PublicId, Base):
    """A key to the REST interface in the name of its user; kept as a hash. ``prefix`` is its first characters, to know it by."""

    __tablename__ = "core_api_token"
    __table_args__ = {"info": {"secret": True}}

    user_id: Mapped[int] = mapped_column(ForeignKey("core_user.id"), index=True)
    name: Mapped[str] = mapped_column(String(100), default="")
    prefix: Mapped[str] = mapped_column(String(12))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    scopes: Mapped[list[Any]]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    row_version: Mapped[int] = mapped_column(default=1)

    user: Mapped[User] = relationship(lazy="joined")

    __mapper_args__ = {"version_id_col": row_version}


class IdempotencyKey(Base):
    """One key of one token: written in the transaction of what the call does, so both are there or neither is.

    ``answer`` (status, headers, body) is encrypted, for some answers show a secret once.
    """

    __tablename__ = "core_idempotency_key"
    __table_args__ = (UniqueConstraint("token_id", "key"), {"info": {"secret": True}})

    id: Mapped[int] = mapped_column(primary_key=True)
    token_id: Mapped[int] = mapped_column(ForeignKey("core_api_token.id"))
    key: Mapped[str] = mapped_column(String(255))
    request_hash: Mapped[str] = mapped_column(String(64))
    answer: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime] = mapped_column(index=True)


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
