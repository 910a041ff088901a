"""REST: publications, deliveries, and the state of the workspace."""

from typing import Any

from flask import Response, current_app, request
from marshmallow import fields, validate

from cms_core.api import Blueprint, Document, Input, PageArgs, answer, bearer, page, pages_of, require_match
from cms_core.api.schemas import instant, listing, number, table, text
from cms_core.errors import Invalid
from cms_core.publishing import experiments, live, recipients, resolving, service, status
from cms_core.publishing import listing as publications
from cms_core.publishing.models import Publication, PublicationState
from cms_core.publishing.pages import begin_now
from cms_core.web.request import session, workspace

blueprint = Blueprint(
    "publications_api", __name__, url_prefix="/api/v1", description="What goes out, and what became of it."
)

READ, ACT = "calendar.read", "publishing.act"


class PublicationRow(Document):
    """What goes out; `attempts` is a count."""

    id = text()
    state = text()
    channel = text()
    connection = text()
    asset = text()
    title = text()
    campaign = text(null=True)
    segment = text(null=True)
    due_at = instant()
    published_at = instant(null=True)
    url = text(null=True)
    attempts = number()
    reason = text()
    paused = text()


class Attempt(Document):
    """One try of one phase."""

    n = number()
    phase = text()
    started_at = instant()
    ended_at = instant(null=True)
    outcome = text(null=True)
    reason = text()


class PublicationFull(Document):
    """A publication with its attempts and its deliveries counted."""

    id = text()
    state = text()
    channel = text()
    connection = text()
    asset = text()
    title = text()
    revision = number()
    campaign = text(null=True)
    segment = text(null=True)
    entry = text(null=True)
    due_at = instant()
    published_at = instant(null=True)
    ends_at = instant(null=True)
    url = text(null=True)
    reason = text()
    supersedes = text(null=True)
    superseded_by = text(null=True)
    attempts = listing(Attempt)
    deliveries = table("How many are in each state.")


class Unknown(Document):
    """A recipient of whom nobody knows whether the message arrived."""

    address = text()
    since = instant(null=True)
    known = text()


class Undelivered(Document):
    """A recipient who was refused, or is to be tried again."""

    address = text()
    state = text()
    reason = text()
    retry_at = instant(null=True)


class WhyNot(Document):
    """Why people have not got it."""

    state = text()
    reason = text()
    count = number()


class Deliveries(Document):
    """What became of the recipients. At most 500 are named in `undelivered`; `reasons` counts all."""

    counts = table("How many are in each state.")
    unknown_ = fields.List(fields.Nested(Unknown), required=True, data_key="unknown")
    undelivered = listing(Undelivered)
    reasons = listing(WhyNot)


class Status(Document):
    """What is due, sent, failed and unknown."""

    due = number()
    oldest_due_seconds = number(null=True)
    publications = table()
    paused = number()
    deliveries = table()
    sent_today = number()
    worker = fields.Dict(required=True, allow_none=True)
    plugins_in_error = listing(fields.String())
    closed = text("Why nothing is published at all; empty while something is.")


class StateQuery(PageArgs):
    """Which publications to list."""

    state = fields.String(load_default="", validate=validate.OneOf(["", *map(str, PublicationState)]))


class Reason(Input):
    """Why."""

    reason = fields.String(load_default="held by a person", validate=validate.Length(1, 500))


class Arm(Input):
    """Which arm of a test."""

    arm = fields.String(required=True, validate=validate.Length(1, 40))


class Resolution(Input):
    """What became of it."""

    published = fields.Url(
        schemes={"http", "https"},
        require_tld=False,
        validate=validate.Length(max=2000),
        metadata={"description": "It is public at this address."},
    )
    not_published = fields.Boolean(
        load_default=False, metadata={"description": "It did not go out; it may then be retried."}
    )


class Settlement(Input):
    """What became of unknown deliveries."""

    outcome = fields.String(
        required=True,
        validate=validate.OneOf(["accepted", "send-again"]),
        metadata={"description": "It arrived; or send it once more, at the risk that it arrives twice."},
    )
    address = fields.String(
        load_default="",
        validate=validate.Length(max=320),
        metadata={"description": "The one that is meant; left out, all unknown ones."},
    )


class Settled(Document):
    """How the publication stands now."""

    id = text()
    state = text()
    resolved = number("How many deliveries were meant.")
    counts = table("How many are in each state.")


@blueprint.get("/status")
@blueprint.call(READ, "status", answers=Status)
def state() -> Response:
    """What is due, what was sent today, what needs a person."""
    return answer(status.document(session(), workspace()))


@blueprint.get("/publications")
@blueprint.call(READ, "publications list", query=StateQuery, answers=pages_of(PublicationRow))
def list_publications(query: dict[str, Any]) -> Response:
    """All publications, the oldest first."""
    rows = publications.rows_of(state=query["state"])
    return page(session(), rows, (Publication.id,), query, publications.document)


@blueprint.get("/publications/<id>")
@blueprint.call(READ, "publications show", answers=PublicationFull, versioned=True)
def one_publication(id: str) -> Response:  # noqa: A002  # the name in the path
    """One publication with its attempts."""
    return _shown(service.find(session(), id))


