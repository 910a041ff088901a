"""Publications in the app: what goes out, what became of it, and what a person can do about it."""

import threading
from typing import Any

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from sqlalchemy import tuple_

from cms_core.errors import CmsError, Invalid
from cms_core.publishing import experiments, listing, live, recipients, resolving, service
from cms_core.publishing.models import Publication, PublicationState
from cms_core.web.auth import permission, user
from cms_core.web.request import Answer, session, workspace
from cms_core.web.shell import toast
from cms_core.worker import Worker
from cms_core.workspace import Workspace

blueprint = Blueprint("publishing", __name__, url_prefix="/app/publications", template_folder="templates")

SHOWN = 100
DONE = {
    "retry": "It is due now.",
    "hold": "It is held.",
    "resume": "It goes on.",
    "cancel": "It is cancelled.",
    "resolve": "Noted.",
    "settle": "Noted.",
    "update": "The newest approved words are on their way.",
    "withdraw": "It is being taken back.",
    "pick": "The rest gets this arm.",
}


@blueprint.get("")
@permission("calendar.read")
def publications() -> Answer:
    """All publications, or those in one state, page by page."""
    state = request.args.get("state", "")
    if state and state not in list(PublicationState):
        raise Invalid(f"there is no state {state[:40]!r}", f"states: {', '.join(PublicationState)}")
    rows, older = _latest(state, request.args.get("before", ""))
    return render_template(
        "publishing/list.html",
        rows=rows,
        unknown=recipients.unknown_counts(session(), [row["id"] for row in rows]),
        older=older,
        counts=listing.state_counts(session()),
        chosen=state,
        channels=workspace().plugins.channels,
    )


def _latest(state: str, before: str) -> tuple[list[dict[str, Any]], str]:
    """A page of them, those due last first, and the id before which the next page begins, or ""."""
    place = (Publication.due_at, Publication.id)
    query = listing.rows_of(state=state or None).order_by(*(each.desc() for each in place)).limit(SHOWN + 1)
    if before:
        last = service.find(session(), before)
        query = query.where(tuple_(*place) < (last.due_at, last.id))
    rows = [listing.document(row._mapping) for row in session().execute(query)]
    return rows[:SHOWN], rows[SHOWN - 1]["id"] if len(rows) > SHOWN else ""


@blueprint.get("/<public_id>")
@permission("calendar.read")
def publication(public_id: str) -> Answer:
    """One publication with its attempts and deliveries."""
    return _page(service.find(session(), public_id))


@blueprint.get("/<public_id>/progress")
@permission("calendar.read")
def progress(public_id: str) -> str:
    """State and counts, fetched anew while the page is open."""
    found = service.find(session(), public_id)
    return render_template("publishing/_progress.html", p=listing.publication(session(), found))


def _page(found: Publication, problem: CmsError | None = None) -> str:
    channel = workspace().plugins.channels.get(found.channel)
    return render_template(
        "publishing/one.html",
        p=listing.publication(session(), found),
        unknown=recipients.unknown(session(), found),
        undelivered=recipients.undelivered(session(), found),
        reasons=recipients.reasons(session(), found),
        most_shown=recipients.MOST_SHOWN,
        group=channel.group if channel else "",
        label=channel.label if channel else found.channel,
        can_pause=live.can_pause(workspace().plugins, found.channel),
        has_failed=resolving.has_failed(session(), found),
        problem=problem,
    )


@blueprint.post(
    "/<public_id>/<any(retry, hold, resume, cancel, resolve, settle, update, withdraw, pick):what>"
)
@permission("publishing.act")
def act(public_id: str, what: str) -> Answer:
    """Do one of the things that a person may do; what cannot be done now is said on the page."""
    found = service.find(session(), public_id)
    try:
        target = _do(found, what)
        at_once = what in ("update", "withdraw") or bool(target.switch_to)
        if at_once:
            workspace().fence.require_open()
    except CmsError as error:
        session().rollback()
        return _page(service.find(session(), public_id), error), error.status
    session().commit()
    if at_once:
        begin_now(workspace(), target.id, wait=current_app.testing)
    toast(DONE[what])
    return redirect(url_for(".publication", public_id=target.public_id), 303)


def _do(found: Publication, what: str) -> Publication:
    if what == "hold":
        reason = request.form.get("reason", "").strip()[:500] or "held by a person"
        live.pause(session(), workspace().plugins, found, reason)
    elif what == "resume":
        live.resume(session(), workspace().plugins, found)
    elif what == "pick":
        experiments.pick(session(), found, request.form.get("arm", ""), user().id)
    elif what == "resolve":
        service.resolve(session(), found, published_url=_resolved_url())
    elif what == "settle":
        accepted = request.form.get("outcome") == "accepted"
        resolving.resolve(session(), found, request.form.get("address", ""), accepted=accepted)
    elif what == "update":
        return service.update_content(session(), workspace().plugins, found)
    elif what == "withdraw":
        service.ask_withdrawal(session(), found)
    else:
        {"retry": resolving.retry, "cancel": service.cancel}[what](session(), found)
    return found


def _resolved_url() -> str | None:
    if request.form.get("outcome") != "published":
        return None
    return request.form.get("url", "").strip()


def begin_now(opened: Workspace, row_id: int, *, wait: bool = False) -> None:
    """Let the network call happen outside this request; a worker that is faster is just as good."""

    def run() -> None:
        publishing = opened.for_publishing()
        try:
            Worker(publishing).run_one(row_id)
        finally:
            publishing.db.dispose()

    thread = threading.Thread(target=run, name="cms-run-one", daemon=True)
    thread.start()
    if wait:
        thread.join()
