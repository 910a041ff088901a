"""The editor: write, see what each channel makes of it, upload pictures, save; by plain forms, the script only saves presses."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, jsonify, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.datastructures import FileStorage

from cms_core import contract as c
from cms_core.campaigns.when import parse_when, resolve
from cms_core.connections import service as connections
from cms_core.content import editing, language, review, service
from cms_core.content import media as files
from cms_core.content.drafts import Draft, require_kind
from cms_core.content.models import Asset, Revision
from cms_core.content.ownfields_pages import PREFIX, own_fields, with_own_fields
from cms_core.content.revisions import head_of
from cms_core.content.trial import Trial, try_out
from cms_core.errors import CmsError, Conflict, Invalid
from cms_core.web import scratch
from cms_core.web.auth import permission, user
from cms_core.web.request import Answer, session, whole_number, workspace
from cms_core.web.security import preview_response
from cms_core.web.shell import toast

blueprint = Blueprint("editor", __name__)

EXPIRY = "unpublish_at"
TO_MEND = (c.Level.ERROR, c.Level.HOLD)


# --- opening and saving -----------------------------------------------------------------------------------------------


@blueprint.get("/new")
@permission("content.edit")
def new() -> Answer:
    """An empty page to write on."""
    return _page(None, Draft(kind=request.args.get("kind", "") or "article", title=""))


@blueprint.post("/new")
@permission("content.edit")
def create() -> Answer:
    """Save a new asset."""
    return _handle(None)


@blueprint.get("/<slug>/edit")
@permission("content.edit")
def edit(slug: str) -> Answer:
    """The newest words, to be changed."""
    found = service.find(session(), slug)
    require_kind(workspace().plugins, found)
    return _page(found, service.draft_of(session(), found))


@blueprint.post("/<slug>/edit")
@permission("content.edit")
def save(slug: str) -> Answer:
    """Save a change, if nobody else saved since the page was opened."""
    return _handle(slug)


def _handle(slug: str | None) -> Answer:
    """Do what the pressed button says: take a picture in, check, save, or save and ask for approval."""
    wanted = request.form.get("do", "save")
    stored: files.Stored | CmsError | None = _taken() if wanted == "upload" else None
    found = service.find(session(), slug) if slug else None
    draft = _typed(session(), found)
    try:
        draft = replace(draft, unpublish_at=_expiry(draft))
    except CmsError as error:
        error.field = EXPIRY
        return _page(found, draft, problem=error, changed=True), error.status
    if isinstance(stored, CmsError):
        return _page(found, draft, problem=stored), stored.status
    if stored is not None:
        draft = _with_picture(draft, _record(stored))
        return _page(found, draft, changed=True)
    if wanted == "check":
        return _page(found, draft, changed=True)
    return _save(found, draft, ask=wanted == "ask")


def _save(found: Asset | None, draft: Draft, ask: bool) -> Answer:
    seen = request.form.get("row_version", 0, type=whole_number)
    before = found.slug if found else None
    try:
        revision = service.save(session(), workspace().plugins, found, draft, user(), seen)
        if ask:
            review.request_review(session(), revision, user())
    except CmsError as error:
        session().rollback()
        again = service.find(session(), before) if before else None
        return _page(again, draft, problem=error, changed=True), error.status
    asset = revision.asset
    for fault in language.faults(workspace().plugins, revision):
        toast(f"{fault.field}: {fault.message}", "warn")
    if before not in (None, asset.slug):
        toast(
            f"What is public stays at /{before} until it is updated. This page offers the old address as a redirect.",
            "warn",
        )
    toast(f"{revision.title} is saved as revision {revision.n}{' and waits for approval' if ask else ''}.")
    return redirect(url_for("content.asset", slug=asset.slug), 303)


def _typed(reading: Session, found: Asset | None) -> Draft:
    plugins, accounts = workspace().plugins, _accounts(reading)
    base = service.draft_of(reading, found) if found else None
    draft = editing.draft_of_form(request.form, base, plugins.channels.values(), accounts)
    body = with_own_fields(plugins.asset_kinds.get(draft.kind), draft.body, request.form)
    return replace(draft, body=body)


def _expiry(draft: Draft) -> datetime | None:
    """When it expires, as typed on the user's wall clock; a form without the input keeps what is stored."""
    typed = request.form.get(EXPIRY)
    if typed is None or not typed.strip():
        return draft.unpublish_at if typed is None else None
    return resolve(parse_when(typed.replace("T", " "), user().timezone)).instant


def _accounts(reading: Session) -> list[tuple[str, str]]:
    """(Channel, name) of each connection."""
    return [(row["channel"], row["name"]) for row in connections.listing(reading)]


