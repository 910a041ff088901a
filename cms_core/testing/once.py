"""What is the same in every test is made once per run (tables, compiled templates, routes, statements), or cheap (passwords)."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import pytest
from sqlalchemy import Connection, Dialect, event, inspect


def pytest_collection_finish() -> None:
    """Modules and tests stay to the end: whoever looks for garbage need not go through all of them again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20)


@pytest.fixture(autouse=True, scope="session")
def installed_plugins() -> Iterator[None]:
    """What is installed is looked up once per run, not for each workspace: that reads the metadata of every package."""
    from importlib.metadata import entry_points

    from cms_core import loader

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cms_core.loader.entry_points", cache(entry_points))
        patch.setattr(loader, "_version", cache(loader._version))
        yield


@pytest.fixture(scope="session")
def migrations_done() -> dict[tuple[str, ...], list[str]]:
    """What the first migration of each owner has said to an empty database of each kind."""
    return {}


@pytest.fixture(autouse=True)
def quick_migrations(
    monkeypatch: pytest.MonkeyPatch, migrations_done: dict[tuple[str, ...], list[str]]
) -> None:
    """The tables of an owner are made by its scripts once per run; other empty databases are told the same words."""
    from alembic import command

    by_scripts = command.upgrade

    def upgrade(config: Any, revision: str) -> None:
        connection, owner = config.attributes["connection"], config.attributes["owner"]
        scripts = sorted(path.name for path in owner.versions.glob("*.py"))
        key = (connection.dialect.name, owner.name, str(owner.versions), revision, *scripts)
        if inspect(connection).has_table(owner.version_table):
            by_scripts(config, revision)
        elif key in migrations_done:
            for statement in migrations_done[key]:
                connection.exec_driver_sql(statement)
        else:
            with _heard(connection) as said:
                by_scripts(config, revision)
            migrations_done[key] = [each for each in said if not each.startswith(("SELECT", "PRAGMA"))]

    monkeypatch.setattr(command, "upgrade", upgrade)


@contextmanager
def _heard(connection: Connection) -> Iterator[list[str]]:
    said: list[str] = []

    def hear(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        said.append(statement)

    event.listen(connection, "before_cursor_execute", hear)
    yield said
    event.remove(connection, "before_cursor_execute", hear)


@pytest.fixture(autouse=True, scope="session")
def cheap_hashing() -> Iterator[None]:
    """argon2 as ever, but in a moment: what a password costs is not the matter of any test."""
    from argon2 import PasswordHasher

    from cms_core.auth import service

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(service, "hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
        yield


@pytest.fixture(autouse=True, scope="session")
def compiled_templates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Templates are compiled once per run, not once per app."""
    from flask import Flask
    from jinja2 import FileSystemBytecodeCache

    with pytest.MonkeyPatch.context() as patch:
        folder = str(tmp_path_factory.mktemp("templates"))
        patch.setattr(Flask, "jinja_options", {"bytecode_cache": FileSystemBytecodeCache(folder)})
        yield


@pytest.fixture(autouse=True, scope="session")
def compiled_routes() -> Iterator[None]:
    """Addresses are taken apart once per run, not for each route of each app: that is most of making one."""
    from werkzeug.routing import Rule

    compile_rule: Any = Rule.compile
    known: dict[tuple[Any, ...], tuple[Any, ...]] = {}

    def once(rule: Any) -> None:
        about = rule.rule, rule.subdomain, rule.host, rule.merge_slashes, repr(rule.defaults)
        key = *about, *rule.map.converters.values()
        if key not in known:
            compile_rule(rule)
            builders = rule._build.__func__, rule._build_unknown.__func__
            known[key] = rule._parts, rule._trace, rule._converters, *builders
        rule._parts, rule._trace, rule._converters, build, build_unknown = known[key]
        rule.arguments.update(rule._converters)
        rule._build, rule._build_unknown = build.__get__(rule, None), build_unknown.__get__(rule, None)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rule, "compile", once)
        yield


@pytest.fixture(scope="session")
def compiled() -> dict[str, tuple[Dialect, dict[Any, Any]]]:
    """For each kind of database one dialect and the statements compiled for it: a statement is compiled once per run."""
    return {}
