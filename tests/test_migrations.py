"""The migrations make what the models say, for the core and for every plugin."""

from collections.abc import Callable
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from cms_core import models
from cms_core.migrations import Owner, load_models, owner_of, owners
from cms_core.workspace import Workspace


def compared(owner: Owner, names: list[str], dialect: str) -> Callable[..., bool]:
    """What is compared for an owner: its own tables; on SQLite without the indexes that only PostgreSQL has."""

    def include(item: Any, name: str | None, kind: str, _reflected: bool, _other: Any) -> bool:
        if kind == "index" and dialect == "sqlite" and str(name).endswith("_xid"):
            return False
        table = item.name if kind == "table" else item.table.name
        return owner_of(table, names) == owner.name

    return include


def test_migrations_make_what_the_models_say(workspace: Workspace) -> None:
    all_owners = list(owners(workspace.plugins))
    names = [owner.name for owner in all_owners]
    load_models(workspace.plugins)
    with workspace.db.engine.connect() as connection:
        for owner in all_owners:
            context = MigrationContext.configure(
                connection,
                opts={
                    "version_table": owner.version_table,
                    "compare_type": True,
                    "include_object": compared(owner, names, connection.dialect.name),
                },
            )
            assert compare_metadata(context, models.metadata) == [], owner.name
        tables = inspect(connection).get_table_names()
    assert all(owner_of(table, names) for table in tables if not table.startswith("alembic_"))
