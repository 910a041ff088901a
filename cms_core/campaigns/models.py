"""Campaigns and what stands on the calendar."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, DateTime, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from cms_core.connections.models import Connection
from cms_core.content.models import Asset
from cms_core.db import Base, PublicId

OF_PLUGINS = "substr(source, 1, 7) = 'plugin:'"  # a plugin's entry has a key of its own in ``source``


class EntryKind(StrEnum):
    """What an entry is: something to publish, a thing to do, a date to reach, or a period (ads)."""

    PUBLISH = "publish"
    TASK = "task"
    MILESTONE = "milestone"
    FLIGHT = "flight"


class EntryState(StrEnum):
    """Planned is intent; armed goes out by itself; done has gone out (or was ticked off); dropped stays for the record."""

    PLANNED = "planned"
    ARMED = "armed"
    DONE = "done"
    DROPPED = "dropped"


class Campaign(PublicId, Base):
    """A campaign. ``key`` is its value in utm_campaign and in events; it never changes."""

    __tablename__ = "core_campaign"

    name: Mapped[str] = mapped_column(String(200), unique=True)
    key: Mapped[str] = mapped_column(String(120), unique=True)
    goal: Mapped[str] = mapped_column(Text, default="")
    budget_micros: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3), default="")
    tz: Mapped[str] = mapped_column(String(64))
    utm: Mapped[dict[str, Any]]
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    created_at: Mapped[datetime]
    row_version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": row_version}


class Entry(PublicId, Base):
    """What stands on the calendar.

    Time: ``mode`` with ``wall`` (naive wall clock) and ``tz``; ``instant`` is derived from them (UTC) and is what is sorted and
    queried; ``tzdata`` is the version of the zone rules it was derived with. ``after_id`` and ``offset`` for mode "after".
    """

    __tablename__ = "core_entry"
    __table_args__ = (
        Index("ix_core_entry_instant", "instant", "id"),
        Index("ix_core_entry_campaign", "campaign_id", "instant"),
        Index(
            "uq_core_entry_plugin",
            "source",
            unique=True,
            sqlite_where=text(OF_PLUGINS),
            postgresql_where=text(OF_PLUGINS),
        ),
    )

    campaign_id: Mapped[int | None] = mapped_column(ForeignKey("core_campaign.id"))
    kind: Mapped[str] = mapped_column(String(20), default=EntryKind.PUBLISH)
    title: Mapped[str] = mapped_column(String(500))
    mode: Mapped[str] = mapped_column(String(20))
    wall: Mapped[datetime | None] = mapped_column(DateTime(timezone=False))
    tz: Mapped[str] = mapped_column(String(64))
    instant: Mapped[datetime]
    after_id: Mapped[int | None] = mapped_column(ForeignKey("core_entry.id"), index=True)
    offset: Mapped[str] = mapped_column(String(40), default="")
    tzdata: Mapped[str] = mapped_column(String(20), default="")
    ends_at: Mapped[datetime | None]
    state: Mapped[str] = mapped_column(String(20), default=EntryState.PLANNED, index=True)
    asset_id: Mapped[int | None] = mapped_column(ForeignKey("core_asset.id"), index=True)
    channel: Mapped[str] = mapped_column(String(40), default="")
    connection_id: Mapped[int | None] = mapped_column(ForeignKey("core_connection.id"), index=True)
    segment_id: Mapped[int | None] = mapped_column(ForeignKey("core_segment.id"), index=True)
    assignee_id: Mapped[int | None] = mapped_column(ForeignKey("core_user.id"))
    budget_micros: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3), default="")
    source: Mapped[str] = mapped_column(String(200), default="")
    created_at: Mapped[datetime]
    row_version: Mapped[int] = mapped_column(default=1)

    campaign: Mapped[Campaign | None] = relationship()
    asset: Mapped[Asset | None] = relationship()
    connection: Mapped[Connection | None] = relationship()

    __mapper_args__ = {"version_id_col": row_version}
