"""Puts the REST interface into the app, and describes it: ``/api/v1/openapi.json``."""

from typing import Any

import flask_smorest
from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.common import resolve_schema_cls
from flask import Blueprint, Flask, Response, current_app
from sqlalchemy.orm.exc import StaleDataError

import cms_core
from cms_core.api.access import init_access
from cms_core.api.blueprint import Blueprint as Calls
from cms_core.api.etags import PreconditionFailed
from cms_core.api.idempotency import init_idempotency
from cms_core.api.schemas import Error
from cms_core.documents import dump
from cms_core.plugins import Plugins
from cms_core.web.faults import on_cms_error

URL = "/api/v1"
ABOUT = (
    "Plan, publish and measure content over all channels. Send `Authorization: Bearer TOKEN`. Lists are "
    '`{"items": […], "next": cursor|null}`; errors are `{"error": {"message", "remedy"}}`; instants are ISO 8601 with offset.'
)
IDEMPOTENCY: dict[str, Any] = {
    "in": "header",
    "name": "Idempotency-Key",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[\x21-\x7e]+$"},
    "description": "Sent again within 24 hours with the same request, the first answer is given and nothing is done twice.",
}
IF_MATCH: dict[str, Any] = {
    "in": "header",
    "name": "If-Match",
    "required": True,
    "schema": {"type": "string"},
    "description": "The ETag of what you are changing, or *.",
}
IF_NONE_MATCH: dict[str, Any] = {
    "in": "header",
    "name": "If-None-Match",
    "schema": {"type": "string"},
    "description": "An ETag that you know: 304 when it still holds.",
}


RESPONSES = {"304": {"description": "It is what you know."}}
rest = Blueprint("rest", __name__, url_prefix=URL)


class Description(flask_smorest.Api):  # type: ignore[misc]  # it comes without types
    """What flask-smorest makes of our blueprints; errors and the document itself are served by us."""

    ERROR_SCHEMA = Error

    def _register_doc_blueprint(self) -> None: ...

    def _register_error_handlers(self) -> None: ...


def init_api(app: Flask) -> None:
    """Register the calls of all rooms; those of plugins come with their other blueprints."""
    from cms_core.api.pages import blueprint as pages

    init_access(app)
    init_idempotency(app)
    app.register_error_handler(StaleDataError, _stale)
    app.register_blueprint(rest)
    app.register_blueprint(pages)
    for blueprint in rooms():
        app.register_blueprint(blueprint)


def rooms() -> tuple[Calls, ...]:
    """The calls of the core."""
    from cms_core.audience.api import blueprint as audience
    from cms_core.audience.limits_api import blueprint as limits
    from cms_core.auth.api import blueprint as auth
    from cms_core.campaigns.api import blueprint as campaigns
    from cms_core.campaigns.rules_api import blueprint as rules
    from cms_core.connections.api import blueprint as connections
    from cms_core.content.api import blueprint as content
    from cms_core.content.care_api import blueprint as care
    from cms_core.content.media_api import blueprint as media
    from cms_core.notices.api import blueprint as notices
    from cms_core.publishing.api import blueprint as publishing
    from cms_core.reports.api import blueprint as reports
    from cms_core.webhooks.api import blueprint as webhooks

    return (
        auth,
        content,
        care,
        media,
        audience,
        limits,
        campaigns,
        rules,
        connections,
        publishing,
        reports,
        webhooks,
        notices,
    )


def whole_description() -> dict[str, Any]:
    """The OpenAPI document of all calls, those of installed plugins too, without a workspace: for the pages of the docs."""
    app = Flask("cms_core", static_folder=None)
    plugins = [blueprint for _, blueprint in Plugins().blueprints]
    for blueprint in (*rooms(), *(each for each in plugins if isinstance(each, Calls))):
        app.register_blueprint(blueprint)
    return _describe(app)


@rest.get("/openapi.json")
def openapi() -> Response:
    """The description of all calls, of plugins too; it needs no token."""
    return Response(dump(description(current_app)), mimetype="application/json")


def description(app: Flask) -> dict[str, Any]:
    """The OpenAPI 3.1 document, made when it is first asked for: by then every plugin has registered its calls."""
    if "openapi" not in app.extensions:
        app.extensions["openapi"] = _describe(app)
    found: dict[str, Any] = app.extensions["openapi"]
    return found


def _describe(app: Flask) -> dict[str, Any]:
    scheme = {"type": "http", "scheme": "bearer"}
    kwargs = {"title": "cms-core", "version": cms_core.__version__, "openapi_version": "3.1.0"}
    named = MarshmallowPlugin(schema_name_resolver=_schema_name)
    made = Description(
        spec_kwargs={
            **kwargs,
            "info": {"description": ABOUT},
            "security": [{"token": []}],
            "marshmallow_plugin": named,
        }
    )
    made.init_app(app)
    made.spec.components.security_scheme("token", scheme)
    for name, blueprint in app.blueprints.items():
        if isinstance(blueprint, Calls):
            made.spec.tag({"name": name, "description": blueprint.description})
            blueprint.register_views_in_doc(made, app, made.spec, name=name, parameters=None)
    document: dict[str, Any] = made.spec.to_dict()
    for operations in document["paths"].values():
        for method, operation in operations.items():
            if method in ("get", "post", "put", "patch", "delete"):
                _complete(method, operation)
    return document


def _schema_name(schema: Any) -> str:
    """The name of a class of the core as it is; of a plugin's with the plugin before it, for plugins know nothing of each other."""
    found = resolve_schema_cls(schema)
    assert isinstance(found, type)  # noqa: S101  # a list only where two classes have one name
    package = found.__module__.partition(".")[0]
    plugin = package.removeprefix("cms_")
    return found.__name__ if plugin in ("core", package) else f"{plugin}.{found.__name__}"


def _complete(method: str, operation: dict[str, Any]) -> None:
    """Say of an operation what ``Blueprint.call`` knows only by its method."""
    versioned = operation.pop("x-versioned", False)
    added = [IDEMPOTENCY] if method == "post" else []
    if versioned:
        added.append(IF_NONE_MATCH if method == "get" else IF_MATCH)
    if added:
        operation["parameters"] = [*operation.get("parameters", []), *added]
    statuses = ["401", "403", "422", "429"]
    if versioned:
        statuses += ["304"] if method == "get" else ["412", "428"]
    for status in statuses:
        operation["responses"].setdefault(
            status, RESPONSES.get(status, {"$ref": "#/components/responses/DEFAULT_ERROR"})
        )


def _stale(_: StaleDataError) -> Any:
    """Two changes at once: the later one is told, wherever it comes from."""
    return on_cms_error(
        PreconditionFailed("somebody else changed it just now; nothing was saved", "read it again")
    )
