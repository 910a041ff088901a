"""Plugins that misbehave in every hook: they raise, exit, return nonsense, coroutines, generators that break half-way, or hang.

Only what is asked while somebody waits can hang here: set-up hooks run once, when the process starts, and reactions in the worker.
"""

from collections.abc import Iterator
from threading import Event
from typing import Any

from cms_core import hookspecs
from cms_core.hookspecs import hookimpl

WAITED_FOR = ("review_content", "calendar_marks", "ui_panels", "personal_data")
released = Event()  # set at the end of a test, so that no thread is left behind
HOOKS = [(name, list(function.__annotations__)) for name, function in hookspecs.hooks()]


def _method(name: str, arguments: list[str], body: str) -> Any:
    """A hook implementation with the exact arguments of its specification."""
    names = ", ".join(each for each in arguments if each != "return")
    scope: dict[str, Any] = {"hang": _hang}
    word = "async def" if body.startswith("await") else "def"
    body = body.removeprefix("await ")
    exec(f"{word} {name}(self{', ' + names if names else ''}):\n    {body}", scope)  # noqa: S102 - the text is ours
    return hookimpl(scope[name])


def _hang() -> None:
    released.wait(60)


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
    yield "rogue_waits", make("Waits", "await return []", leave_out=("register_hookspecs",))


def hanging() -> tuple[str, Any]:
    """One that does not come back from what a page waits for."""
    others = tuple(name for name, _ in HOOKS if name not in WAITED_FOR)
    return "rogue_hangs", make("Hangs", "hang()", leave_out=others)
