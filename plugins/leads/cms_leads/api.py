"""REST: who has points and why, what sales says to that, and companies."""

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

from flask import Response
from sqlalchemy import select

from cms_core import Company, NotFound, Services, api
from cms_leads import api_schemas as s
from cms_leads import companies, handoffs, imports, listing, points
from cms_leads.models import Handoff, HandoffState, Lead
from cms_leads.plugin import READ, RULES, WORK

PLUGIN = "leads"

blueprint = api.Blueprint(
    "leads_api", __name__, url_prefix="/api/v1/leads", description="Points of contacts, hand-offs, companies."
)


@blueprint.get("")
@blueprint.call(READ, "leads list", query=s.LeadQuery, answers=api.pages_of(s.LeadShown))
def leads(query: dict[str, Any]) -> Response:
    """Who has points, the most first, with the reasons, which add up to the points. Points change: so may what is on a page."""
    svc = api.services(PLUGIN)

    def read(after: Sequence[Any] | None, count: int) -> list[Lead]:
        return listing.lead_page(svc, (after[0], after[1]) if after else None, count, query["min"])

    return api.page_by(
        read, lambda row: (row.points, row.contact), 2, query, partial(listing.leads_of_page, svc)
    )


@blueprint.get("/<contact>")
@blueprint.call(READ, query=s.At, answers=s.LeadFull)
def lead(query: dict[str, Any], contact: str) -> Response:
    """Why one contact has its points, by the id of the contact, and what sales says; as of any instant."""
    svc = api.services(PLUGIN)
    found = svc.contacts([contact]).get(contact)
    if found is None:
        raise NotFound("there is no such lead", "start from the list of leads")
    score = listing.score_of(svc, query["at"] or svc.now(), contact)
    with svc.session() as session:
        handed = [_handoff(each) for each in handoffs.of(session, contact)]
    return api.answer({**listing.lead(score, found), "handoffs": handed})


@blueprint.post("/rebuild")
@blueprint.call(RULES, "leads rebuild", answers=s.Rebuilt)
def rebuild() -> Response:
    """Count everybody's points anew from the whole ledger."""
    return api.answer({"leads": points.rebuild(api.services(PLUGIN))})


# --- what sales says --------------------------------------------------------------------------------------------------


@blueprint.get("/handoffs")
@blueprint.call(READ, query=api.PageArgs, answers=api.pages_of(s.HandoffShown))
def waiting(query: dict[str, Any]) -> Response:
    """What sales has not answered yet, the most urgent first."""
    rows = select(Handoff).where(Handoff.state == HandoffState.WAITING)
    keys = (Handoff.due_at, Handoff.id)
    return api.page(api.session(), rows, keys, query, lambda row: _handoff(row["Handoff"]))


@blueprint.post("/handoffs/<id>/answer")
@blueprint.call(WORK, body=s.Verdict, answers=s.HandoffShown)
def answer(body: dict[str, Any], id: str) -> Response:  # noqa: A002  # the name in the path
    """Accept a lead, or send it back with a reason. 409 when somebody has answered already."""
    svc = api.services(PLUGIN)
    contact = handoffs.answer(svc, id, svc.require(WORK), **body)
    points.refresh(svc, [contact])
    with svc.session() as session:
        (found,) = [each for each in handoffs.of(session, contact) if each.public_id == id]
    return api.answer(_handoff(found))


def _handoff(row: Handoff) -> dict[str, Any]:
    names = ("contact", "points", "state", "at", "due_at", "decided_at", "decided_by", "reason", "note")
    return {"id": row.public_id, **{name: getattr(row, name) for name in names}}


# --- companies --------------------------------------------------------------------------------------------------------


@blueprint.get("/companies")
@blueprint.call(READ, "companies list", query=s.CompanyQuery, answers=api.pages_of(s.CompanyShown))
def list_companies(query: dict[str, Any]) -> Response:
    """All companies by name, or those whose name or domain has these words."""
    svc = api.services(PLUGIN)

    def read(after: Sequence[Any] | None, count: int) -> list[tuple[Company, int]]:
        return svc.list_companies(query["words"], after=after[0] if after else "", limit=count)

    return api.page_by(
        read, lambda row: (row[0].name,), 1, query, lambda rows: [listing.company(*row) for row in rows]
    )


@blueprint.post("/companies/import")
@blueprint.call(WORK, "companies import", query=s.FileQuery, answers=s.Imported, files=True)
def import_companies(query: dict[str, Any]) -> Response:
    """Create and complete companies from CSV; 422 when nothing could be saved."""
    name, content = api.upload(query.pop("name"))
    return imported(companies.import_companies(api.services(PLUGIN), content, name=name, **query), query)


@blueprint.get("/companies/<id>")
@blueprint.call(READ, answers=s.CompanyFull)
def company(id: str) -> Response:  # noqa: A002
    """One company: who works there, their points, and the deals."""
    svc = api.services(PLUGIN)
    found = svc.companies([id]).get(id)
    if found is None:
        raise NotFound("there is no such company", "start from the list of companies")
    told = listing.company(found, 0)
    del told["contacts"]
    deals = listing.deal_rows(svc, listing.deal_page(svc, company=id))
    return api.answer({**told, "people": _people(svc, id), "deals": deals})


def _people(svc: Services, company_id: str) -> list[dict[str, Any]]:
    people = svc.contacts_of(company_id)
    known = points.scores(svc, svc.now(), [each.id for each in people])
    rows = [
        {
            "contact": each.id,
            "email": each.email,
            "name": listing.name_of(each),
            "points": known[each.id].points if each.id in known else 0,
        }
        for each in people
    ]
    return sorted(rows, key=lambda row: -row["points"])


def imported(result: imports.ImportResult, query: dict[str, Any]) -> Response:
    """What became of a file; raises InvalidValues with the faulty rows where nothing was saved because of them."""
    if result.skipped and (query["all_or_nothing"] or not result.accepted):
        raise api.InvalidValues(
            f"{len(result.skipped)} rows are faulty; nothing was saved",
            "mend the rows listed in `errors` and import again",
            {"skipped": result.skipped},
        )
    return api.answer(asdict(result))
