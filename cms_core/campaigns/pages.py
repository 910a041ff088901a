"""The calendar and the campaigns in the app."""

from flask import Blueprint, redirect, render_template, request, url_for
from marshmallow import ValidationError

from cms_core.campaigns import board, service
from cms_core.campaigns.models import Entry
from cms_core.campaigns.month import Month
from cms_core.campaigns.schemas import CampaignForm
from cms_core.contract import Place, Subject
from cms_core.db import now
from cms_core.errors import CmsError, Invalid
from cms_core.imports.plan import import_plan
from cms_core.publishing import arming, listing
from cms_core.web.auth import permission, user
from cms_core.web.forms import SchemaForm
from cms_core.web.panels import draw_panels
from cms_core.web.request import Answer, session, workspace
from cms_core.web.shell import local_path, toast

blueprint = Blueprint("campaigns", __name__, url_prefix="/app", template_folder="templates")


# --- the calendar -----------------------------------------------------------------------------------------------------


@blueprint.get("/")
def home() -> Answer:
    """Everybody begins where their work is."""
    return redirect("/app/content" if user().role == "rep" else url_for(".calendar"), 303)


@blueprint.get("/calendar")
@permission("calendar.read")
def calendar() -> Answer:
    """One month, whole weeks, in the viewer's zone."""
    tz = user().timezone
    today = board.today(session(), tz)
    month = Month.parse(request.args.get("month"), today, tz)
    hidden = frozenset(request.args.getlist("hide"))
    found = board.month(session(), workspace().plugins, month, today, hidden)
    panels = draw_panels(Place.CALENDAR)
    return render_template(
        "campaigns/calendar.html", month=month, hidden=sorted(hidden), panels=panels, **found
    )


@blueprint.get("/calendar/side")
@permission("calendar.read")
def side() -> str:
    """The live cards beside the calendar, fetched anew while the page is open."""
    return render_template("campaigns/_side.html", **board.side(session(), user().timezone))


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
        entry = service.plan(session(), board.plan_of(session(), form.load(request.form), user().timezone))
    except (ValidationError, CmsError) as error:
        shown = form.rejected(request.form, board.as_validation(error, "when"))
        return render_template("campaigns/new_entry.html", form=shown), 422
    toast(f"{entry.title} is planned. Arm it to let it go out by itself.")
    return redirect(url_for(".entry", public_id=entry.public_id), 303)


@blueprint.get("/calendar/entries/<public_id>")
@permission("calendar.read")
def entry(public_id: str) -> Answer:
    """One entry: its time, what goes out, and what became of it."""
    return _entry_page(service.find_entry(session(), public_id))


def _entry_page(found: Entry, problem: CmsError | None = None) -> str:
    publications = arming.of_entry(session(), found)
    return render_template(
        "campaigns/entry.html",
        entry=found,
        problem=problem,
        about=board.about(session(), found),
        local=board.local_text(found)[:16],
        publications=[listing.publication(session(), each) for each in publications],
    )


@blueprint.post("/calendar/entries/<public_id>/move")
@permission("calendar.edit")
def move(public_id: str) -> Answer:
    """Move to a day (the local time stays) or to a time; the toast offers the way back."""
    found = service.find_entry(session(), public_id)
    before = board.local_text(found)
    try:
        moved = service.move(session(), found, board.wanted_time(found, request.form))
        for each in moved:
            arming.follow(session(), workspace().plugins, each)
    except CmsError as error:
        session().rollback()
        return _entry_page(service.find_entry(session(), public_id), error), error.status
    text = f"{found.title} moved to {board.spoken(found)}"
    undo = {"when": before, "next": request.form.get("next") or request.referrer or ""}
    toast(text, undo_url=url_for(".move", public_id=public_id), undo=undo)
    return redirect(_back(url_for(".calendar", month=f"{found.instant:%Y-%m}")), 303)


@blueprint.post("/calendar/entries/<public_id>/<any(arm, disarm, drop):what>")
@permission("calendar.edit")
def change(public_id: str, what: str) -> Answer:
    """Arm, disarm or drop an entry."""
    found = service.find_entry(session(), public_id)
    try:
        if what == "arm":
            arming.arm(session(), workspace(), found)
        else:
            arming.disarm(session(), found)
            if what == "drop":
                service.drop(session(), found)
    except CmsError as error:
        session().rollback()
        return _entry_page(service.find_entry(session(), public_id), error), error.status
    toast(
        {
            "arm": "Armed: it goes out by itself.",
            "disarm": "Back to planned.",
            "drop": "Taken off the calendar.",
        }[what]
    )
    target = url_for(".calendar") if what == "drop" else url_for(".entry", public_id=public_id)
    return redirect(target, 303)


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


# --- campaigns --------------------------------------------------------------------------------------------------------


@blueprint.get("/campaigns")
@permission("calendar.read")
def campaigns() -> Answer:
    """All campaigns."""
    rows = board.campaign_rows(session())
    return render_template("campaigns/campaigns.html", rows=rows, today=now(session()).date())


@blueprint.get("/campaigns/new")
@permission("calendar.edit")
def new_campaign() -> Answer:
    """The form for a new campaign."""
    values = {"tz": user().timezone, "start": board.today(session(), user().timezone)}
    return render_template("campaigns/new_campaign.html", form=SchemaForm(CampaignForm(), values))


@blueprint.post("/campaigns/new")
@permission("calendar.edit")
def add_campaign() -> Answer:
    """Create a campaign."""
    form = SchemaForm(CampaignForm())
    try:
        campaign = service.create_campaign(session(), **form.load(request.form))
    except (ValidationError, CmsError) as error:
        shown = form.rejected(request.form, board.as_validation(error, "name"))
        return render_template("campaigns/new_campaign.html", form=shown), 422
    toast(f"{campaign.name} is created.")
    return redirect(url_for(".campaign", public_id=campaign.public_id), 303)


@blueprint.get("/campaigns/<public_id>")
@permission("calendar.read")
def campaign(public_id: str) -> Answer:
    """One campaign: its entries and how they stand."""
    found = service.find_campaign(session(), public_id)
    return render_template(
        "campaigns/campaign.html",
        campaign=found,
        entries=board.entries_of(session(), workspace().plugins, found),
        panels=draw_panels(Place.CAMPAIGN, Subject("campaign", found.public_id)),
    )
