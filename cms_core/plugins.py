"""The plugins of one app: one typed method per hook, every answer attributed, every fault isolated and kept."""

import inspect
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pluggy
from marshmallow import Schema

from cms_core import contract as c
from cms_core import loader
from cms_core.deadline import DECISION_SECONDS, PAGE_SECONDS, UNANSWERED, Deadlines, Overrun
from cms_core.errors import NotFound
from cms_core.loader import LoadedPlugin
from cms_core.secrets import conceal

if TYPE_CHECKING:
    from flask import Blueprint

T = TypeVar("T")

CORE = "core"
PLUGIN_FAULTS = (Exception, SystemExit)  # a plugin that calls sys.exit() costs itself only
KEPT_FAULTS = 200
CALLING: ContextVar[Any] = ContextVar(
    "cms_calling", default=None
)  # whose plugins are being called on this thread
SET_UP = "channels asset_kinds settings_schemas permissions merge_fields event_types actions blueprints jobs".split()


@dataclass(frozen=True)
class Fault:
    """A hook or channel of a plugin that failed: where, when and how."""

    plugin: str
    hook: str
    error: str
    trace: str
    at: datetime


class Plugins:
    """Finds and holds the plugins of one app. ``only`` names those to load (default: all installed)."""

    def __init__(
        self,
        *,
        only: Iterable[str] | None = None,
        extra: Sequence[tuple[str, Any]] = (),
        folder: Path | None = None,
        disabled: frozenset[str] = frozenset(),
        strict: bool = False,
    ) -> None:
        from cms_core import builtin

        self.strict = strict
        self.host: Any = None  # the workspace that holds these plugins
        self.faults: deque[Fault] = deque(maxlen=KEPT_FAULTS)
        self.added: dict[str, dict[str, list[str]]] = {}
        self.deadlines = Deadlines()
        self._manager = pluggy.PluginManager("cms_core")
        names = None if only is None else set(only)
        sources = [
            *loader.module_sources([(CORE, builtin)]),
            *(source for source in loader.installed_sources() if names is None or source.name in names),
            *(loader.file_sources(folder) if folder else ()),
            *loader.module_sources(extra),
        ]
        self.loaded = loader.load(self._manager, sources, disabled)
        self._impls = {name: self._sorted_impls(name) for name in self._hook_names()}
        if strict:
            self._raise_faults()

    # --- calling ------------------------------------------------------------------------------------------------------

    def each(
        self, hook: str, kind: type[T] | tuple[type, ...], /, **arguments: Any
    ) -> Iterator[tuple[str, list[T]]]:
        """Call a hook in plugin-name order; yield (plugin, answers). A fault costs that plugin's answers only."""
        for impl in self._impls.get(hook, ()):
            try:
                with self._calling():
                    answer: Any = impl.function(*(arguments[name] for name in impl.argnames))
                    answers: list[T] = typed_list(answer, kind)
            except PLUGIN_FAULTS as error:
                self.report(impl.plugin_name, hook, error)
            else:
                yield impl.plugin_name, answers

    @contextmanager
    def _calling(self) -> Iterator[None]:
        """Inside, ``services.current`` gives the services of this workspace."""
        token = CALLING.set(self.host)
        try:
            yield
        finally:
            CALLING.reset(token)

    def ask(
        self,
        hook: str,
        kind: type[T],
        seconds: float = PAGE_SECONDS,
        wanted: Callable[[str], bool] = lambda _: True,
        /,
        **arguments: Any,
    ) -> Iterator[tuple[str, list[T], BaseException | None]]:
        """Call a hook that somebody waits for, each wanted plugin with a deadline; yield (plugin, answers, why it gave none)."""
        for impl in [each for each in self._impls.get(hook, ()) if wanted(each.plugin_name)]:
            given = [arguments[name] for name in impl.argnames]
            call = partial(_answers, impl.function, given, kind)
            try:
                with self._calling():
                    answers: list[T] = self.deadlines.call(impl.plugin_name, call, seconds)
            except PLUGIN_FAULTS as error:
                self.report(impl.plugin_name, hook, error)
                silent = UNANSWERED.get()
                if isinstance(error, Overrun) and silent is not None and str(error) not in silent:
                    silent.append(str(error))
                yield impl.plugin_name, [], error
            else:
                yield impl.plugin_name, answers, None

    def report(self, plugin: str, hook: str, error: BaseException, secrets: Iterable[str] = ()) -> None:
        """Keep a fault of a plugin, to be shown by its name, without the secrets that its words may hold."""
        trace = conceal("".join(traceback.format_exception(error)), secrets)
        words = conceal(f"{type(error).__name__}: {error}", secrets)
        self.faults.append(Fault(plugin, hook, words, trace, datetime.now(UTC)))

    def _by_name(self, hook: str, kind: type[T], key: str) -> dict[str, tuple[str, T]]:
        found: dict[str, tuple[str, T]] = {}
        for plugin, answers in self.each(hook, kind):
            for item in answers:
                name = getattr(item, key)
                if name in found:
                    self.report(plugin, hook, ValueError(f"{name!r} is taken by the plugin {found[name][0]}"))
                else:
                    found[name] = (plugin, item)
                    self.added.setdefault(plugin, {}).setdefault(hook, []).append(name)
        return found

    # --- set-up: asked once, kept -------------------------------------------------------------------------------------

    def set_up(self) -> None:
        """Ask all set-up hooks that were not asked yet, so that ``added`` and their faults are complete."""
        for name in SET_UP:
            getattr(self, name)

    @cached_property
    def channels(self) -> dict[str, c.Channel]:
        """All channels by name."""
        return {name: channel for name, (_, channel) in self._channels.items()}

    @cached_property
    def _channels(self) -> dict[str, tuple[str, c.Channel]]:
        return self._by_name("register_channels", c.Channel, "name")  # type: ignore[type-abstract]

    def channel(self, name: str) -> c.Channel:
        """The channel of this name; raises NotFound naming those that exist."""
        try:
            return self.channels[name]
        except KeyError:
            known = ", ".join(sorted(self.channels)) or "none"
            raise NotFound(f"there is no channel {name!r}", f"channels: {known}") from None

    def owner_of_channel(self, name: str) -> str:
        """The plugin that registered a channel, or "" when it is gone."""
        return self._channels[name][0] if name in self._channels else ""

    def version_of_channel(self, name: str) -> str:
        """The version of the plugin that registered a channel."""
        plugin = self.loaded.get(self.owner_of_channel(name))
        return plugin.version if plugin else ""

    @cached_property
    def asset_kinds(self) -> dict[str, c.AssetKind]:
        """All asset kinds by name."""
        kinds = self._by_name("register_asset_kinds", c.AssetKind, "name")
        return {name: kind for name, (_, kind) in kinds.items()}

    @cached_property
    def settings_schemas(self) -> dict[str, type[Schema]]:
        """The settings schema of each plugin that has one."""
        schemas: dict[str, type[Schema]] = {}
        for impl in self._impls.get("register_settings", ()):
            try:
                answer = _awake(impl.function())
                if not (inspect.isclass(answer) and issubclass(answer, Schema)):
                    raise TypeError(
                        f"register_settings must return a marshmallow Schema class, not {answer!r}"
                    )
                schemas[impl.plugin_name] = answer
            except PLUGIN_FAULTS as error:
                self.report(impl.plugin_name, "register_settings", error)
        return schemas

    @cached_property
    def permissions(self) -> dict[str, c.Permission]:
        """All permissions by name."""
        found = self._by_name("register_permissions", c.Permission, "name")
        return {name: permission for name, (_, permission) in found.items()}

    @cached_property
    def merge_fields(self) -> dict[str, c.FieldProvider]:
        """All providers of merge fields by namespace."""
        found = self._by_name("register_merge_fields", c.FieldProvider, "namespace")
        return {name: self._called_from_here(provider) for name, (_, provider) in found.items()}

    def _called_from_here(self, provider: c.FieldProvider) -> c.FieldProvider:
        def fetch_many(contacts: Sequence[c.Contact]) -> Mapping[str, c.Json]:
            with self._calling():
                return provider.fetch_many(contacts)

        return replace(provider, fetch_many=fetch_many)

    @cached_property
    def event_types(self) -> dict[str, c.EventType]:
        """All kinds of event by name."""
        found = self._by_name("register_event_types", c.EventType, "kind")
        return {name: kind for name, (_, kind) in found.items()}

    @cached_property
    def actions(self) -> list[tuple[str, c.Action | c.NavItem]]:
        """All (plugin, action or navigation item)."""
        found: Iterator[tuple[str, list[c.Action | c.NavItem]]]
        found = self.each("register_actions", (c.Action, c.NavItem))
        return [(name, item) for name, items in found for item in items]

    @cached_property
    def blueprints(self) -> "list[tuple[str, Blueprint]]":
        """All (plugin, blueprint)."""
        from flask import Blueprint

        return [(name, item) for name, items in self.each("register_blueprints", Blueprint) for item in items]

    @cached_property
    def jobs(self) -> list[tuple[str, c.Job]]:
        """All (plugin, job)."""
        return [(name, job) for name, jobs in self.each("register_jobs", c.Job) for job in jobs]

    # --- moments ------------------------------------------------------------------------------------------------------

    def review_content(
        self, asset: c.Asset, placements: Sequence[c.Placement], seconds: float = PAGE_SECONDS
    ) -> list[c.Finding]:
        """What plugins remark on this content.

        One that raises has said that it is broken, and costs its own remarks only. One that does not answer might still forbid it:
        that is a hold, with its name.
        """
        found: list[c.Finding] = []
        asked = self.ask("review_content", c.Finding, seconds, asset=asset, placements=placements)
        for _, findings, error in asked:
            found += findings
            if isinstance(error, Overrun):
                found.append(c.Finding(c.Level.HOLD, "", str(error)))
        return found

    def calendar_marks(self, start: date, end: date) -> list[tuple[str, c.Mark]]:
        """Badges and bands of a calendar range, with the plugin that gave each."""
        found = self.ask("calendar_marks", c.Mark, start=start, end=end)
        return [(plugin, mark) for plugin, marks, _ in found for mark in marks]

    def ui_panels(self, place: c.Place, subject: c.Subject | None, user: c.User) -> list[tuple[str, c.Panel]]:
        """Cards for a place of a page, by plugin name and weight."""
        found = self.ask("ui_panels", c.Panel, place=place, subject=subject, user=user)
        return [
            (plugin, panel)
            for plugin, panels, _ in found
            for panel in sorted(panels, key=lambda each: each.weight)
        ]

    def personal_data(
        self, contacts: Sequence[c.Contact], erase: bool, only: Iterable[str] | None = None
    ) -> Iterator[tuple[str, list[c.PersonalRecord], BaseException | None]]:
        """What plugins (or those named) keep about contacts, and with ``erase`` have deleted: (plugin, records, why it failed)."""
        hook, seconds = "personal_data", DECISION_SECONDS
        named = None if only is None else set(only)
        return self.ask(
            hook,
            c.PersonalRecord,
            seconds,
            lambda name: named is None or name in named,
            contacts=contacts,
            erase=erase,
        )

    # --- reactions: one plugin at a time, because each has its own cursor ------------------------------------------------

    def reacting(self, hook: str) -> list[str]:
        """The plugins that implement a reaction."""
        return [impl.plugin_name for impl in self._impls.get(hook, ())]

    def react(self, plugin: str, hook: str, argument: str, batch: Sequence[Any]) -> bool:
        """Hand a batch to one plugin's reaction; False when it failed and must be given the batch again."""
        for impl in self._impls.get(hook, ()):
            if impl.plugin_name == plugin:
                try:
                    with self._calling():
                        _awake(impl.function(*([batch] if argument in impl.argnames else [])))
                except PLUGIN_FAULTS as error:
                    self.report(plugin, hook, error)
                    return False
        return True

    # --- inside -------------------------------------------------------------------------------------------------------

    def _hook_names(self) -> list[str]:
        """Those that somebody has specified: one without its owner is never called."""
        callers = vars(self._manager.hook).items()
        return [name for name, caller in callers if getattr(caller, "spec", None) is not None]

    def _sorted_impls(self, name: str) -> list[pluggy.HookImpl]:
        impls = getattr(self._manager.hook, name).get_hookimpls()
        return sorted(impls, key=lambda impl: impl.plugin_name)

    def _raise_faults(self) -> None:
        broken: list[LoadedPlugin] = [plugin for plugin in self.loaded.values() if plugin.state == "error"]
        if broken:
            raise RuntimeError(
                "; ".join(f"plugin {plugin.name}: {plugin.error}\n{plugin.trace}" for plugin in broken)
            )


def _answers(function: Any, given: Sequence[Any], kind: type[T]) -> list[T]:
    return typed_list(function(*given), kind)


def typed_list(answer: Any, kind: type[T] | tuple[type, ...]) -> list[T]:
    """A plugin's answer as a list, made inside the caller's try: generators and nonsense are isolated too. Raises TypeError."""
    answer = _awake(answer)
    if answer is None:
        return []
    if isinstance(answer, (str, bytes)) or not isinstance(answer, Iterable):
        raise TypeError(f"expected a list, got {answer!r:.80}")
    items = list(answer)
    for item in items:
        if not isinstance(item, kind):
            raise TypeError(f"expected {_kind_name(kind)}, got {item!r:.80}")
    return items


def _awake(answer: Any) -> Any:
    """The answer, unless it is a coroutine that nobody would ever run."""
    if inspect.iscoroutine(answer):
        answer.close()
        raise TypeError("a hook must not be a coroutine")
    return answer


def _kind_name(kind: type | tuple[type, ...]) -> str:
    return " or ".join(each.__name__ for each in (kind if isinstance(kind, tuple) else (kind,)))
