"""Rollups: what reports read instead of the raw events. A rebuild from the ledger gives the same rows."""

from datetime import date, datetime

from sqlalchemy import BigInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from cms_core.db import Base

# On SQLite the key is the table: such narrow rows need no second copy of it.
_OPTIONS = {"info": {"not_taken": "made from the events"}, "sqlite_with_rowid": False}


class Rollup(Base):
    """Number of events per campaign, publication, day (UTC), kind and agent class. 0 and "" stand for "none".

    ``value_micros`` adds up values whatever they are of: read amounts of money from the events.
    The key is in the order in which days are added up.
    """

    __tablename__ = "core_rollup"
    __table_args__ = _OPTIONS

    campaign: Mapped[str] = mapped_column(String(120), primary_key=True)
    publication_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    channel: Mapped[str] = mapped_column(String(40), primary_key=True, default="")
    asset_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, default=0)
    kind: Mapped[str] = mapped_column(String(40), primary_key=True)
    agent_class: Mapped[str] = mapped_column(String(10), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    total: Mapped[int] = mapped_column(default=0)
    value_micros: Mapped[int] = mapped_column(BigInteger, default=0)


class PersonRollup(Base):
    """That a person did something in a campaign, by human events only: who they are is ``c<contact>`` or ``v:<visitor>``.

    The key begins with what tells whether somebody is new in a campaign: that is asked of each person of each batch.
    """

    __tablename__ = "core_rollup_person"
    __table_args__ = _OPTIONS

    campaign: Mapped[str] = mapped_column(String(120), primary_key=True)
    kind: Mapped[str] = mapped_column(String(40), primary_key=True)
    person: Mapped[str] = mapped_column(String(80), primary_key=True)
    channel: Mapped[str] = mapped_column(String(40), primary_key=True, default="")
    asset_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, default=0)
    publication_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    first_at: Mapped[datetime]


class ContactRollup(Base):
    """How many different contacts opened or clicked, counted anew at each level: who opened two mails is one of the campaign.

    ``level`` is "campaign", "channel" or "asset"; only what it names is filled. Made from ``PersonRollup``.
    """

    __tablename__ = "core_rollup_contacts"
    __table_args__ = _OPTIONS

    campaign: Mapped[str] = mapped_column(String(120), primary_key=True)
    kind: Mapped[str] = mapped_column(String(40), primary_key=True)
    level: Mapped[str] = mapped_column(String(10), primary_key=True)
    channel: Mapped[str] = mapped_column(String(40), primary_key=True, default="")
    asset_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, default=0)
    contacts: Mapped[int]
