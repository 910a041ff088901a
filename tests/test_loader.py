"""Loading plugins: hooks of plugins' own, with and without their owner, requirements, and who is blamed."""

from collections.abc import Iterable
from types import ModuleType
from typing import Any

import pytest

from cms_core.hookspecs import hookimpl, hookspec
from cms_core.plugins import Plugins


def _steps_spec(kind: str) -> Iterable[str]:
    """Steps of sequences."""
    return ()


class Owner:
    """Brings a hook of its own."""

    @hookimpl
    def register_hookspecs(self) -> Iterable[ModuleType]:
        module = ModuleType("owner_hooks")
        module.register_steps = hookspec(_renamed(_steps_spec, "register_steps"))  # type: ignore[attr-defined]
        return [module]


def _renamed(function: Any, name: str) -> Any:
    function.__name__ = name
    return function


class Guest:
    """Implements the hook of another plugin, if that is there."""

    @hookimpl(optionalhook=True)
    def register_steps(self, kind: str) -> Iterable[str]:
        return [f"wait for {kind}"]


class Misfit(Guest):
    """Implements it with an argument that it does not have."""

    @hookimpl(optionalhook=True)
    def register_steps(self, colour: str) -> Iterable[str]:  # type: ignore[override]
        return [colour]


class Insistent:
    """Implements it without saying that it may be missing."""

    @hookimpl
    def register_steps(self, kind: str) -> Iterable[str]:
        return [kind]


class Wrapper:
    """Wants to stand around the others."""

    @hookimpl(wrapper=True)
    def register_jobs(self) -> Any:
        return (yield)


class Needs:
    """Needs other plugins."""

    def __init__(self, *requires: str) -> None:
        self.requires = requires


def load(**plugins: Any) -> Plugins:
    return Plugins(only=[], extra=list(plugins.items()))


def states(plugins: Plugins) -> dict[str, str]:
    return {name: plugin.state for name, plugin in plugins.loaded.items() if name != "core"}


@pytest.mark.parametrize("names", [("a_guest", "owner"), ("owner", "z_guest")])
def test_a_hook_of_a_plugin_is_answered_whoever_loads_first(names: tuple[str, str]) -> None:
    made = {"owner": Owner, "a_guest": Guest, "z_guest": Guest}
    plugins = load(**{name: made[name]() for name in names})
    guest = next(name for name in names if name != "owner")
    assert list(plugins.each("register_steps", str, kind="open")) == [(guest, ["wait for open"])]


def test_without_its_owner_an_optional_hook_is_never_called_and_nobody_minds() -> None:
    plugins = load(guest=Guest())
    assert states(plugins) == {"guest": "on"}
    assert list(plugins.each("register_steps", str, kind="open")) == []


def test_without_its_owner_a_hook_that_is_not_optional_drops_its_plugin_by_name() -> None:
    plugins = load(insistent=Insistent())
    assert states(plugins) == {"insistent": "error"}
    assert "unknown hook 'register_steps'" in plugins.loaded["insistent"].error


def test_who_does_not_fit_a_hook_is_dropped_not_who_owns_it() -> None:
    plugins = load(owner=Owner(), a_misfit=Misfit(), guest=Guest())
    assert states(plugins) == {"owner": "on", "a_misfit": "error", "guest": "on"}
    assert "colour" in plugins.loaded["a_misfit"].error
    assert list(plugins.each("register_steps", str, kind="open")) == [("guest", ["wait for open"])]


def test_an_owner_whose_hooks_cannot_be_read_fails_alone() -> None:
    class Broken:
        @hookimpl
        def register_hookspecs(self) -> Iterable[ModuleType]:
            raise RuntimeError("no hooks today")

    plugins = load(broken=Broken(), guest=Guest())
    assert states(plugins) == {"broken": "error", "guest": "on"}
    assert plugins.loaded["broken"].hooks == ()


def test_wrappers_are_refused() -> None:
    plugins = load(wrapper=Wrapper())
    assert states(plugins) == {"wrapper": "error"}
    assert "is a wrapper" in plugins.loaded["wrapper"].error


def test_a_chain_of_requirements_falls_as_a_whole() -> None:
    plugins = load(a=Needs("b"), b=Needs("c"), d=Needs())
    assert states(plugins) == {"a": "error", "b": "error", "d": "on"}


def test_who_needs_a_plugin_that_turns_out_not_to_fit_falls_with_it() -> None:
    plugins = load(a=Needs("wrapper"), wrapper=Wrapper())
    assert states(plugins) == {"a": "error", "wrapper": "error"}
    assert "needs the plugin wrapper" in plugins.loaded["a"].error
