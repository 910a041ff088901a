"""The pages of rooms: all of one's own, and one with its pieces, steps, questions, links and looks."""

from collections.abc import Callable
from datetime import date
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from marshmallow import ValidationError
from werkzeug.wrappers import Response

from cms_core import CmsError, Invalid, SchemaForm, Services, permission, services, toast
from cms_sales_enablement import PLUGIN, room_board, room_looks, room_questions, room_steps, rooms, shares
from cms_sales_enablement.ordering import moved
from cms_sales_enablement.schemas import ShareForm
from cms_sales_enablement.terms import Terms

MOST = 200

Answer = str | Response | tuple[str, int]

blueprint = Blueprint("sales_rooms", __name__, url_prefix=rooms.AT, template_folder="templates")


@blueprint.get("/")
@permission(shares.MAY_SHARE)
def index() -> Answer:
    """The rooms that one keeps; everybody's, for those who may see them."""
    return _index()


def _index(problem: CmsError | None = None) -> str:
    svc = services.current(PLUGIN)
    found = room_looks.overviews(svc, rooms.listed(svc, MOST))
    return render_template(
        "sales_enablement/rooms.html",
        rooms=found,
        everybody=svc.can(shares.SEES_ALL),
        most=MOST,
        problem=problem,
        said=request.form,
    )


@blueprint.post("/")
@permission(shares.MAY_SHARE)
def make() -> Answer:
    """Make a room for a company or a deal."""
    wanted = rooms.Wanted(request.form.get("name", ""), request.form.get("for", "")[:200])
    try:
        found = rooms.make(services.current(PLUGIN), wanted)
    except CmsError as error:
        return _index(error), error.status
    return redirect(_at(found.public_id), 303)


@blueprint.get("/<public_id>")
@permission(shares.MAY_SHARE)
def show(public_id: str) -> Answer:
    """One room."""
    return _page(public_id)


def _page(
    public_id: str,
    problem: CmsError | None = None,
    form: SchemaForm | None = None,
    made: shares.Made | None = None,
) -> str:
    svc = services.current(PLUGIN)
    found = rooms.find(svc, public_id)
    return render_template(
        "sales_enablement/room.html",
        board=room_board.of(svc, found),
        room=found,
        problem=problem,
        form=form or SchemaForm(ShareForm()),
        made=made,
        today=svc.now().date(),
    )


@blueprint.post("/<public_id>")
@permission(shares.MAY_SHARE)
def save(public_id: str) -> Answer:
    """Give it another name, or other words of welcome."""
    name, welcome = request.form.get("name"), request.form.get("welcome")
    return _changed(public_id, "words", lambda svc: rooms.change(svc, public_id, name, welcome))


@blueprint.post("/<public_id>/items")
@permission(shares.MAY_SHARE)
def items(public_id: str) -> Answer:
    """Put a piece into it, order its pieces, or take one out."""
    sent = request.form
    given = Terms(download="download" in sent, watermark="watermark" in sent)
    add = [sent["add"][:200]] if sent.get("add") else []
    remove = [sent["remove"]] if sent.get("remove") else []
    order = moved(sent.getlist("item"), sent.get("move", "")) if not remove else []

    def change(svc: Services) -> None:
        rooms.change_items(svc, public_id, add=add, remove=remove, order=order, given=given)

    return _changed(public_id, "items", change)


@blueprint.post("/<public_id>/steps")
@permission(shares.MAY_SHARE)
def add_step(public_id: str) -> Answer:
    """Put something on the list of what is to be done."""
    what, who = request.form.get("what", ""), request.form.get("who", "")
    return _changed(
        public_id, "steps", lambda svc: room_steps.add(svc, public_id, what, who, _day(request.form))
    )


@blueprint.post("/<public_id>/steps/<step>")
@permission(shares.MAY_SHARE)
def change_step(public_id: str, step: str) -> Answer:
    """Say that a step is done or is not, change it, or take it off the list."""
    sent, do = request.form, request.form.get("do", "")

    def change(svc: Services) -> None:
        if do == "remove":
            room_steps.remove(svc, public_id, step)
            return
        said: dict[str, Any] = {"done": do == "done"} if do in ("done", "undone") else {}
        if do == "save":
            said = {"what": sent.get("what", ""), "who": sent.get("who", ""), "due": _day(sent)}
        room_steps.change(svc, public_id, step, said)

    return _changed(public_id, "steps", change)


@blueprint.post("/<public_id>/questions/<question>")
@permission(shares.MAY_SHARE)
def answer(public_id: str, question: str) -> Answer:
    """Answer a question, or take it out of the room."""
    words = request.form.get("answer", "")

    def change(svc: Services) -> None:
        if request.form.get("do") == "remove":
            room_questions.remove(svc, public_id, question)
        else:
            room_questions.answer(svc, public_id, question, words)

    return _changed(public_id, "questions", change)


@blueprint.post("/<public_id>/links")
@permission(shares.MAY_SHARE)
def share(public_id: str) -> Answer:
    """Make a link; it is shown on this page and never again."""
    form = SchemaForm(ShareForm())
    try:
        made = rooms.share(services.current(PLUGIN), public_id, form.load(request.form))
    except ValidationError as error:
        return _page(public_id, form=form.rejected(request.form, error)), 422
    except CmsError as error:
        return _page(public_id, error, form), error.status
    return _page(public_id, made=made)


@blueprint.post("/<public_id>/close")
@permission(shares.MAY_SHARE)
def close(public_id: str) -> Answer:
    """Let no link to it show anything from now on."""
    rooms.close(services.current(PLUGIN), public_id)
    toast("The room is closed: its links show nothing any more.")
    return redirect(_at(public_id), 303)


@blueprint.post("/<public_id>/reopen")
@permission(shares.MAY_SHARE)
def reopen(public_id: str) -> Answer:
    """Let its links show it again."""
    return _changed(public_id, None, lambda svc: rooms.reopen(svc, public_id))


def _changed(public_id: str, part: str | None, change: Callable[[Services], object]) -> Answer:
    """Change something, and come back to that part of the page; what is refused is said on it."""
    svc = services.current(PLUGIN)
    rooms.find(svc, public_id)  # whose room it is comes first: nothing of it is told to others
    try:
        change(svc)
    except CmsError as error:
        return _page(public_id, error), error.status
    return redirect(_at(public_id, part), 303)


def _day(sent: Any) -> date | None:
    text = sent.get("due", "").strip()
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise Invalid(f"{text[:40]!r} is not a day", "write 2026-12-31, or nothing", field="due") from None


def _at(public_id: str, part: str | None = None) -> str:
    return url_for("sales_rooms.show", public_id=public_id, _anchor=part)
