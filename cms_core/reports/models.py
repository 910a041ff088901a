"""Rollups: what reports read instead of the raw events. A rebuild from the ledger gives the same rows."""

from datetime import date, datetime

from sqlalchemy import BigInteger, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from cms_core.db import Base


class Rollup(Base):
    """Number of events per campaign, publication, day (UTC), kind and agent class. 0 and "" stand for "none"."""

    __tablename__ = "core_rollup"

    campaign: Mapped[str] = mapped_column(String(120), primary_key=True)
    publication_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    day: Mapped[date] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(40), primary_key=True)
    agent_class: Mapped[str] = mapped_column(String(10), primary_key=True)
    channel: Mapped[str] = mapped_column(String(40), default="")
    asset_id: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    value_micros: Mapped[int] = mapped_column(BigInteger, default=0)


class PersonRollup(Base):
    """That a person (contact or visitor) did something in a campaign's publication, counted by human events only."""

    __tablename__ = "core_rollup_person"
    __table_args__ = (Index("ix_core_rollup_person_campaign", "campaign", "kind"),)

    publication_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    campaign: Mapped[str] = mapped_column(String(120), primary_key=True)
    kind: Mapped[str] = mapped_column(String(40), primary_key=True)
    person: Mapped[str] = mapped_column(String(80), primary_key=True)
    channel: Mapped[str] = mapped_column(String(40), default="")
    asset_id: Mapped[int] = mapped_column(default=0)
    first_at: Mapped[datetime]
