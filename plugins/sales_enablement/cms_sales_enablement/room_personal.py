"""What is kept about people in rooms: what they asked, and what they said that they did."""

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from cms_core import PersonalRecord
from cms_sales_enablement.room_models import Room, RoomQuestion, RoomStep


def records(session: Session, people: Mapping[str, str]) -> Iterable[PersonalRecord]:
    """The questions and steps of these addresses; ``people`` are contacts by address."""
    asked = select(RoomQuestion, Room).join(Room, Room.id == RoomQuestion.room_id)
    mine = asked.where(RoomQuestion.asked_by.in_(people)).order_by(RoomQuestion.id)
    for question, room in session.execute(mine):
        said = {"room": room.name, "at": question.asked_at.isoformat(), "question": question.words}
        answered = {"answer": question.answer, "verified": question.verified}
        yield PersonalRecord(people[question.asked_by], "Question that you asked", {**said, **answered})
    done = select(RoomStep, Room).join(Room, Room.id == RoomStep.room_id)
    for step, room in session.execute(done.where(RoomStep.done_by.in_(people)).order_by(RoomStep.id)):
        at = step.done_at.isoformat() if step.done_at else ""
        told = {"room": room.name, "step": step.what, "at": at, "verified": step.verified}
        yield PersonalRecord(people[step.done_by], "Step that you did", told)


def erase(session: Session, addresses: Sequence[str]) -> None:
    """Questions go, with their answers: their words are those of a person; a step stays done, by nobody."""
    session.execute(delete(RoomQuestion).where(RoomQuestion.asked_by.in_(addresses)))
    mine = update(RoomStep).where(RoomStep.done_by.in_(addresses))
    session.execute(mine.values(done_by="", verified=False))
