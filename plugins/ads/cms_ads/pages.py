"""One page: budgets with what was spent of them, costs that belong nowhere yet, and the import of a report."""

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from cms_ads import belonging, costs, guard, telling
from cms_ads.importing import Result, import_report
from cms_ads.models import Guarded
from cms_ads.vendors import VENDORS
from cms_core import CmsError, Invalid, Panel, permission, services, toast

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
        costs=costs.by_vendor(svc),
        unmapped=costs.unmapped(svc, found),
        unrated=unrated,
        campaigns=sorted(found.campaigns.values(), key=lambda each: each.name.casefold()),
        result=result,
        problem=problem,
    )


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
