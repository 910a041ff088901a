"""REST: rooms, their pieces, what is to be done next, and questions."""

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

from flask import Response
from marshmallow import fields, validate

from cms_core import api
from cms_sales_enablement import PLUGIN, room_questions, room_steps, rooms
from cms_sales_enablement import room_documents as documents
from cms_sales_enablement import shares as links
from cms_sales_enablement.api import Made, NewShare, ShareShown
from cms_sales_enablement.room_models import Room
from cms_sales_enablement.terms import Terms

ID = validate.Length(1, 60)
NAMED = fields.String(validate=validate.Length(1, 200))

blueprint = api.Blueprint(
    "sales_rooms_api",
    __name__,
    url_prefix="/api/v1/sales_enablement/rooms",
    description="What a rep and a buyer share of a deal.",
)


class RoomShown(api.Document):
    """A room among others."""

    id = api.text()
    name = api.text()
    subject = fields.String(required=True, data_key="for", attribute="for")
    company = api.text(null=True)
    deal = api.text(null=True)
    state = api.text("open or closed")
    created_by = api.text()
    created_at = api.instant()
    item_count = api.number()
    steps_left = api.number()
    questions_open = api.number("How many have no answer yet.")
    view_count = api.number("Looks at its page that counted.")
    seconds = api.number("In sight, with all its pieces.")
    last_viewed_at = api.instant(null=True)


class RoomItemShown(api.Document):
    """A piece of a room."""

    id = api.text()
    asset = api.text()
    deck = api.text(null=True)
    title = api.text()
    download = api.truth()
    watermark = api.truth()
    taken_back = api.truth("It stands in the room, and is not shown.")
    view_count = api.number()
    visitors = api.number()
    seconds = api.number()
    last_viewed_at = api.instant(null=True)


class RoomStepShown(api.Document):
    """Something that is to be done."""

    id = api.text()
    what = api.text()
    who = api.text("us or them")
    due = fields.Date(required=True, allow_none=True)
    done = api.truth()
    done_at = api.instant(null=True)
    done_by = api.text("Outside it is only said, unless verified.", null=True)
    verified = api.truth()


class RoomAnswerShown(api.Document):
    """A question and its answer."""

    id = api.text()
    question = api.text()
    asked_by = api.text("Only said, unless verified; null: nobody was asked for an address.", null=True)
    verified = api.truth()
    asked_at = api.instant()
    answer = api.text(null=True)
    answered_by = api.text(null=True)
    answered_at = api.instant(null=True)


class RoomQuestionShown(RoomAnswerShown):
    """A question, its answer, and the piece that it is about."""

    item = api.text("Null: the whole room.", null=True)


class RoomLook(api.Document):
    """One look at a room, or at a piece of it."""

    at = api.instant()
    visitor = api.text()
    verified = api.truth()
    agent_class = api.text()
    item = api.text("Null: the page of the room itself.", null=True)
    title = api.text(null=True)
    counted = api.truth("A person had it in sight for a second.")
    seconds = api.number()
    downloaded = api.truth()


class RoomFull(RoomShown):
    """A room with all that is in it."""

    welcome = api.text()
    items = api.listing(RoomItemShown)
    steps = api.listing(RoomStepShown)
    questions = api.listing(RoomQuestionShown)
    links = api.listing(ShareShown)
    looks = api.listing(RoomLook, "The newest hundred.")


class NewRoom(api.Input):
    """A room that is to be made."""

    name = fields.String(required=True, validate=validate.Length(1, rooms.LONGEST_NAME))
    subject = fields.String(
        required=True,
        validate=validate.Length(1, 200),
        data_key="for",
        metadata={
            "description": "A company by name or domain (a new name is a new company), or a deal by name or id."
        },
    )
    welcome = fields.String(load_default="", validate=validate.Length(max=rooms.LONGEST_WELCOME))
    items = fields.List(
        NAMED,
        load_default=list,
        validate=validate.Length(max=rooms.MOST),
        metadata={"description": "Slugs of assets and ids of decks, in order."},
    )


