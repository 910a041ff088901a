"""A campaign's report as a file: CSV for spreadsheets, and one self-contained page to print or send."""

import csv
import io
from collections.abc import Iterator

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from cms_core.csvfile import protect_cell
from cms_core.reports.campaign import CampaignReport
from cms_core.reports.figures import DEFINITIONS, Figures
from cms_core.web import charts, formats

LINES = (
    ("opened_total", "Opens", "email"),
    ("clicked_total", "Clicks", "social"),
    ("visits", "Visits", "site"),
)

MESSAGES = ("addressed", "sent", "failed", "unknown", "skipped", "pending", "bounced")


def rows(report: CampaignReport) -> Iterator[tuple[str, str, Figures]]:
    """All rows of a report: (level, name, figures)."""
    yield "campaign", report.campaign, report.totals
    yield from (("channel", name, figures) for name, figures in report.by_channel)
    yield from (("asset", slug, figures) for slug, figures in report.by_asset)


def as_csv(report: CampaignReport) -> str:
    """One row for the campaign and each channel and asset; no cell is taken for a formula."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(["level", "name", *DEFINITIONS, "currency"])
    for level, name, figures in rows(report):
        cells = [f"{value:f}" if key == "cost" else value for key, value in figures.document().items()]
        writer.writerow([level, protect_cell(name), *cells, report.currency])
    return out.getvalue()


def as_html(report: CampaignReport) -> str:
    """A page that needs nothing but itself: style and chart are inside, and it holds no script."""
    environment = Environment(
        loader=PackageLoader("cms_core.reports"), autoescape=True, undefined=StrictUndefined
    )
    environment.filters.update(number=formats.number, money=formats.money)
    template = environment.get_template("reports/printable.html")
    return template.render(
        report=report,
        definitions=DEFINITIONS,
        chart=day_chart(report),
        rows=list(rows(report)),
        messages=MESSAGES,
        response=[key for key in DEFINITIONS if key not in MESSAGES],
    )


def day_chart(report: CampaignReport) -> Markup:
    """Opens, clicks and visits by humans per day, as a picture; "" when there were none."""
    if not report.by_day:
        return Markup("")
    labels = [f"{day.day.day} {day.day:%b}" for day in report.by_day]
    series = [
        charts.Series(label, group, [getattr(day, name) for day in report.by_day])
        for name, label, group in LINES
    ]
    return charts.line_chart(labels, series, "Opens, clicks and visits by humans per day (UTC)")
