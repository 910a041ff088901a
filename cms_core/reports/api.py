"""REST: figures of campaigns, and the ledger of what happened."""

from collections.abc import Iterator
from typing import Any

from flask import Response
from marshmallow import fields, validate

from cms_core.api import Blueprint, Document, Input, PageArgs, answer, page, pages_of, stream
from cms_core.api.schemas import instant, listing, number, table, text
from cms_core.campaigns.service import find_campaign
from cms_core.documents import dump
from cms_core.events import ledger
from cms_core.events.models import Event
from cms_core.reports import export, rollups
from cms_core.reports.campaign import report
from cms_core.web.request import session, workspace
from cms_core.workspace import Workspace

blueprint = Blueprint(
    "reports_api", __name__, url_prefix="/api/v1", description="Figures, and what happened."
)

READ = "reports.read"


class Figures(Document):
    """What a campaign reached: in all, by channel and by asset."""

    campaign = text()
    currency = text(null=True)
    totals = table("docs/figures.md says what each figure counts.")
    by_channel = listing(fields.Dict())
    by_asset = listing(fields.Dict())


class Happened(Document):
    """Something that happened."""

    id = text()
    kind = text()
    at = instant()
    contact = text(null=True)
    campaign = text("The campaign's key.", null=True)
    publication = text(null=True)
    asset = text(null=True)
    url = text(null=True)
    agent_class = text()
    source = text()
    value = fields.Float(required=True, allow_none=True)


class Rebuilt(Document):
    """How many events were counted."""

    events = number()


class EventsQuery(PageArgs):
    """Which events to list."""

    campaign = fields.String(load_default="", validate=validate.Length(max=200))


class ExportQuery(Input):
    """Which events to export."""

    campaign = fields.String(load_default="", validate=validate.Length(max=200))


@blueprint.get("/reports/campaigns/<id>")
@blueprint.call(READ, "report campaign", answers=Figures)
def campaign(id: str) -> Response:  # noqa: A002  # the name in the path
    """What a campaign (by id, name or key) reached, by channel and by asset."""
    rollups.keep_up(workspace().db)
    return answer(report(session(), find_campaign(session(), id)).document())


@blueprint.post("/reports/rebuild")
@blueprint.call("system.admin", "report rebuild", answers=Rebuilt)
def rebuild() -> Response:
    """Count all events anew. The figures stay the same; nobody can write meanwhile."""
    return answer({"events": rollups.rebuild(session())})


@blueprint.get("/events")
@blueprint.call(READ, query=EventsQuery, answers=pages_of(Happened))
def events(query: dict[str, Any]) -> Response:
    """The ledger, in an order in which nothing appears behind the reader: whoever goes on from `next` misses nothing."""
    opened = session()
    rows = export.rows_of(_key(query["campaign"])).where(
        ledger.up_to(opened, Event, ledger.end(opened, Event))
    )
    return page(opened, rows, ledger.order(opened, Event), query, export.document)


@blueprint.get("/events/export")
@blueprint.call(READ, "events export", query=ExportQuery, streams="application/x-ndjson")
def export_events(query: dict[str, Any]) -> Response:
    """The whole ledger as JSON lines, sent as it is read."""
    return stream(_lines(workspace(), _key(query["campaign"])))


def _lines(opened: Workspace, campaign: str | None) -> Iterator[str]:
    with opened.db.session() as reading:
        for event in export.exported(reading, campaign):
            yield dump(event).decode() + "\n"


def _key(named: str) -> str | None:
    return find_campaign(session(), named).key if named else None
