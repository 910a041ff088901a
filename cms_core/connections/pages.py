"""Pages of connections and plugins: lists, forms drawn from the schemas of channels and plugins, tests, faults."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from marshmallow import Schema, ValidationError
from werkzeug.datastructures import MultiDict

from cms_core.connections import circuit, overview, service
from cms_core.connections import settings as plugin_settings
from cms_core.connections.links import verify_connection
from cms_core.connections.models import Connection, ConnectionState
from cms_core.connections.values import InvalidValues, lenient
from cms_core.contract import Place, Subject
from cms_core.errors import CmsError, NotFound
from cms_core.web.auth import permission, user
from cms_core.web.forms import SchemaForm
from cms_core.web.panels import draw_panels
from cms_core.web.request import Answer, session, workspace
from cms_core.web.shell import local_path, toast

blueprint = Blueprint("connections", __name__, url_prefix="/app", template_folder="templates")

NAME = "connection_name"  # beside the schema's own fields, one of which may be called "name"
SHOWN_STATES = {
    ConnectionState.NEW: "untested",
    ConnectionState.OK: "connected",
    ConnectionState.BROKEN: "broken",
}
SHOWN_FAULTS = 10


# --- connections ----------------------------------------------------------------------------------------------------------


@blueprint.get("/connections")
@permission("connections.edit")
def connections() -> Answer:
    """All connected accounts, and the channels that more can be added to."""
    plugins = workspace().plugins
    rows = service.listing(session())
    return render_template(
        "connections/list.html",
        rows=rows,
        channels=plugins.channels,
        shown=SHOWN_STATES,
        back=url_for(".connections"),
    )


@blueprint.get("/connections/new/<channel>")
@permission("connections.edit")
def new_connection(channel: str) -> Answer:
    """The form for another account of a channel."""
    return _new_page(channel, SchemaForm(service.schema_of(workspace().plugins, channel)), "", "")


@blueprint.post("/connections/new/<channel>")
@permission("connections.edit")
def add_connection(channel: str) -> Answer:
    """Add an account; nothing is connected to."""
    work, name, posted = workspace(), request.form.get(NAME, ""), _settings_posted()
    form = SchemaForm(service.schema_of(work.plugins, channel))
    try:
        added = service.add(session(), work.vault, work.plugins, channel, name, form.parse(posted))
    except InvalidValues as error:
        return _new_page(
            channel, form.rejected(posted, ValidationError(error.errors)), name, ""
        ), error.status
    except CmsError as error:
        shown = form.rejected(posted, ValidationError({}))
        return _new_page(channel, shown, name, f"{error.message}. {error.remedy}"), error.status
    toast(f"{added.name} is added. Test it to see whether it works.")
    return redirect(url_for(".connections"), 303)


@blueprint.get("/connections/<public_id>")
@permission("connections.edit")
def connection(public_id: str) -> Answer:
    """One account with its settings."""
    found = service.find_by_public_id(session(), public_id)
    return _connection_page(found, _connection_form(found))


@blueprint.post("/connections/<public_id>")
@permission("connections.edit")
def change_connection(public_id: str) -> Answer:
    """Replace the settings of an account; empty secrets stay as they are."""
    work, found = workspace(), service.find_by_public_id(session(), public_id)
    form = _connection_form(found)
    try:
        service.update(session(), work.vault, work.plugins, found, form.parse(request.form))
    except InvalidValues as error:
        return _connection_page(
            found, form.rejected(request.form, ValidationError(error.errors))
        ), error.status
    toast(f"{found.name} is saved.")
    return redirect(url_for(".connections"), 303)


@blueprint.post("/connections/<public_id>/test")
@permission("connections.edit")
def verify(public_id: str) -> Answer:
    """Ask the other side who we are there; no session of this request is open meanwhile."""
    with workspace().db.session() as reading:
        found = service.find_by_public_id(reading, public_id)
    try:
        identity = verify_connection(workspace(), found.id, (user().id, "web"))
    except CmsError as error:
        toast(f"{error.message} {error.remedy}".strip(), "bad")
    else:
        toast(f"{found.name} works: {identity.name}")
    return redirect(local_path(request.form.get("next"), url_for(".connections")), 303)


def _settings_posted() -> MultiDict[str, str]:
    return MultiDict([(key, value) for key, value in request.form.items(multi=True) if key != NAME])


def _connection_form(found: Connection) -> SchemaForm:
    work = workspace()
    schema = service.schema_of(work.plugins, found.channel)
    values, errors = lenient(schema, {**found.settings, **service.credentials(work.vault, found)})
    return SchemaForm(schema, values, errors)


def _new_page(channel: str, form: SchemaForm, name: str, problem: str) -> str:
    found = workspace().plugins.channel(channel)
    return render_template(
        "connections/new.html", channel=found, form=form, name=name, problem=problem, field=NAME
    )


def _connection_page(found: Connection, form: SchemaForm) -> str:
    return render_template(
        "connections/one.html",
        row=found,
        rests=circuit.in_words(found),
        form=form,
        channel=workspace().plugins.channel(found.channel),
        shown=SHOWN_STATES,
        back=url_for(".connection", public_id=found.public_id),
    )


# --- plugins --------------------------------------------------------------------------------------------------------------


@blueprint.get("/plugins")
@permission("system.admin")
def plugins() -> Answer:
    """All plugins, those in error first in sight."""
    return render_template(
        "connections/plugins.html", views=overview.plugin_views(workspace().plugins), view=None
    )


@blueprint.get("/plugins/<name>")
@permission("system.admin")
def plugin(name: str) -> Answer:
    """One plugin: state, accounts, settings, what it adds and what went wrong."""
    form, problem = _settings_form(name)
    return _plugin_page(name, form, problem)


@blueprint.post("/plugins/<name>")
@permission("system.admin")
def save_plugin(name: str) -> Answer:
    """Replace the settings of a plugin; empty secrets stay as they are."""
    work = workspace()
    form, _ = _settings_form(name)
    if form is None:
        raise NotFound(
            f"the plugin {name!r} has no settings that could be saved", "go back to the list of plugins"
        )
    try:
        values = {key: value for key, value in form.parse(request.form).items() if key not in form.locked}
        plugin_settings.save_settings(session(), work.vault, work.plugins, work.config.environ, name, values)
    except InvalidValues as error:
        return _plugin_page(
            name, form.rejected(request.form, ValidationError(error.errors)), ""
        ), error.status
    toast(f"The settings of {name} are saved.")
    return redirect(url_for(".plugin", name=name), 303)


def _settings_form(name: str) -> tuple[SchemaForm | None, str]:
    """The form of a plugin's settings, or None and perhaps what is wrong with its schema."""
    work = workspace()
    if name not in work.plugins.settings_schemas:
        return None, ""
    schema: Schema = plugin_settings.settings_schema(work.plugins, name)
    locked = plugin_settings.locked_by(schema, work.config.environ, name)
    values, errors = plugin_settings.readable_settings(
        session(), work.vault, work.plugins, work.config.environ, name
    )
    try:
        return SchemaForm(schema, values, errors, locked=locked), ""
    except TypeError as error:
        return None, f"The settings cannot be shown: {error}"


def _plugin_page(name: str, form: SchemaForm | None, problem: str) -> str:
    loaded = workspace().plugins
    view = overview.plugin_view(loaded, name)
    return render_template(
        "connections/plugins.html",
        views=overview.plugin_views(loaded),
        view=view,
        form=form,
        problem=problem,
        adds=overview.added_by(loaded, name),
        rows=service.listing(session(), frozenset(view.channels)),
        channels=_channels(view.channels),
        shown=SHOWN_STATES,
        faults=list(reversed(view.faults))[:SHOWN_FAULTS],
        panels=draw_panels(Place.PLUGIN, Subject("plugin", name)),
        back=url_for(".plugin", name=name),
    )


def _channels(names: tuple[str, ...]) -> Mapping[str, Any]:
    return {name: workspace().plugins.channels[name] for name in names}
