"""Settings of plugins: what the schema says, over it what is stored, over it ``CMS_<PLUGIN>_<FIELD>`` of the environment."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema
from sqlalchemy.orm import Session

from cms_core.connections import values as v
from cms_core.connections.models import PluginSettings
from cms_core.db import now
from cms_core.errors import ConfigError, NotFound
from cms_core.plugins import Plugins
from cms_core.secrets import Vault


def settings_schema(plugins: Plugins, plugin: str) -> Schema:
    """A new schema of a plugin's settings; raises NotFound when it has none."""
    if plugin not in plugins.settings_schemas:
        raise NotFound(f"the plugin {plugin!r} has no settings", "`cms plugins list` shows what there is")
    return plugins.settings_schemas[plugin]()


def environment_name(plugin: str, key: str) -> str:
    """The variable of the environment that goes over a setting."""
    return f"CMS_{plugin}_{key}".upper().replace("-", "_")


def locked_by(schema: Schema, environ: Mapping[str, str], plugin: str) -> dict[str, str]:
    """The settings that the environment fixes, each with the name of its variable."""
    names = {key: environment_name(plugin, key) for key in v.keys(schema)}
    return {key: name for key, name in names.items() if name in environ}


def readable_settings(
    session: Session, vault: Vault, plugins: Plugins, environ: Mapping[str, str], plugin: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The settings that fit the schema, secrets included, and by field what is wrong with the others."""
    schema = settings_schema(plugins, plugin)
    fixed = {key: environ[name] for key, name in locked_by(schema, environ, plugin).items()}
    row = session.get(PluginSettings, plugin)
    stored = {**row.data, **vault.decrypt(row.secrets)} if row is not None else {}
    return v.lenient(schema, {**stored, **fixed})


def load_settings(
    session: Session, vault: Vault, plugins: Plugins, environ: Mapping[str, str], plugin: str
) -> dict[str, Any]:
    """The settings of a plugin as its schema loads them, secrets included; required ones that nobody has set are left out.

    Raises ConfigError when a stored value or one of the environment does not fit the schema (any more).
    """
    loaded, errors = readable_settings(session, vault, plugins, environ, plugin)
    wrong = next(v.lines(errors), None) if errors else None
    if wrong is not None:
        locked = locked_by(settings_schema(plugins, plugin), environ, plugin)
        place = locked.get(wrong[0].partition(".")[0], f"the stored setting {wrong[0]}")
        remedy = f"correct it in the environment or at /app/plugins/{plugin}"
        raise ConfigError(f"plugin {plugin}: {place}: {wrong[1]}", remedy)
    return loaded


def save_settings(
    session: Session,
    vault: Vault,
    plugins: Plugins,
    environ: Mapping[str, str],
    plugin: str,
    values: Mapping[str, Any],
) -> None:
    """Replace all stored settings of a plugin; an empty secret keeps the stored one, what the environment fixes is not stored.

    Raises InvalidValues; nothing is changed then.
    """
    schema = settings_schema(plugins, plugin)
    locked = locked_by(schema, environ, plugin)
    row = session.get(PluginSettings, plugin)
    old = vault.decrypt(row.secrets) if row is not None else {}
    kept = {key: old[key] for key in v.secret_keys(schema) if values.get(key) == "" and key in old}
    fixed = {key: environ[name] for key, name in locked.items()}
    found = v.stored(
        schema, v.checked(schema, {**values, **kept, **fixed}, f"settings of the plugin {plugin}")
    )
    if row is None:
        row = PluginSettings(plugin=plugin, data={}, secrets="")
        session.add(row)
    secrets = {key: value for key, value in found.secrets.items() if key not in locked}
    row.data = {key: value for key, value in found.open.items() if key not in locked}
    if secrets != old:
        row.secrets = vault.encrypt(secrets)
    row.updated_at = now(session)
    session.flush()
