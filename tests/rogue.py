"""Plugins that misbehave in every hook: one raises, one returns nonsense, one returns generators that break half-way."""

from collections.abc import Iterator
from typing import Any

from cms_core import hookspecs
from cms_core.hookspecs import hookimpl

HOOKS = [(name, list(function.__annotations__)) for name, function in hookspecs.hooks()]


def _method(name: str, arguments: list[str], body: str) -> Any:
    """A hook implementation with the exact arguments of its specification."""
    names = ", ".join(each for each in arguments if each != "return")
    scope: dict[str, Any] = {}
    exec(f"def {name}(self{', ' + names if names else ''}):\n    {body}", scope)  # noqa: S102 - the text is ours
    return hookimpl(scope[name])


def make(label: str, body: str, leave_out: tuple[str, ...] = ()) -> Any:
    """A plugin whose every hook does the same wrong thing."""
    hooks = {name: _method(name, arguments, body) for name, arguments in HOOKS if name not in leave_out}
    return type(f"Rogue{label}", (), hooks)()


def plugins() -> Iterator[tuple[str, Any]]:
    """All of them, by name."""
    yield "rogue_raises", make("Raises", "raise RuntimeError('rogue')", leave_out=("register_hookspecs",))
    yield "rogue_nonsense", make("Nonsense", "return 42", leave_out=("register_hookspecs",))
    yield (
        "rogue_breaks",
        make("Breaks", "yield 'nonsense'; raise RuntimeError('half-way')", leave_out=("register_hookspecs",)),
    )
    yield "rogue_early", make("Early", "raise RuntimeError('at the very start')")
    yield "rogue_exits", make("Exits", "raise SystemExit(3)", leave_out=("register_hookspecs",))
