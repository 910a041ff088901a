"""The calendar in the app: seen, planned, moved, armed, imported."""

from flask import Blueprint, redirect, render_template, request, url_for
from marshmallow import ValidationError

from cms_core.campaigns import advice, board, service, slots
from cms_core.campaigns.campaign_pages import blueprint as whole_campaigns
from cms_core.campaigns.models import Entry
from cms_core.campaigns.month import shown_days
from cms_core.campaigns.placing import MOVABLE
from cms_core.campaigns.rules_pages import blueprint as rules
from cms_core.campaigns.series import Scope
from cms_core.contract import Place
from cms_core.errors import CmsError, Invalid
from cms_core.imports.plan import import_plan
from cms_core.publishing import arming, followers, listing, rescheduling
from cms_core.publishing.experiment_plan import ExperimentPlan
from cms_core.web.auth import permission, user
from cms_core.web.forms import SchemaForm
from cms_core.web.panels import draw_panels
from cms_core.web.request import Answer, session, whole_number, workspace
from cms_core.web.shell import local_path, toast

SHOWN_REFUSALS = 3

blueprint = Blueprint("campaigns", __name__, url_prefix="/app", template_folder="templates")
blueprint.register_blueprint(whole_campaigns)
blueprint.register_blueprint(rules)


# --- the calendar -----------------------------------------------------------------------------------------------------


@blueprint.get("/")
def home() -> Answer:
    """Everybody begins where their work is."""
    return redirect("/app/content" if user().role == "rep" else url_for(".calendar"), 303)


@blueprint.get("/calendar")
@permission("calendar.read")
def calendar() -> Answer:
    """One month of whole weeks, one week, or the list of a month, in the viewer's zone."""
    tz, asked = user().timezone, request.args
    today = board.today(session(), tz)
    view = asked.get("view", "month")
    month = shown_days(view, asked.get("month"), asked.get("week"), today, tz)
    hidden = frozenset(asked.getlist("hide"))
    found = board.month(session(), workspace(), month, today, hidden)
    panels = draw_panels(Place.CALENDAR)
    return render_template(
        "campaigns/calendar.html", month=month, view=view, hidden=sorted(hidden), panels=panels, **found
    )


@blueprint.get("/calendar/side")
@permission("calendar.read")
def side() -> str:
    """The live cards beside the calendar, fetched anew while the page is open."""
    return render_template(
        "campaigns/_side.html", **board.side(session(), workspace().plugins, user().timezone)
    )


@blueprint.get("/calendar/new")
@permission("calendar.edit")
def new_entry() -> Answer:
    """The form for a new entry."""
    form = SchemaForm(board.entry_schema(session()), request.args.to_dict())
    return render_template("campaigns/new_entry.html", form=form)


@blueprint.post("/calendar/new")
@permission("calendar.edit")
def add_entry() -> Answer:
    """Put a planned entry on the calendar."""
    form = SchemaForm(board.entry_schema(session()))
    try:
        entry = board.add(session(), form.load(request.form), user().timezone)
    except (ValidationError, CmsError) as error:
        shown = form.rejected(request.form, board.as_validation(error, "when"))
        return render_template("campaigns/new_entry.html", form=shown), 422
    if entry is None:
        toast("The series is planned. Its first entry appears as its time comes nearer.")
        return redirect(url_for(".calendar"), 303)
    refused = board.refused(session(), entry)
    toast(
        f"{entry.title} is planned. Arm it to let it go out by itself."
        + "".join(f" Stays planned: {each}." for each in refused[:SHOWN_REFUSALS]),
        "warn" if refused else "ok",
    )
    return redirect(url_for(".entry", public_id=entry.public_id), 303)


@blueprint.get("/calendar/entries/<public_id>")
@permission("calendar.read")
def entry(public_id: str) -> Answer:
    """One entry: its time, what goes out, and what became of it."""
    return _entry_page(service.find_entry(session(), public_id))


def _entry_page(found: Entry, problem: CmsError | None = None, shown: SchemaForm | None = None) -> str:
    publications = arming.of_entry(session(), found)
    return render_template(
        "campaigns/entry.html",
        entry=found,
        problem=problem,
        about=board.about(session(), found),
        local=board.local_text(found),
        remarks=advice.remarks(session(), workspace(), found) if found.state in MOVABLE else [],
        waits=followers.waits_for(session(), found),
        slots=found.connection_id and slots.of_connection(session(), found.connection_id),
        publications=[listing.publication(session(), each) for each in publications],
        test_form=shown or board.experiment_form_of(session(), workspace().plugins, found),
    )


