"""Campaigns in the app: listed, made, looked at, moved and copied as a whole."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from marshmallow import ValidationError

from cms_core.campaigns import board, service, shifting
from cms_core.campaigns.models import Campaign
from cms_core.campaigns.schemas import CampaignForm
from cms_core.campaigns.when import describe
from cms_core.contract import Place, Subject
from cms_core.db import now
from cms_core.errors import CmsError, Invalid
from cms_core.publishing import rescheduling
from cms_core.web.auth import permission, user
from cms_core.web.forms import SchemaForm
from cms_core.web.panels import draw_panels
from cms_core.web.request import Answer, session, workspace
from cms_core.web.shell import toast

blueprint = Blueprint("whole", __name__)


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


@blueprint.get("/campaigns/<public_id>/move")
@permission("calendar.edit")
def move_form(public_id: str) -> Answer:
    """The form for moving or copying a whole campaign."""
    found = service.find_campaign(session(), public_id)
    return _move_page(found, {"start": found.starts_on.isoformat()})


@blueprint.post("/campaigns/<public_id>/move")
@permission("calendar.edit")
def move(public_id: str) -> Answer:
    """Show what a move would change, or do it."""
    found = service.find_campaign(session(), public_id)
    try:
        days = shifting.days_to(found, _day(request.form.get("start", "")))
        done = rescheduling.move_campaign(session(), workspace().plugins, found, days)
    except CmsError as error:
        session().rollback()
        return _move_page(
            service.find_campaign(session(), public_id), request.form, problem=error
        ), error.status
    rows = [(each.title, describe(old, each.tz), board.spoken(each)) for each, old in done.moved]
    stays = [(each.title, reason) for each, reason in done.stays]
    if "save" in request.form:
        toast(f"{found.name} moved by {days} days: {len(rows)} entries moved, {len(stays)} stayed.")
        return redirect(url_for(".campaign", public_id=public_id), 303)
    session().rollback()
    return _move_page(
        service.find_campaign(session(), public_id), request.form, rows=rows, stays=stays, shown=True
    )


@blueprint.post("/campaigns/<public_id>/copy")
@permission("calendar.edit")
def copy(public_id: str) -> Answer:
    """Copy a campaign to another start."""
    found = service.find_campaign(session(), public_id)
    try:
        made, entries = shifting.copy(
            session(), found, request.form.get("name", ""), _day(request.form.get("start", ""))
        )
    except CmsError as error:
        session().rollback()
        return _move_page(
            service.find_campaign(session(), public_id), request.form, problem=error
        ), error.status
    toast(f"{made.name} is planned with {len(entries)} entries.")
    return redirect(url_for(".campaign", public_id=made.public_id), 303)


def _move_page(found: Campaign, form: Mapping[str, str], **more: Any) -> str:
    return render_template("campaigns/move_campaign.html", campaign=found, form=form, **more)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Invalid(f"{text[:40]!r} is not a day", "write it like 2026-05-04") from None
