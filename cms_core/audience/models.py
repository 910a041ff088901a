"""People, companies, what they agreed to, and the groups they belong to."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, validates

from cms_core.db import Base, Ledger, PublicId, ledger_index


class Company(PublicId, Base):
    """A company; ``key`` is its name without regard to case and spaces, ``domain`` that of its addresses ("" unknown).

    ``extra`` holds the workspace's own fields.
    """

    __tablename__ = "core_company"
    __table_args__ = (
        Index(
            "ix_core_company_domain",
            "domain",
            unique=True,
            sqlite_where=text("domain != ''"),
            postgresql_where=text("domain != ''"),
        ),
    )

    name: Mapped[str] = mapped_column(String(200))
    key: Mapped[str] = mapped_column(String(600), unique=True)
    domain: Mapped[str] = mapped_column(String(253), default="")
    extra: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]


class Contact(PublicId, Base):
    """A person. ``email`` is lower-cased and unique; ``address_hash`` is its keyed hash, which survives erasure.

    ``domain`` is what stands behind its @-sign, so that a company finds those of its domain who have none.
    """

    __tablename__ = "core_contact"
    __table_args__ = (
        Index("ix_core_contact_country", "country"),
        Index(
            "ix_core_contact_domain",
            "domain",
            sqlite_where=text("company_id IS NULL"),
            postgresql_where=text("company_id IS NULL"),
        ),
        Index(  # few are merged, and whoever reads what people did asks for all of them
            "ix_core_contact_merged",
            "merged_into_id",
            sqlite_where=text("merged_into_id IS NOT NULL"),
            postgresql_where=text("merged_into_id IS NOT NULL"),
        ),
    )

    email: Mapped[str | None] = mapped_column(String(320), unique=True)
    domain: Mapped[str] = mapped_column(String(255), default="")
    address_hash: Mapped[str | None] = mapped_column(String(43), index=True)
    first_name: Mapped[str] = mapped_column(String(200), default="")
    last_name: Mapped[str] = mapped_column(String(200), default="")
    company_id: Mapped[int | None] = mapped_column(ForeignKey("core_company.id"), index=True)
    country: Mapped[str] = mapped_column(String(80), default="")
    language: Mapped[str] = mapped_column(String(35), default="")
    timezone: Mapped[str] = mapped_column(String(64), default="")
    extra: Mapped[dict[str, Any]]
    source: Mapped[str] = mapped_column(String(100), default="")
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    merged_into_id: Mapped[int | None] = mapped_column(ForeignKey("core_contact.id"))
    erased_at: Mapped[datetime | None]

    @validates("email")
    def _note_domain(self, _: str, email: str | None) -> str | None:
        self.domain = domain_part(email)
        return email


def domain_part(email: str | None) -> str:
    """What stands behind the @-sign of an address; "" for none."""
    return email.rpartition("@")[2] if email else ""


class CustomField(Base):
    """A contact field of the workspace's own; ``name`` is its key in ``Contact.extra`` and in segment rules."""

    __tablename__ = "core_field"

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    label: Mapped[str] = mapped_column(String(200))
    type: Mapped[str] = mapped_column(String(10), default="text")


class ContactChange(Ledger, Base):
    """That a contact changed; read by plugins through cursors."""

    __tablename__ = "core_contact_change"
    __table_args__ = (ledger_index("core_contact_change"),)

    contact_id: Mapped[int] = mapped_column(ForeignKey("core_contact.id"))
    change: Mapped[str] = mapped_column(String(20))
    fields: Mapped[list[Any]]
    at: Mapped[datetime]


class Visitor(Base):
    """Who an anonymous visitor of the public site turned out to be; the ledger stays as it is, readers join through this."""

    __tablename__ = "core_visitor"

    visitor: Mapped[str] = mapped_column(String(64), primary_key=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("core_contact.id"), index=True)
    at: Mapped[datetime]


class ConsentAction(StrEnum):
    """What a person said about being addressed; the newest entry per channel and topic is in force."""

    GRANTED = "granted"
    CONFIRMED = "confirmed"
    WITHDRAWN = "withdrawn"
    OBJECTED = "objected"


class Consent(Base):
    """One statement of a contact about one channel and topic; append-only, the row with the highest id is in force."""

    __tablename__ = "core_consent"
    __table_args__ = (Index("ix_core_consent_current", "contact_id", "channel", "topic", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("core_contact.id"))
    channel: Mapped[str] = mapped_column(String(40))
    topic: Mapped[str] = mapped_column(String(60), default="")
    action: Mapped[str] = mapped_column(String(10))
    basis: Mapped[str] = mapped_column(String(60), default="")
    source: Mapped[str] = mapped_column(String(100), default="")
    evidence: Mapped[dict[str, Any]]
    at: Mapped[datetime]


class Suppression(Base):
    """An address that must not be reached on a channel ("" = all); only its keyed hash is kept."""

    __tablename__ = "core_suppression"
    __table_args__ = (UniqueConstraint("address_hash", "channel", "scope"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    address_hash: Mapped[str] = mapped_column(String(43))
    channel: Mapped[str] = mapped_column(String(40), default="")
    scope: Mapped[str] = mapped_column(String(60), default="global")
    reason: Mapped[str] = mapped_column(String(200))
    at: Mapped[datetime]
    until: Mapped[datetime | None]


class Erasure(Base):
    """That a contact was erased; it is complete when no plugin in ``pending`` still has to delete what it keeps."""

    __tablename__ = "core_erasure"

    contact_id: Mapped[int] = mapped_column(ForeignKey("core_contact.id"), primary_key=True)
    asked_at: Mapped[datetime]
    pending: Mapped[list[Any]]
    tries: Mapped[int] = mapped_column(default=0)
    completed_at: Mapped[datetime | None]


class Segment(PublicId, Base):
    """A group of contacts: by ``rule``, or static (rule empty) by its member rows."""

    __tablename__ = "core_segment"

    name: Mapped[str] = mapped_column(String(120), unique=True)
    rule: Mapped[str] = mapped_column(Text, default="")
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    row_version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": row_version}


class SegmentMember(Base):
    """That a contact belongs to a static segment."""

    __tablename__ = "core_segment_member"

    segment_id: Mapped[int] = mapped_column(ForeignKey("core_segment.id"), primary_key=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("core_contact.id"), primary_key=True, index=True)


class Cap(PublicId, Base):
    """Nobody gets more than ``most`` messages within ``days`` days on a channel ("": on all of them together)."""

    __tablename__ = "core_cap"
    __table_args__ = (UniqueConstraint("days", "channel"),)

    most: Mapped[int]
    days: Mapped[int]
    channel: Mapped[str] = mapped_column(String(40), default="")
    created_at: Mapped[datetime]


class QuietHours(Base):
    """Between two minutes of the day, by the clock of the recipient, a channel sends nothing."""

    __tablename__ = "core_quiet_hours"

    id: Mapped[int] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(String(40), unique=True)
    starts: Mapped[int]
    ends: Mapped[int]
    created_at: Mapped[datetime]
