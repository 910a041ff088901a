"""The quality scale of a plugin: rules that anybody can check without its author, from bronze to gold."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from cms_core import contract as c
from cms_core.connections import overview
from cms_core.db import Base
from cms_core.plugins import Plugins

LEVELS = ("bronze", "silver", "gold")


@dataclass(frozen=True)
class Rule:
    """One rule: its level, what it asks, and how it is found out."""

    level: str
    text: str
    holds: Callable[[Plugins, str], bool]


def rated(plugins: Plugins, name: str) -> list[tuple[str, str, bool]]:
    """Every rule as (level, text, whether it holds), the lowest level first."""
    return [(rule.level, rule.text, rule.holds(plugins, name)) for rule in RULES]


def level_of(plugins: Plugins, name: str) -> str:
    """The highest level whose rules, and those of the levels below it, all hold; "" when not even the first does."""
    reached = ""
    for level in LEVELS:
        if not all(holds for each, _, holds in rated(plugins, name) if each == level):
            break
        reached = level
    return reached


def _loads(plugins: Plugins, name: str) -> bool:
    return overview.plugin_view(plugins, name).state == "on"


def _has_api(plugins: Plugins, name: str) -> bool:
    return hasattr(plugins.loaded[name].module, "api")


def _forms(plugins: Plugins, name: str) -> bool:
    return not overview.problems(plugins, name)


def _channels(plugins: Plugins, name: str) -> Iterator[c.Channel]:
    for each in overview.plugin_view(plugins, name).channels:
        yield plugins.channels[each]


def _whole_channels(plugins: Plugins, name: str) -> bool:
    return all(each.label and each.group and each.asset_kinds for each in _channels(plugins, name))


def _takes_back(plugins: Plugins, name: str) -> bool:
    public = [each for each in _channels(plugins, name) if not isinstance(each, c.AddressedChannel)]
    return all(type(each).withdraw is not c.Channel.withdraw for each in public)


def _own_tables(plugins: Plugins, name: str) -> bool:
    package = _package(plugins, name)
    models = [
        each.class_ for each in Base.registry.mappers if each.class_.__module__.split(".")[0] == package.name
    ]
    named = all(str(each.__tablename__).startswith(f"{name}_") for each in models)
    return named and (not models or (package / "migrations" / "versions").is_dir())


def _typed(plugins: Plugins, name: str) -> bool:
    package = _package(plugins, name)
    return package == Path() or (package / "py.typed").is_file()


def _package(plugins: Plugins, name: str) -> Path:
    """The folder of a plugin's package; none for a single file."""
    package = getattr(plugins.loaded[name].module, "__package__", "") or ""
    return Path(str(files(package))) if package else Path()


RULES = (
    Rule("bronze", "it loads, and every set-up hook answers", _loads),
    Rule("bronze", "it says for which plugin API it is made", _has_api),
    Rule("silver", "a form can be drawn from each of its schemas", _forms),
    Rule("silver", "its channels have a label, a group and the kinds that they take", _whole_channels),
    Rule("silver", "its tables begin with its name and have migrations", _own_tables),
    Rule("gold", "what its channels make public can be taken back", _takes_back),
    Rule("gold", "it ships its types", _typed),
)
