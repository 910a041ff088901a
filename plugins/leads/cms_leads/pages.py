"""Leads in the app: who has points and why, what waits for sales, and the rules."""

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from marshmallow import ValidationError
from werkzeug.wrappers import Response

from cms_core import CmsError, NotFound, SchemaForm, Services, permission, services, toast
from cms_leads import handoffs, jobs, listing, points
from cms_leads.company_pages import blueprint as companies
from cms_leads.deal_pages import blueprint as deals
from cms_leads.plugin import READ, RULES, WORK
from cms_leads.schemas import Settings

PLUGIN = "leads"
SHOWN_WAITING = 20
Answer = str | Response | tuple[str, int]

blueprint = Blueprint(
    "leads", __name__, url_prefix="/app/p/leads", template_folder="templates", static_folder="static"
)
blueprint.register_blueprint(deals)
blueprint.register_blueprint(companies)


@blueprint.get("/")
@permission(READ)
def index() -> Answer:
    """What waits for sales, and who has points, the most first."""
    svc = services.current(PLUGIN)
    rows = listing.lead_page(svc, _after(request.args.get("after", "")), listing.PAGE + 1)
    shown, more = rows[: listing.PAGE], rows[listing.PAGE :]
    with svc.session() as session:
        waiting = handoffs.waiting(session, SHOWN_WAITING) if "after" not in request.args else []
    asked, now = {row.contact for row in waiting}, svc.now()
    scores = points.scores(svc, now, asked) if asked else {}
    points_of = {each: scores[each].points if each in scores else 0 for each in asked}
    return render_template(
        "leads/leads.html",
        rows=[row for row in shown if row.contact not in asked],
        waiting=waiting,
        points_of=points_of,
        most=max(points_of.values(), default=0),
        why=lambda contact: listing.in_words(scores.get(contact), svc.event_types),
        left=lambda due: listing.time_left(due - now),
        verdicts=handoffs.REASONS,
        people=svc.contacts({row.contact for row in shown} | asked),
        name_of=listing.name_of,
        next=url_for(".index", after=f"{shown[-1].points}.{shown[-1].contact}") if more else "",
    )


def _after(text: str) -> tuple[int, str] | None:
    number, sign, contact = text.partition(".")
    try:
        return (max(-(2**31), min(2**31 - 1, int(number))), contact) if sign else None
    except ValueError:
        return None


@blueprint.get("/<contact>")
@permission(READ)
def lead(contact: str) -> Answer:
    """Why one lead has its points, and what sales says."""
    return _lead_page(services.current(PLUGIN), contact)


def _lead_page(svc: Services, contact: str, problem: CmsError | None = None) -> str:
    found = svc.contacts([contact]).get(contact)
    if found is None:
        raise NotFound("there is no such lead", "start from the list of leads")
    score = points.scores(svc, svc.now(), [contact]).get(contact)
    with svc.session() as session:
        handed = handoffs.of(session, contact)
    return render_template(
        "leads/lead.html",
        contact=found,
        name=listing.name_of(found),
        score=score,
        top=max((abs(each.points) for each in score.reasons), default=1) if score else 1,
        types=svc.event_types,
        handed=handed,
        verdicts=handoffs.REASONS,
        deals=listing.deals_of(svc, contact),
        problem=problem,
    )


@blueprint.post("/handoffs/<public_id>")
@permission(WORK)
def answer(public_id: str) -> Answer:
    """Accept a lead, or send it back with a reason."""
    svc, accept = services.current(PLUGIN), request.form.get("do") == "accept"
    reason, note = request.form.get("reason", ""), request.form.get("note", "")
    try:
        contact = handoffs.answer(svc, public_id, svc.require(WORK), accept=accept, reason=reason, note=note)
    except NotFound:
        raise
    except CmsError as error:
        with svc.session() as session:
            contact = handoffs.contact_of(session, public_id)
        return _lead_page(svc, contact, error), error.status
    points.refresh(svc, [contact])
    toast("It is yours." if accept else "Sent back. Thank you: that teaches marketing.")
    to = url_for(".index") if request.form.get("from") == "list" else url_for(".lead", contact=contact)
    return redirect(to, 303)


@blueprint.get("/rules")
@permission(RULES)
def rules() -> Answer:
    """The rules of points."""
    svc = services.current(PLUGIN)
    return _rules_page(svc, SchemaForm(Settings(), svc.settings()))


@blueprint.post("/rules")
@permission(RULES)
def save_rules() -> Answer:
    """Change the rules; everybody is counted anew within a minute."""
    svc = services.current(PLUGIN)
    form = SchemaForm(Settings(), svc.settings())
    try:
        form.load(request.form)
        svc.save_settings(form.parse(request.form))
    except ValidationError as error:
        return _rules_page(svc, form.rejected(request.form, error)), 422
    jobs.ask_for_rebuild(svc)
    toast("The rules are saved. Everybody is counted anew within a minute.")
    return redirect(url_for(".rules"), 303)


def _rules_page(svc: Services, form: SchemaForm) -> str:
    model = points.model_of(svc)
    return render_template(
        "leads/rules.html", form=form, model=model, types=svc.event_types, broken=_broken(svc, model.fits)
    )


def _broken(svc: Services, fits: Any) -> list[tuple[str, str]]:
    """The rules of fit that are not understood (any more), with what is wrong."""
    found = []
    for fit in fits:
        try:
            svc.fitting(fit.rule, [])
        except CmsError as error:
            found.append((fit.rule, error.message))
    return found
