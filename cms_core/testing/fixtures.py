"""pytest fixtures: a workspace on SQLite with a clock that stands still, a session, the ``cms`` command, a real browser."""

import os
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cms_core.clock import FrozenClock
from cms_core.config import Config, load_config, write_config
from cms_core.testing.databases import migrate

if TYPE_CHECKING:
    from click.testing import Result
    from playwright.sync_api import Browser, Page
    from sqlalchemy import Engine
    from sqlalchemy.orm import Session

    from cms_core.plugins import Plugins
    from cms_core.workspace import Workspace

NOW = datetime(2026, 5, 4, 7, 0, tzinfo=UTC)
CHROMIUM_FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()


@pytest.fixture
def clock() -> FrozenClock:
    """A clock that stands at Monday 2026-05-04 07:00 UTC until it is moved."""
    return FrozenClock(NOW)


@pytest.fixture
def config(tmp_path: Path, database_url: str | None) -> Config:
    """The configuration of a new, empty workspace that may reach loopback servers."""
    home = tmp_path / "home"
    write_config(home, database_url, None)
    return load_config(
        home, {"CMS_OUTBOUND_ALLOW": "127.0.0.1", "CMS_LEASE_SECONDS": "1", "CMS_STRICT_PLUGINS": "1"}
    )


@pytest.fixture(scope="session")
def migrated_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite database with the tables of the core and of all installed plugins, migrated once per run."""
    home = tmp_path_factory.mktemp("migrated") / "home"
    migrate(home, None)
    return home / "cms.db"


@pytest.fixture
def migrated_config(config: Config, migrated_database: Path, database_url: str | None) -> Config:
    """The same of a workspace whose database has its tables, and not a row."""
    if database_url is None:
        shutil.copyfile(migrated_database, config.home / "cms.db")
    return config


@pytest.fixture
def workspace(migrated_config: Config, clock: FrozenClock) -> "Iterator[Workspace]":
    """A workspace with its tables, all installed plugins, and the standing clock; no users."""
    from cms_core.workspace import open_workspace

    opened = open_workspace(migrated_config, clock=clock)
    yield opened
    opened.db.dispose()


@pytest.fixture
def session(workspace: "Workspace") -> "Iterator[Session]":
    """A writing session; what is not committed is rolled back at the end."""
    with workspace.db.open_transaction() as opened:
        yield opened


@pytest.fixture
def quick_init(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, empty_database_url: str | None
) -> None:
    """``cms init`` copies the tables of the core and of all installed plugins; those of fewer are made by their scripts."""
    from cms_core import migrations
    from cms_core.loader import installed_sources

    def upgrade(engine: "Engine", plugins: "Plugins") -> None:
        if any(plugins.loaded[source.name].state != "on" for source in installed_sources()):
            migrations.upgrade(engine, plugins)
            return
        engine.dispose()
        if empty_database_url and engine.dialect.name == "postgresql":
            template = request.getfixturevalue("migrated_postgres")
            request.getfixturevalue("postgres").replace(empty_database_url, template)
        else:
            shutil.copyfile(request.getfixturevalue("migrated_database"), str(engine.url.database))

    monkeypatch.setattr("cms_core.cli.init.upgrade", upgrade)


@pytest.fixture
def cms(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_database_url: str | None, quick_init: None
) -> "Callable[..., Result]":
    """Runs ``cms …`` in this process on a fresh workspace folder ``tmp_path/ws`` (make it with ``cms("init", …)``)."""
    from click.testing import CliRunner

    from cms_core.cli import main

    monkeypatch.setenv("CMS_HOME", str(tmp_path / "ws"))
    monkeypatch.setenv("CMS_OUTBOUND_ALLOW", "127.0.0.1")
    if empty_database_url:
        monkeypatch.setenv("CMS_DATABASE_URL", empty_database_url)

    def run(*arguments: str) -> "Result":
        import click

        entry = click.Command("cms", callback=lambda: main([str(each) for each in arguments]))
        return CliRunner().invoke(entry, [], catch_exceptions=False)

    return run


def chromium_path() -> str | None:
    """The system's Chromium, or None."""
    return os.environ.get("CMS_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="session")
def browser() -> "Iterator[Browser]":
    """A headless Chromium; skips where there is none, fails where CMS_REQUIRE_BROWSER is set."""
    path = chromium_path()
    if path is None:
        if os.environ.get("CMS_REQUIRE_BROWSER"):
            pytest.fail("no Chromium found")
        pytest.skip("no Chromium found: browser tests left out")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        yield started
        started.close()


@pytest.fixture
def page(browser: "Browser") -> "Iterator[Page]":
    """A page in a fresh browser context, 1440 × 900."""
    context: Any = browser.new_context(viewport={"width": 1440, "height": 900}, bypass_csp=False)
    yield context.new_page()
    context.close()
