"""Rooms as commands print and calls answer them."""

from collections.abc import Sequence
from typing import Any

from cms_core import Services
from cms_sales_enablement import documents, room_looks, room_questions, room_steps, rooms, views
from cms_sales_enablement.models import Share
from cms_sales_enablement.room_looks import Look, Overview
from cms_sales_enablement.room_models import Room, RoomQuestion, RoomStep


def listed(svc: Services, found: Sequence[Room]) -> list[dict[str, Any]]:
    """Rooms among others."""
    return [in_list(each) for each in room_looks.overviews(svc, found)]


def in_list(found: Overview) -> dict[str, Any]:
    """One room among others."""
    room = found.room
    return {
        "id": room.public_id,
        "name": room.name,
        "for": room.subject,
        "company": room.company,
        "deal": room.deal,
        "state": "closed" if room.closed_at else "open",
        "created_by": room.user_name,
        "created_at": room.created_at,
        "item_count": found.pieces,
        "steps_left": found.left,
        "questions_open": found.waiting,
        "view_count": found.looks,
        "seconds": found.seconds,
        "last_viewed_at": found.last_at,
    }


def whole(svc: Services, room: Room) -> dict[str, Any]:
    """A room with all that is in it, the links to it and the newest looks."""
    (row,) = listed(svc, [room])
    return {
        **row,
        "welcome": room.welcome,
        "items": items(svc, room),
        "steps": steps(svc, room),
        "questions": questions(svc, room),
        "links": documents.links(svc, rooms.links(svc, room)),
        "looks": [_look(each) for each in room_looks.of(svc, room)],
    }


def items(svc: Services, room: Room) -> list[dict[str, Any]]:
    """The pieces in their order, with what counted of each."""
    found = rooms.items(svc, room)
    tallies = views.tallies(svc, found)
    return [_item(each, tallies.get(each.id, views.Tally())) for each in found]


def steps(svc: Services, room: Room) -> list[dict[str, Any]]:
    """What is to be done next, in its order."""
    return [step(each) for each in room_steps.listed(svc, [room])[room.id]]


def step(found: RoomStep) -> dict[str, Any]:
    """One step; ``done_by`` is only said unless ``verified``."""
    return {
        "id": found.public_id,
        "what": found.what,
        "who": found.who,
        "due": found.due,
        "done": found.done_at is not None,
        "done_at": found.done_at,
        "done_by": found.done_by or None,
        "verified": found.verified,
    }


def questions(svc: Services, room: Room) -> list[dict[str, Any]]:
    """Questions in the order in which they were asked; ``asked_by`` is only said unless ``verified``."""
    titles = {each.id: each.public_id for each in rooms.items(svc, room)}
    asked = room_questions.listed(svc, [room])[room.id]
    return [{**question(each), "item": titles.get(each.share_id or 0)} for each in asked]


def question(found: RoomQuestion) -> dict[str, Any]:
    """One question with its answer."""
    return {
        "id": found.public_id,
        "question": found.words,
        "asked_by": found.asked_by or None,
        "verified": found.verified,
        "asked_at": found.asked_at,
        "answer": found.answer or None,
        "answered_by": found.answered_by or None,
        "answered_at": found.answered_at,
    }


def _item(share: Share, tally: views.Tally) -> dict[str, Any]:
    return {
        "id": share.public_id,
        "asset": share.slug,
        "deck": share.deck,
        "title": share.title,
        "download": share.download,
        "watermark": share.watermark,
        "taken_back": share.revoked_at is not None,
        "view_count": tally.views,
        "visitors": tally.people,
        "seconds": tally.seconds,
        "last_viewed_at": tally.last_at,
    }


def _look(found: Look) -> dict[str, Any]:
    """``item`` is none where the page of the room itself was looked at."""
    view, piece = found.view, found.piece
    return {
        "at": view.at,
        "visitor": found.who or view.visitor,
        "verified": view.verified,
        "agent_class": view.agent_class,
        "item": piece.public_id if piece else None,
        "title": piece.title if piece else None,
        "counted": view.counted,
        "seconds": view.milliseconds // 1000,
        "downloaded": view.downloaded,
    }
