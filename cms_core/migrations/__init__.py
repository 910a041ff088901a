"""Schema migrations: one environment and one version table for each owner (the core and every plugin with ``migrations/``).

A shared version table would break every command once a plugin's package is removed; with one per owner a plugin may come late or
go, and its data and version row stay. The table prefix decides the owner; the longest registered prefix wins.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.orm import configure_mappers

from cms_core.db import VERSION_TABLE
from cms_core.errors import ConfigError, UpgradeNeeded
from cms_core.plugins import CORE, Plugins

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Owner:
    """Who owns a set of tables: name, where its migration scripts stand, and its table prefix."""

    name: str
    versions: Path

    @property
    def prefix(self) -> str:
        return f"{self.name}_"

    @property
    def version_table(self) -> str:
        return f"{VERSION_TABLE}{self.name}"


def owners(plugins: Plugins) -> Iterator[Owner]:
    """The core first, then every running plugin that has a ``migrations`` folder."""
    yield Owner(CORE, HERE / "versions")
    for plugin in plugins.loaded.values():
        if plugin.name != CORE and plugin.state == "on":
            package = getattr(plugin.module, "__package__", "") or ""
            folder = Path(str(files(package))) / "migrations" if package else Path()
            if (folder / "versions").is_dir():
                yield Owner(plugin.name, folder / "versions")


def load_models(plugins: Plugins) -> None:
    """Make the tables of all plugins known to the metadata: their models stand in ``models`` beside ``migrations``.

    Whoever starts threads does so before: one that asks while another imports would find half of a plugin's models, and SQLAlchemy
    never forgets that it could not connect them.
    """
    for owner in owners(plugins):
        if owner.name != CORE:
            import_module(f"{plugins.loaded[owner.name].module.__package__}.models")
    configure_mappers()


def owner_of(table: str, names: list[str]) -> str:
    """The owner of a table name: the longest registered prefix wins."""
    fitting = [name for name in names if table.startswith(f"{name}_")]
    return max(fitting, key=len, default="")


def upgrade(engine: Engine, plugins: Plugins) -> None:
    """Bring the tables of every owner to the newest version, each in one transaction."""
    require_known(engine, plugins)
    all_owners = list(owners(plugins))
    for owner in all_owners:
        with engine.begin() as connection:
            command.upgrade(_alembic(owner, all_owners, connection), "head")


def current(engine: Engine, plugins: Plugins) -> dict[str, tuple[str | None, str | None]]:
    """For each owner the version of the database and the newest one that this program knows."""
    found: dict[str, tuple[str | None, str | None]] = {}
    all_owners = list(owners(plugins))
    with engine.connect() as connection:
        for owner in all_owners:
            context = MigrationContext.configure(connection, opts={"version_table": owner.version_table})
            script = ScriptDirectory.from_config(_alembic(owner, all_owners, connection))
            found[owner.name] = (context.get_current_revision(), script.get_current_head())
    return found


def require_current(engine: Engine, plugins: Plugins) -> None:
    """Raise UpgradeNeeded when the database is not at the version that this program needs, ConfigError when there is none."""
    require_file(engine)
    for name, (have, head) in current(engine, plugins).items():
        if have != head:
            require_known(engine, plugins)
            raise UpgradeNeeded(
                f"the database has schema {have or 'none'} of {name}, this program needs {head}",
                "run `cms db upgrade` (make a backup first)",
            )


def require_file(engine: Engine) -> None:
    """Raise ConfigError where the file of the database is missing: connecting to it would make an empty one."""
    name = engine.url.database
    if engine.dialect.name == "sqlite" and name and not Path(name).is_file():
        raise ConfigError(
            f"the database {name} is missing",
            "put it back (`cms restore` takes a backup), or correct CMS_DATABASE_URL; `cms init` makes a new workspace",
        )


def require_known(engine: Engine, plugins: Plugins) -> None:
    """Raise UpgradeNeeded for tables that a newer program has made."""
    all_owners = list(owners(plugins))
    with engine.connect() as connection:
        for owner in all_owners:
            context = MigrationContext.configure(connection, opts={"version_table": owner.version_table})
            have = context.get_current_revision()
            script = ScriptDirectory.from_config(_alembic(owner, all_owners, connection))
            if have is not None and have not in {each.revision for each in script.walk_revisions()}:
                raise UpgradeNeeded(
                    f"the database has schema {have} of {owner.name}, which this program does not know: it is newer",
                    "install the version that it was last used with, or a later one",
                )


def _alembic(owner: Owner, all_owners: list[Owner], connection: Connection) -> AlembicConfig:
    config = AlembicConfig()
    config.set_main_option("script_location", str(HERE))
    config.set_main_option("version_locations", str(owner.versions))
    config.set_main_option("path_separator", "newline")
    attributes: dict[str, Any] = {
        "connection": connection,
        "owner": owner,
        "names": [each.name for each in all_owners],
    }
    config.attributes.update(attributes)
    return config
