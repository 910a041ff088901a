"""Taking away what a removed plugin left behind: its tables, settings and cursors. Works without its package.

Publications, connections and events are history of the workspace and stay; what waits for the plugin stays held.
"""

import re
from datetime import UTC, datetime

from sqlalchemy import MetaData, delete, inspect, select, update
from sqlalchemy.engine import Connection, Engine

from cms_core.audience.models import Erasure
from cms_core.connections.models import PluginSettings
from cms_core.errors import Conflict, Invalid, NotFound
from cms_core.events.models import Cursor
from cms_core.migrations import owner_of
from cms_core.plugins import CORE, Plugins

VERSIONS = "alembic_version_"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")


def purge(engine: Engine, plugins: Plugins, name: str) -> list[str]:
    """Drop everything of a plugin that does not run; returns the names of the tables that are gone.

    Raises Conflict while it runs, NotFound when nothing of it is there.
    """
    if not _NAME.fullmatch(name) or name == CORE:
        raise Invalid(
            f"{name[:60]!r} is not the name of a plugin", "`cms plugins list` shows those installed"
        )
    loaded = plugins.loaded.get(name)
    if loaded is not None and loaded.state == "on":
        raise Conflict(f"plugin {name} is running", f"remove it, or name it in CMS_DISABLE_PLUGINS={name}")
    tables = tables_of(engine, plugins, name)
    with engine.begin() as connection:
        metadata = MetaData()
        metadata.reflect(connection, only=tables)
        metadata.drop_all(connection, [metadata.tables[table] for table in tables])
        kept = connection.execute(delete(PluginSettings).where(PluginSettings.plugin == name)).rowcount
        cursors = Cursor.name.endswith(f":{name}", autoescape=True)
        kept += connection.execute(delete(Cursor).where(cursors)).rowcount
        _close_erasures(connection, name)
    if not tables and not kept:
        raise NotFound(f"nothing of a plugin {name!r} is in the database", "there is nothing to take away")
    return tables


def _close_erasures(connection: Connection, name: str) -> None:
    """What a plugin still had to delete of erased people is gone with its tables."""
    query = select(Erasure.contact_id, Erasure.pending).where(Erasure.completed_at.is_(None))
    for contact_id, pending in connection.execute(query).all():
        left = [each for each in pending if each != name]
        done = None if left else datetime.now(UTC)
        changed = update(Erasure).where(Erasure.contact_id == contact_id)
        connection.execute(changed.values(pending=left, completed_at=done))


def tables_of(engine: Engine, plugins: Plugins, name: str) -> list[str]:
    """The tables of an owner, its version table included: the longest registered prefix wins."""
    there = inspect(engine).get_table_names()
    versioned = [table.removeprefix(VERSIONS) for table in there if table.startswith(VERSIONS)]
    names = sorted({CORE, name, *plugins.loaded, *versioned})
    own = [table for table in there if owner_of(table, names) == name and not table.startswith(VERSIONS)]
    return sorted([*own, *(table for table in there if table == f"{VERSIONS}{name}")])
