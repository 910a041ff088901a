"""REST: cost reports of vendors, to what they belong, rates, and budgets."""

from dataclasses import asdict
from typing import Any

from flask import Response
from marshmallow import fields, validate

from cms_ads import belonging, costs, guard, telling
from cms_ads import rates as exchange
from cms_ads.importing import import_report
from cms_ads.vendors import VENDORS
from cms_core import Services, api

PLUGIN = "ads"
READ, IMPORT = "reports.read", "ads.import"
NAME = validate.Length(1, 200)

blueprint = api.Blueprint(
    "ads_api",
    __name__,
    url_prefix="/api/v1/ads",
    description="What ads cost, and the guard of their budgets.",
)


class ReportQuery(api.Input):
    """How to read a cost report."""

    format = fields.String(
        load_default="",
        validate=validate.OneOf(["", *VENDORS]),
        metadata={"description": "Whose report it is; left out, it is found out."},
    )
    currency = fields.String(
        load_default="",
        validate=validate.Length(max=3),
        metadata={"description": "Of amounts that name none."},
    )
    name = fields.String(load_default="report.csv", validate=NAME)


class Fault(api.Document):
    """A row that was left out, or counts nowhere yet."""

    row = api.number()
    column = fields.String()
    reason = api.text()


class Remark(api.Document):
    """Something to know of a report."""

    row = api.number(null=True)
    message = api.text()


class Stray(api.Document):
    """A vendor's campaign that is none of ours yet."""

    campaign = api.text()
    rows = api.number()
    spend = fields.Float(required=True)
    currency = api.text()


class Imported(api.Document):
    """What became of a report."""

    format = api.text()
    rows = api.number()
    spend = fields.Float(
        required=True,
        allow_none=True,
        metadata={"description": "Null where it is of several currencies."},
    )
    clicks = api.number()
    impressions = api.number()
    currency = api.text()
    unchanged = api.number()
    corrected = api.number()
    faulty = api.listing(Fault)
    findings = api.listing(Remark)
    unmapped = api.listing(Stray)
    by_currency = fields.Dict(values=fields.Float(), required=True)


class Belongs(api.Input):
    """That a vendor's campaign is one of ours."""

    name = fields.String(
        required=True, validate=validate.Length(1, 300), metadata={"description": "As the vendor calls it."}
    )
    campaign = fields.String(
        required=True, validate=NAME, metadata={"description": "The id, name or key of ours."}
    )


class Mapped(api.Document):
    """To which campaign of ours it belongs now."""

    name = api.text()
    campaign = api.text("Its key.")


class RatesQuery(api.Input):
    """How the file is called in what is said of it."""

    name = fields.String(load_default="rates.csv", validate=NAME)


class RatesImported(api.Document):
    """What became of rates."""

    saved = api.number()
    faulty = api.listing(Fault)


class Cost(api.Document):
    """What a vendor has cost in a currency so far."""

    vendor = api.text()
    currency = api.text()
    spend = fields.Float(required=True)
    clicks = api.number()
    impressions = api.number()
    until = fields.Date(required=True)


class Lost(api.Document):
    """Costs that belong nowhere yet."""

    vendor = api.text()
    name = api.text()
    currency = api.text()
    spend = fields.Float(required=True)


class Costs(api.Document):
    """All costs, and what of them counts nowhere."""

    costs = api.listing(Cost)
    unmapped = api.listing(Lost)


class Budget(api.Document):
    """A budget with what was spent of it."""

    kind = api.text("flight or campaign")
    id = api.text("Of the publication, or the campaign's key.")
    title = api.text()
    campaign = api.text()
    spent = fields.Float(required=True)
    budget = fields.Float(required=True)
    currency = api.text()
    incomplete = api.truth("Some spend could not be converted.")


class Budgets(api.Document):
    """All budgets; ``said``: what the guard had to say now."""

    budgets = api.listing(Budget)
    said = api.listing(fields.String())


@blueprint.post("/import")
@blueprint.call(IMPORT, "ads import", query=ReportQuery, answers=Imported, files=True)
def import_costs(query: dict[str, Any]) -> Response:
    """Take up a cost report (CSV); importing it again changes nothing. 422 when all rows are faulty."""
    name, content = api.upload(query["name"])
    svc = api.services(PLUGIN)
    result = import_report(svc, content, query["format"], query["currency"].upper(), name=name)
    _refuse_faulty(result.rows, result.faulty)
    return api.answer(asdict(result))


@blueprint.post("/map")
@blueprint.call(IMPORT, "ads map", body=Belongs, answers=Mapped)
def say(body: dict[str, Any]) -> Response:
    """Say that a vendor's campaign is one of ours; what was imported of it counts there from now on."""
    svc = api.services(PLUGIN)
    key = belonging.say(svc, body["name"], body["campaign"])
    telling.tell(svc)
    return api.answer({"name": body["name"], "campaign": key})


@blueprint.post("/rates/import")
@blueprint.call(IMPORT, "ads rates import", query=RatesQuery, answers=RatesImported, files=True)
def import_rates(query: dict[str, Any]) -> Response:
    """Take up rates (CSV: date, from, to, rate; one unit of "from" in "to"). 422 when all rows are faulty."""
    name, content = api.upload(query["name"])
    svc = api.services(PLUGIN)
    result = exchange.import_rates(svc, content, name)
    _refuse_faulty(result["saved"], result["faulty"])
    telling.tell(svc)
    return api.answer(result)


def _refuse_faulty(good: int, faulty: list[dict[str, Any]]) -> None:
    if faulty and not good:
        raise api.InvalidValues(
            f"all {len(faulty)} rows are faulty; nothing was saved",
            "mend the rows listed in `errors` and import again",
            {"faulty": faulty},
        )


@blueprint.get("/costs")
@blueprint.call(READ, answers=Costs)
def show_costs() -> Response:
    """What each vendor has cost so far, and what of it belongs to no campaign of ours yet."""
    svc = api.services(PLUGIN)
    lost = costs.unmapped(svc, belonging.Belonging.of(svc))
    return api.answer(
        {
            "costs": [each._asdict() for each in costs.by_vendor(svc)],
            "unmapped": [each._asdict() for each in lost],
        }
    )


@blueprint.get("/budgets")
@blueprint.call(READ, answers=Budgets)
def budgets() -> Response:
    """Every budget with what was spent of it."""
    return _budgets(api.services(PLUGIN), [])


@blueprint.post("/budgets/check")
@blueprint.call(IMPORT, "ads budgets", answers=Budgets)
def check() -> Response:
    """Look at every budget now: warns and pauses where a line was crossed, as the worker does each minute."""
    svc = api.services(PLUGIN)
    return _budgets(svc, guard.keep(svc))


def _budgets(svc: Services, said: list[str]) -> Response:
    return api.answer({"budgets": [guard.document(each) for each in guard.watched(svc)], "said": said})
