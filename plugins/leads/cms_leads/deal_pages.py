"""Deals in the app."""

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from marshmallow import ValidationError
from werkzeug.wrappers import Response

from cms_core import CmsError, SchemaForm, Services, permission, services, toast
from cms_leads import deals, listing
from cms_leads.deals import Facts
from cms_leads.models import Deal, Result
from cms_leads.plugin import READ, WORK
from cms_leads.schemas import DealForm

PLUGIN = "leads"
VERSION = "version"
Answer = str | Response | tuple[str, int]

blueprint = Blueprint("deals", __name__, url_prefix="/deals")


@blueprint.get("/")
@permission(READ)
def index() -> Answer:
    """All deals, the newest first; open, won or lost ones."""
    svc, outcome = services.current(PLUGIN), request.args.get("outcome", "")
    before = request.args.get("before", "")
    found = listing.deal_page(
        svc,
        outcome=outcome if outcome in set(Result) else "",
        before=int(before) if before.isdecimal() and len(before) < 19 else None,
        limit=listing.PAGE + 1,
    )
    shown, more = found[: listing.PAGE], found[listing.PAGE :]
    following = url_for(".index", outcome=outcome or None, before=shown[-1].id) if more else ""
    return render_template(
        "leads/deals.html",
        rows=listing.deal_rows(svc, shown),
        outcome=outcome,
        outcomes=list(Result),
        next=following,
    )


@blueprint.get("/new")
@permission(WORK)
def new() -> Answer:
    """The form for a new deal."""
    svc = services.current(PLUGIN)
    given = {"owner": svc.require(WORK).email, **_suggested(svc, request.args.get("contact", ""))}
    return render_template("leads/new_deal.html", form=SchemaForm(DealForm(), given))


def _suggested(svc: Services, contact: str) -> dict[str, Any]:
    found = svc.contacts([contact]).get(contact) if contact else None
    return {"company": found.company, "contacts": [found.email or ""]} if found else {}


@blueprint.post("/new")
@permission(WORK)
def add() -> Answer:
    """Write a deal down."""
    svc, form = services.current(PLUGIN), SchemaForm(DealForm())
    try:
        with svc.transaction():
            made = deals.create(svc, deals.described(svc, form.load(request.form), Facts("")))
    except (ValidationError, CmsError) as error:
        return render_template("leads/new_deal.html", form=_refused(form, error)), 422
    toast(f"{made.name} is written down.")
    return redirect(url_for(".deal", public_id=made.public_id), 303)


@blueprint.get("/<public_id>")
@permission(READ)
def deal(public_id: str) -> Answer:
    """One deal."""
    svc = services.current(PLUGIN)
    with svc.session() as session:
        found = deals.find(session, public_id)
    return _deal_page(svc, found, _form(svc, found))


@blueprint.post("/<public_id>")
@permission(WORK)
def change(public_id: str) -> Answer:
    """Change a deal, unless somebody else has meanwhile."""
    svc = services.current(PLUGIN)
    with svc.session() as session:
        found = deals.find(session, public_id)
    form = _form(svc, found)
    try:
        # The version that the person saw is no field of the deal.
        posted = type(request.form)([pair for pair in request.form.items(multi=True) if pair[0] != VERSION])
        with svc.transaction():
            facts = deals.described(svc, form.load(posted), deals.facts_of(found))
            deals.change(svc, public_id, facts, request.form.get(VERSION, type=int))
    except (ValidationError, CmsError) as error:
        return _deal_page(svc, found, _refused(form, error)), 422
    toast("Saved.")
    return redirect(url_for(".deal", public_id=public_id), 303)


@blueprint.post("/<public_id>/close")
@permission(WORK)
def close(public_id: str) -> Answer:
    """Say that a deal is won, lost, or open again."""
    try:
        outcome = Result(request.form.get("outcome", ""))
    except ValueError:
        return redirect(url_for(".deal", public_id=public_id), 303)
    found = deals.close(services.current(PLUGIN), public_id, outcome)
    toast(f"{found.name} is {outcome}.")
    return redirect(url_for(".deal", public_id=public_id), 303)


def _form(svc: Services, found: Deal) -> SchemaForm:
    (row,) = listing.deal_rows(svc, [found])
    amount = f"{row['amount']:f} {row['currency']}" if row["amount"] is not None else ""
    known = {name: row[name] for name in ("name", "contacts", "stage", "owner", "expected_on")}
    return SchemaForm(DealForm(), {**known, "company": row["company"] or "", "amount": amount})


def _refused(form: SchemaForm, error: ValidationError | CmsError) -> SchemaForm:
    """The form again, with what is wrong at its field."""
    if isinstance(error, CmsError):
        error = ValidationError({error.field or "_schema": [f"{error.message}. {error.remedy}"]})
    return form.rejected(request.form, error)


def _deal_page(svc: Services, found: Deal, form: SchemaForm) -> str:
    (row,) = listing.deal_rows(svc, [found])
    people = svc.contacts([each.contact for each in found.people])
    return render_template(
        "leads/deal.html",
        row=row,
        deal=found,
        form=form,
        people=[people[each.contact] for each in found.people if each.contact in people],
        name_of=listing.name_of,
        version=VERSION,
    )
