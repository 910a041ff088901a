"""REST: deals."""

from collections.abc import Sequence
from typing import Any

from flask import Response

from cms_core import Services, api
from cms_leads import api_schemas as s
from cms_leads import deals, imports, listing
from cms_leads.api import PLUGIN, imported
from cms_leads.deals import Facts
from cms_leads.models import Deal, Result
from cms_leads.plugin import READ, WORK

blueprint = api.Blueprint(
    "deals_api", __name__, url_prefix="/api/v1/leads/deals", description="Possible sales, and how they end."
)


@blueprint.get("")
@blueprint.call(READ, "deals list", query=s.DealQuery, answers=api.pages_of(s.DealShown))
def list_deals(query: dict[str, Any]) -> Response:
    """All deals, the newest first; open, won or lost ones, or those of a company."""
    svc = api.services(PLUGIN)

    def read(after: Sequence[Any] | None, count: int) -> list[Deal]:
        before = after[0] if after else None
        return listing.deal_page(
            svc, outcome=query["outcome"], company=query["company"], before=before, limit=count
        )

    return api.page_by(read, lambda row: (row.id,), 1, query, lambda rows: listing.deal_rows(svc, rows))


@blueprint.post("")
@blueprint.call(WORK, body=s.NewDeal, answers=s.DealShown, status=201)
def add(body: dict[str, Any]) -> Response:
    """Write a deal down. Its company and people are found by name and address, and made where there are none."""
    svc = api.services(PLUGIN)
    return _shown(svc, deals.create(svc, deals.described(svc, body, Facts(""))), 201)


@blueprint.post("/import")
@blueprint.call(WORK, "deals import", query=s.DealFile, answers=s.Imported, files=True)
def import_deals(query: dict[str, Any]) -> Response:
    """Create and change deals from CSV, also as HubSpot and Salesforce export it; 422 when nothing could be saved."""
    name, content = api.upload(query["name"])
    mapping = dict(each.rpartition("=")[::2] for each in query["map"])
    mapping = {column.strip(): target.strip() for column, target in mapping.items()}
    options = imports.Options(mapping, query["currency"] or "", query["dates"])
    how = {key: query[key] for key in ("dry_run", "all_or_nothing")}
    return imported(imports.import_deals(api.services(PLUGIN), content, options, name=name, **how), query)


@blueprint.get("/<id>")
@blueprint.call(READ, answers=s.DealShown, versioned=True)
def deal(id: str) -> Response:  # noqa: A002  # the name in the path
    """One deal."""
    svc = api.services(PLUGIN)
    return _shown(svc, _found(svc, id))


@blueprint.patch("/<id>")
@blueprint.call(WORK, body=s.DealChange(partial=True), answers=s.DealShown, versioned=True)
def change(body: dict[str, Any], id: str) -> Response:  # noqa: A002
    """Change what is sent; what is not sent stays."""
    svc = api.services(PLUGIN)
    found = _found(svc, id)
    api.require_match(found.row_version)
    facts = deals.described(svc, body, deals.facts_of(found))
    return _shown(svc, deals.change(svc, id, facts, found.row_version))


@blueprint.post("/<id>/close")
@blueprint.call(WORK, body=s.Outcome, answers=s.DealShown)
def close(body: dict[str, Any], id: str) -> Response:  # noqa: A002
    """Say that a deal is won or lost, or open again; saying it twice changes nothing."""
    svc = api.services(PLUGIN)
    return _shown(svc, deals.close(svc, id, Result(body["outcome"])))


def _found(svc: Services, public_id: str) -> Deal:
    with svc.session() as session:
        return deals.find(session, public_id)


def _shown(svc: Services, found: Deal, status: int = 200) -> Response:
    (row,) = listing.deal_rows(svc, [found])
    location = f"/api/v1/leads/deals/{found.public_id}" if status == 201 else ""
    return api.answer(row, status, version=found.row_version, location=location)
