"""Webhooks in the app: add one, see what it was told and answered, try it, send again."""

from flask import Blueprint, redirect, render_template, request, url_for

from cms_core.contract import EventType
from cms_core.errors import CmsError
from cms_core.web.auth import permission, user
from cms_core.web.request import Answer, session, workspace
from cms_core.web.shell import toast
from cms_core.webhooks import service
from cms_core.webhooks.sending import ping_now

blueprint = Blueprint("webhooks", __name__, url_prefix="/app/webhooks", template_folder="templates")

ADMIN = "system.admin"
SHOWN = 50


@blueprint.get("")
@permission(ADMIN)
def index() -> Answer:
    """All webhooks, and the form for another one."""
    return _list_page()


@blueprint.post("")
@permission(ADMIN)
def add() -> Answer:
    """Add a webhook; its secret is on this one page."""
    try:
        made, secret = service.add(
            session(), workspace(), _text("url"), request.form.getlist("kinds"), chat="chat" in request.form
        )
    except CmsError as error:
        return _list_page(problem=error), 422
    return _one_page(made.public_id, secret)


@blueprint.get("/<public_id>")
@permission(ADMIN)
def one(public_id: str) -> Answer:
    """One webhook and what it was told last."""
    return _one_page(public_id)


@blueprint.post("/<public_id>/<any(enable, disable, remove):what>")
@permission(ADMIN)
def change(public_id: str, what: str) -> Answer:
    """Switch a webhook on or off, or delete it."""
    found = service.find(session(), public_id)
    if what == "enable":
        service.enable(session(), found)
    elif what == "disable":
        service.disable(session(), found, f"switched off by {user().email}")
    else:
        service.remove(session(), found)
        toast("The webhook is deleted.")
        return redirect(url_for(".index"), 303)
    toast("It is told of what happens from now on." if what == "enable" else "It is switched off.")
    return redirect(url_for(".one", public_id=public_id), 303)


@blueprint.post("/<public_id>/test")
@permission(ADMIN)
def try_out(public_id: str) -> Answer:
    """Send a ping now; no session of this request is open while the network is asked."""
    with workspace().db.transaction() as own:
        message_id = service.ping(own, service.find(own, public_id)).id
    told = ping_now(workspace(), message_id)
    if told["state"] == "delivered":
        toast(f"The ping was taken: {told['status']}.")
    else:
        toast(f"The ping was not taken: {told['reason']}", "bad")
    return redirect(url_for(".one", public_id=public_id), 303)


@blueprint.post("/<public_id>/messages/<message>/resend")
@permission(ADMIN)
def resend(public_id: str, message: str) -> Answer:
    """Send a message again."""
    service.resend(session(), service.find_message(session(), service.find(session(), public_id), message))
    toast("It is sent again in a moment.")
    return redirect(url_for(".one", public_id=public_id), 303)


def _text(name: str) -> str:
    return request.form.get(name, "").replace("\0", "")


def _list_page(problem: CmsError | None = None) -> str:
    rows = [service.document(each) for each in service.webhooks(session())]
    told = [
        *workspace().plugins.event_types.values(),
        EventType(service.NOTICE, "Notices of what needs somebody"),
    ]
    kinds = sorted(told, key=lambda each: each.label)
    return render_template("webhooks/list.html", rows=rows, kinds=kinds, problem=problem, form=request.form)


def _one_page(public_id: str, secret: str = "") -> str:
    found = service.find(session(), public_id)
    told = [service.message_document(each) for each in service.messages(session(), found, SHOWN)]
    return render_template(
        "webhooks/one.html", row=service.document(found), messages=told, secret=secret, most=SHOWN
    )
