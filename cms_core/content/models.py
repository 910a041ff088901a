"""Content assets, their immutable revisions, media, and reviews."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from cms_core.auth.models import User
from cms_core.db import Base, PublicId


class RevisionState(StrEnum):
    """draft → in_review → approved | changes_requested; an approved one is superseded by a newer approved one."""

    DRAFT = "draft"
    IN_REVIEW = "in_review"
    APPROVED = "approved"
    CHANGES_REQUESTED = "changes_requested"
    SUPERSEDED = "superseded"


class Asset(PublicId, Base):
    """A piece of content under one slug; its words stand in revisions, what is said about it stands here.

    ``locale`` is that of the newest revision, so that lists can be filtered by it. ``kind`` is fixed by the first approval.
    ``unpublish_at`` is the end that entries with it get unless they say otherwise. Of what was moved in from another system,
    ``source`` is what it stays known by (so that importing it again finds it) and ``source_url`` the address that it had there.
    """

    __tablename__ = "core_asset"

    slug: Mapped[str] = mapped_column(String(200), unique=True)
    kind: Mapped[str] = mapped_column(String(40), index=True)
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("core_user.id"))
    funnel_stage: Mapped[str] = mapped_column(String(40), default="")
    persona: Mapped[str] = mapped_column(String(80), default="")
    locale: Mapped[str] = mapped_column(String(35), default="")
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    archived_at: Mapped[datetime | None]
    unpublish_at: Mapped[datetime | None]
    source: Mapped[str] = mapped_column(String(500), default="", index=True)
    source_url: Mapped[str] = mapped_column(Text, default="")
    row_version: Mapped[int] = mapped_column(default=1)

    revisions: Mapped[list["Revision"]] = relationship(back_populates="asset", order_by="Revision.n")
    tags: Mapped[list["Tag"]] = relationship(cascade="all, delete-orphan", order_by="Tag.name")

    __mapper_args__ = {"version_id_col": row_version}


class Tag(Base):
    """A tag on an asset."""

    __tablename__ = "core_asset_tag"

    asset_id: Mapped[int] = mapped_column(ForeignKey("core_asset.id"), primary_key=True)
    name: Mapped[str] = mapped_column(String(80), primary_key=True, index=True)


class Revision(PublicId, Base):
    """One immutable state of an asset's words.

    ``body`` holds the fields of the asset's kind; ``variants`` the overrides by channel, group or ``channel:connection``.
    ``content_hash`` covers kind, locale, title, summary, body, variants and the files they refer to; approval is bound to it.
    Only ``state`` changes after creation.
    """

    __tablename__ = "core_revision"
    __table_args__ = (UniqueConstraint("asset_id", "n"),)

    asset_id: Mapped[int] = mapped_column(ForeignKey("core_asset.id"))
    n: Mapped[int]
    locale: Mapped[str] = mapped_column(String(35), default="")
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("core_revision.id"))
    title: Mapped[str] = mapped_column(String(500))
    summary: Mapped[str] = mapped_column(Text, default="")
    body: Mapped[dict[str, Any]]
    variants: Mapped[dict[str, Any]]
    content_hash: Mapped[str] = mapped_column(String(64), index=True)
    state: Mapped[str] = mapped_column(String(20), default=RevisionState.DRAFT, index=True)
    author_id: Mapped[int | None] = mapped_column(ForeignKey("core_user.id"))
    created_at: Mapped[datetime]

    asset: Mapped[Asset] = relationship(back_populates="revisions")
    author: Mapped[User | None] = relationship(viewonly=True)
    media: Mapped[list["Media"]] = relationship(
        secondary="core_reference", order_by="Media.id", viewonly=True
    )


class Media(PublicId, Base):
    """A stored file, named by the hash of its content; ``mime`` is decided by content, not by name.

    ``source_sha256`` is the hash of what was uploaded: images are encoded again, and the same upload is the same file.
    ``focal_x`` and ``focal_y`` say, in percent from the left and from the top, what a crop must keep.
    ``source_url`` is where it was fetched from, if it was. A ``private`` one is kept for a plugin: it has no address.
    """

    __tablename__ = "core_media"

    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    source_sha256: Mapped[str] = mapped_column(String(64), index=True)
    mime: Mapped[str] = mapped_column(String(80))
    size: Mapped[int]
    width: Mapped[int | None]
    height: Mapped[int | None]
    alt: Mapped[str] = mapped_column(Text, default="")
    filename: Mapped[str] = mapped_column(String(200))
    focal_x: Mapped[int] = mapped_column(default=50)
    focal_y: Mapped[int] = mapped_column(default=50)
    source_url: Mapped[str] = mapped_column(Text, default="")
    private: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    archived_at: Mapped[datetime | None]


class Reference(Base):
    """Where a file is used: one row per revision and file."""

    __tablename__ = "core_reference"

    revision_id: Mapped[int] = mapped_column(ForeignKey("core_revision.id"), primary_key=True)
    media_id: Mapped[int] = mapped_column(ForeignKey("core_media.id"), primary_key=True, index=True)


class AssetLink(Base):
    """Which assets a revision leads to: one row per revision and slug, whether or not there is such an asset (yet)."""

    __tablename__ = "core_asset_link"

    revision_id: Mapped[int] = mapped_column(ForeignKey("core_revision.id"), primary_key=True)
    slug: Mapped[str] = mapped_column(String(200), primary_key=True, index=True)


class FormerSlug(PublicId, Base):
    """A slug that an asset had before. It names the asset, not the next slug: there are neither chains nor loops.

    ``redirects``: somebody decided that the old address leads to the asset; until then it is an offer.
    """

    __tablename__ = "core_former_slug"

    slug: Mapped[str] = mapped_column(String(200), unique=True)
    asset_id: Mapped[int] = mapped_column(ForeignKey("core_asset.id"), index=True)
    redirects: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]

    asset: Mapped[Asset] = relationship()


class Review(PublicId, Base):
    """A request for approval of one revision, and its answer; bound to the content's hash."""

    __tablename__ = "core_review"
    __table_args__ = (Index("ix_core_review_state", "state"),)

    asset_id: Mapped[int] = mapped_column(ForeignKey("core_asset.id"), index=True)
    revision_id: Mapped[int] = mapped_column(ForeignKey("core_revision.id"))
    content_hash: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(20))
    requested_by_id: Mapped[int | None] = mapped_column(ForeignKey("core_user.id"))
    requested_at: Mapped[datetime]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("core_user.id"))
    decided_at: Mapped[datetime | None]
    comment: Mapped[str] = mapped_column(Text, default="")
