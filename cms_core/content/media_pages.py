"""Serves stored files: for ever the same bytes, of the type they are, never as a page of ours."""

import re
from pathlib import Path

from flask import Blueprint, abort, redirect, send_file
from werkzeug.wrappers import Response

from cms_core.content import renditions
from cms_core.content.media import RASTER, find_file, path_of
from cms_core.content.models import Media
from cms_core.web.request import session, workspace

YEAR_SECONDS = 365 * 24 * 3600
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SIZE = re.compile(r"([wc][0-9x]{1,9})(-\d{1,3}-\d{1,3})?")

media = Blueprint("media", __name__)


@media.get("/media/<sha256>/<filename>")
def show(sha256: str, filename: str) -> Response:
    """One file. What a browser could run (SVG, PDF) is a download in a sandbox without any right."""
    row = _row(sha256)
    path = path_of(workspace().config.media_dir, sha256)
    if not path.is_file():
        abort(404)
    return _send(row, path, row.mime, sha256)


@media.get("/media/<sha256>/<size>/<filename>")
def sized(sha256: str, size: str, filename: str) -> Response:
    """A picture in one of the sizes that are offered, or in one that was made for a plugin."""
    row, found = _row(sha256), _SIZE.fullmatch(size)
    spec = renditions.Spec.parse(found[1]) if found else None
    if spec is None:
        abort(404)
    config = workspace().config
    here = renditions.url_path(row, spec)
    if not (spec.offered or renditions.where(config, row, spec).is_file()):
        abort(404)
    if size != here.split("/")[3]:  # the focal point was moved since
        return redirect(here, 302)
    made = renditions.rendition(config, row, spec)
    return _send(row, Path(made.path), made.mime, f"{sha256}-{size}")


def _row(sha256: str) -> Media:
    row = find_file(session(), sha256) if _SHA256.fullmatch(sha256) else None
    return row or abort(404)


def _send(row: Media, path: Path, mime: str, etag: str) -> Response:
    response = send_file(
        path,
        mimetype=mime,
        as_attachment=row.mime not in RASTER,
        download_name=row.filename,
        conditional=True,
        etag=etag,
        max_age=YEAR_SECONDS,
    )
    if response.status_code == 304:
        response.close()  # nobody is going to read the file that was opened for it
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.cache_control.public = True
    response.cache_control.immutable = True
    return response
