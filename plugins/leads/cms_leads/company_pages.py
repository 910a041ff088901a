"""Companies in the app: who works there, their points, and the deals."""

from flask import Blueprint, render_template, request, url_for

from cms_core import NotFound, permission, services
from cms_leads import listing
from cms_leads.plugin import READ
from cms_leads.points import scores

PLUGIN = "leads"

blueprint = Blueprint("companies", __name__, url_prefix="/companies")


@blueprint.get("/")
@permission(READ)
def index() -> str:
    """All companies by name; narrowed by words."""
    svc, words = services.current(PLUGIN), request.args.get("q", "")
    found = svc.list_companies(words, after=request.args.get("after", ""), limit=listing.PAGE + 1)
    shown, more = found[: listing.PAGE], found[listing.PAGE :]
    following = url_for(".index", q=words or None, after=shown[-1][0].name) if more else ""
    return render_template("leads/companies.html", rows=shown, words=words, next=following)


@blueprint.get("/<public_id>")
@permission(READ)
def company(public_id: str) -> str:
    """One company."""
    svc = services.current(PLUGIN)
    found = svc.companies([public_id]).get(public_id)
    if found is None:
        raise NotFound("there is no such company", "start from the list of companies")
    people = svc.contacts_of(public_id)
    known = scores(svc, svc.now(), [each.id for each in people])
    people.sort(key=lambda each: known[each.id].points if each.id in known else 0, reverse=True)
    return render_template(
        "leads/company.html",
        company=found,
        people=people,
        points={contact: score.points for contact, score in known.items()},
        name_of=listing.name_of,
        deals=listing.deal_rows(svc, listing.deal_page(svc, company=public_id)),
    )
