"""Serves stored files: for ever the same bytes, of the type they are, never as a page of ours."""

import re

from flask import Blueprint, abort, send_file
from werkzeug.wrappers import Response

from cms_core.content.media import RASTER, find_file, path_of
from cms_core.web.request import session, workspace

YEAR_SECONDS = 365 * 24 * 3600
_SHA256 = re.compile(r"[0-9a-f]{64}")

media = Blueprint("media", __name__)


@media.get("/media/<sha256>/<filename>")
def show(sha256: str, filename: str) -> Response:
    """One file. What a browser could run (SVG, PDF) is a download in a sandbox without any right."""
    row = find_file(session(), sha256) if _SHA256.fullmatch(sha256) else None
    path = path_of(workspace().config.media_dir, sha256)
    if row is None or not path.is_file():
        abort(404)
    response = send_file(
        path,
        mimetype=row.mime,
        as_attachment=row.mime not in RASTER,
        download_name=row.filename,
        conditional=True,
        etag=sha256,
        max_age=YEAR_SECONDS,
    )
    if response.status_code == 304:
        response.close()  # nobody is going to read the file that was opened for it
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.cache_control.public = True
    response.cache_control.immutable = True
    return response
