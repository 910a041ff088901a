"""Points of contacts, what marketing handed over to sales, and deals. Contacts and companies are named by their public ids."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import BigInteger, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from cms_core import Base, PublicId


class Lead(Base):
    """The points of a contact at ``as_of``; ``crossings``: how often they rose to the threshold, ``above``: they are there now."""

    __tablename__ = "leads_lead"
    __table_args__ = (Index("ix_leads_lead_points", "points", "contact"),)

    contact: Mapped[str] = mapped_column(String(36), primary_key=True)
    points: Mapped[int] = mapped_column(default=0)
    as_of: Mapped[datetime]
    above: Mapped[bool] = mapped_column(default=False)
    crossings: Mapped[int] = mapped_column(default=0)


class HandoffState(StrEnum):
    """``waiting`` for an answer of sales; ``accepted`` or ``returned`` by it."""

    WAITING = "waiting"
    ACCEPTED = "accepted"
    RETURNED = "returned"


class Handoff(PublicId, Base):
    """A contact that marketing handed over to sales when its points crossed the threshold, and what sales said."""

    __tablename__ = "leads_handoff"
    __table_args__ = (
        UniqueConstraint("contact", "crossing"),
        Index("ix_leads_handoff_state", "state", "due_at"),
    )
    __audited__ = True

    contact: Mapped[str] = mapped_column(String(36))
    crossing: Mapped[int]
    points: Mapped[int]
    state: Mapped[str] = mapped_column(String(10), default=HandoffState.WAITING)
    at: Mapped[datetime]
    due_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str] = mapped_column(String(320), default="")
    reason: Mapped[str] = mapped_column(String(40), default="")
    note: Mapped[str] = mapped_column(String(1000), default="")


class Result(StrEnum):
    """How a deal stands: ``open``, or how it ended."""

    OPEN = "open"
    WON = "won"
    LOST = "lost"


class Deal(PublicId, Base):
    """A possible sale. ``identity`` tells it from all others: its id in another system, else its name and company.

    ``outcomes`` counts the events that it has put into the ledger; ``closed_at`` is set when it ended, ``expected_on`` is a guess.
    """

    __tablename__ = "leads_deal"
    __table_args__ = (Index("ix_leads_deal_company", "company"),)
    __audited__ = True

    identity: Mapped[str] = mapped_column(String(900), unique=True)
    external_id: Mapped[str] = mapped_column(String(200), default="")
    name: Mapped[str] = mapped_column(String(200))
    company: Mapped[str | None] = mapped_column(String(36))
    amount_micros: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3), default="")
    stage: Mapped[str] = mapped_column(String(100), default="")
    outcome: Mapped[str] = mapped_column(String(4), default=Result.OPEN)
    owner: Mapped[str] = mapped_column(String(200), default="")
    expected_on: Mapped[date | None]
    closed_at: Mapped[datetime | None]
    outcomes: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    row_version: Mapped[int] = mapped_column(default=1)
    people: Mapped[list["DealContact"]] = relationship(
        cascade="all, delete-orphan", order_by="DealContact.position", lazy="selectin"
    )

    __mapper_args__ = {"version_id_col": row_version}


class DealContact(Base):
    """That a contact has to do with a deal; the one at the first position stands for it in the ledger."""

    __tablename__ = "leads_deal_contact"
    __table_args__ = (Index("ix_leads_deal_contact_contact", "contact"),)

    deal_id: Mapped[int] = mapped_column(ForeignKey("leads_deal.id", ondelete="CASCADE"), primary_key=True)
    contact: Mapped[str] = mapped_column(String(36), primary_key=True)
    position: Mapped[int] = mapped_column(default=0)


class Mark(Base):
    """Up to when a reader of the ledger has looked."""

    __tablename__ = "leads_mark"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    at: Mapped[datetime]
