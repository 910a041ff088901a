"""The test kit for the core and for plugin authors; load it with ``-p cms_core.testing``."""

from cms_core.testing.fixtures import (
    browser,
    clock,
    cms,
    config,
    migrated_database,
    page,
    session,
    workspace,
)

__all__ = ["browser", "clock", "cms", "config", "migrated_database", "page", "session", "workspace"]
