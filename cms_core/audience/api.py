"""REST: contacts and segments."""

from dataclasses import asdict
from typing import Any

from flask import Response
from sqlalchemy import select

from cms_core import joining, personal
from cms_core.api import Blueprint, PageArgs, answer, bearer, page, pages_of, require_match, upload
from cms_core.audience import api_schemas as s
from cms_core.audience import contacts, imports, segments, unsubscribing
from cms_core.audience.models import Contact, Segment
from cms_core.connections.values import InvalidValues
from cms_core.errors import Invalid, NotFound
from cms_core.web.request import session, workspace

blueprint = Blueprint("audience_api", __name__, url_prefix="/api/v1", description="Contacts and segments.")


@blueprint.get("/contacts")
@blueprint.call("audience.read", "contacts list", query=s.PeopleQuery, answers=pages_of(s.ContactShown))
def list_contacts(query: dict[str, Any]) -> Response:
    """All living contacts, the oldest first."""
    chosen = segments.find(session(), query["segment"]) if query["segment"] else None
    ids = segments.member_ids(session(), chosen) if chosen else None
    rows = contacts.rows_of(session(), query["words"], among=ids)
    return page(session(), rows, (Contact.id,), query, _person)


@blueprint.get("/contacts/<id>")
@blueprint.call("audience.read", answers=s.ContactShown)
def one_contact(id: str) -> Response:  # noqa: A002  # the name in the path
    """One contact."""
    return _contact(contacts.find_by_public_id(session(), id))


@blueprint.post("/contacts/<id>/merge")
@blueprint.call("audience.edit", "contacts merge", body=s.Merge, answers=s.Merged)
def merge_contacts(body: dict[str, Any], id: str) -> Response:  # noqa: A002
    """Two contacts are one person: this one stays and gets all that the other has; what waits for both goes out once."""
    keep = contacts.find_by_public_id(session(), id)
    return answer(joining.merge(session(), keep, joining.find(session(), body["gone"])))


@blueprint.post("/contacts/import")
@blueprint.call(
    "audience.edit", "contacts import", query=s.PeopleImport, answers=s.PeopleImported, files=True
)
def import_contacts(query: dict[str, Any]) -> Response:
    """Import contacts from CSV; 422 when nothing could be saved. Without a column `consent` nobody may be mailed."""
    name, content = upload(query["name"])
    result = imports.import_contacts(
        session(),
        content,
        _mapping(query["map"]),
        name=name,
        dry_run=query["dry_run"],
        all_or_nothing=query["all_or_nothing"],
    )
    failed = bool(result.skipped) and (query["all_or_nothing"] or not result.accepted)
    if failed:
        raise InvalidValues(
            result.failure,
            "mend the rows listed in `errors` and import again",
            {"skipped": result.skipped},
        )
    return answer(asdict(result))


@blueprint.get("/contacts/<id>/personal-data")
@blueprint.call("audience.edit", "contacts export", answers=s.PersonalData)
def export(id: str) -> Response:  # noqa: A002
    """Everything that is kept about one person, also by plugins: what they may ask for."""
    with workspace().db.session() as reading:  # none of this request is open while plugins are asked
        contact_id = contacts.find_by_public_id(reading, id).id
    return answer(personal.export(workspace(), contact_id))


@blueprint.post("/contacts/<id>/erase")
@blueprint.call("audience.edit", "contacts erase", answers=s.Erased)
def erase(id: str) -> Response:  # noqa: A002
    """Erase one person; what a plugin still keeps is told as pending, and is tried again by itself."""
    with workspace().db.session() as reading:
        contact_id = contacts.find_by_public_id(reading, id).id
    return answer(personal.erase(workspace(), contact_id, (bearer().user.id, "rest")))


@blueprint.post("/contacts/<id>/unsubscribe")
@blueprint.call("audience.edit", body=s.Goodbye, answers=s.ContactShown)
def unsubscribe(body: dict[str, Any], id: str) -> Response:  # noqa: A002
    """Take somebody off everything that goes by e-mail, because they asked by other means; no import brings them back."""
    found = contacts.find_by_public_id(session(), id)
    unsubscribing.unsubscribe(session(), found, body["reason"], bearer().user, "rest")
    return _contact(found)


@blueprint.get("/segments")
@blueprint.call("audience.read", "segments list", query=PageArgs, answers=pages_of(s.Group))
def list_segments(query: dict[str, Any]) -> Response:
    """All segments, the oldest first."""
    return page(
        session(), select(Segment), (Segment.id,), query, lambda row: segments.document(row["Segment"])
    )


@blueprint.post("/segments")
@blueprint.call("audience.edit", "segments create", body=s.NewGroup, answers=s.GroupFull, status=201)
def add_segment(body: dict[str, Any]) -> Response:
    """Make the segment of all contacts that fit a rule."""
    return _shown(segments.create(session(), body["name"], body["rule"]), 201)


@blueprint.get("/segments/count")
@blueprint.call("audience.read", "segments count", query=s.CountQuery, answers=s.Counted)
def count(query: dict[str, Any]) -> Response:
    """Count the contacts of a segment, or those that fit a rule; a name goes before a rule."""
    return answer({"count": segments.count(session(), query["q"])})


@blueprint.get("/segments/<id>")
@blueprint.call("audience.read", answers=s.GroupFull, versioned=True)
def one_segment(id: str) -> Response:  # noqa: A002
    """One segment, by id or name, with how many are in it now."""
    return _shown(_segment(id))


@blueprint.patch("/segments/<id>")
@blueprint.call("audience.edit", body=s.Rule, answers=s.GroupFull, versioned=True)
def change_segment(body: dict[str, Any], id: str) -> Response:  # noqa: A002
    """Give a segment another rule."""
    found = _segment(id)
    require_match(found.row_version)
    segments.change_rule(session(), found, body["rule"])
    return _shown(found)


def _contact(found: Contact) -> Response:
    row = session().execute(contacts.rows_of(session()).where(Contact.id == found.id)).mappings().one()
    return answer(_person(row))


def _segment(named: str) -> Segment:
    try:
        return segments.find_by_public_id(session(), named)
    except NotFound:
        return segments.find(session(), named)


def _shown(found: Segment, status: int = 200) -> Response:
    document = {**segments.document(found), "count": segments.count_members(session(), found)}
    location = f"/api/v1/segments/{found.public_id}" if status == 201 else ""
    return answer(document, status, version=found.row_version, location=location)


def _person(row: Any) -> dict[str, Any]:
    return {**row, "company": row["company"] or ""}


def _mapping(pairs: list[str]) -> dict[str, str]:
    columns = {}
    for pair in pairs:
        column, sign, field = pair.rpartition("=")
        if not sign or not column.strip() or not field.strip():
            raise Invalid(f"{pair[:80]!r} is not CSV_COLUMN=field", "write map=Mail=email", field="map")
        columns[column.strip()] = field.strip()
    return columns
