"""What people outside write into a room: a step of theirs is done, a question. For who has its page open; words, never markup."""

from flask import Blueprint, request, url_for
from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from cms_core import Invalid, limiter, services
from cms_sales_enablement import PLUGIN, admission, gates, room_questions, room_steps
from cms_sales_enablement.gates import Stage
from cms_sales_enablement.opening import OpenedRoom
from cms_sales_enablement.room_questions import Asked
from cms_sales_enablement.share_pages import room_page

LATE = "The page was open for very long. Please send it once more."

blueprint = Blueprint("sales_room_doors", __name__, url_prefix="/d", template_folder="templates")
blueprint.after_request(admission.harden)


@blueprint.post("/<token>/steps/<step>")
@limiter.limit("60/minute;600/hour", key_func=admission.link)
@limiter.limit("30/minute;300/hour")
def tick(token: str, step: str) -> Response:
    """A step of theirs is done, or is not after all."""
    svc, view = services.current(PLUGIN), request.form.get("view", "")
    admitted = admission.admitted(svc, token, view, under_way=True)
    if admitted is None or not isinstance(admitted.door, OpenedRoom):
        return _late(token)
    done, who = request.form.get("done") == "1", admitted.passed
    room = admitted.door.room
    if not room_steps.tick(svc, room, step, done=done, by=admitted.reader, verified=who.verified):
        return admission.gone()
    return redirect(url_for("sales_shares.show", token=token, view=admitted.view, _anchor="next"), 303)


@blueprint.post("/<token>/questions")
@limiter.limit("20/minute;60/hour", key_func=admission.link)
@limiter.limit("6/minute;30/hour")
def ask(token: str) -> Response:
    """A question; whoever keeps the room hears of it, and who can open it sees it."""
    svc, view = services.current(PLUGIN), request.form.get("view", "")
    admitted = admission.admitted(svc, token, view, under_way=True)
    if admitted is None or not isinstance(admitted.door, OpenedRoom):
        return _late(token)
    about, words = request.form.get("about", "")[:36], request.form.get("words", "")
    said = Asked(words, about, admitted.reader, admitted.passed.verified)
    try:
        room_questions.ask(svc, admitted.door, said)
    except Invalid as error:
        _, look = admission.door_of(svc, token, admitted.view)
        return room_page(svc, token, admitted.door, look, error.status, problem=error, words=words)
    return redirect(url_for("sales_shares.show", token=token, view=admitted.view, _anchor="questions"), 303)


def _late(token: str) -> Response:
    """Whose look is too long ago gets the page anew, with what they wrote; everybody else the one answer."""
    svc = services.current(PLUGIN)
    door, _ = admission.door_of(svc, token, "")
    if not isinstance(door, OpenedRoom):
        return admission.gone()
    if gates.stage_of(svc, door, admission.pass_of(svc, door)) is not Stage.OPEN:
        return redirect(url_for("sales_shares.show", token=token), 303)
    problem, words = Invalid(LATE, ""), request.form.get("words", "")
    return room_page(svc, token, door, None, problem.status, problem=problem, words=words)
