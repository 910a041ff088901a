"""REST: content."""

import hashlib
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from flask import Response
from sqlalchemy.orm import Session

from cms_core.api import Blueprint, answer, bearer, page, pages_of, require_match, uploads
from cms_core.api.access import require
from cms_core.api.lists import without
from cms_core.api.schemas import many_of
from cms_core.connections.values import InvalidValues
from cms_core.content import api_schemas as s
from cms_core.content import service
from cms_core.content.drafts import Draft
from cms_core.content.listing import Filter, details, rows_of
from cms_core.content.models import Asset, Review, Revision
from cms_core.content.review import approve_newest, request_changes, request_review
from cms_core.content.revisions import head_of
from cms_core.content.trial import findings_for
from cms_core.errors import Invalid
from cms_core.imports.documents import Folder
from cms_core.imports.folder import read_folder
from cms_core.imports.saving import save_folder
from cms_core.imports.unpack import unpack
from cms_core.web.request import session, workspace

UNNAMED = "upload"
blueprint = Blueprint("content_api", __name__, url_prefix="/api/v1/content", description="Content.")


@blueprint.get("")
@blueprint.call("content.read", "content list", query=s.ContentQuery, answers=pages_of(s.ContentRow))
def list_content(query: dict[str, Any]) -> Response:
    """All content that is not archived, the oldest first."""
    wanted = Filter(**{name: query[name] for name in Filter.__dataclass_fields__})
    return page(session(), rows_of(wanted), (Asset.id,), query, without("key"))


@blueprint.post("")
@blueprint.call("content.edit", body=s.NewContent, answers=s.ContentFull, status=201)
def add_content(body: dict[str, Any]) -> Response:
    """Save a new asset; without a slug it gets one made from its title."""
    made = service.save(session(), workspace().plugins, None, Draft(**body), bearer().user)
    return _shown(session(), made.asset, 201)


@blueprint.post("/import")
@blueprint.call("content.edit", "content import", query=s.ImportQuery, answers=s.Imported, files=True)
def import_content(query: dict[str, Any]) -> Response:
    """Import Markdown files, or a zip archive of a folder; importing the same again adds nothing.

    Faulty files are left out and told; 422 when all are faulty.
    """
    if query["approve"]:
        require("content.approve")
    user = bearer().user
    folder = _read(query)
    outcome = save_folder(session(), workspace(), folder, user, user if query["approve"] else None)
    saved = bool(outcome.good) and not query["dry_run"]
    if not saved:
        session().rollback()
    if outcome.errors and not outcome.good:
        errors = {"files": [asdict(each) for each in outcome.errors]}
        raise InvalidValues(
            f"none of {len(outcome.errors)} files could be imported", outcome.errors[0].reason, errors
        )
    return answer({**asdict(outcome), "saved": saved})


@blueprint.get("/<slug>")
@blueprint.call("content.read", "content show", answers=s.ContentFull, versioned=True)
def one_content(slug: str) -> Response:
    """One asset with its words, variants, files and reviews."""
    return _shown(session(), service.find(session(), slug))


@blueprint.patch("/<slug>")
@blueprint.call("content.edit", "content rename", body=s.Words, answers=s.ContentFull, versioned=True)
def change_content(body: dict[str, Any], slug: str) -> Response:
    """Change what is sent; what is not sent stays. New words are a new revision, which has yet to be approved.

    Another slug leaves the old one as an offered redirect.
    """
    found = service.find(session(), slug)
    require_match(found.row_version)
    draft = replace(service.draft_of(session(), found), **body)
    service.save(session(), workspace().plugins, found, draft, bearer().user, found.row_version)
    return _shown(session(), found)


@blueprint.post("/<slug>/approve")
@blueprint.call("content.approve", "content approve", answers=s.Approved)
def approve(slug: str) -> Response:
    """Approve the newest words of an asset."""
    done = approve_newest(session(), workspace(), service.find(session(), slug), bearer().user)
    return answer(
        {"id": done.asset.public_id, "slug": done.asset.slug, "state": done.state, "revision": done.n}
    )


@blueprint.post("/<slug>/request-review")
@blueprint.call("content.edit", answers=s.Reviewed)
def ask_for_review(slug: str) -> Response:
    """Ask for approval of the newest words; asking twice is asking once."""
    head = head_of(session(), service.find(session(), slug))
    return _judged(request_review(session(), head, bearer().user), head)


@blueprint.post("/<slug>/request-changes")
@blueprint.call("content.approve", body=s.Changes, answers=s.Reviewed)
def send_back(body: dict[str, Any], slug: str) -> Response:
    """Send the newest words back to their author, with what is to be changed."""
    head = head_of(session(), service.find(session(), slug))
    return _judged(request_changes(session(), workspace(), head, bearer().user, body["comment"]), head)


@blueprint.get("/<slug>/check")
@blueprint.call("content.read", "content check", query=s.CheckQuery, answers=many_of(s.Found))
def check(query: dict[str, Any], slug: str) -> Response:
    """What a channel and the plugins remark on an asset's newest words."""
    found = findings_for(session(), workspace(), slug, query["channel"], query["connection"])
    return answer(
        [{"level": str(each.level), "field": each.field, "message": each.message} for each in found]
    )


def _judged(review: Review, revision: Revision) -> Response:
    asset = revision.asset
    told = {"id": asset.public_id, "slug": asset.slug, "revision": revision.n, "state": revision.state}
    return answer({**told, "review": review.state, "comment": review.comment})


def _shown(opened: Session, asset: Asset, status: int = 200) -> Response:
    document = details(opened, asset)
    return answer(
        document, status, version=asset.row_version, location=_location(asset) if status == 201 else ""
    )


def _location(asset: Asset) -> str:
    return f"/api/v1/content/{asset.slug}"


def _read(query: dict[str, Any]) -> Folder:
    """What was sent, read; pictures are stored for good only when it is saved. No writing session is open meanwhile."""
    sent = [(_own_name(name, data), data) for name, data in uploads(query["name"] or UNNAMED)]
    with tempfile.TemporaryDirectory() as scratch, workspace().db.session() as reading:
        root = Path(scratch, "files")
        root.mkdir()
        unpack(sent, root)
        media = Path(scratch, "media") if query["dry_run"] else workspace().config.media_dir
        try:
            return read_folder(reading, workspace(), root, media)
        except Invalid as error:  # its words name the folder, which nobody has seen
            raise Invalid("there is no Markdown in it", error.remedy) from None


def _own_name(name: str, data: bytes) -> str:
    """Two different files without a name are two."""
    return f"upload-{hashlib.sha256(data).hexdigest()[:8]}.md" if name == UNNAMED else name
