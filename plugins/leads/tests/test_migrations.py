"""The plugin's tables by its own migration are those of its models."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from cms_core import models
from cms_core.workspace import Workspace
from cms_leads import models as own

assert own


def test_the_migration_makes_what_the_models_say(workspace: Workspace) -> None:
    with workspace.db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, models.metadata)
    named = [each for each in differences if "leads_" in str(each) or "'core_company'" in str(each)]
    assert named == []
