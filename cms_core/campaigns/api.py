"""REST: campaigns and the calendar."""

from dataclasses import asdict
from typing import Any

from flask import Response
from sqlalchemy import select

from cms_core.api import Blueprint, PageArgs, answer, bearer, page, pages_of, require_match, upload
from cms_core.api.schemas import many_of
from cms_core.campaigns import api_schemas as s
from cms_core.campaigns import calendar, placing, recurrence, rules, service, shifting
from cms_core.campaigns import campaign_api_schemas as whole
from cms_core.campaigns.models import Campaign, Entry, EntryState
from cms_core.campaigns.series import Scope
from cms_core.campaigns.when import parse_wall, zone
from cms_core.connections.values import InvalidValues
from cms_core.errors import Invalid
from cms_core.imports.plan import import_plan
from cms_core.publishing import arming, experiment_plan, rescheduling
from cms_core.web.request import session, workspace

blueprint = Blueprint(
    "calendar_api", __name__, url_prefix="/api/v1", description="Campaigns and the calendar."
)


# --- campaigns --------------------------------------------------------------------------------------------------------


@blueprint.get("/campaigns")
@blueprint.call("calendar.read", "campaigns list", query=PageArgs, answers=pages_of(whole.CampaignShown))
def list_campaigns(query: dict[str, Any]) -> Response:
    """All campaigns, the oldest first."""
    return page(
        session(), select(Campaign), (Campaign.id,), query, lambda row: service.document(row["Campaign"])
    )


@blueprint.post("/campaigns")
@blueprint.call(
    "calendar.edit", "campaigns create", body=whole.NewCampaign, answers=whole.CampaignShown, status=201
)
def add_campaign(body: dict[str, Any]) -> Response:
    """Create a campaign."""
    return _campaign(service.create_campaign(session(), **body), 201)


@blueprint.get("/campaigns/<id>")
@blueprint.call("calendar.read", answers=whole.CampaignShown, versioned=True)
def one_campaign(id: str) -> Response:  # noqa: A002  # the name in the path
    """One campaign, by id, name or key."""
    return _campaign(service.find_campaign(session(), id))


@blueprint.post("/campaigns/<id>/move")
@blueprint.call("calendar.edit", "campaigns move", body=whole.Move, answers=whole.CampaignMoved)
def move_campaign(body: dict[str, Any], id: str) -> Response:  # noqa: A002
    """Move a whole campaign: times of day stay, armed entries get their new times, what is done stays."""
    found, by = service.find_campaign(session(), id), body["by"]
    if (by is None) == (body["start"] is None):
        raise Invalid("a campaign moves either by days or to a day", "give `by` or `start`", field="by")
    days = shifting.days_to(found, body["start"]) if by is None else by
    done = rescheduling.move_campaign(session(), workspace().plugins, found, days)
    told = rules.move_document(found, done)
    if body["dry_run"]:
        session().rollback()
    return answer(told)


@blueprint.post("/campaigns/<id>/copy")
@blueprint.alt_response(200, schema=whole.CampaignCopied)  # type: ignore[untyped-decorator]
@blueprint.call("calendar.edit", "campaigns copy", body=whole.Copy, answers=whole.CampaignCopied, status=201)
def copy_campaign(body: dict[str, Any], id: str) -> Response:  # noqa: A002
    """Copy a campaign to another start; its entries are planned at the same times of day. 200 for a dry run: nothing is made."""
    made, entries = shifting.copy(
        session(), service.find_campaign(session(), id), body["name"], body["start"]
    )
    told, public_id = rules.copy_document(made, entries), made.public_id
    if body["dry_run"]:
        session().rollback()
        return answer(told)
    return answer(told, 201, version=made.row_version, location=f"/api/v1/campaigns/{public_id}")


def _campaign(found: Campaign, status: int = 200) -> Response:
    location = f"/api/v1/campaigns/{found.public_id}" if status == 201 else ""
    return answer(service.document(found), status, version=found.row_version, location=location)


# --- the calendar -----------------------------------------------------------------------------------------------------


@blueprint.get("/calendar")
@blueprint.call("calendar.read", "calendar list", query=s.Range, answers=pages_of(s.EntryShown))
def list_entries(query: dict[str, Any]) -> Response:
    """The entries of a range of days, by time."""
    start, end = calendar.day_range(query["from_"], query["to"], query["tz"])
    rows = calendar.rows_of().where(
        Entry.instant >= start, Entry.instant < end, Entry.state != EntryState.DROPPED
    )
    return page(session(), rows, (Entry.instant, Entry.id), query, calendar.document)


@blueprint.post("/calendar")
@blueprint.call("calendar.edit", body=s.NewEntry, answers=s.EntryShown, status=201)
def add_entry(body: dict[str, Any]) -> Response:
    """Put a planned entry on the calendar; a blackout may refuse its time or put it later."""
    return _entry(rules.add_entry(session(), body, bearer().user.timezone), 201)


