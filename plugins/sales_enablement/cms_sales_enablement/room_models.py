"""Rooms that reps keep for a company or a deal: pieces in an order, what is to be done next and by whom, questions and answers."""

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from cms_core import Base, PublicId

OUTSIDE = {"secret": True}  # what people outside write can be erased, and the log of changes cannot


class Room(Base, PublicId):
    """What a rep and a buyer share. ``subject`` is what the company or deal was called when the room was made.

    Links to it are shares (``Share.room``); so are its pieces, which have an asset as well and can only be reached through it.
    """

    __tablename__ = "sales_enablement_room"
    __audited__ = True

    name: Mapped[str] = mapped_column(String(200))
    welcome: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(String(200))
    company: Mapped[str | None] = mapped_column(String(36), index=True)
    deal: Mapped[str | None] = mapped_column(String(36), index=True)
    user: Mapped[str] = mapped_column(String(36), index=True)
    user_name: Mapped[str] = mapped_column(String(320))
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class RoomItem(Base):
    """Where a piece stands in its room; the piece itself is a share."""

    __tablename__ = "sales_enablement_room_item"
    __audited__ = True

    share_id: Mapped[int] = mapped_column(
        ForeignKey("sales_enablement_share.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    room_id: Mapped[int] = mapped_column(
        ForeignKey("sales_enablement_room.id", ondelete="CASCADE"), index=True
    )
    position: Mapped[int]


class RoomStep(Base, PublicId):
    """Something that is to be done: by the one side or the other (``who``: us or them), until a day (included).

    ``done_by`` is one of us by name, or an address outside, which is only said unless ``verified``; "" where nobody gave one.
    """

    __tablename__ = "sales_enablement_room_step"
    __audited__ = True

    room_id: Mapped[int] = mapped_column(
        ForeignKey("sales_enablement_room.id", ondelete="CASCADE"), index=True
    )
    what: Mapped[str] = mapped_column(String(300))
    who: Mapped[str] = mapped_column(String(4))
    due: Mapped[date | None]
    done_at: Mapped[datetime | None]
    done_by: Mapped[str] = mapped_column(String(320), default="", index=True, info=OUTSIDE)
    verified: Mapped[bool] = mapped_column(default=False)


class RoomQuestion(Base, PublicId):
    """A question from outside, about one piece (``share_id``) or the whole, and the answer to it.

    ``asked_by`` is an address, only said unless ``verified``; "" where the link asks for none.
    """

    __tablename__ = "sales_enablement_room_question"
    __table_args__ = (Index("ix_sales_enablement_room_question_room", "room_id", "asked_at"),)
    __audited__ = True

    room_id: Mapped[int] = mapped_column(ForeignKey("sales_enablement_room.id", ondelete="CASCADE"))
    share_id: Mapped[int | None] = mapped_column(ForeignKey("sales_enablement_share.id", ondelete="SET NULL"))
    asked_by: Mapped[str] = mapped_column(String(320), default="", index=True, info=OUTSIDE)
    verified: Mapped[bool] = mapped_column(default=False)
    words: Mapped[str] = mapped_column(Text, info=OUTSIDE)
    asked_at: Mapped[datetime]
    answer: Mapped[str] = mapped_column(Text, default="")
    answered_by: Mapped[str] = mapped_column(String(320), default="")
    answered_at: Mapped[datetime | None]