class WordsBody(api.Input):
    """What is to be said on the page of a room; what is not sent stays."""

    name = fields.String(load_default=None, validate=validate.Length(1, rooms.LONGEST_NAME))
    welcome = fields.String(load_default=None, validate=validate.Length(max=rooms.LONGEST_WELCOME))


class NewLink(NewShare):
    """A link to a room; what may be downloaded, and what has a watermark, is said of its pieces."""

    class Meta(NewShare.Meta):
        exclude = ("asset", "download", "watermark")


class ItemsBody(api.Input):
    """What is to become of the pieces: all of it or nothing."""

    add = fields.List(NAMED, load_default=list, validate=validate.Length(max=rooms.MOST))
    remove = fields.List(
        fields.String(validate=ID), load_default=list, metadata={"description": "Pieces by their ids."}
    )
    order = fields.List(
        fields.String(validate=ID),
        load_default=list,
        metadata={"description": "The ids of all that stay, in order; none: as they are."},
    )
    download = fields.Boolean(
        load_default=False, metadata={"description": "The new decks may be downloaded."}
    )
    watermark = fields.Boolean(
        load_default=False, metadata={"description": "The reader's address is drawn into the new decks."}
    )


class NewStep(api.Input):
    """Something that is to be done."""

    what = fields.String(required=True, validate=validate.Length(1, room_steps.LONGEST))
    who = fields.String(load_default=room_steps.US, validate=validate.OneOf(room_steps.SIDES))
    due = fields.Date(load_default=None, allow_none=True)


class StepBody(api.Input):
    """What is to be said of a step; what is not sent stays."""

    what = fields.String(validate=validate.Length(1, room_steps.LONGEST))
    who = fields.String(validate=validate.OneOf(room_steps.SIDES))
    due = fields.Date(allow_none=True)
    done = fields.Boolean()


class AnswerBody(api.Input):
    """The answer to a question."""

    answer = fields.String(required=True, validate=validate.Length(1, room_questions.LONGEST))


@blueprint.get("")
@blueprint.call(links.MAY_SHARE, "sales rooms list", query=api.PageArgs, answers=api.pages_of(RoomShown))
def list_rooms(query: dict[str, Any]) -> Response:
    """One's own rooms, the newest first; of everybody, for those who may see them."""
    svc = api.services(PLUGIN)

    def read(after: Sequence[Any] | None, count: int) -> Sequence[Room]:
        return rooms.listed(svc, limit=count, before=after[0] if after else None)

    return api.page_by(read, lambda row: (row.id,), 1, query, partial(documents.listed, svc))


@blueprint.post("")
@blueprint.call(links.MAY_SHARE, "sales rooms add", body=NewRoom, answers=RoomFull, status=201)
def add(body: dict[str, Any]) -> Response:
    """Make a room for a company or a deal."""
    svc = api.services(PLUGIN)
    wanted = rooms.Wanted(body["name"], body["subject"], body["welcome"], body["items"])
    found = rooms.make(svc, wanted)
    where = f"/api/v1/sales_enablement/rooms/{found.public_id}"
    return api.answer(documents.whole(svc, found), 201, location=where)


@blueprint.get("/<id>")
@blueprint.call(links.MAY_SHARE, "sales rooms show", answers=RoomFull)
def show(id: str) -> Response:  # noqa: A002  # the name in the path
    """A room with all that is in it, the links to it, and who looked at what."""
    svc = api.services(PLUGIN)
    return api.answer(documents.whole(svc, rooms.find(svc, id)))


@blueprint.post("/<id>/words")
@blueprint.call(links.MAY_SHARE, "sales rooms change", body=WordsBody, answers=RoomFull)
def change(body: dict[str, Any], id: str) -> Response:  # noqa: A002
    """Give a room another name, or other words of welcome."""
    svc = api.services(PLUGIN)
    return api.answer(documents.whole(svc, rooms.change(svc, id, body["name"], body["welcome"])))


