"""Pages of people: the list, one contact with everything that happened, and unsubscribing somebody by hand."""

import orjson
from flask import Blueprint, Response, redirect, render_template, request, url_for
from sqlalchemy import func, select

from cms_core import joining, personal
from cms_core.audience import board, contacts, segments, unsubscribing
from cms_core.audience.import_pages import blueprint as importing
from cms_core.audience.limits_pages import blueprint as limiting
from cms_core.audience.models import Contact
from cms_core.audience.segment_pages import blueprint as grouping
from cms_core.contract import Place, Subject
from cms_core.errors import CmsError, Invalid
from cms_core.web.auth import permission, user
from cms_core.web.panels import draw_panels
from cms_core.web.request import Answer, session, whole_number, workspace
from cms_core.web.shell import toast

blueprint = Blueprint("audience", __name__, url_prefix="/app", template_folder="templates")
blueprint.register_blueprint(importing)
blueprint.register_blueprint(grouping)
blueprint.register_blueprint(limiting)


@blueprint.get("/contacts")
@permission("audience.read")
def index() -> Answer:
    """All people, the newest first; narrowed by words and to a segment."""
    words, wanted = request.args.get("q", ""), request.args.get("segment", "")
    segment = segments.find_by_public_id(session(), wanted) if wanted else None
    members = segments.member_ids(session(), segment) if segment else None
    rows, following = contacts.list_page(
        session(), words, among=members, before=request.args.get("before", type=whole_number)
    )
    return render_template(
        "audience/contacts.html",
        rows=rows,
        next=url_for(".index", q=words or None, segment=wanted or None, before=following)
        if following
        else "",
        words=words,
        segment=segment,
        total=session().scalar(select(func.count(Contact.id)).where(contacts.alive())),
    )


@blueprint.get("/contacts/<public_id>")
@permission("audience.read")
def contact(public_id: str) -> Answer:
    """One person: fields, consent, and what was sent and happened."""
    return _contact_page(contacts.find_by_public_id(session(), public_id))


def _contact_page(found: Contact, problem: CmsError | None = None) -> str:
    return render_template(
        "audience/contact.html",
        **board.dossier(session(), found),
        types=workspace().plugins.event_types,
        panels=draw_panels(Place.CONTACT, Subject("contact", found.public_id)),
        problem=problem,
    )


@blueprint.get("/contacts/<public_id>/export")
@permission("audience.edit")
def export(public_id: str) -> Answer:
    """Everything that is kept about one person, as a file."""
    found = contacts.find_by_public_id(session(), public_id)
    document = personal.export(workspace(), found.id)
    answer = Response(
        orjson.dumps(document, default=str, option=orjson.OPT_INDENT_2), mimetype="application/json"
    )
    answer.headers["Content-Disposition"] = f'attachment; filename="contact-{public_id}.json"'
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


@blueprint.post("/contacts/<public_id>/erase")
@permission("audience.edit")
def erase(public_id: str) -> Answer:
    """Erase one person; a plugin that fails is asked again by the worker, and is named meanwhile."""
    contact_id = contacts.find_by_public_id(session(), public_id).id
    session().rollback()  # plugins delete in transactions of their own
    outcome = personal.erase(workspace(), contact_id, (user().id, "app"))
    if outcome["complete"]:
        toast("Erased. What is left names nobody.")
    else:
        names = ", ".join(outcome["pending"])
        toast(f"Not complete: {names} still keeps something; it is asked again by itself.", level="warn")
    return redirect(url_for(".index"), 303)


@blueprint.post("/contacts/<public_id>/merge")
@permission("audience.edit")
def merge(public_id: str) -> Answer:
    """Make one contact of this one and another that is the same person."""
    found = contacts.find_by_public_id(session(), public_id)
    try:
        joining.merge(session(), found, joining.find(session(), request.form.get("gone", "").strip()))
    except CmsError as problem:
        session().rollback()
        return _contact_page(contacts.find_by_public_id(session(), public_id), problem), problem.status
    toast("The two are one now.")
    return redirect(url_for(".contact", public_id=public_id), 303)


@blueprint.post("/contacts/<public_id>/unsubscribe")
@permission("audience.edit")
def unsubscribe(public_id: str) -> Answer:
    """Take somebody off everything that goes by e-mail, because they asked by other means; no import brings them back."""
    found = contacts.find_by_public_id(session(), public_id)
    try:
        unsubscribing.unsubscribe(session(), found, request.form.get("reason", ""), user(), "app")
    except Invalid as problem:
        return _contact_page(found, problem), problem.status
    toast(f"{found.email} gets no more e-mail.")
    return redirect(url_for(".contact", public_id=public_id), 303)
