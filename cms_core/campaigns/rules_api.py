"""REST: when things go out — blackouts, posting times, series — and the feed of the calendar."""

from typing import Any
from zlib import crc32

from flask import Response
from sqlalchemy import select

from cms_core.api import Blueprint, PageArgs, answer, bearer, page, pages_of, require_match
from cms_core.auth import audit, tokens
from cms_core.campaigns import advice, blackouts, calendar, feed, rules, series, service, slots
from cms_core.campaigns import rules_api_schemas as s
from cms_core.campaigns.models import Blackout, Series
from cms_core.connections import service as connections
from cms_core.errors import Forbidden, Invalid
from cms_core.publishing import rescheduling
from cms_core.web.request import session, workspace

READ, EDIT = "calendar.read", "calendar.edit"

blueprint = Blueprint(
    "rules_api", __name__, url_prefix="/api/v1", description="Blackouts, posting times, series, the feed."
)


# --- blackouts --------------------------------------------------------------------------------------------------------


@blueprint.get("/calendar/blackouts")
@blueprint.call(READ, "calendar blackouts list", query=PageArgs, answers=pages_of(s.BlackoutShown))
def list_blackouts(query: dict[str, Any]) -> Response:
    """All blackouts, the oldest first."""
    shown = rules.blackout_document
    return page(session(), select(Blackout), (Blackout.id,), query, lambda row: shown(row["Blackout"]))


@blueprint.post("/calendar/blackouts")
@blueprint.call(EDIT, "calendar blackouts add", body=s.NewBlackout, answers=s.BlackoutShown, status=201)
def add_blackout(body: dict[str, Any]) -> Response:
    """Add a window in which nothing goes out, or the holidays of a country."""
    try:
        return _blackout(rules.add_blackout(session(), body, bearer().user.timezone), 201)
    except Invalid as error:
        error.field = {"starts": "from", "ends": "to"}.get(error.field, error.field)
        raise


@blueprint.get("/calendar/blackouts/<id>")
@blueprint.call(READ, answers=s.BlackoutShown, versioned=True)
def one_blackout(id: str) -> Response:  # noqa: A002  # the name in the path
    """One blackout, by id or name."""
    return _blackout(blackouts.find(session(), id))


@blueprint.delete("/calendar/blackouts/<id>")
@blueprint.call(EDIT, "calendar blackouts remove", answers=s.BlackoutShown, versioned=True)
def remove_blackout(id: str) -> Response:  # noqa: A002
    """Take a blackout away; what it moved stays where it is."""
    found = blackouts.find(session(), id)
    require_match(_version(found.public_id))
    gone = rules.blackout_document(found)
    blackouts.remove(session(), found)
    return answer(gone)


def _blackout(found: Blackout, status: int = 200) -> Response:
    location = f"/api/v1/calendar/blackouts/{found.public_id}" if status == 201 else ""
    told = rules.blackout_document(found)
    return answer(told, status, version=_version(found.public_id), location=location)


def _version(*told: str | None) -> int:
    """The version of what has no number of its own: a blackout never changes, and slots are changed as a whole."""
    return crc32(repr(told).encode())


# --- posting times and advice -----------------------------------------------------------------------------------------


@blueprint.get("/calendar/slots/<connection>")
@blueprint.call(READ, "calendar slots", query=s.SlotsQuery, answers=s.SlotsShown, versioned=True)
def show_slots(query: dict[str, Any], connection: str) -> Response:
    """The posting times of a connection (id, name or `channel:name`), and its next free ones."""
    told = rules.slots_document(session(), connections.find_named(session(), connection), query["next"])
    return answer(told, version=_version(told["slots"], told["tz"]))


@blueprint.put("/calendar/slots/<connection>")
@blueprint.call(EDIT, "calendar slots", body=s.NewSlots, answers=s.SlotsShown, versioned=True)
def set_slots(body: dict[str, Any], connection: str) -> Response:
    """Give a connection these posting times and no others."""
    found = connections.find_named(session(), connection)
    session().refresh(found, with_for_update=True)
    told = rules.slots_document(session(), found, 0)
    require_match(_version(told["slots"], told["tz"]))
    with rules.of_field("slots"):
        slots.replace(session(), found, body["slots"], body["tz"] or bearer().user.timezone)
    told = rules.slots_document(session(), found, s.SlotsQuery().fields["next"].load_default)
    return answer(told, version=_version(told["slots"], told["tz"]))


@blueprint.get("/calendar/check")
@blueprint.call(READ, "calendar check", query=s.CheckQuery, answers=s.Fatigue)
def check(query: dict[str, Any]) -> Response:
    """How many people would get more than so many items within seven days."""
    start, end = calendar.day_range(query["from_"], query["to"])
    found = advice.fatigue_between(session(), workspace(), start, end, query["limit"])
    return answer({**rules.fatigue_document(found), "left_out": list(found.unread)})


# --- the feed ---------------------------------------------------------------------------------------------------------


