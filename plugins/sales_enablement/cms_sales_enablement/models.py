"""The reps' library, the links that they share, and who looked."""

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from cms_core import Base, PublicId

TERM = String(40).with_variant(String(40, collation="C"), "postgresql")  # ranges of terms go by code point


class Document(Base):
    """An approved asset as it is searched; made again whenever ``version`` is no longer that of the asset."""

    __tablename__ = "sales_enablement_document"

    id: Mapped[int] = mapped_column(primary_key=True)
    asset: Mapped[str] = mapped_column(String(36), unique=True)
    version: Mapped[str] = mapped_column(String(40))
    slug: Mapped[str] = mapped_column(String(200), index=True)
    revision: Mapped[int]
    kind: Mapped[str] = mapped_column(String(40))
    title: Mapped[str] = mapped_column(String(500))
    summary: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    funnel_stage: Mapped[str] = mapped_column(String(40))
    persona: Mapped[str] = mapped_column(String(80))
    locale: Mapped[str] = mapped_column(String(35))
    updated_at: Mapped[datetime]


class Posting(Base):
    """That a document holds a term, and how much that says of it (``words.weights``)."""

    __tablename__ = "sales_enablement_posting"

    term: Mapped[str] = mapped_column(TERM, primary_key=True)
    document_id: Mapped[int] = mapped_column(
        ForeignKey("sales_enablement_document.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    weight: Mapped[int]


class DocumentTag(Base):
    """A tag of a document."""

    __tablename__ = "sales_enablement_tag"

    document_id: Mapped[int] = mapped_column(
        ForeignKey("sales_enablement_document.id", ondelete="CASCADE"), primary_key=True
    )
    name: Mapped[str] = mapped_column(String(80), primary_key=True)


class Shelf(Base):
    """Until which day (included, UTC) reps may use an asset; kept apart from the index, which is made anew."""

    __tablename__ = "sales_enablement_shelf"
    __audited__ = True

    asset: Mapped[str] = mapped_column(String(36), primary_key=True)
    until: Mapped[date]


class Share(Base, PublicId):
    """A link to an asset for somebody outside. Of its token only the hash is kept; the link is shown once, when it is made."""

    __tablename__ = "sales_enablement_share"
    __audited__ = True

    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    asset: Mapped[str] = mapped_column(String(36), index=True)
    slug: Mapped[str] = mapped_column(String(200))
    title: Mapped[str] = mapped_column(String(500))
    contact: Mapped[str | None] = mapped_column(String(36), index=True)
    contact_email: Mapped[str] = mapped_column(String(320), default="")
    user: Mapped[str] = mapped_column(String(36), index=True)
    user_name: Mapped[str] = mapped_column(String(320))
    password_hash: Mapped[str] = mapped_column(String(200), default="")
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class View(Base, PublicId):
    """One load of a shared page. ``counted`` when it was seen: a person's browser had it in sight for a second."""

    __tablename__ = "sales_enablement_view"
    __table_args__ = (Index("ix_sales_enablement_view_share", "share_id", "at"),)

    share_id: Mapped[int] = mapped_column(ForeignKey("sales_enablement_share.id", ondelete="CASCADE"))
    visitor: Mapped[str] = mapped_column(String(32))
    agent_class: Mapped[str] = mapped_column(String(10))
    revision: Mapped[int]
    at: Mapped[datetime]
    counted: Mapped[bool] = mapped_column(default=False)
    milliseconds: Mapped[int] = mapped_column(default=0)
    beacon: Mapped[int] = mapped_column(default=0)


class Feedback(Base):
    """What a rep says of an approved revision: used, or outdated, with a few words."""

    __tablename__ = "sales_enablement_feedback"
    __audited__ = True

    id: Mapped[int] = mapped_column(primary_key=True)
    asset: Mapped[str] = mapped_column(String(36), index=True)
    revision: Mapped[int]
    kind: Mapped[str] = mapped_column(String(20))
    words: Mapped[str] = mapped_column(Text)
    user: Mapped[str] = mapped_column(String(36))
    user_name: Mapped[str] = mapped_column(String(320))
    at: Mapped[datetime]
