"""The ledger of what happened, the numbers that channels report, and the cursors that read them."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from cms_core.db import Base, Ledger, PublicId, ledger_index


class Event(PublicId, Ledger, Base):
    """Something that happened; append-only, unique by (source, source_id).

    ``agent_class`` is the one column that may change later: a burst of machine hits is recognised only at its end. ``client``
    is a keyed hash of the address that a hit came from, kept for that purpose alone.
    """

    __tablename__ = "core_event"
    __table_args__ = (
        UniqueConstraint("source", "source_id"),
        # The last two are read from it: reports count the deliveries that bounced.
        Index("ix_core_event_publication", "publication_id", "kind", "delivery_id", "contact_id"),
        Index("ix_core_event_contact", "contact_id", "kind", "at"),
        Index("ix_core_event_campaign", "campaign", "kind"),
        Index("ix_core_event_client", "client", "received_at"),
        Index("ix_core_event_visitor", "visitor", "kind", "at"),
        ledger_index("core_event"),
    )

    source: Mapped[str] = mapped_column(String(40))
    source_id: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(40))
    at: Mapped[datetime]
    received_at: Mapped[datetime]
    agent_class: Mapped[str] = mapped_column(String(10))
    contact_id: Mapped[int | None]
    visitor: Mapped[str | None] = mapped_column(String(64))
    client: Mapped[str | None] = mapped_column(String(32))
    company_id: Mapped[int | None]
    campaign: Mapped[str | None] = mapped_column(String(120))
    publication_id: Mapped[int | None]
    delivery_id: Mapped[int | None]
    asset_id: Mapped[int | None]
    channel: Mapped[str | None] = mapped_column(String(40))
    url: Mapped[str | None] = mapped_column(Text)
    value_micros: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str | None] = mapped_column(String(3))
    props: Mapped[dict[str, Any]]


class Reclassification(Ledger, Base):
    """That the class of an event was found to be another one; rollups read it to count again."""

    __tablename__ = "core_reclassification"
    __table_args__ = (ledger_index("core_reclassification"),)

    event_id: Mapped[int] = mapped_column(ForeignKey("core_event.id"), unique=True)
    was: Mapped[str] = mapped_column(String(10))
    at: Mapped[datetime]


class Measurement(Ledger, Base):
    """A number that a channel reported for a publication, or (id 0) for a whole campaign; cumulative, the newest one counts."""

    __tablename__ = "core_measurement"
    __table_args__ = (
        UniqueConstraint(
            "publication_id",
            "campaign",
            "channel",
            "metric",
            "currency",
            "at",
            name="uq_core_measurement_number",
        ),
        ledger_index("core_measurement"),
    )

    publication_id: Mapped[int]
    campaign: Mapped[str] = mapped_column(String(120), default="")
    channel: Mapped[str] = mapped_column(String(40), default="")
    metric: Mapped[str] = mapped_column(String(40))
    value_micros: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3), default="")
    at: Mapped[datetime]
    received_at: Mapped[datetime]


class Cursor(Base):
    """How far a reader has come in a ledger (the name of its table): up to the row of this ``xid`` and id (``position``)."""

    __tablename__ = "core_cursor"

    name: Mapped[str] = mapped_column(String(120), primary_key=True)
    ledger: Mapped[str] = mapped_column(String(60))
    xid: Mapped[int] = mapped_column(BigInteger, default=0)
    position: Mapped[int] = mapped_column(BigInteger, default=0)