@blueprint.get("/calendar/feed")
@blueprint.call(READ, answers=s.FeedShown)
def show_feed() -> Response:
    """Since when one has a secret address for calendar programs; the address itself is not kept."""
    return answer({"made_at": feed.made_at(session(), bearer().user)})


@blueprint.post("/calendar/feed")
@blueprint.call(READ, "calendar feed", answers=s.FeedAddress)
def renew_feed() -> Response:
    """Make a secret address for one's calendar programs; an older one leads nowhere from then on. Takes a scope that writes."""
    _require_writing()
    token = feed.renew(session(), bearer().user)
    audit.note(session(), "renew-feed", "user", bearer().user.public_id, {})
    return answer({"url": f"{workspace().config.base_url}/calendar/{token}.ics"})


@blueprint.post("/calendar/feed/revoke")
@blueprint.call(READ, "calendar feed", answers=s.FeedAddress)
def revoke_feed() -> Response:
    """Take one's secret address away. Takes a scope that writes."""
    _require_writing()
    feed.revoke(session(), bearer().user)
    audit.note(session(), "revoke-feed", "user", bearer().user.public_id, {})
    return answer({"url": None})


def _require_writing() -> None:
    """Everybody who reads the calendar may have a feed; but a token that only reads makes no key that outlives it."""
    if not tokens.covers(bearer().scopes, EDIT):
        raise Forbidden(
            f"this token ({', '.join(bearer().scopes)}) only reads",
            "use a token with the scope calendar:write",
        )


# --- series -----------------------------------------------------------------------------------------------------------


@blueprint.get("/calendar/series")
@blueprint.call(READ, "calendar series list", query=PageArgs, answers=pages_of(s.SeriesShown))
def list_series(query: dict[str, Any]) -> Response:
    """All series, the oldest first."""
    shown = rules.series_document
    return page(session(), select(Series), (Series.id,), query, lambda row: shown(row["Series"]))


@blueprint.post("/calendar/series")
@blueprint.call(EDIT, "calendar series create", body=s.NewSeries, answers=s.SeriesMade, status=201)
def add_series(body: dict[str, Any]) -> Response:
    """Make a series; its entries stand on the calendar up to 90 days ahead, and the worker adds to them."""
    made = rules.add_series(session(), body, bearer().user.timezone)
    problems = rules.refused(session(), made)
    if body["arm"]:
        problems += rescheduling.arm_series(session(), workspace(), made)[1]
    return _series(made, 201, problems=list(dict.fromkeys(problems)))


@blueprint.get("/calendar/series/<id>")
@blueprint.call(READ, "calendar series show", answers=s.SeriesFull, versioned=True)
def one_series(id: str) -> Response:  # noqa: A002
    """A series with its entries, by its id or that of one of them."""
    return _series(series.find(session(), id))


@blueprint.patch("/calendar/series/<id>")
@blueprint.call(EDIT, "calendar series change", body=s.SeriesChange, answers=s.SeriesFull, versioned=True)
def change_series(body: dict[str, Any], id: str) -> Response:  # noqa: A002
    """Give a series another rule; what is past, armed or was moved by itself stays. From an entry on it is a new series."""
    found = series.find(session(), id)
    require_match(found.row_version)
    entry = rules.named(service.find_entry, session(), body, "entry")
    with rules.of_field("rrule"):
        return _series(series.change_rule(session(), found, body["rrule"], entry))


@blueprint.post("/calendar/series/<id>/arm")
@blueprint.call(EDIT, "calendar series arm", answers=s.SeriesChanged)
def arm_series(id: str) -> Response:  # noqa: A002
    """Arm what is planned of a series, and from now on what is added to it; `problems` says why others stay planned."""
    armed, problems = rescheduling.arm_series(session(), workspace(), series.find(session(), id))
    return answer({"entries": [_changed(each) for each in armed], "problems": problems})


@blueprint.post("/calendar/series/<id>/disarm")
@blueprint.call(EDIT, "calendar series disarm", answers=s.SeriesChanged)
def disarm_series(id: str) -> Response:  # noqa: A002
    """Back to planned, what is added later too; what has begun to go out stays."""
    back = rescheduling.disarm_series(session(), series.find(session(), id))
    return answer({"entries": [_changed(each) for each in back], "problems": []})


@blueprint.post("/calendar/series/<id>/end")
@blueprint.call(EDIT, "calendar series end", body=s.End, answers=s.SeriesChanged)
def end_series(body: dict[str, Any], id: str) -> Response:  # noqa: A002
    """End a series: what is planned from there on leaves the calendar, armed entries stay."""
    entry = rules.named(service.find_entry, session(), body, "entry")
    gone = series.end(session(), series.find(session(), id), entry)
    return answer({"entries": [_changed(each) for each in gone], "problems": []})


def _changed(entry: Any) -> dict[str, str]:
    return {"id": entry.public_id, "state": entry.state}


def _series(found: Series, status: int = 200, **more: Any) -> Response:
    location = f"/api/v1/calendar/series/{found.public_id}" if status == 201 else ""
    session().flush()
    told = {**rules.series_with_entries(session(), found), **more}
    return answer(told, status, version=found.row_version, location=location)
