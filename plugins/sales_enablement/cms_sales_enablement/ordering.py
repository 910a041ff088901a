"""Orders that are changed by buttons: what works without scripts."""

from collections.abc import Iterable


def moved(order: Iterable[str], move: str) -> list[str]:
    """The order after something was moved by a button: ``up`` or ``down``, a colon, its id."""
    found = list(order)
    way, _, which = move.partition(":")
    if which in found and way in ("up", "down"):
        at = found.index(which)
        to = max(0, min(len(found) - 1, at + (1 if way == "down" else -1)))
        found.insert(to, found.pop(at))
    return found
