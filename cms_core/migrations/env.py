"""The alembic environment of every owner; run by ``cms_core.migrations``, which hands over the connection."""

from alembic import context
from sqlalchemy.schema import SchemaItem

from cms_core import models
from cms_core.migrations import owner_of

config = context.config
owner = config.attributes["owner"]
names = config.attributes["names"]


def include_object(
    item: SchemaItem, name: str | None, kind: str, _reflected: bool, _compare: SchemaItem | None
) -> bool:
    """Only the tables of this owner: other plugins' tables are not ours to create or drop."""
    return kind != "table" or owner_of(name or "", names) == owner.name


context.configure(
    connection=config.attributes["connection"],
    target_metadata=models.metadata,
    version_table=owner.version_table,
    include_object=include_object,
    render_as_batch=True,
    compare_type=True,
)
context.run_migrations()