def _page(
    found: Asset | None, draft: Draft, *, problem: CmsError | None = None, changed: bool = False
) -> str:
    """The editor; after a lost race with the newest words beside what was typed, which saving once more puts over them."""
    plugins = workspace().plugins
    head = head_of(session(), found) if found else None
    version = found.row_version if found else 0
    theirs: list[tuple[str, str, str]] = []
    values = editing.values_of(draft, user().timezone)
    if problem is not None and problem.field == EXPIRY:  # it is no instant yet
        values[EXPIRY] = request.form.get(EXPIRY, "")
    if found and isinstance(problem, Conflict):
        theirs = editing.differences(service.draft_of(session(), found), draft)
    elif changed:  # what the author saw, not what is there by now
        version = request.form.get("row_version", version, type=whole_number)
    return render_template(
        "content/editor.html",
        asset=found,
        head=head,
        version=version,
        values=values,
        parts=editing.parts_of(draft, plugins.channels.values(), _accounts(session())),
        own=own_fields(plugins.asset_kinds.get(draft.kind), draft.body, judged=changed),
        kinds=plugins.asset_kinds,
        checks=tried(session(), draft, found, head),
        problem=problem,
        field=problem.field if problem else "",
        theirs=theirs,
        changed=changed,
        labels=editing.LABELS,
        action=url_for("content.editor.edit", slug=found.slug) if found else url_for("content.editor.new"),
    )


# --- checks and previews ----------------------------------------------------------------------------------------------


@blueprint.post("/preview")
@permission("content.edit")
def preview() -> Answer:
    """What the channels say about words that are being typed; nothing is saved, and no writing session is opened."""
    slug = request.form.get("of", "")
    with workspace().db.session() as reading:
        found = service.find(reading, slug) if slug else None
        head = head_of(reading, found) if found else None
        checks = tried(reading, _typed(reading, found), found, head)
    return render_template("content/_checks.html", checks=checks)


@blueprint.get("/preview/<name>")
@permission("content.read")
def frame(name: str) -> Response:
    """A preview for its sandboxed frame; only who made it finds it."""
    return preview_response(scratch.read(name).decode())


def tried(reading: Session, draft: Draft, found: Asset | None, head: Revision | None) -> dict[str, Any]:
    """Findings and previews as the template shows them."""
    faults, trials = try_out(reading, workspace(), draft, user(), found, head)
    kind = workspace().plugins.asset_kinds.get(draft.kind)
    own = frozenset(field.name for field in own_fields(kind, {}, judged=False))
    remarks = [_remark(fault, None, own) for fault in faults]
    said = {(trial.channel.name, finding): trial.channel for trial in trials for finding in trial.findings}
    remarks += [_remark(finding, channel, own) for (_, finding), channel in said.items()]
    remarks.sort(key=lambda each: list(c.Level).index(each["level"]), reverse=True)
    return {
        "remarks": remarks,
        "to_mend": sum(each["level"] in TO_MEND for each in remarks),
        "previews": [_shown(trial) for trial in trials],
        "channels": [trial.channel for trial in trials],
    }


def _remark(finding: c.Finding, channel: c.Channel | None, own: frozenset[str]) -> dict[str, Any]:
    target = finding.field if finding.field in editing.LABELS else ""
    if channel is not None and finding.field in dict(channel.override_fields):
        target = editing.input_id(channel.name, finding.field)
    elif f"{PREFIX}{finding.field}" in own:
        target = f"{PREFIX}{finding.field}"
    return {
        "level": finding.level,
        "message": finding.message,
        "channel": channel,
        "target": target,
        "field": finding.field,
    }


def _shown(trial: Trial) -> dict[str, Any]:
    found = trial.preview
    name = scratch.keep(found.html.encode()) if found and found.html else ""
    return {
        "channel": trial.channel,
        "connection": trial.connection,
        "title": found.title if found else "",
        "facts": found.facts if found else (),
        "text": found.text if found else "",
        "failed": found is None,
        "url": url_for("content.editor.frame", name=name) if name else "",
    }


# --- pictures and other files -----------------------------------------------------------------------------------------


@blueprint.post("/media")
@permission("content.edit")
def upload() -> Answer:
    """Take a file in for the script of the editor; answers with the Markdown that shows it."""
    stored = _taken()
    if isinstance(stored, CmsError):
        return jsonify(error=f"{stored.message}. {stored.remedy}"), stored.status
    return jsonify(markdown=_record(stored))


def _taken() -> files.Stored | CmsError:
    """The uploaded file in the store, or what is wrong with it; before any writing session, for encoding takes its time."""
    sent: FileStorage | None = request.files.get("file")
    try:
        if sent is None or not sent.filename:
            raise Invalid("no file was chosen", "choose a picture, PDF or video")
        return files.take_in(workspace().config.media_dir, sent.read(), sent.filename)
    except CmsError as error:
        return error


def _record(stored: files.Stored) -> str:
    alt = " ".join(request.form.get("alt", "").split())
    row = files.record(session(), stored, alt)
    picture = row.mime in files.RASTER
    words = alt or row.alt or ("" if picture else row.filename)
    for sign in "\\[]":
        words = words.replace(sign, f"\\{sign}")
    return f"{'!' if picture else ''}[{words}]({files.url_path(row)})"


def _with_picture(draft: Draft, markdown: str) -> Draft:
    text = str(draft.body.get("text", "")).rstrip()
    body: Mapping[str, Any] = {**draft.body, "text": f"{text}\n\n{markdown}\n" if text else f"{markdown}\n"}
    return replace(draft, body=body)
