"""The test kit for the core and for plugin authors; load it with ``-p cms_core.testing``.

Without pytest the networks on loopback (``testing.network``) work: ``cms dev sandbox`` and ``cms demo`` use them.
"""

from importlib.util import find_spec

if find_spec("pytest"):
    from cms_core.testing.databases import (
        closed_databases,
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
        migrated_config,
        migrated_database,
        page,
        quick_init,
        session,
        workspace,
    )
    from cms_core.testing.once import (
        cheap_hashing,
        compiled,
        compiled_routes,
        compiled_templates,
        installed_plugins,
        migrations_done,
        pytest_collection_finish,
        quick_migrations,
    )

__all__ = [
    "browser",
    "cheap_hashing",
    "clock",
    "closed_databases",
    "cms",
    "compiled",
    "compiled_routes",
    "compiled_templates",
    "config",
    "database_url",
    "empty_database_url",
    "installed_plugins",
    "migrated_config",
    "migrated_database",
    "migrated_postgres",
    "migrations_done",
    "page",
    "postgres",
    "pytest_addoption",
    "pytest_collection_finish",
    "pytest_generate_tests",
    "quick_init",
    "quick_migrations",
    "session",
    "workspace",
]
