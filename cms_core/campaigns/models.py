"""Campaigns and what stands on the calendar."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, DateTime, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from cms_core.connections.models import Connection
from cms_core.content.models import Asset
from cms_core.db import Base, PublicId

OF_PLUGINS = "substr(source, 1, 7) = 'plugin:'"  # a plugin's entry has a key of its own in ``source``
FLIGHTS = "kind = 'flight'"


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


class Policy(StrEnum):
    """What a window on the calendar does to entries in it: refuse, remark, put after it, or only show it."""

    BLOCK = "block"
    WARN = "warn"
    DEFER = "defer"
    SHOW = "show"


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


class Series(PublicId, Base):
    """Entries that come again: ``rrule`` over the wall clock of ``tz``, counted from ``start``.

    ``first`` and ``until`` (wall clock of the rule; included, not included) bound what the rule gives, and ``shift`` (seconds on
    the wall clock) moves all of it: so an occurrence keeps its identity, the rule's own wall clock, wherever it is moved.
    Occurrences stand on the calendar up to ``made_until``; ``armed``: those made from now on go out by themselves.
    """

    __tablename__ = "core_series"
    __table_args__ = (Index("ix_core_series_made_until", "made_until"),)

    title: Mapped[str] = mapped_column(String(500))
    kind: Mapped[str] = mapped_column(String(20))
    rrule: Mapped[str] = mapped_column(String(500))
    start: Mapped[datetime] = mapped_column(DateTime(timezone=False))
    first: Mapped[datetime | None] = mapped_column(DateTime(timezone=False))
    until: Mapped[datetime | None] = mapped_column(DateTime(timezone=False))
    tz: Mapped[str] = mapped_column(String(64))
    shift: Mapped[int] = mapped_column(default=0)
    made_until: Mapped[datetime | None]
    armed: Mapped[bool] = mapped_column(default=False)
    campaign_id: Mapped[int | None] = mapped_column(ForeignKey("core_campaign.id"), index=True)
    asset_id: Mapped[int | None] = mapped_column(ForeignKey("core_asset.id"))
    channel: Mapped[str] = mapped_column(String(40), default="")
    connection_id: Mapped[int | None] = mapped_column(ForeignKey("core_connection.id"))
    segment_id: Mapped[int | None] = mapped_column(ForeignKey("core_segment.id"))
    created_at: Mapped[datetime]
    row_version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": row_version}


class Entry(PublicId, Base):
    """What stands on the calendar.

    Time: ``mode`` with ``wall`` (naive wall clock) and ``tz``; ``instant`` is derived from them (UTC) and is what is sorted and
    queried; ``tzdata`` is the version of the zone rules it was derived with. Mode "recipient_local" means the wall clock of
    each recipient; ``tz`` is then the zone of those whose own is not known. ``after_id``, ``offset`` and ``condition`` are for mode
    "after"; ``slot_at`` is the slot of its connection that it holds; ``series_id`` and ``original_wall`` say which occurrence of a
    series it is. ``deferred`` names the window that put it later than was asked for.
    """

    __tablename__ = "core_entry"
    __table_args__ = (
        Index("ix_core_entry_instant", "instant", "id"),
        Index("ix_core_entry_campaign", "campaign_id", "instant"),
        Index(
            "ix_core_entry_flight",
            "ends_at",
            sqlite_where=text(FLIGHTS),
            postgresql_where=text(FLIGHTS),
        ),
        Index(
            "uq_core_entry_plugin",
            "source",
            unique=True,
            sqlite_where=text(OF_PLUGINS),
            postgresql_where=text(OF_PLUGINS),
        ),
        Index(
            "ix_core_entry_slot",
            "connection_id",
            "slot_at",
            unique=True,
            sqlite_where=text("slot_at IS NOT NULL"),
            postgresql_where=text("slot_at IS NOT NULL"),
        ),
        Index(
            "ix_core_entry_series",
            "series_id",
            "original_wall",
            unique=True,
            sqlite_where=text("series_id IS NOT NULL"),
            postgresql_where=text("series_id IS NOT NULL"),
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
    condition: Mapped[str] = mapped_column(String(10), default="")
    slot_at: Mapped[datetime | None]
    series_id: Mapped[int | None] = mapped_column(ForeignKey("core_series.id"))
    original_wall: Mapped[datetime | None] = mapped_column(DateTime(timezone=False))
    deferred: Mapped[str] = mapped_column(String(300), default="")
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
    series: Mapped[Series | None] = relationship()

    __mapper_args__ = {"version_id_col": row_version}


class Blackout(PublicId, Base):
    """Times in which nothing, or only with a remark, shall go out: a window, one that comes again (``rrule``), or holidays.

    A window lies between two wall clocks of ``tz``. Holidays are whole days there, those of ``country`` and ``subdivision``.
    Without a campaign or a connection it holds for all of them.
    """

    __tablename__ = "core_blackout"

    name: Mapped[str] = mapped_column(String(200), unique=True)
    policy: Mapped[str] = mapped_column(String(10))
    tz: Mapped[str] = mapped_column(String(64))
    starts: Mapped[datetime | None] = mapped_column(DateTime(timezone=False))
    ends: Mapped[datetime | None] = mapped_column(DateTime(timezone=False))
    rrule: Mapped[str] = mapped_column(String(500), default="")
    country: Mapped[str] = mapped_column(String(10), default="")
    subdivision: Mapped[str] = mapped_column(String(20), default="")
    campaign_id: Mapped[int | None] = mapped_column(ForeignKey("core_campaign.id"), index=True)
    connection_id: Mapped[int | None] = mapped_column(ForeignKey("core_connection.id"), index=True)
    created_at: Mapped[datetime]


class Slot(Base):
    """A time of the week at which a connection likes to post: ``weekday`` (Monday is 0) and ``minute`` of the day in ``tz``."""

    __tablename__ = "core_slot"
    __table_args__ = (UniqueConstraint("connection_id", "weekday", "minute"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey("core_connection.id"))
    weekday: Mapped[int]
    minute: Mapped[int]
    tz: Mapped[str] = mapped_column(String(64))


class Feed(Base):
    """The secret address under which a user's calendar programs read the calendar; only the hash of its token is kept."""

    __tablename__ = "core_feed"

    user_id: Mapped[int] = mapped_column(ForeignKey("core_user.id"), primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime]
