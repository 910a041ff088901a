"""Answers of the REST interface and the files that it is sent."""

from collections.abc import Iterable
from typing import Any

from flask import Response, request
from werkzeug.datastructures import FileStorage

from cms_core.api.etags import tag_of
from cms_core.documents import dump
from cms_core.errors import CmsError, Invalid

MOST_FILES = 100


class WrongMediaType(CmsError):
    """The body is of a kind that this call does not take."""

    status = 415


def answer(document: Any, status: int = 200, *, version: int | None = None, location: str = "") -> Response:
    """A document as JSON. ``version`` is the row's ``row_version``: then the answer has an ETag, and may be 304."""
    body = dump(document)
    response = Response(body, status, mimetype="application/json")
    response.headers["Cache-Control"] = "private, no-cache"
    if location:
        response.headers["Location"] = location
    if version is not None:
        response.set_etag(tag_of(version, body))
        if request.method in ("GET", "HEAD"):
            response.make_conditional(request)
    return response


def stream(lines: Iterable[str], mimetype: str = "application/x-ndjson") -> Response:
    """Text that is sent as it is made; the iterable opens what it needs itself, for the request's own session is closed by then."""
    response = Response((line.encode() for line in lines), mimetype=mimetype)
    response.headers["Cache-Control"] = "private, no-store"
    return response


def uploads(name: str = "upload") -> list[tuple[str, bytes]]:
    """What was sent, as (file name, content): the files of a multipart form, or the body itself; raises Invalid for nothing."""
    if request.mimetype == "multipart/form-data":
        files = [each for _, each in request.files.items(multi=True)]
        if len(files) > MOST_FILES:
            raise Invalid(f"{len(files)} files are too many", f"send at most {MOST_FILES}, or an archive")
        found = [(_name(each, name), each.read()) for each in files]
    else:
        if request.is_json:
            raise WrongMediaType(
                "this call does not take JSON",
                "send the file as the body, or as a part of multipart/form-data",
            )
        found = [(name, request.get_data())]
    if not any(content for _, content in found):
        raise Invalid("no file was sent", "send it as the body, or as a part of multipart/form-data")
    return found


def upload(name: str) -> tuple[str, bytes]:
    """The one file that was sent, as (file name, content); raises Invalid for none and for several."""
    sent = uploads(name)
    if len(sent) != 1:
        raise Invalid(f"{len(sent)} files were sent", "send one file")
    return sent[0]


def _name(file: FileStorage, name: str) -> str:
    return (file.filename or name).replace("\0", "")[:200]
