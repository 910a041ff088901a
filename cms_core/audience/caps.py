"""Frequency caps: nobody gets more than so many messages within so many days, whatever sends them.

The days roll: what went out exactly that long ago counts no more. A cap of one channel counts what went out there alone. What they
mean for a single delivery is decided in the claim (``publishing/capping.py``).
"""

from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from cms_core.audience.models import Cap
from cms_core.db import now
from cms_core.errors import Conflict, Invalid, NotFound

MOST, DAYS = 1_000, 366


def add(session: Session, most: int, days: int, channel: str = "") -> Cap:
    """Let nobody get more than ``most`` messages within ``days`` days, on one channel or on all of them together.

    Raises Invalid for numbers that make no sense, Conflict when there is a cap for these days already.
    """
    if not 1 <= most <= MOST:
        raise Invalid(
            f"a cap lets 1 to {MOST} messages through, not {most}", "give another number", field="most"
        )
    if not 1 <= days <= DAYS:
        raise Invalid(f"a cap counts 1 to {DAYS} days, not {days}", "give another number", field="days")
    same = session.scalar(select(Cap).where(Cap.days == days, Cap.channel == channel))
    if same is not None:
        raise Conflict(
            f"there is a cap {in_words(same)} already", f"`cms caps remove {same.public_id}` first"
        )
    made = Cap(most=most, days=days, channel=channel, created_at=now(session))
    session.add(made)
    session.flush()
    return made


def remove(session: Session, cap: Cap) -> None:
    """Take a cap away; who was skipped for it stays skipped."""
    session.delete(cap)
    session.flush()


def find(session: Session, public_id: str) -> Cap:
    """The cap of this id."""
    found = session.scalar(select(Cap).where(Cap.public_id == public_id))
    if found is None:
        raise NotFound(f"there is no cap {public_id[:60]!r}", "`cms caps list` shows them")
    return found


def list_all(session: Session) -> list[Cap]:
    """All caps, the shortest first."""
    return list(session.scalars(select(Cap).order_by(Cap.days, Cap.channel)))


def holding_for(session: Session, channel: str) -> tuple[tuple[int, int, str], ...]:
    """The caps that hold for what goes out on a channel: (most, days, the channel that is counted or "" for all)."""
    query = select(Cap.most, Cap.days, Cap.channel).where(or_(Cap.channel == "", Cap.channel == channel))
    return tuple((row.most, row.days, row.channel) for row in session.execute(query.order_by(Cap.id)))


def document(row: Cap) -> dict[str, Any]:
    """A cap for programs."""
    return {"id": row.public_id, "most": row.most, "days": row.days, "channel": row.channel or None}


def in_words(row: Cap) -> str:
    """A cap for people."""
    return f"of {row.most} in {row.days} days" + (f" on {row.channel}" if row.channel else "")
