"""Initiatives that reps are trained for: lessons, a quiz, who read and passed."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from cms_core import Base, PublicId


class Initiative(Base, PublicId):
    """Something new that reps must know: while it runs, decks of what it ``guards`` are made by those who passed its quiz.

    ``guards`` and lessons are assets by id; ``questions`` hold the text, the options, and which of them is right (from 0).
    """

    __tablename__ = "sales_enablement_initiative"
    __audited__ = True

    name: Mapped[str] = mapped_column(String(200))
    guards: Mapped[list[str]] = mapped_column(JSON)
    questions: Mapped[list[Any]] = mapped_column(JSON)
    pass_percent: Mapped[int]
    valid_days: Mapped[int | None]
    due_on: Mapped[date | None]
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]

    lessons: Mapped[list["Lesson"]] = relationship(cascade="all, delete-orphan", order_by="Lesson.position")


class Lesson(Base):
    """One asset to be read for an initiative."""

    __tablename__ = "sales_enablement_lesson"

    initiative_id: Mapped[int] = mapped_column(
        ForeignKey("sales_enablement_initiative.id", ondelete="CASCADE"), primary_key=True
    )
    position: Mapped[int] = mapped_column(primary_key=True)
    asset: Mapped[str] = mapped_column(String(36))


class LessonRead(Base):
    """That somebody opened a lesson, and at which revision last."""

    __tablename__ = "sales_enablement_lesson_read"

    user: Mapped[str] = mapped_column(String(36), primary_key=True)
    asset: Mapped[str] = mapped_column(String(36), primary_key=True)
    revision: Mapped[int]
    at: Mapped[datetime]


class QuizAttempt(Base):
    """One try at a quiz; passed, it is a certificate until ``expires_at`` (None: for good)."""

    __tablename__ = "sales_enablement_quiz_attempt"

    id: Mapped[int] = mapped_column(primary_key=True)
    initiative_id: Mapped[int] = mapped_column(
        ForeignKey("sales_enablement_initiative.id", ondelete="CASCADE"), index=True
    )
    user: Mapped[str] = mapped_column(String(36), index=True)
    user_name: Mapped[str] = mapped_column(String(320))
    at: Mapped[datetime]
    right: Mapped[int]
    all: Mapped[int]
    passed: Mapped[bool]
    expires_at: Mapped[datetime | None]