@blueprint.post("/calendar/import")
@blueprint.call("calendar.edit", "calendar import", query=s.PlanQuery, answers=s.PlanImported, files=True)
def import_csv(query: dict[str, Any]) -> Response:
    """Import a plan from CSV; importing the same plan again changes nothing. 422 when nothing could be saved."""
    name, content = upload(query["name"])
    arm = (lambda each: arming.arm(session(), workspace(), each)) if query["arm"] else None
    tz = zone(query["tz"] or bearer().user.timezone).key
    caller, plugins = bearer(), workspace().plugins
    author = caller.user if caller.can(plugins, "content.edit") else None  # a sheet of posts makes content
    result, _ = import_plan(session(), plugins, content, name=name, tz=tz, arm=arm, author=author)
    if result.faulty and (query["all_or_nothing"] or not result.ready):
        raise InvalidValues(
            result.failure,
            "mend the rows listed in `errors` and import again",
            {"faulty": [asdict(each) for each in result.faulty]},
        )
    if query["dry_run"]:
        session().rollback()
        result.saved = 0
    return answer(asdict(result))


@blueprint.get("/calendar/expand")
@blueprint.call("calendar.read", "calendar expand", query=s.Series, answers=many_of(s.Date))
def expand(query: dict[str, Any]) -> Response:
    """When a recurring entry would fall, with what clock changes do to it."""
    found = recurrence.expand(query["rrule"], parse_wall(query["start"]), query["tz"], query["count"])
    return answer([recurrence.document(each, query["tz"]) for each in found])


@blueprint.get("/calendar/<id>")
@blueprint.call("calendar.read", answers=s.EntryShown, versioned=True)
def one_entry(id: str) -> Response:  # noqa: A002
    """One entry."""
    return _entry(service.find_entry(session(), id))


@blueprint.patch("/calendar/<id>")
@blueprint.call("calendar.edit", "calendar move", body=s.Time, answers=many_of(s.Moved), versioned=True)
def move(body: dict[str, Any], id: str) -> Response:  # noqa: A002
    """Give an entry another time; what follows it moves along. All that moved is answered, this one first."""
    found = service.find_entry(session(), id)
    require_match(found.row_version)
    moved = rescheduling.move(
        session(), workspace().plugins, found, body["when"], Scope(body["scope"]), found.row_version
    )
    rows = [{"id": each.public_id, "title": each.title, "when": placing.shown(each)} for each in moved]
    return answer(rows, version=found.row_version)


@blueprint.delete("/calendar/<id>")
@blueprint.call("calendar.edit", "calendar drop", answers=s.EntryShown, versioned=True)
def drop(id: str) -> Response:  # noqa: A002
    """Take an entry off the calendar; it stays for the record."""
    found = service.find_entry(session(), id)
    require_match(found.row_version)
    arming.disarm(session(), found)
    service.drop(session(), found)
    return _entry(found)


@blueprint.post("/calendar/<id>/arm")
@blueprint.call("calendar.edit", "calendar arm", body=s.Test, answers=s.Armed)
def arm_entry(body: dict[str, Any], id: str) -> Response:  # noqa: A002
    """Let a planned entry go out by itself, or with `arms` begin a test of its variants."""
    found, test = service.find_entry(session(), id), None
    if body["arms"] or body["hold_out"] or body["share"] != 100 or body["decide"]:
        with rules.of_field("arms"):
            test = experiment_plan.parse(**body, tz=bearer().user.timezone)
    made = arming.arm(session(), workspace(), found, test)
    return answer({"id": found.public_id, "state": found.state, "publication": made.public_id})


@blueprint.post("/calendar/<id>/disarm")
@blueprint.call("calendar.edit", "calendar disarm", answers=s.Armed)
def disarm_entry(id: str) -> Response:  # noqa: A002
    """Back to planned, as long as it has not begun to go out."""
    found = service.find_entry(session(), id)
    arming.disarm(session(), found)
    return answer({"id": found.public_id, "state": found.state, "publication": None})


@blueprint.post("/calendar/<id>/done")
@blueprint.call("calendar.edit", "calendar done", answers=s.EntryShown)
def tick_off(id: str) -> Response:  # noqa: A002
    """Tick off a task or milestone; what waits for it goes on."""
    found = service.find_entry(session(), id)
    service.tick_off(session(), found)
    return _entry(found)


def _entry(found: Entry, status: int = 200) -> Response:
    session().flush()
    row = session().execute(calendar.rows_of().where(Entry.id == found.id)).mappings().one()
    location = f"/api/v1/calendar/{found.public_id}" if status == 201 else ""
    return answer(calendar.document(dict(row)), status, version=found.row_version, location=location)
