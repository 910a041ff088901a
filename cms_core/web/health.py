"""``/healthz`` and ``/metrics``: for machines that watch this one."""

from flask import Blueprint, Flask, Response, current_app, jsonify, request

from cms_core.api import access
from cms_core.config import networks
from cms_core.health import Health, summary
from cms_core.metrics import CONTENT_TYPE, text
from cms_core.web.proxies import is_in
from cms_core.web.request import workspace

SCRAPE = "reports.read"
FORWARDED = ("Forwarded", "X-Forwarded-For", "Via", "X-Real-IP")

blueprint = Blueprint("health", __name__)


def init_health(app: Flask) -> None:
    """Remember who may read the figures; raises ConfigError for what is no address or network."""
    opened = app.extensions["cms"]
    app.extensions["cms_health"] = Health(opened)
    app.extensions["cms_metrics_allow"] = networks("CMS_METRICS_ALLOW", opened.config.metrics_allow)


@blueprint.after_request
def never_kept(response: Response) -> Response:
    """What was true a moment ago is no answer."""
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.get("/healthz")
def healthz() -> tuple[Response, int]:
    """200 while it can work, 503 when it cannot; what was found, without anything that strangers should not know."""
    found = current_app.extensions["cms_health"].look()
    findings = [{"check": each.check, "level": str(each.level), "message": each.message} for each in found]
    status = summary(found)
    return jsonify(status=status, findings=findings), 503 if status == "failing" else 200


@blueprint.get("/metrics")
def metrics() -> Response:
    """The figures: for this machine and CMS_METRICS_ALLOW, for others by a token that may read reports."""
    if not _is_near():
        bearer = access.authenticate(request.headers.get("Authorization", ""))
        access.require_of(bearer, SCRAPE)
    return Response(text(workspace()), content_type=CONTENT_TYPE)


def _is_near() -> bool:
    """Whether the caller itself is in an allowed network: of whoever comes through a proxy that nobody trusts, nobody knows."""
    trusted = "werkzeug.proxy_fix.orig" in request.environ
    if not trusted and any(name in request.headers for name in FORWARDED):
        return False
    return is_in(current_app.extensions["cms_metrics_allow"], request.remote_addr or "")
