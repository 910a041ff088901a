"""The test kit for the core and for plugin authors; load it with ``-p cms_core.testing``."""

from cms_core.testing.databases import (
    closed_databases,
    compiled,
    database_url,
    empty_database_url,
    migrated_postgres,
    postgres,
    pytest_addoption,
    pytest_generate_tests,
)
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

__all__ = [
    "browser",
    "clock",
    "closed_databases",
    "compiled",
    "cms",
    "config",
    "database_url",
    "empty_database_url",
    "migrated_database",
    "migrated_postgres",
    "page",
    "postgres",
    "pytest_addoption",
    "pytest_generate_tests",
    "session",
    "workspace",
]
