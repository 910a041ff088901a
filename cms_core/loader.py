"""Finding and loading plugins. A plugin that cannot be loaded is reported by name; the others run.

Order: entry points by name, those disabled dropped before they are imported; then the single files ``plugins/*.py`` of the
workspace. pluggy refuses what does not fit the hook specifications (an unknown hook, a wrong argument) as a whole.
"""

import importlib.util
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from inspect import signature
from pathlib import Path
from types import ModuleType
from typing import Any

import pluggy

from cms_core import hookspecs

GROUP = "cms_core"
API = "1"


@dataclass
class LoadedPlugin:
    """A plugin and what became of it: state ``on``, ``error`` or ``disabled``; ``error`` in words, ``trace`` for admins."""

    name: str
    version: str = ""
    state: str = "on"
    error: str = ""
    trace: str = ""
    hooks: tuple[str, ...] = ()
    module: Any = field(default=None, repr=False)

    def fail(self, error: str, trace: str = "") -> None:
        """Mark this plugin as not loaded."""
        self.state, self.error, self.trace, self.module = "error", error, trace, None


@dataclass(frozen=True)
class Source:
    """Where a plugin comes from: its name, version and how to import it."""

    name: str
    version: str
    load: Callable[[], Any]


def installed_sources() -> Iterator[Source]:
    """Installed plugins by entry point, sorted by name; nothing is imported yet."""
    for point in sorted(entry_points(group=GROUP), key=lambda each: each.name):
        yield Source(point.name, _version(point), point.load)


def file_sources(folder: Path) -> Iterator[Source]:
    """The single-file plugins of a workspace."""
    for path in sorted(folder.glob("*.py")) if folder.is_dir() else ():
        yield Source(path.stem, "file", lambda path=path: _import_file(path))  # type: ignore[misc]


def module_sources(plugins: Iterable[tuple[str, Any]]) -> Iterator[Source]:
    """Plugins given as objects (tests, the core's own)."""
    for name, module in sorted(plugins, key=lambda pair: pair[0]):
        yield Source(name, str(getattr(module, "__version__", "")), lambda module=module: module)  # type: ignore[misc]


def load(
    manager: pluggy.PluginManager, sources: Iterable[Source], disabled: frozenset[str]
) -> dict[str, LoadedPlugin]:
    """Import and register every source; faults are kept in the result, never raised."""
    manager.add_hookspecs(hookspecs)
    plugins: dict[str, LoadedPlugin] = {}
    for source in sources:
        if source.name in plugins:
            plugins[source.name].error = f"a second plugin called {source.name!r} was left out"
            continue
        plugin = plugins[source.name] = LoadedPlugin(source.name, source.version)
        if source.name in disabled:
            plugin.state = "disabled"
        else:
            _import(plugin, source)
    _check_requirements(manager, plugins)
    for plugin in _running(plugins):
        _register(manager, plugin)
    _add_owned_hookspecs(manager, plugins)
    _drop_unknown_hooks(manager, plugins)
    _check_requirements(manager, plugins)
    return plugins


def _running(plugins: dict[str, LoadedPlugin]) -> list[LoadedPlugin]:
    return [plugin for plugin in plugins.values() if plugin.state == "on"]


def _import(plugin: LoadedPlugin, source: Source) -> None:
    try:
        module = source.load()
        api = str(getattr(module, "api", API))
        if api != API:
            plugin.fail(
                f"asks for plugin API {api}, this is {API}. Install a version of the plugin made for this cms-core."
            )
            return
        plugin.module = module
    except (KeyboardInterrupt, MemoryError):
        raise
    except BaseException as error:
        plugin.fail(f"could not be imported: {type(error).__name__}: {error}", traceback.format_exc())


def _check_requirements(manager: pluggy.PluginManager, plugins: dict[str, LoadedPlugin]) -> None:
    """Drop who needs a plugin that does not run, and then who needs those."""
    while lacking := [
        (plugin, missing) for plugin in _running(plugins) if (missing := _missing(plugin, plugins))
    ]:
        for plugin, missing in lacking:
            if manager.has_plugin(plugin.name):
                manager.unregister(name=plugin.name)
            plugin.hooks = ()
            plugin.fail(f"needs the plugin {', '.join(missing)}, which is not there. Install or enable it.")


def _missing(plugin: LoadedPlugin, plugins: dict[str, LoadedPlugin]) -> list[str]:
    wanted = getattr(plugin.module, "requires", ())
    return [name for name in wanted if name not in plugins or plugins[name].state != "on"]


def _register(manager: pluggy.PluginManager, plugin: LoadedPlugin) -> None:
    try:
        problem = _bad_signature(manager, plugin.module)
        if problem:
            plugin.fail(problem)
            return
        manager.register(plugin.module, plugin.name)
        callers = manager.get_hookcallers(plugin.module) or []
        plugin.hooks = tuple(sorted(caller.name for caller in callers))
    except (KeyboardInterrupt, MemoryError):
        raise
    except BaseException as error:
        plugin.fail(f"does not fit the hooks: {_one_line(error)}", traceback.format_exc())


def _bad_signature(manager: pluggy.PluginManager, module: Any) -> str:
    """pluggy passes arguments by name and calls ``**kwargs`` implementations with nothing: refuse them, and wrappers too."""
    for name in dir(module):
        options = manager.parse_hookimpl_opts(module, name)
        if options is None:
            continue
        if options.get("wrapper") or options.get("hookwrapper"):
            return f"hook {name} is a wrapper; every hook collects, and no plugin stands around another"
        parameters = signature(getattr(module, name)).parameters.values()
        if any(
            parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL) for parameter in parameters
        ):
            return f"hook {name} takes *args or **kwargs; name the arguments that it uses"
    return ""


def _add_owned_hookspecs(manager: pluggy.PluginManager, plugins: dict[str, LoadedPlugin]) -> None:
    for plugin in _running(plugins):
        if "register_hookspecs" not in plugin.hooks:
            continue
        try:
            for module in list(plugin.module.register_hookspecs()):
                _add_hookspecs(manager, plugins, module)
        except (Exception, SystemExit) as error:
            manager.unregister(name=plugin.name)
            plugin.hooks = ()
            plugin.fail(f"register_hookspecs failed: {type(error).__name__}: {error}", traceback.format_exc())


def _add_hookspecs(
    manager: pluggy.PluginManager, plugins: dict[str, LoadedPlugin], module: ModuleType
) -> None:
    """Add a plugin's own hooks; who implements one with wrong arguments is dropped, not the plugin whose hook it is."""
    while True:
        try:
            manager.add_hookspecs(module)
            return
        except pluggy.PluginValidationError as error:
            name = manager.get_name(error.plugin) or ""
            manager.unregister(error.plugin)
            plugins[name].hooks = ()
            plugins[name].fail(_one_line(error))
            for caller in vars(manager.hook).values():  # half of them are set already: they are set again
                if getattr(caller, "spec", None) is not None and caller.spec.namespace is module:
                    caller.spec = None


def _drop_unknown_hooks(manager: pluggy.PluginManager, plugins: dict[str, LoadedPlugin]) -> None:
    while True:
        try:
            manager.check_pending()
            return
        except pluggy.PluginValidationError as error:
            name = manager.get_name(error.plugin) or ""
            manager.unregister(error.plugin)
            plugins[name].hooks = ()
            plugins[name].fail(f"{_one_line(error)}. A newer cms-core may know this hook.")


def _import_file(path: Path) -> ModuleType:
    name = f"cms_workspace_plugin_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _version(point: EntryPoint) -> str:
    return point.dist.version if point.dist else ""


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())
