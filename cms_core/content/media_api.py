"""REST: pictures and other files, taken in for the texts that show them."""

from collections.abc import Mapping
from typing import Any

from flask import Response
from marshmallow import fields, validate
from sqlalchemy import select

from cms_core.api import Blueprint, Document, Input, PageArgs, answer, page, pages_of, upload
from cms_core.api.schemas import instant, number, text
from cms_core.content import media as files
from cms_core.content.models import Media
from cms_core.web.request import session, workspace

blueprint = Blueprint("media_api", __name__, url_prefix="/api/v1/media", description="Pictures and files.")


class FileShown(Document):
    """A stored file; `url` is how texts refer to it."""

    id = text()
    url = text()
    mime = text()
    size = number("In bytes.")
    width = number(null=True)
    height = number(null=True)
    alt = text()
    created_at = instant()


class NewFile(Input):
    """What is known of a file that is sent as the body, or as the one part of a form."""

    name = fields.String(
        load_default="upload",
        validate=validate.Length(1, 200),
        metadata={"description": "Its name, when the body is the file."},
    )
    alt = fields.String(
        load_default="",
        validate=validate.Length(max=files.MAX_ALT),
        metadata={"description": "What a picture shows, for those who do not see it."},
    )


@blueprint.get("")
@blueprint.call("content.read", query=PageArgs, answers=pages_of(FileShown))
def list_files(query: dict[str, Any]) -> Response:
    """All files that are not put away, the oldest first."""
    rows = select(Media).where(*files.SHOWN)
    return page(session(), rows, (Media.id,), query, _listed)


@blueprint.post("")
@blueprint.call("content.edit", query=NewFile, answers=FileShown, status=201, files=True)
def add_file(query: dict[str, Any]) -> Response:
    """Take a file in; the same content is one file. Images are encoded again, without what they tell of their maker."""
    name, content = upload(query["name"])
    stored = files.take_in(workspace().config.media_dir, content, name)
    return answer(_shown(files.record(session(), stored, query["alt"])), 201)


def _listed(row: Mapping[str, Any]) -> dict[str, Any]:
    return _shown(row["Media"])


def _shown(found: Media) -> dict[str, Any]:
    return {
        "id": found.public_id,
        "url": files.url_path(found),
        "mime": found.mime,
        "size": found.size,
        "width": found.width,
        "height": found.height,
        "alt": found.alt,
        "created_at": found.created_at,
    }
