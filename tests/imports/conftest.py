import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from cms_core import migrations
from cms_core.auth.service import create_user
from cms_core.config import load_config, write_config
from cms_core.workspace import open_workspace


@pytest.fixture
def home(tmp_path: Path, cms: Callable[..., Result], empty_database_url: str | None) -> Path:
    """The workspace that ``cms`` works in, with one admin; no connections."""
    folder = tmp_path / "ws"
    write_config(folder, empty_database_url, None)
    workspace = open_workspace(load_config(folder, {}))
    migrations.upgrade(workspace.db.engine, workspace.plugins)
    with workspace.db.transaction() as session:
        create_user(session, "ann@example.com", "Ann", "admin", "a long password")
    workspace.db.dispose()
    return folder


@pytest.fixture
def add_user(home: Path) -> Callable[[str, str], None]:
    def add(email: str, role: str) -> None:
        workspace = open_workspace(load_config(home, {}))
        with workspace.db.transaction() as session:
            create_user(session, email, "", role, "a long password")
        workspace.db.dispose()

    return add


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder to put Markdown in."""
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


@pytest.fixture
def run(home: Path, cms: Callable[..., Result]) -> Callable[..., tuple[int, Any]]:
    """Runs ``cms … --json``; gives the exit code and the document."""

    def call(*arguments: object) -> tuple[int, Any]:
        result = cms(*arguments, "--json")
        return result.exit_code, json.loads(result.stdout)

    return call
