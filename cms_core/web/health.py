"""``/healthz``: whether the app can work, for machines."""

from flask import Blueprint, Response, jsonify

from cms_core.publishing import status
from cms_core.web.request import workspace

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def healthz() -> Response:
    """200 with the age of the oldest due item; an error page of status 500 when the database cannot be read."""
    opened = workspace()
    with opened.db.session() as session:
        document = status.document(session, opened.plugins)
    worker = document["worker"]
    found = {key: document[key] for key in ("due", "oldest_due_seconds", "plugins_in_error")}
    return jsonify({"ok": True, "worker": bool(worker and worker["alive"]), **found})
