"""Publications, their attempts, and the deliveries of addressed channels."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from cms_core.audience.models import Segment
from cms_core.campaigns.models import Campaign, Entry
from cms_core.connections.models import Connection
from cms_core.content.models import Asset, Revision
from cms_core.db import Base, PublicId


class PublicationState(StrEnum):
    """The closed list of states of a publication; *due* is a predicate, not a state."""

    SCHEDULED = "scheduled"
    PREPARING = "preparing"
    COMMITTING = "committing"
    SENDING = "sending"
    RETRY_WAIT = "retry_wait"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"
    FAILED = "failed"
    UNKNOWN = "unknown"
    MISSED = "missed"
    HELD = "held"
    CANCELLED = "cancelled"


class DeliveryState(StrEnum):
    """The closed list of states of a delivery; what comes after ``accepted`` (bounced, opened, …) is an event."""

    PENDING = "pending"
    CLAIMED = "claimed"
    RETRY_WAIT = "retry_wait"
    ACCEPTED = "accepted"
    FAILED = "failed"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


class Phase(StrEnum):
    """What an attempt tried."""

    PREPARE = "prepare"
    COMMIT = "commit"
    RECONCILE = "reconcile"
    WITHDRAW = "withdraw"
    PAUSE = "pause"
    RESUME = "resume"


class Metric(StrEnum):
    """What decides a test: different people who did it, machines left out."""

    OPENED = "opened_people"
    CLICKED = "clicked_people"
    CONVERSIONS = "conversions"


class Publication(PublicId, Base):
    """One approved revision, on one connection, at one time, perhaps with an end.

    ``claim_no`` is the fencing number: every claim raises it, and who holds an older one may not write. ``paused_at`` and
    ``withdraw_asked_at`` are marks, not states; ``switch_to`` ("pause", "resume") is what a live one was asked to become, until
    the channel has done it. ``wake_at`` lets a run sleep without a lease, by the clock of what is due. ``awaits`` says what must
    become of the entry that its own follows: "published", "approved" or "finished" before it is due at all, "sound" that it has
    not failed; "" once that is settled. ``stream`` names the source of a standing publication (drip step, trigger); it takes more
    until ``closed_at``. ``plugin`` owns the channel, and is named when it is missing. A first start after
    ``late_at`` is missed. ``needs_person`` ends what is tried by itself: the look-ups of an
    unknown one, the withdrawal of one that is at its end.
    """

    __tablename__ = "core_publication"
    __table_args__ = (
        Index("ix_core_publication_state", "state", "due_at", "id"),
        Index(
            "ix_core_publication_ends",
            "ends_at",
            sqlite_where=text("ends_at IS NOT NULL"),
            postgresql_where=text("ends_at IS NOT NULL"),
        ),
        Index(
            "ix_core_publication_withdraw",
            "withdraw_asked_at",
            sqlite_where=text("withdraw_asked_at IS NOT NULL"),
            postgresql_where=text("withdraw_asked_at IS NOT NULL"),
        ),
        Index(
            "ix_core_publication_switch",
            "switch_to",
            sqlite_where=text("switch_to IS NOT NULL"),
            postgresql_where=text("switch_to IS NOT NULL"),
        ),
        Index(
            "ix_core_publication_stream",
            "stream",
            "state",
            sqlite_where=text("stream IS NOT NULL"),
            postgresql_where=text("stream IS NOT NULL"),
        ),
        Index(
            "ix_core_publication_awaits",
            "awaits",
            "id",
            sqlite_where=text("awaits != ''"),
            postgresql_where=text("awaits != ''"),
        ),
    )

    entry_id: Mapped[int | None] = mapped_column(ForeignKey("core_entry.id"), index=True)
    campaign_id: Mapped[int | None] = mapped_column(ForeignKey("core_campaign.id"), index=True)
    asset_id: Mapped[int] = mapped_column(ForeignKey("core_asset.id"), index=True)
    revision_id: Mapped[int] = mapped_column(ForeignKey("core_revision.id"))
    content_hash: Mapped[str] = mapped_column(String(64))
    channel: Mapped[str] = mapped_column(String(40))
    plugin: Mapped[str] = mapped_column(String(60), default="")
    connection_id: Mapped[int] = mapped_column(ForeignKey("core_connection.id"), index=True)
    segment_id: Mapped[int | None] = mapped_column(ForeignKey("core_segment.id"))
    segment_rule: Mapped[str | None] = mapped_column(Text)
    topic: Mapped[str] = mapped_column(String(60), default="")
    due_at: Mapped[datetime]
    late_at: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]
    wake_at: Mapped[datetime | None]
    awaits: Mapped[str] = mapped_column(String(10), default="")
    state: Mapped[str] = mapped_column(String(20), default=PublicationState.SCHEDULED)
    reason: Mapped[str] = mapped_column(Text, default="")
    paused_at: Mapped[datetime | None]
    paused_reason: Mapped[str] = mapped_column(Text, default="")
    switch_to: Mapped[str | None] = mapped_column(String(10))
    switch_reason: Mapped[str] = mapped_column(Text, default="")
    withdraw_asked_at: Mapped[datetime | None]
    supersedes_id: Mapped[int | None] = mapped_column(ForeignKey("core_publication.id"), index=True)
    superseded_by_id: Mapped[int | None] = mapped_column(ForeignKey("core_publication.id"))
    claim_no: Mapped[int] = mapped_column(default=0)
    lease_until: Mapped[datetime | None]
    worker: Mapped[str] = mapped_column(String(80), default="")
    tries: Mapped[int] = mapped_column(default=0)
    retry_at: Mapped[datetime | None]
    needs_person: Mapped[bool] = mapped_column(default=False)
    audience_at: Mapped[datetime | None]
    external_id: Mapped[str] = mapped_column(String(300), default="")
    external_url: Mapped[str] = mapped_column(Text, default="")
    receipt: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    published_at: Mapped[datetime | None]
    dedupe_key: Mapped[str | None] = mapped_column(String(200), unique=True)
    stream: Mapped[str | None] = mapped_column(String(100))
    closed_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    row_version: Mapped[int] = mapped_column(default=1)

    entry: Mapped[Entry | None] = relationship()
    campaign: Mapped[Campaign | None] = relationship()
    asset: Mapped[Asset] = relationship()
    revision: Mapped[Revision] = relationship()
    connection: Mapped[Connection] = relationship()
    segment: Mapped[Segment | None] = relationship()
    arms: Mapped[list["Arm"]] = relationship(order_by="Arm.id", cascade="all, delete-orphan")
    experiment: Mapped["Experiment | None"] = relationship(cascade="all, delete-orphan")
    attempts: Mapped[list["Attempt"]] = relationship(order_by="Attempt.n")
    links: Mapped[list["TrackedLink"]] = relationship(viewonly=True)


class Arm(Base):
    """One version of a publication with its share (percent) of those who take part in the test, and its own prepared state.

    ``variant`` names overrides in the revision ("": the words as they are), so that one approval covers all arms.
    ``prepared`` and ``progress`` are dropped when the publication is edited and frozen once a commit intent exists.
    """

    __tablename__ = "core_arm"
    __table_args__ = (UniqueConstraint("publication_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    publication_id: Mapped[int] = mapped_column(ForeignKey("core_publication.id"))
    name: Mapped[str] = mapped_column(String(40), default="")
    variant: Mapped[str] = mapped_column(String(120), default="")
    share: Mapped[int] = mapped_column(default=100)
    prepared: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    progress: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    prepared_hash: Mapped[str] = mapped_column(String(64), default="")
    plugin_version: Mapped[str] = mapped_column(String(40), default="")


class Experiment(Base):
    """The test of a publication: who takes part, what decides it and when.

    ``hold_out`` percent of the audience are never sent anything; ``share`` percent of the others take part, divided among the
    arms; the rest gets the arm that wins, ``decide_after`` seconds after the start or at ``decide_at``. Not ``automatic``: a person
    picks.
    ``figures`` are those that the decision was taken from.
    """

    __tablename__ = "core_experiment"

    publication_id: Mapped[int] = mapped_column(ForeignKey("core_publication.id"), primary_key=True)
    metric: Mapped[str] = mapped_column(String(20))
    share: Mapped[int] = mapped_column(default=100)
    hold_out: Mapped[int] = mapped_column(default=0)
    decide_after: Mapped[int | None]
    decide_at: Mapped[datetime | None]
    automatic: Mapped[bool] = mapped_column(default=True)
    winner_id: Mapped[int | None] = mapped_column(ForeignKey("core_arm.id"))
    decided_at: Mapped[datetime | None]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("core_user.id"))
    figures: Mapped[list[Any]]


class Attempt(Base):
    """One try of one phase. A commit attempt is stored, open (``outcome`` NULL), before the network call: the intent."""

    __tablename__ = "core_attempt"
    __table_args__ = (UniqueConstraint("publication_id", "n"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    publication_id: Mapped[int] = mapped_column(ForeignKey("core_publication.id"))
    n: Mapped[int]
    phase: Mapped[str] = mapped_column(String(10))
    claim_no: Mapped[int]
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    outcome: Mapped[str | None] = mapped_column(String(20))
    error_class: Mapped[str] = mapped_column(String(60), default="")
    reason: Mapped[str] = mapped_column(Text, default="")
    retry_at: Mapped[datetime | None]
    evidence: Mapped[dict[str, Any]]


class Claim(Base):
    """One batch of deliveries taken by one sender; ``boot`` names the boot of the machine it runs on."""

    __tablename__ = "core_claim"

    id: Mapped[int] = mapped_column(primary_key=True)
    publication_id: Mapped[int] = mapped_column(ForeignKey("core_publication.id"))
    sender: Mapped[str] = mapped_column(String(80), index=True)
    boot: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime]


class Delivery(Base):
    """One message to one recipient; unique per publication and address (streams: and ``dedupe_key``).

    One with ``due_at`` is claimed from then on: at the recipient's own time, or when quiet hours are over.
    """

    __tablename__ = "core_delivery"
    __table_args__ = (
        UniqueConstraint("publication_id", "address", "dedupe_key"),
        Index(
            "ix_core_delivery_claimed",
            "claim_id",
            sqlite_where=text("state = 'claimed'"),
            postgresql_where=text("state = 'claimed'"),
        ),
        Index(
            "ix_core_delivery_retry",
            "publication_id",
            "retry_at",
            sqlite_where=text("state = 'retry_wait'"),
            postgresql_where=text("state = 'retry_wait'"),
        ),
        Index("ix_core_delivery_state", "publication_id", "state", "arm_id", "due_at", "id"),
        Index("ix_core_delivery_contact", "contact_id"),
        Index(
            "ix_core_delivery_provider",
            "provider_id",
            sqlite_where=text("provider_id IS NOT NULL"),
            postgresql_where=text("provider_id IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer(), "sqlite"), primary_key=True)
    publication_id: Mapped[int] = mapped_column(ForeignKey("core_publication.id"))
    contact_id: Mapped[int] = mapped_column(ForeignKey("core_contact.id"))
    arm_id: Mapped[int | None] = mapped_column(ForeignKey("core_arm.id"))
    address: Mapped[str] = mapped_column(String(320))
    address_hash: Mapped[str] = mapped_column(String(43))
    tz: Mapped[str] = mapped_column(String(64), default="")
    due_at: Mapped[datetime | None]
    state: Mapped[str] = mapped_column(String(12), default=DeliveryState.PENDING)
    reason: Mapped[str] = mapped_column(String(500), default="")
    claim_id: Mapped[int | None] = mapped_column(ForeignKey("core_claim.id"))
    tries: Mapped[int] = mapped_column(default=0)
    retry_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    code: Mapped[int | None]
    provider_id: Mapped[str | None] = mapped_column(String(200))
    dedupe_key: Mapped[str] = mapped_column(String(120), default="")


class TrackedLink(Base):
    """The target behind ``/t/<token>/<n>`` of a publication: looked up, never taken from the address."""

    __tablename__ = "core_link"
    __table_args__ = (UniqueConstraint("publication_id", "url"),)

    publication_id: Mapped[int] = mapped_column(ForeignKey("core_publication.id"), primary_key=True)
    n: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    url: Mapped[str] = mapped_column(Text)


class Worker(Base):
    """A process that publishes: its heartbeat and the version it runs; ``ended_at`` when it ended in peace."""

    __tablename__ = "core_worker"
    __table_args__ = {"info": {"not_taken": "tells about running processes"}}

    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    version: Mapped[str] = mapped_column(String(40))
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
