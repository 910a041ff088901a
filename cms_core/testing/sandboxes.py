"""The networks that plugins bring along to be tried with: ``SANDBOXES`` of the module ``sandbox`` beside a plugin's own module."""

from collections.abc import Callable
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec

from cms_core.testing.network import Sandbox

PLUGINS = "cms_core"


def sandboxes() -> dict[str, Callable[..., Sandbox]]:
    """What makes each sandbox, by name."""
    found: dict[str, Callable[..., Sandbox]] = {}
    for point in entry_points(group=PLUGINS):
        package = point.module.rpartition(".")[0]  # a plugin may be a single module
        module = f"{package}.sandbox"
        if package and find_spec(module) is not None:
            found |= import_module(module).SANDBOXES
    return found
