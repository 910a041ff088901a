"""What each plugin is, adds and fails at: for ``cms plugins`` and the plugins page."""

import inspect
from dataclasses import dataclass
from typing import Any

from marshmallow import Schema

from cms_core.contract import NavItem
from cms_core.errors import NotFound
from cms_core.hookspecs import hooks
from cms_core.loader import LoadedPlugin
from cms_core.plugins import CORE, PLUGIN_FAULTS, Fault, Plugins

LABELS = {
    "register_channels": "Channels",
    "register_asset_kinds": "Kinds of content",
    "register_permissions": "Permissions",
    "register_merge_fields": "Merge fields",
    "register_event_types": "Kinds of event",
}


@dataclass(frozen=True)
class PluginView:
    """A plugin as people see it: ``state`` is on, off, or error; ``error`` says in words what is wrong, ``trace`` shows where.

    ``aside`` is for how many seconds its page hooks are not called, because they did not answer in time.
    """

    name: str
    version: str
    state: str
    error: str
    trace: str
    hooks: tuple[str, ...]
    channels: tuple[str, ...]
    group: str
    faults: tuple[Fault, ...]
    aside: float = 0.0


def plugin_views(plugins: Plugins) -> list[PluginView]:
    """All plugins but the core's own, by name. A plugin whose set-up failed in part is in error though its other hooks run."""
    plugins.set_up()
    return [_view(plugins, plugin) for name, plugin in sorted(plugins.loaded.items()) if name != CORE]


def document(view: PluginView) -> dict[str, Any]:
    """A plugin with the keys of ``cms plugins list --json``."""
    names = ("name", "version", "state", "error")
    return {name: getattr(view, name) for name in names} | {
        "hooks": list(view.hooks),
        "channels": list(view.channels),
    }


def plugin_view(plugins: Plugins, name: str) -> PluginView:
    """One plugin; raises NotFound naming those there are."""
    views = plugin_views(plugins)
    for view in views:
        if view.name == name:
            return view
    known = ", ".join(view.name for view in views) or "none"
    raise NotFound(f"there is no plugin {name!r}", f"plugins: {known}")


def added_by(plugins: Plugins, name: str) -> list[tuple[str, str]]:
    """What a plugin adds, as (label, names)."""
    plugins.set_up()
    found = [(LABELS[hook], names) for hook, names in plugins.added.get(name, {}).items()]
    found.append(
        ("Navigation", [each.label for owner, each in plugins.actions if owner == name and _is_nav(each)])
    )
    found.append(
        ("Actions", [each.label for owner, each in plugins.actions if owner == name and not _is_nav(each)])
    )
    found.append(("Pages", [each.name for owner, each in plugins.blueprints if owner == name]))
    found.append(("Jobs", [job.id for owner, job in plugins.jobs if owner == name]))
    return [(label, ", ".join(names)) for label, names in found if names]


def problems(plugins: Plugins, name: str) -> list[str]:
    """What is wrong with a plugin, one line each: its load, its set-up hooks, and schemas that no form can show."""
    view = plugin_view(plugins, name)
    found = [view.error] if view.error else []
    schemas = {"settings": plugins.settings_schemas.get(name)}
    schemas |= {
        f"channel {channel}": plugins.channels[channel].connection_schema for channel in view.channels
    }
    found.extend(
        f"{what}: {problem}"
        for what, schema in schemas.items()
        if schema is not None
        if (problem := _form_problem(schema))
    )
    return found


def hook_listing(plugins: Plugins) -> list[dict[str, Any]]:
    """Every hook in the order in which content lives through them: arguments, what it is for, and who implements it."""
    return [
        {
            "name": name,
            "arguments": list(inspect.signature(function).parameters),
            "about": inspect.cleandoc(function.__doc__ or "").partition("\n\n")[0].replace("\n", " "),
            "plugins": sorted(p.name for p in plugins.loaded.values() if name in p.hooks and p.name != CORE),
        }
        for name, function in hooks()
    ]


def _view(plugins: Plugins, plugin: LoadedPlugin) -> PluginView:
    faults = tuple(fault for fault in list(plugins.faults) if fault.plugin == plugin.name)
    failed = next((fault for fault in faults if fault.hook.startswith("register_")), None)
    state, error, trace = plugin.state, plugin.error, plugin.trace
    if failed is not None and state == "on":
        state, error, trace = "error", f"{failed.hook} failed: {failed.error}", failed.trace
    channels = tuple(plugins.added.get(plugin.name, {}).get("register_channels", ()))
    group = next((plugins.channels[name].group for name in channels), "")
    aside = plugins.deadlines.aside_for(plugin.name)
    return PluginView(
        plugin.name, plugin.version, state, error, trace, plugin.hooks, channels, group, faults, aside
    )


def _is_nav(item: object) -> bool:
    return isinstance(item, NavItem)


def _form_problem(schema: type[Schema]) -> str:
    from cms_core.web.forms import SchemaForm

    try:
        SchemaForm(schema())
    except PLUGIN_FAULTS as error:
        return f"{type(error).__name__}: {error}"
    return ""
