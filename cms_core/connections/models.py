"""Connected accounts of channels, and the settings of plugins."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Double, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from cms_core.db import Base, PublicId


class ConnectionState(StrEnum):
    """``new``: never tried; ``ok``: the last test or use worked; ``broken``: a person must reconnect."""

    NEW = "new"
    OK = "ok"
    BROKEN = "broken"


class Connection(PublicId, Base):
    """A connected account of a channel. ``secrets`` is encrypted JSON and never leaves the server; it ends at ``expires_at``.

    ``failures`` are those in a row; from ``LIMIT`` on (circuit.py) nothing is tried before ``probe_at``.
    """

    __tablename__ = "core_connection"
    __table_args__ = (UniqueConstraint("channel", "name"),)

    channel: Mapped[str] = mapped_column(String(40))
    name: Mapped[str] = mapped_column(String(100))
    settings: Mapped[dict[str, Any]]
    secrets: Mapped[str] = mapped_column(Text, default="", info={"secret": True})
    state: Mapped[str] = mapped_column(String(20), default=ConnectionState.NEW)
    reason: Mapped[str] = mapped_column(Text, default="")
    identity: Mapped[str] = mapped_column(Text, default="")
    checked_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(default=0)
    circuit_reason: Mapped[str] = mapped_column(Text, default="")
    probe_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    row_version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": row_version}


class Bucket(Base):
    """What a connection may send at ``at``, as a whole (domain "") or to one domain: see ``throttle.py``."""

    __tablename__ = "core_bucket"
    __table_args__ = {"info": {"not_taken": "tells how fast something was sent a moment ago"}}

    connection_id: Mapped[int] = mapped_column(ForeignKey("core_connection.id"), primary_key=True)
    domain: Mapped[str] = mapped_column(String(255), primary_key=True)
    tokens: Mapped[float] = mapped_column(Double)
    at: Mapped[datetime]


class PluginSettings(Base):
    """The settings of one plugin; secret fields stand encrypted in ``secrets``."""

    __tablename__ = "core_plugin_settings"

    plugin: Mapped[str] = mapped_column(String(40), primary_key=True)
    data: Mapped[dict[str, Any]]
    secrets: Mapped[str] = mapped_column(Text, default="", info={"secret": True})
    updated_at: Mapped[datetime]
