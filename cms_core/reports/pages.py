"""Reports as pages and files. Before a page reads, the counts are brought up to date in short transactions of their own."""

from flask import Blueprint, Response, render_template

from cms_core.campaigns.service import find_campaign
from cms_core.contract import Channel, Place, Subject
from cms_core.reports import rollups
from cms_core.reports.campaign import CampaignReport, overview, report
from cms_core.reports.figures import DEFINITIONS, Figures
from cms_core.reports.files import as_csv, as_html, day_chart, rows
from cms_core.web.auth import permission
from cms_core.web.charts import Row, bar_rows
from cms_core.web.formats import number
from cms_core.web.panels import draw_panels
from cms_core.web.request import session, workspace

blueprint = Blueprint("reports", __name__, url_prefix="/app/reports", template_folder="templates")

IN_LISTS = ("sent", "opened_people", "clicked_people", "visits", "conversions", "cost")
FATES = ("sent", "failed", "unknown", "skipped", "pending")


@blueprint.get("")
@permission("reports.read")
def campaigns() -> str:
    """All campaigns with their key figures."""
    rollups.keep_up(workspace().db)
    return render_template(
        "reports/campaigns.html", rows=overview(session()), shown=IN_LISTS, definitions=DEFINITIONS
    )


@blueprint.get("/<public_id>")
@permission("reports.read")
def campaign(public_id: str) -> str:
    """The report of one campaign."""
    found = _report(public_id)
    return render_template(
        "reports/campaign.html",
        report=found,
        rows=list(rows(found)),
        chart=day_chart(found),
        fates=_fates(found.totals),
        channels=_channels(),
        shown=IN_LISTS,
        definitions=DEFINITIONS,
        panels=draw_panels(Place.REPORT, Subject("campaign", found.id)),
    )


@blueprint.get("/<public_id>/report.csv")
@permission("reports.read")
def csv_file(public_id: str) -> Response:
    """The report for spreadsheets."""
    found = _report(public_id)
    return _download(as_csv(found), "text/csv", f"{found.key}.csv")


@blueprint.get("/<public_id>/report.html")
@permission("reports.read")
def html_file(public_id: str) -> Response:
    """The report as a page that can be kept, sent and printed."""
    found = _report(public_id)
    return _download(as_html(found), "text/html", f"{found.key}.html")


def _report(public_id: str) -> CampaignReport:
    rollups.keep_up(workspace().db)
    return report(session(), find_campaign(session(), public_id))


def _download(text: str, mimetype: str, name: str) -> Response:
    response = Response(text, mimetype=mimetype)
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response


def _fates(totals: Figures) -> str:
    """What became of the messages, as bars; "" where nobody was addressed."""
    figures = totals.document()
    bars = [
        Row(DEFINITIONS[name].label, figures[name], number(figures[name]), low=name == "unknown")
        for name in FATES
        if figures[name] or name == "sent"
    ]
    return bar_rows(bars, "What became of the messages", totals.addressed) if totals.addressed else ""


def _channels() -> dict[str, Channel]:
    return workspace().plugins.channels
