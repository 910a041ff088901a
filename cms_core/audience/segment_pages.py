"""Pages of segments: the list with counts, and one rule with how many people fit it while it is being written."""

import re
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy.orm import Session

from cms_core.audience import contacts, fields, segments
from cms_core.audience.models import Segment
from cms_core.errors import CmsError, Conflict, Invalid
from cms_core.web.auth import permission
from cms_core.web.request import Answer, session, workspace
from cms_core.web.shell import toast

blueprint = Blueprint("segments", __name__)

PAGE = 12  # each is counted anew: some 60 ms per rule on 100,000 contacts
SAMPLE = 5
_COLUMN = re.compile(r"rule, column (\d+):")


@blueprint.get("/segments")
@permission("audience.read")
def index() -> Answer:
    """All segments by name with how many people are in each now."""
    everything = segments.list_all(session())
    after = request.args.get("after", "")
    rest = [segment for segment in everything if segment.name > after]
    rows = rest[:PAGE]
    return render_template(
        "audience/segments.html",
        rows=rows,
        counts=segments.counts(session(), rows, everything),
        next=url_for(".index", after=rows[-1].name) if len(rest) > PAGE else "",
        total=len(everything),
    )


@blueprint.get("/segments/new")
@permission("audience.edit")
def new() -> Answer:
    """The form for a new segment."""
    return _form_page(None, "", "")


@blueprint.post("/segments/new")
@permission("audience.edit")
def create() -> Answer:
    """Make a segment by rule."""
    return _handle(None)


@blueprint.get("/segments/<public_id>")
@permission("audience.read")
def segment(public_id: str) -> Answer:
    """One segment: its rule, how many people are in it, and some of them."""
    found = segments.find_by_public_id(session(), public_id)
    return _form_page(found, found.name, found.rule)


@blueprint.post("/segments/<public_id>")
@permission("audience.edit")
def change(public_id: str) -> Answer:
    """Give a segment another rule, if nobody else did since the page was opened."""
    return _handle(segments.find_by_public_id(session(), public_id))


@blueprint.post("/segments/count")
@permission("audience.read")
def count() -> Answer:
    """How many people fit a rule that is being written, and some of them; nothing is saved."""
    with workspace().db.session() as reading:
        return render_template("audience/_count.html", **_counted(reading, request.form.get("rule", "")))


def _handle(found: Segment | None) -> Answer:
    name, rule = request.form.get("name", ""), request.form.get("rule", "").replace("\r\n", "\n")
    if request.form.get("do") == "count":
        return _form_page(found, name, rule)
    try:
        if found is None:
            saved = segments.create(session(), name, rule)
        else:
            _require_unchanged(found)
            segments.change_rule(session(), saved := found, rule)
    except CmsError as error:
        public_id = found.public_id if found else ""
        session().rollback()
        again = segments.find_by_public_id(session(), public_id) if public_id else None
        return _form_page(again, name, rule, error), error.status
    toast(f"{saved.name} is saved: {segments.count_members(session(), saved)} people now.")
    return redirect(url_for("audience.segments.segment", public_id=saved.public_id), 303)


def _require_unchanged(found: Segment) -> None:
    if request.form.get("row_version", 0, type=int) != found.row_version:
        raise Conflict(
            "somebody else changed this rule after you opened it; nothing was saved",
            f"the rule now is: {found.rule} – save again to put yours over it",
        )


def _form_page(found: Segment | None, name: str, rule: str, problem: CmsError | None = None) -> str:
    counted = _counted(session(), rule, found) if rule or found else {}
    if problem is not None and str(problem.message) == str(getattr(counted.get("error"), "message", "")):
        problem = None  # told beside the rule already
    return render_template(
        "audience/segment.html",
        segment=found,
        name=found.name if found else name,
        rule=rule,
        problem=problem,
        own=fields.known(session()),
        built_in=fields.BUILT_IN,
        **counted,
    )


def _counted(reading: Session, rule: str, found: Segment | None = None) -> dict[str, Any]:
    """The count and some people of a rule (or of a static segment), or what is wrong with it and at which column."""
    try:
        if found is not None and not found.rule:
            ids = segments.member_ids(reading, found)
        else:
            ids = segments.fitting_ids(reading, rule, within=found.name if found else "")
        total = segments.count_ids(reading, ids)
        sample, _ = contacts.list_page(reading, among=ids, limit=SAMPLE)
    except Invalid as error:
        at = _COLUMN.search(error.message)
        return {"error": error, "pointed": _pointed(rule, int(at[1])) if at else None}
    return {"count": total, "sample": sample}


def _pointed(rule: str, column: int) -> tuple[str, str]:
    """The rule up to the fault, and from the fault on."""
    return rule[max(0, column - 40) : column - 1], rule[column - 1 : column + 39]