@blueprint.post("/calendar/entries/<public_id>/move")
@permission("calendar.edit")
def move(public_id: str) -> Answer:
    """Move to a day (the local time stays) or to a time; the toast offers the way back, for what follows too."""
    found = service.find_entry(session(), public_id)
    before, scope = board.undo_text(session(), found), request.form.get("scope", Scope.ONE)
    try:
        if scope not in list(Scope):
            raise Invalid(f"{scope[:20]!r} says not what is meant", "choose this one, following or all")
        wanted, version = (
            board.wanted_time(found, request.form),
            request.form.get("version", type=whole_number),
        )
        moved = rescheduling.move(session(), workspace().plugins, found, wanted, Scope(scope), version)
    except CmsError as error:
        session().rollback()
        return _entry_page(service.find_entry(session(), public_id), error), error.status
    others = f", and {len(moved) - 1} more" if len(moved) > 1 else ""
    text = f"{found.title} moved to {board.spoken(found)}{others}"
    undo = {"when": before, "scope": scope, "next": request.form.get("next") or request.referrer or ""}
    toast(text, undo_url=url_for(".move", public_id=public_id), undo=undo)
    return redirect(_back(url_for(".calendar", month=f"{found.instant:%Y-%m}")), 303)


@blueprint.post("/calendar/entries/<public_id>/<any(arm, disarm, drop, done):what>")
@permission("calendar.edit")
def change(public_id: str, what: str) -> Answer:
    """Arm, perhaps with a test, disarm or drop an entry."""
    found = service.find_entry(session(), public_id)
    form = None
    if "share" in request.form:
        form = board.experiment_form_of(session(), workspace().plugins, found)
    try:
        if what == "arm":
            arming.arm(session(), workspace(), found, _wanted_test(form))
        elif what == "done":
            service.tick_off(session(), found)
        else:
            arming.disarm(session(), found)
            if what == "drop":
                service.drop(session(), found)
    except (ValidationError, CmsError) as error:
        session().rollback()
        shown = form.rejected(request.form, board.as_validation(error, "variant")) if form else None
        problem, status = (error, error.status) if isinstance(error, CmsError) else (None, 422)
        return _entry_page(service.find_entry(session(), public_id), problem, shown), status
    toast(
        {
            "arm": "Armed: it goes out by itself.",
            "disarm": "Back to planned.",
            "drop": "Taken off the calendar.",
            "done": "Done.",
        }[what]
    )
    target = url_for(".calendar") if what == "drop" else url_for(".entry", public_id=public_id)
    return redirect(target, 303)


def _wanted_test(form: SchemaForm | None) -> ExperimentPlan | None:
    return board.experiment_of(form.load(request.form), user().timezone) if form else None


def _back(fallback: str) -> str:
    """Where a move was made: the page with the calendar, or what the form names."""
    return local_path(request.form.get("next") or _referring_path(), fallback)


def _referring_path() -> str:
    referrer = request.referrer or ""
    return referrer[len(request.host_url) - 1 :] if referrer.startswith(request.host_url) else ""


# --- import -----------------------------------------------------------------------------------------------------------


@blueprint.get("/calendar/import")
@permission("calendar.edit")
def import_form() -> Answer:
    """The form for a plan as CSV."""
    return render_template("campaigns/import.html", result=None)


@blueprint.post("/calendar/import")
@permission("calendar.edit")
def import_csv() -> Answer:
    """Check a plan, or put its good rows on the calendar."""
    upload = request.files.get("file")
    data = upload.read() if upload else b""
    dry = "save" not in request.form
    try:
        if not data:
            raise Invalid("no file was chosen", "choose a CSV file")
        name = (upload.filename if upload else "") or "plan.csv"
        arm = (lambda each: arming.arm(session(), workspace(), each)) if "arm" in request.form else None
        result, _ = import_plan(
            session(), workspace().plugins, data, name=name, tz=user().timezone, arm=arm, author=user()
        )
    except CmsError as error:
        session().rollback()
        return render_template("campaigns/import.html", result=None, problem=error), error.status
    if dry:
        session().rollback()
        result.saved = 0
    else:
        toast(f"{result.saved} entries saved, {result.unchanged} unchanged, {len(result.faulty)} left out.")
    return render_template("campaigns/import.html", result=result, dry=dry)
