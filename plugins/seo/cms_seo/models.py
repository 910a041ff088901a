"""What the public site shows: pages as they were published, and addresses that they have left."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from cms_core import Base


class PageState(StrEnum):
    """``live``: shown; ``gone``: withdrawn, its address answers 410."""

    LIVE = "live"
    GONE = "gone"


class Page(Base):
    """A page of a site. ``public_id`` is the publication that first put it here, ``key`` the one whose words it shows."""

    __tablename__ = "seo_page"
    __table_args__ = (
        UniqueConstraint("connection", "path"),
        Index("ix_seo_page_newest", "connection", "state", "published_at"),
        Index("ix_seo_page_slug", "connection", "slug"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = mapped_column(String(36), unique=True)
    key: Mapped[str] = mapped_column(String(36), unique=True)
    connection: Mapped[str] = mapped_column(String(100))
    path: Mapped[str] = mapped_column(String(300))
    slug: Mapped[str] = mapped_column(String(100))
    kind: Mapped[str] = mapped_column(String(40))
    title: Mapped[str] = mapped_column(String(500))
    description: Mapped[str] = mapped_column(Text)
    content: Mapped[dict[str, Any]] = mapped_column(deferred=True)
    state: Mapped[str] = mapped_column(String(10), default=PageState.LIVE)
    published_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]


class Moved(Base):
    """An address that a page had before; it leads to the page itself, so there can be neither chains nor loops."""

    __tablename__ = "seo_moved"
    __table_args__ = (UniqueConstraint("connection", "path"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    connection: Mapped[str] = mapped_column(String(100))
    path: Mapped[str] = mapped_column(String(300))
    page_id: Mapped[int] = mapped_column(ForeignKey("seo_page.id", ondelete="CASCADE"), index=True)
