"""One's notices, what one wants to be mailed about, and the log of the system's mail."""

from flask import Blueprint, redirect, render_template, request, url_for

from cms_core.auth.models import User
from cms_core.errors import CmsError
from cms_core.notices import inbox, outbox, trial
from cms_core.notices.kinds import label_of
from cms_core.notices.models import MailState
from cms_core.notices.transport import document
from cms_core.web.auth import permission, user
from cms_core.web.request import Answer, session, whole_number, workspace
from cms_core.web.shell import local_path, toast

blueprint = Blueprint("notices", __name__, url_prefix="/app", template_folder="templates")

ADMIN = "system.admin"
SHOWN = 100


@blueprint.get("/notices")
def index() -> Answer:
    """What needs somebody, the newest first; with ``show=all`` also what is settled."""
    plugins, everything, kind = (
        workspace().plugins,
        request.args.get("show") == "all",
        request.args.get("kind", ""),
    )
    before = request.args.get("before", type=whole_number)
    rows = inbox.listed(
        session(),
        plugins,
        user(),
        kind=kind.replace("\0", ""),
        everything=everything,
        before=before,
        limit=inbox.PAGE + 1,
    )
    more = rows[inbox.PAGE - 1][0].id if len(rows) > inbox.PAGE else None
    return render_template(
        "notices/list.html",
        rows=rows[: inbox.PAGE],
        counts=inbox.counts(session(), plugins, user()),
        kind=kind,
        everything=everything,
        more=url_for(".index", before=more, kind=kind or None, show="all" if everything else None)
        if more
        else None,
        label_of=label_of,
    )


@blueprint.post("/notices/read")
def read_all() -> Answer:
    """Mark all as read."""
    inbox.mark_all_read(session(), workspace().plugins, user())
    return redirect(url_for(".index"), 303)


@blueprint.post("/notices/<public_id>/read")
def read(public_id: str) -> Answer:
    """Mark one as read."""
    inbox.mark_read(session(), user(), inbox.find(session(), workspace().plugins, user(), public_id))
    return redirect(local_path(request.form.get("next"), url_for(".index")), 303)


@blueprint.post("/me/notices")
def choose() -> Answer:
    """Keep how one wants to be mailed, by kind."""
    wanted = {name.removeprefix("how-"): how for name, how in request.form.items() if name.startswith("how-")}
    inbox.choose(session(), workspace().plugins, _mine(), wanted)
    toast("Saved.")
    return redirect(f"{url_for('auth.me')}#notices", 303)


# --- the system's mail ------------------------------------------------------------------------------------------------


@blueprint.get("/mail")
@permission(ADMIN)
def mail() -> Answer:
    """How the system's mail goes out, and what became of it."""
    return _mail_page()


@blueprint.post("/mail/test")
@permission(ADMIN)
def test() -> Answer:
    """Send a mail to oneself now; no session of this request is open while the network is asked."""
    try:
        told = trial.send_trial(workspace(), user().email, (user().id, "web"))
    except CmsError as error:
        return _mail_page(error), error.status
    words = trial.said(told)
    toast(
        f"{words[:1].upper()}{words[1:]}.",
        {MailState.SENT: "ok", MailState.PENDING: "warn"}.get(told["state"], "bad"),
    )
    return redirect(url_for(".mail"), 303)


@blueprint.post("/mail/<public_id>/again")
@permission(ADMIN)
def again(public_id: str) -> Answer:
    """Send a mail again that did not arrive."""
    outbox.again(session(), workspace(), outbox.find(session(), public_id))
    toast("It is sent again in a moment.")
    return redirect(url_for(".mail"), 303)


def _mail_page(problem: CmsError | None = None) -> str:
    rows = [outbox.document(each) for each in outbox.listed(session(), SHOWN)]
    transport = document(workspace().config)
    return render_template("notices/mail.html", rows=rows, transport=transport, problem=problem, most=SHOWN)


def _mine() -> User:
    return session().get_one(User, user().id)