@blueprint.post("/publications/<id>/retry")
@blueprint.call(ACT, "publications retry", answers=PublicationFull)
def retry(id: str) -> Response:  # noqa: A002
    """Make it due now; of a mailing that has gone out, those who were refused. 409 while its outcome is unknown."""
    found = _found(id)
    resolving.retry(session(), found)
    return _shown(found)


@blueprint.post("/publications/<id>/hold")
@blueprint.call(ACT, "publications hold", body=Reason, answers=PublicationFull)
def hold(body: dict[str, Any], id: str) -> Response:  # noqa: A002
    """Stop it until it is resumed: held before it goes out, paused while it is sent, or (202, begun at once) where it is live."""
    found = _found(id)
    live.pause(session(), workspace().plugins, found, body["reason"])
    return _begun(found) if found.switch_to else _shown(found)


@blueprint.post("/publications/<id>/resume")
@blueprint.call(ACT, "publications resume", answers=PublicationFull)
def resume(id: str) -> Response:  # noqa: A002
    """Undo a hold or a pause; of what is live it is begun at once (202)."""
    found = _found(id)
    live.resume(session(), workspace().plugins, found)
    return _begun(found) if found.switch_to else _shown(found)


@blueprint.post("/publications/<id>/pick")
@blueprint.call(ACT, "publications pick", body=Arm, answers=PublicationFull)
def pick(body: dict[str, Any], id: str) -> Response:  # noqa: A002
    """End a test: everybody who waits for it gets this arm."""
    found = _found(id)
    experiments.pick(session(), found, body["arm"], bearer().user.id)
    return _shown(found)


@blueprint.post("/publications/<id>/cancel")
@blueprint.call(ACT, "publications cancel", answers=PublicationFull)
def cancel(id: str) -> Response:  # noqa: A002
    """Never send it; of a running send, the rest."""
    found = _found(id)
    service.cancel(session(), found)
    return _shown(found)


@blueprint.post("/publications/<id>/resolve")
@blueprint.call(ACT, "publications resolve", body=Resolution, answers=PublicationFull)
def resolve(body: dict[str, Any], id: str) -> Response:  # noqa: A002
    """Say what became of an unknown one: `published` with its address, or `not_published`."""
    url = body.get("published")
    if bool(url) == body["not_published"]:
        raise Invalid(
            "say either where it is published, or that it is not", "send published or not_published"
        )
    found = _found(id)
    service.resolve(session(), found, published_url=url)
    return _shown(found)


@blueprint.post("/publications/<id>/update")
@blueprint.call(ACT, "publications update", answers=PublicationFull, status=202)
def update(id: str) -> Response:  # noqa: A002
    """Put the newest approved revision in the place of what is public. The new publication is answered and begun at once."""
    found = service.head(session(), _found(id))
    return _begun(service.update_content(session(), workspace().plugins, found))


@blueprint.post("/publications/<id>/withdraw")
@blueprint.call(ACT, "publications withdraw", answers=PublicationFull, status=202)
def withdraw(id: str) -> Response:  # noqa: A002
    """Take back what is public. It is begun at once; its state becomes withdrawn when the other side has done it."""
    found = service.head(session(), _found(id))
    service.ask_withdrawal(session(), found)
    return _begun(found)


@blueprint.get("/publications/<id>/deliveries")
@blueprint.call(READ, "deliveries show", answers=Deliveries)
def deliveries(id: str) -> Response:  # noqa: A002
    """Counts by state, the unknown ones with what is known of each, and who has not got it and why."""
    return answer(recipients.document(session(), service.find(session(), id)))


@blueprint.post("/publications/<id>/deliveries/resolve")
@blueprint.call(ACT, "deliveries resolve", body=Settlement, answers=Settled)
def resolve_deliveries(body: dict[str, Any], id: str) -> Response:  # noqa: A002
    """Say what became of the unknown ones, or of one of them; 409 while the publication is being sent."""
    found = _found(id)
    done = resolving.resolve(session(), found, body["address"], accepted=body["outcome"] == "accepted")
    counts = publications.delivery_counts(session(), [found.id])
    return answer({"id": found.public_id, "state": found.state, "resolved": done, "counts": counts})


def _found(public_id: str) -> Publication:
    """The publication; ``If-Match`` is heeded where it is sent."""
    found = service.find(session(), public_id)
    if "If-Match" in request.headers:
        require_match(found.row_version)
    return found


def _shown(found: Publication, code: int = 200) -> Response:
    session().refresh(found)
    location = f"/api/v1/publications/{found.public_id}" if code == 202 else ""
    return answer(
        publications.publication(session(), found), code, version=found.row_version, location=location
    )


def _begun(found: Publication) -> Response:
    """The answer to what the network is needed for, which begins when this request is committed and answered."""
    workspace().fence.require_open()
    response, opened, wait = _shown(found, 202), workspace(), current_app.testing
    row_id = found.id
    response.call_on_close(lambda: begin_now(opened, row_id, wait=wait))
    return response
