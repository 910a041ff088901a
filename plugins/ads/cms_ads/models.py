"""Flights as they were started, what vendors say they cost, to what it belongs, and what the guard has done."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from cms_core import Base


class Running(Base):
    """A flight as the channel knows it: ``key`` is its publication; state running, paused or ended."""

    __tablename__ = "ads_running"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(36), unique=True)
    shown: Mapped[str] = mapped_column(String(36))
    connection: Mapped[str] = mapped_column(String(100))
    title: Mapped[str] = mapped_column(String(500))
    state: Mapped[str] = mapped_column(String(10))
    changed_at: Mapped[datetime]


class Cost(Base):
    """What a vendor says of one of its campaigns for some days (mostly one), in the account's currency; the newest one counts."""

    __tablename__ = "ads_cost"
    __table_args__ = (
        UniqueConstraint("vendor", "account", "name", "day", "until", "currency", name="uq_ads_cost_place"),
        Index("ix_ads_cost_day", "day"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    vendor: Mapped[str] = mapped_column(String(20))
    account: Mapped[str] = mapped_column(String(200))
    name: Mapped[str] = mapped_column(String(300))
    utm: Mapped[str] = mapped_column(String(120))
    day: Mapped[date]
    until: Mapped[date]
    currency: Mapped[str] = mapped_column(String(3))
    cost_micros: Mapped[int] = mapped_column(BigInteger)
    clicks: Mapped[int] = mapped_column(BigInteger)
    impressions: Mapped[int] = mapped_column(BigInteger)
    source: Mapped[str] = mapped_column(String(200))
    imported_at: Mapped[datetime]


class Mapping(Base):
    """That a vendor's campaign (by its folded name) is one of ours (by its key)."""

    __tablename__ = "ads_mapping"
    __audited__ = True

    name: Mapped[str] = mapped_column(String(300), primary_key=True)
    campaign: Mapped[str] = mapped_column(String(120))


class Rate(Base):
    """What one unit of a currency was worth in another one on a day; the number as it was written, so that it stays exact."""

    __tablename__ = "ads_rate"

    base: Mapped[str] = mapped_column(String(3), primary_key=True)
    quote: Mapped[str] = mapped_column(String(3), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    value: Mapped[str] = mapped_column(String(40))


class Told(Base):
    """The number that reports were told last of a campaign or flight; told again only when it is another one."""

    __tablename__ = "ads_told"

    campaign: Mapped[str] = mapped_column(String(120), primary_key=True)
    publication: Mapped[str] = mapped_column(String(36), primary_key=True)
    metric: Mapped[str] = mapped_column(String(40), primary_key=True)
    currency: Mapped[str] = mapped_column(String(3), primary_key=True)
    value_micros: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime]


class Guarded(Base):
    """How far the spend of a flight or campaign has crossed its budget: 0, 1 (warned), 2 (stopped); ``crossing`` counts.

    ``stops``: the flights (publications) that were to be paused since, each with why it could not be, or "" when it was.
    """

    __tablename__ = "ads_guarded"

    kind: Mapped[str] = mapped_column(String(10), primary_key=True)
    subject: Mapped[str] = mapped_column(String(120), primary_key=True)
    level: Mapped[int] = mapped_column(default=0)
    crossing: Mapped[int] = mapped_column(default=0)
    words: Mapped[str] = mapped_column(Text, default="")
    stops: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default="{}")
    changed_at: Mapped[datetime]
