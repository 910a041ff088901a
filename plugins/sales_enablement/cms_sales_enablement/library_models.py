"""What marketing says of single slides and reps of pieces, and the words of slides as they are searched."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from cms_core import Base

TERM = String(40).with_variant(String(40, collation="C"), "postgresql")  # ranges of terms go by code point


class SlidePosting(Base):
    """That a slide, its notes or its title hold a term. What was read out of a file never changes, so this is written once."""

    __tablename__ = "sales_enablement_slide_posting"

    term: Mapped[str] = mapped_column(TERM, primary_key=True)
    slide_id: Mapped[int] = mapped_column(
        ForeignKey("sales_enablement_slide.id", ondelete="CASCADE"), primary_key=True, index=True
    )


class SlideFacet(Base):
    """What a slide is about (``slide_facets.FACETS``), in each version of the file; the audit log has a note of each change."""

    __tablename__ = "sales_enablement_slide_facet"
    __table_args__ = (Index("ix_sales_enablement_slide_facet_value", "name", "value"),)

    asset: Mapped[str] = mapped_column(String(36), primary_key=True)
    uid: Mapped[str] = mapped_column(String(80), primary_key=True)
    name: Mapped[str] = mapped_column(String(20), primary_key=True)
    value: Mapped[str] = mapped_column(String(80), primary_key=True)


class SlideVariant(Base):
    """That a slide is the translation of another one of its presentation.

    ``digest`` is what that one looked like when the translation was said to be current last.
    """

    __tablename__ = "sales_enablement_slide_variant"
    __table_args__ = (UniqueConstraint("asset", "original", "locale"),)
    __audited__ = True

    asset: Mapped[str] = mapped_column(String(36), primary_key=True)
    uid: Mapped[str] = mapped_column(String(80), primary_key=True)
    original: Mapped[str] = mapped_column(String(80))
    locale: Mapped[str] = mapped_column(String(35))
    digest: Mapped[str] = mapped_column(String(64))


class Rating(Base):
    """How many stars somebody gives a revision; whoever rates it again has thought better of it."""

    __tablename__ = "sales_enablement_rating"
    __audited__ = True

    asset: Mapped[str] = mapped_column(String(36), primary_key=True)
    revision: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    user: Mapped[str] = mapped_column(String(36), primary_key=True)
    stars: Mapped[int]
    at: Mapped[datetime]