@blueprint.post("/<id>/links")
@blueprint.call(links.MAY_SHARE, "sales rooms share", body=NewLink, answers=Made, status=201)
def share(body: dict[str, Any], id: str) -> Response:  # noqa: A002
    """Make a link to a room; it is told once."""
    made = rooms.share(api.services(PLUGIN), id, body)
    return api.answer(asdict(made), 201, location=f"/api/v1/sales_enablement/shares/{made.id}")


@blueprint.post("/<id>/items")
@blueprint.call(links.MAY_SHARE, "sales rooms items", body=ItemsBody, answers=RoomFull)
def items(body: dict[str, Any], id: str) -> Response:  # noqa: A002
    """Take pieces out of a room, order those that stay, and put others behind them."""
    svc, given = api.services(PLUGIN), Terms(download=body.pop("download"), watermark=body.pop("watermark"))
    return api.answer(documents.whole(svc, rooms.change_items(svc, id, **body, given=given)))


@blueprint.post("/<id>/steps")
@blueprint.call(links.MAY_SHARE, "sales rooms steps", body=NewStep, answers=RoomStepShown, status=201)
def add_step(body: dict[str, Any], id: str) -> Response:  # noqa: A002
    """Put something on the list of what is to be done."""
    return api.answer(documents.step(room_steps.add(api.services(PLUGIN), id, **body)), 201)


@blueprint.post("/<id>/steps/<step>")
@blueprint.call(links.MAY_SHARE, "sales rooms steps", body=StepBody, answers=RoomStepShown)
def change_step(body: dict[str, Any], id: str, step: str) -> Response:  # noqa: A002
    """Change a step, or say that it is done, or is not."""
    return api.answer(documents.step(room_steps.change(api.services(PLUGIN), id, step, body)))


@blueprint.post("/<id>/steps/<step>/remove")
@blueprint.call(links.MAY_SHARE, "sales rooms steps", answers=RoomFull)
def remove_step(id: str, step: str) -> Response:  # noqa: A002
    """Take a step off the list."""
    svc = api.services(PLUGIN)
    room_steps.remove(svc, id, step)
    return api.answer(documents.whole(svc, rooms.find(svc, id)))


@blueprint.get("/<id>/questions")
@blueprint.call(links.MAY_SHARE, "sales rooms questions", answers=api.pages_of(RoomQuestionShown))
def questions(id: str) -> Response:  # noqa: A002
    """What people outside asked, in that order, and the answers; all on one page."""
    svc = api.services(PLUGIN)
    return api.answer({"items": documents.questions(svc, rooms.find(svc, id)), "next": None})


@blueprint.post("/<id>/questions/<question>/answer")
@blueprint.call(links.MAY_SHARE, "sales rooms answer", body=AnswerBody, answers=RoomAnswerShown)
def answer(body: dict[str, Any], id: str, question: str) -> Response:  # noqa: A002
    """Answer a question, or answer it anew."""
    found = room_questions.answer(api.services(PLUGIN), id, question, body["answer"])
    return api.answer(documents.question(found))


@blueprint.post("/<id>/questions/<question>/remove")
@blueprint.call(links.MAY_SHARE, "sales rooms questions", answers=RoomFull)
def remove_question(id: str, question: str) -> Response:  # noqa: A002
    """Take a question out of the room, with its answer."""
    svc = api.services(PLUGIN)
    room_questions.remove(svc, id, question)
    return api.answer(documents.whole(svc, rooms.find(svc, id)))


@blueprint.post("/<id>/close")
@blueprint.call(links.MAY_SHARE, "sales rooms close", answers=RoomFull)
def close(id: str) -> Response:  # noqa: A002
    """Let no link to a room show anything from now on; doing it again changes nothing."""
    svc = api.services(PLUGIN)
    return api.answer(documents.whole(svc, rooms.close(svc, id)))


@blueprint.post("/<id>/reopen")
@blueprint.call(links.MAY_SHARE, "sales rooms reopen", answers=RoomFull)
def reopen(id: str) -> Response:  # noqa: A002
    """Let the links that have not ended show a room again; doing it again changes nothing."""
    svc = api.services(PLUGIN)
    return api.answer(documents.whole(svc, rooms.reopen(svc, id)))
