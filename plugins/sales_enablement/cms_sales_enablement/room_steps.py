"""What is to be done next in a deal: a list that both sides of a room see, and on which each ticks off what is its own.

It is read by day: what is due first stands first, what is due on no day last; so there is no other order to keep.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from cms_core import Invalid, NotFound, Services
from cms_sales_enablement import rooms, shares
from cms_sales_enablement.room_models import Room, RoomStep

US, THEM = "us", "them"
SIDES = (US, THEM)
LONGEST = 300
MOST = 100


def listed(svc: Services, found: Iterable[Room]) -> Mapping[int, Sequence[RoomStep]]:
    """The steps of these rooms by row id, what is due first first."""
    ids = [room.id for room in found]
    steps: dict[int, list[RoomStep]] = {each: [] for each in ids}
    query = select(RoomStep).where(RoomStep.room_id.in_(ids))
    with svc.session() as session:
        for step in session.scalars(query.order_by(RoomStep.due.is_(None), RoomStep.due, RoomStep.id)):
            steps[step.room_id].append(step)
    return steps


def add(svc: Services, room: str, what: str, who: str = US, due: date | None = None) -> RoomStep:
    """Put something on the list: by whom it is done (us or them), and until which day (included)."""
    with svc.transaction() as session:
        row = rooms.open_row(svc, session, room)
        count = select(func.count()).where(RoomStep.room_id == row.id)
        if (session.scalar(count) or 0) >= MOST:
            raise Invalid(f"the list of a room has {MOST} steps at most", "take some away", field="what")
        step = RoomStep(room_id=row.id, what=_what(what), who=_who(who), due=due)
        session.add(step)
        session.flush()
    return step


def change(svc: Services, room: str, public_id: str, said: Mapping[str, Any]) -> RoomStep:
    """Change a step (``what``, ``who``, ``due``), or say that it is ``done``, or is not; what is not said stays."""
    user = svc.require(shares.MAY_SHARE)
    with svc.transaction() as session:
        step = _find(session, rooms.open_row(svc, session, room), public_id)
        if "what" in said:
            step.what = _what(said["what"])
        if "who" in said:
            step.who = _who(said["who"])
        if "due" in said:
            step.due = said["due"]
        if "done" in said and said["done"] is not (step.done_at is not None):
            step.done_at = svc.now() if said["done"] else None
            step.done_by = (user.name or user.email) if said["done"] else ""
            step.verified = bool(said["done"])
    return step


def remove(svc: Services, room: str, public_id: str) -> None:
    """Take a step off the list."""
    with svc.transaction() as session:
        session.delete(_find(session, rooms.open_row(svc, session, room), public_id))


def tick(svc: Services, room: Room, public_id: str, *, done: bool, by: str, verified: bool) -> bool:
    """Somebody outside did a step of theirs, or takes that back; False for what is no step of theirs."""
    theirs = select(RoomStep.id).where(RoomStep.room_id == room.id, RoomStep.who == THEM)
    now = {"done_at": svc.now(), "done_by": by, "verified": verified}
    never = {"done_at": None, "done_by": "", "verified": False}
    with svc.transaction() as session:
        found = session.scalar(theirs.where(RoomStep.public_id == public_id.replace("\0", "")))
        if found is None:
            return False
        was = RoomStep.done_at.is_(None) if done else RoomStep.done_at.is_not(None)
        session.execute(update(RoomStep).where(RoomStep.id == found, was).values(now if done else never))
    return True


def _find(session: Session, room: Room, public_id: str) -> RoomStep:
    mine = RoomStep.room_id == room.id, RoomStep.public_id == public_id.replace("\0", "")
    step = session.scalar(select(RoomStep).where(*mine))
    if step is None:
        raise NotFound(f"the room has no step {public_id[:60]!r}", "`cms sales rooms show` lists them")
    return step


def _what(text: str) -> str:
    what = " ".join(text.replace("\0", "").split())
    if not 1 <= len(what) <= LONGEST:
        raise Invalid(f"a step is said in 1 to {LONGEST} characters", "say what is to be done", field="what")
    return what


def _who(text: str) -> str:
    if text not in SIDES:
        raise Invalid(f"a step is not done by {text[:40]!r}", "choose us or them", field="who")
    return text
