"""When things go out, in the app: blackouts and holidays, slots of connections, series."""

from flask import Blueprint, redirect, render_template, request, url_for
from marshmallow import ValidationError

from cms_core.campaigns import blackouts, board, rules, series, slots
from cms_core.campaigns.models import Blackout, Campaign
from cms_core.connections import service as connections
from cms_core.connections.models import Connection
from cms_core.errors import CmsError
from cms_core.publishing import rescheduling
from cms_core.web.auth import permission, user
from cms_core.web.forms import SchemaForm
from cms_core.web.request import Answer, session, workspace
from cms_core.web.shell import toast

blueprint = Blueprint("rules", __name__)


@blueprint.get("/calendar/rules")
@permission("calendar.read")
def index() -> Answer:
    """Blackouts, slots and series."""
    return _page(_form({"tz": user().timezone, "policy": "block"}))


@blueprint.post("/calendar/rules/blackouts")
@permission("calendar.edit")
def add_blackout() -> Answer:
    """Add a window, or the holidays of a country."""
    form = _form({})
    try:
        added = rules.add_blackout(session(), form.load(request.form), user().timezone)
    except (ValidationError, CmsError) as error:
        return _page(form.rejected(request.form, board.as_validation(error, "name"))), 422
    toast(f"{added.name} is kept from now on.")
    return redirect(url_for(".index"), 303)


@blueprint.post("/calendar/rules/blackouts/<public_id>/remove")
@permission("calendar.edit")
def remove_blackout(public_id: str) -> Answer:
    """Take a blackout away."""
    found = blackouts.find(session(), public_id)
    blackouts.remove(session(), found)
    toast(f"{found.name} is removed. What it moved stays where it is.")
    return redirect(url_for(".index"), 303)


@blueprint.post("/calendar/rules/slots/<public_id>")
@permission("calendar.edit")
def set_slots(public_id: str) -> Answer:
    """Replace the posting times of a connection."""
    found = connections.find_by_public_id(session(), public_id)
    try:
        slots.replace(
            session(), found, request.form.get("times", ""), request.form.get("tz", "") or user().timezone
        )
    except CmsError as error:
        session().rollback()
        return _page(_form({"tz": user().timezone}), error), error.status
    toast(f"The posting times of {found.name} are saved.")
    return redirect(url_for(".index"), 303)


@blueprint.post("/calendar/rules/series/<public_id>/<any(arm, disarm, end):what>")
@permission("calendar.edit")
def change_series(public_id: str, what: str) -> Answer:
    """Arm, disarm or end a series."""
    found, problems = series.find(session(), public_id), list[str]()
    try:
        if what == "arm":
            entries, problems = rescheduling.arm_series(session(), workspace(), found)
        else:
            entries = (
                rescheduling.disarm_series(session(), found)
                if what == "disarm"
                else series.end(session(), found)
            )
    except CmsError as error:
        session().rollback()
        return _page(_form({"tz": user().timezone}), error), error.status
    words = {"arm": "armed", "disarm": "planned again", "end": "taken off the calendar"}[what]
    toast(
        f"{len(entries)} entries of {found.title} are {words}."
        + "".join(f" {each}." for each in problems[:1])
    )
    return redirect(url_for(".index"), 303)


def _form(values: dict[str, str]) -> SchemaForm:
    return SchemaForm(board.blackout_schema(session()), values)


def _scope(blackout: Blackout) -> str:
    """For what alone a blackout holds; nothing: for all."""
    campaign = session().get(Campaign, blackout.campaign_id) if blackout.campaign_id else None
    connection = session().get(Connection, blackout.connection_id) if blackout.connection_id else None
    account = f"{connection.channel}:{connection.name}" if connection else ""
    return ", ".join(filter(None, (campaign.name if campaign else "", account)))


def _page(form: SchemaForm, problem: CmsError | None = None) -> str:
    posting = [(each, slots.of_connection(session(), each.id)) for each in slots.connections_of(session())]
    return render_template(
        "campaigns/rules.html",
        form=form,
        problem=problem,
        blackouts=blackouts.list_all(session()),
        scope=_scope,
        posting=[(each, slots.show(kept), kept[0].tz if kept else user().timezone) for each, kept in posting],
        series=[(each, ", ".join(series.describe_rule(each))) for each in series.list_all(session())],
    )
