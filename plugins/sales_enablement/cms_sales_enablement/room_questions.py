"""Questions that people outside ask in a room, and the answers. Whoever can open the room reads both, and not who asked."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cms_core import Invalid, NotFound, Notice, Services
from cms_sales_enablement import opening, rooms, shares, views
from cms_sales_enablement.models import Share
from cms_sales_enablement.opening import OpenedRoom
from cms_sales_enablement.room_models import Room, RoomQuestion

LONGEST = 2_000
MOST = 200


@dataclass(frozen=True)
class Asked:
    """A question as it comes in: its words, the piece that it is ``about`` (its id; "": the whole), and who asks, if known."""

    words: str
    about: str = ""
    by: str = ""
    verified: bool = False


def listed(svc: Services, found: Iterable[Room]) -> Mapping[int, Sequence[RoomQuestion]]:
    """The questions of these rooms by row id, in the order in which they were asked."""
    ids = [room.id for room in found]
    asked: dict[int, list[RoomQuestion]] = {each: [] for each in ids}
    query = select(RoomQuestion).where(RoomQuestion.room_id.in_(ids))
    with svc.session() as session:
        for row in session.scalars(query.order_by(RoomQuestion.asked_at, RoomQuestion.id)):
            asked[row.room_id].append(row)
    return asked


def ask(svc: Services, door: OpenedRoom, said: Asked) -> RoomQuestion:
    """Somebody outside asks in the room that a link opened; whoever keeps it hears of it. Raises Invalid."""
    room, words = door.room, _words(said.words, "question")
    piece = opening.open_piece(svc, door, said.about) if said.about else None
    question = RoomQuestion(
        room_id=room.id,
        share_id=piece.share.id if piece else None,
        asked_by=said.by,
        verified=said.verified,
        words=words,
        asked_at=svc.now(),
    )
    with svc.transaction() as session:
        session.execute(select(Room.id).where(Room.id == room.id).with_for_update())  # one after the other
        count = select(func.count()).where(RoomQuestion.room_id == room.id)
        if (session.scalar(count) or 0) >= MOST:
            raise Invalid("this room takes no more questions", "write to whoever sent you the link")
        session.add(question)
        session.flush()
        _notify(svc, door.share, room, question)
    return question


def answer(svc: Services, room: str, public_id: str, words: str) -> RoomQuestion:
    """Answer a question, or answer it anew; raises Invalid and NotFound."""
    user = svc.require(shares.MAY_SHARE)
    said = _words(words, "answer")
    with svc.transaction() as session:
        question = _find(session, rooms.open_row(svc, session, room), public_id)
        question.answer, question.answered_at = said, svc.now()
        question.answered_by = user.name or user.email
        svc.settle_notice(_key(question))
    return question


def remove(svc: Services, room: str, public_id: str) -> None:
    """Take a question out of the room, with its answer."""
    with svc.transaction() as session:
        question = _find(session, rooms.open_row(svc, session, room), public_id)
        svc.settle_notice(_key(question))
        session.delete(question)


def _notify(svc: Services, link: Share, room: Room, question: RoomQuestion) -> None:
    """Without the words, and naming nobody whose erasure would not take the notice away."""
    known = views.contact_of(svc, link, question.asked_by, question.verified)
    who = question.asked_by if known and question.asked_by else "Somebody"
    svc.notify(
        Notice(
            key=_key(question),
            title=f"{who} asks in {room.name}",
            reason="They see your answer in the room.",
            path=f"{rooms.AT}/{room.public_id}#questions",
            user=room.user,
            contact=known or "",
        )
    )


def _key(question: RoomQuestion) -> str:
    return f"question:{question.public_id}"


def _find(session: Session, room: Room, public_id: str) -> RoomQuestion:
    mine = RoomQuestion.room_id == room.id, RoomQuestion.public_id == public_id.replace("\0", "")
    question = session.scalar(select(RoomQuestion).where(*mine))
    if question is None:
        raise NotFound(
            f"the room has no question {public_id[:60]!r}", "`cms sales rooms questions` lists them"
        )
    return question


def _words(text: str, name: str) -> str:
    words = text.replace("\r\n", "\n").replace("\0", "").strip()
    if not 1 <= len(words) <= LONGEST:
        raise Invalid(f"words of 1 to {LONGEST:,} characters are wanted", "write some", field=name)
    return words
