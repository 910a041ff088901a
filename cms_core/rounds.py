"""What is done now and then is done once, however many processes are at work: whoever comes first takes a round.

A row holds when each round is next. Nobody leads for longer than that, so whoever dies is followed by the next one in time.
"""

from datetime import datetime, timedelta

from sqlalchemy import String, func, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from cms_core.db import Base, now
from cms_core.dialect import insert_for

# Whose own timer comes a moment early is not sent away until the next time.
EARLY = 0.1
JOB_ROUNDS = "job:"  # and whose job it is


class Round(Base):
    """When something is to be done next."""

    __tablename__ = "core_round"
    __table_args__ = {"info": {"not_taken": "tells about running processes"}}

    name: Mapped[str] = mapped_column(String(160), primary_key=True)
    next_at: Mapped[datetime]


def take(session: Session, name: str, every: timedelta) -> bool:
    """Whether this round is the caller's; then nobody gets the next one before ``every`` has passed.

    By the clock of the database where that is another machine, since those of workers differ. A clock that was set back is
    noticed: no round is further away than one interval.
    """
    present = _present(session)
    insert = insert_for(session, Round).values(name=name, next_at=present + every * (1 - EARLY))
    taken = session.execute(
        insert.on_conflict_do_update(
            index_elements=[Round.name],
            set_={"next_at": insert.excluded.next_at},
            where=or_(Round.next_at <= present, Round.next_at > present + every),
        ).returning(Round.name)
    )
    return taken.first() is not None


def _present(session: Session) -> datetime:
    if session.get_bind().dialect.name != "postgresql":
        return now(session)
    found: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
    return found
