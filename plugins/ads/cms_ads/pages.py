"""One page: budgets with what was spent of them, costs that belong nowhere yet, and the import of a report."""

from collections import defaultdict
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy import func, select
from werkzeug.wrappers import Response

from cms_ads import belonging, guard, telling
from cms_ads.importing import Result, import_report
from cms_ads.models import Cost, Guarded
from cms_ads.vendors import VENDORS
from cms_core import CmsError, Invalid, Panel, Services, from_micros, permission, services, toast

PLUGIN = "ads"
LARGEST = 32 * 1024 * 1024

Answer = str | Response | tuple[str, int]

blueprint = Blueprint("ads", __name__, url_prefix="/app/p/ads", template_folder="templates")


@blueprint.get("/")
@permission("reports.read")
def overview() -> Answer:
    """Budgets, costs by vendor, and what belongs to no campaign yet."""
    return _page()


def _page(result: Result | None = None, problem: CmsError | None = None) -> str:
    svc = services.current(PLUGIN)
    found = belonging.Belonging.of(svc)
    with svc.session() as session:
        _, unrated = telling.summed(session, found)
        words = {(row.kind, row.subject): row.words for row in session.scalars(select(Guarded)) if row.level}
    return render_template(
        "ads/overview.html",
        budgets=guard.watched(svc),
        words=words,
        vendors=VENDORS,
        costs=_costs(svc),
        unmapped=_unmapped(svc, found),
        unrated=unrated,
        campaigns=sorted(found.campaigns.values(), key=lambda each: each.name.casefold()),
        result=result,
        problem=problem,
    )


def _costs(svc: Services) -> list[tuple[Any, ...]]:
    sums = [func.sum(each) for each in (Cost.cost_micros, Cost.clicks, Cost.impressions)]
    query = select(Cost.vendor, Cost.currency, *sums, func.max(Cost.until)).group_by(
        Cost.vendor, Cost.currency
    )
    with svc.session() as session:
        rows = session.execute(query.order_by(Cost.vendor, Cost.currency)).all()
    return [(row[0], row[1], from_micros(int(row[2])), int(row[3]), int(row[4]), row[5]) for row in rows]


def _unmapped(svc: Services, found: belonging.Belonging) -> list[tuple[Any, ...]]:
    """(vendor, name, currency, spend) of what belongs to no campaign of ours."""
    lost: defaultdict[tuple[str, str, str], int] = defaultdict(int)
    with svc.session() as session:
        for row in session.scalars(select(Cost)):
            if found.of_row(row.vendor, row.name, row.utm, row.day) is None:
                lost[row.vendor, row.name, row.currency] += row.cost_micros
    return [
        (vendor, name, code, from_micros(micros)) for (vendor, name, code), micros in sorted(lost.items())
    ]


@blueprint.post("/import")
@permission("ads.import")
def take_up() -> Answer:
    """Import a report."""
    file, vendor = request.files.get("file"), request.form.get("format", "")
    try:
        if file is None or not file.filename:
            raise Invalid("no file was chosen", "choose the CSV file that the vendor exported")
        content = file.stream.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise Invalid("the file is larger than 32 MiB", "export a shorter time")
        name = file.filename.replace("\0", "")[:200]
        result = import_report(
            services.current(PLUGIN), content, vendor if vendor in VENDORS else "", name=name
        )
    except CmsError as error:
        return _page(problem=error), error.status
    return _page(result)


@blueprint.post("/map")
@permission("ads.import")
def say() -> Answer:
    """Say to which campaign a vendor's campaign belongs."""
    svc = services.current(PLUGIN)
    try:
        name = request.form.get("name", "").replace("\0", "")
        key = belonging.say(svc, name, request.form.get("campaign", ""))
    except CmsError as error:
        return _page(problem=error), error.status
    telling.tell(svc)
    toast(f"Its costs count for {key} from now on.")
    return redirect(url_for("ads.overview"), 303)


def panels(campaign: str) -> list[Panel]:
    """The budgets of a campaign (its public id), where it has ads."""
    svc = services.current(PLUGIN)
    key = next((each.key for each in svc.campaigns() if each.id == campaign), "")
    found = [each for each in guard.watched(svc) if each.campaign == key]
    used = [each for each in found if each.kind == "flight" or each.spent]
    return [Panel("Ads", "ads/campaign_panel.html", {"budgets": used})] if used else []
