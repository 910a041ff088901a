"""What the networks make us remember: a session and a clock for each account, and what was made ready under which key."""

from datetime import datetime

from sqlalchemy import BigInteger, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from cms_core import Base


class Account(Base):
    """A connection as its network knows it. ``micros`` is the last instant given to a record, so that keys only grow.

    ``session`` is sealed; ``session_no`` counts renewals; while ``renewing_until`` lies ahead, one worker is signing in for all.
    """

    __tablename__ = "social_account"
    __table_args__ = (UniqueConstraint("channel", "connection"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(String(40))
    connection: Mapped[str] = mapped_column(String(100))
    micros: Mapped[int] = mapped_column(BigInteger, default=0)
    session: Mapped[str] = mapped_column(Text, default="", info={"secret": True})
    session_no: Mapped[int] = mapped_column(default=0)
    renewing_until: Mapped[datetime | None]


class Post(Base):
    """What was made ready for a publication: the instant of its first record, and what its text looks like to a search."""

    __tablename__ = "social_post"
    __table_args__ = (
        UniqueConstraint("channel", "connection", "publication"),
        Index("ix_social_post_digest", "channel", "connection", "digest"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(String(40))
    connection: Mapped[str] = mapped_column(String(100))
    publication: Mapped[str] = mapped_column(String(36))
    micros: Mapped[int] = mapped_column(BigInteger)
    parts: Mapped[int]
    digest: Mapped[str] = mapped_column(String(64))
