"""REST: connected accounts and plugins."""

from typing import Any

from flask import Response
from marshmallow import fields, validate
from sqlalchemy import select

from cms_core.api import Blueprint, Document, Input, PageArgs, answer, bearer, page, pages_of, require_match
from cms_core.api.schemas import instant, listing, many_of, table, text, truth
from cms_core.connections import overview, service
from cms_core.connections.links import verify_connection
from cms_core.connections.models import Connection
from cms_core.web.request import session, workspace

blueprint = Blueprint(
    "accounts", __name__, url_prefix="/api/v1", description="Connected accounts, and plugins."
)

EDIT, ADMIN = "connections.edit", "system.admin"


class Account(Document):
    """A connected account, without any secret."""

    id = text()
    channel = text()
    name = text()
    state = text("new, ok or broken")
    reason = text()
    identity = text("Who we are there, by the last test.")
    checked_at = instant(null=True)
    expires_at = instant("When the credentials end, where the remote says so.", null=True)


class AccountFull(Account):
    """A connected account with its open settings."""

    settings = table("Without secrets.")


class Tested(Document):
    """What the other side says."""

    channel = text()
    name = text()
    state = text()
    identity = text()
    url = text()
    rights = listing(fields.String())


class NewAccount(Input):
    """An account that is to be added."""

    channel = fields.String(required=True, validate=validate.Length(1, 40))
    name = fields.String(required=True, validate=validate.Length(1, service.MAX_NAME))
    settings = fields.Dict(keys=fields.String(), load_default=dict)


class Settings(Input):
    """All settings of an account; an empty secret keeps the stored one."""

    settings = fields.Dict(keys=fields.String(), required=True)


class PluginShown(Document):
    """An installed plugin."""

    name = text()
    version = text()
    state = text("on, off or error")
    error = text()
    hooks = listing(fields.String())
    channels = listing(fields.String())


class Checked(Document):
    """What is wrong with a plugin."""

    name = text()
    state = text()
    ok = truth()
    problems = listing(fields.String())


class Hook(Document):
    """A hook."""

    name = text()
    arguments = listing(fields.String())
    about = text()
    plugins = listing(fields.String())


@blueprint.get("/connections")
@blueprint.call(EDIT, "connections list", query=PageArgs, answers=pages_of(Account))
def list_connections(query: dict[str, Any]) -> Response:
    """All connections and how the last test or use went, the oldest first."""
    rows = select(Connection)
    return page(session(), rows, (Connection.id,), query, lambda row: service.document(row["Connection"]))


@blueprint.post("/connections")
@blueprint.call(EDIT, "connections add", body=NewAccount, answers=AccountFull, status=201)
def add(body: dict[str, Any]) -> Response:
    """Add an account of a channel; connects to nothing."""
    work = workspace()
    added = service.add(session(), work.vault, work.plugins, body["channel"], body["name"], body["settings"])
    return _shown(added, 201)


@blueprint.get("/connections/<id>")
@blueprint.call(EDIT, answers=AccountFull, versioned=True)
def one_connection(id: str) -> Response:  # noqa: A002  # the name in the path
    """One account, by id, name or `channel:name`."""
    return _shown(service.find_named(session(), id))


@blueprint.put("/connections/<id>")
@blueprint.call(EDIT, body=Settings, answers=AccountFull, versioned=True)
def change(body: dict[str, Any], id: str) -> Response:  # noqa: A002
    """Replace the settings of an account, which then counts as not tested."""
    work, found = workspace(), service.find_named(session(), id)
    require_match(found.row_version)
    service.update(session(), work.vault, work.plugins, found, body["settings"])
    return _shown(found)


@blueprint.post("/connections/<id>/test")
@blueprint.call(EDIT, "connections test", answers=Tested)
def verify(id: str) -> Response:  # noqa: A002
    """Ask the other side who we are there. 502 when it says no, 503 when it cannot be reached."""
    with workspace().db.session() as reading:  # none of this request is open while the network is asked
        found = service.find_named(reading, id)
    identity = verify_connection(workspace(), found.id, (bearer().user.id, "rest"))
    told = {"channel": found.channel, "name": found.name, "state": "ok", "identity": identity.name}
    return answer(told | {"url": identity.url, "rights": list(identity.rights)})


def _shown(found: Connection, status: int = 200) -> Response:
    location = f"/api/v1/connections/{found.public_id}" if status == 201 else ""
    document = {**service.document(found), "settings": found.settings}
    return answer(document, status, version=found.row_version, location=location)


# --- plugins ----------------------------------------------------------------------------------------------------------


@blueprint.get("/plugins")
@blueprint.call(ADMIN, "plugins list", answers=pages_of(PluginShown))
def plugins() -> Response:
    """All installed plugins; one that cannot be loaded says why."""
    return answer(
        {
            "items": [overview.document(view) for view in overview.plugin_views(workspace().plugins)],
            "next": None,
        }
    )


@blueprint.get("/plugins/hooks")
@blueprint.call(ADMIN, "plugins hooks", answers=many_of(Hook))
def hooks() -> Response:
    """Every hook and who implements it."""
    return answer(overview.hook_listing(workspace().plugins))


@blueprint.get("/plugins/<name>/check")
@blueprint.call(ADMIN, "plugins check", answers=Checked)
def check(name: str) -> Response:
    """What is wrong with a plugin."""
    known = workspace().plugins
    view, found = overview.plugin_view(known, name), overview.problems(known, name)
    return answer({"name": name, "state": view.state, "ok": not found, "problems": found})
