"""``cms init`` makes a whole workspace or leaves nothing; ``cms db`` and ``cms users`` work on it."""

import json
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from cms_core.config import load_config

Cms = Callable[..., Result]
ADMIN = ("--admin-email", "Admin@Example.com", "--admin-password", "canary-pass-1")


@pytest.fixture
def ready(cms: Cms, tmp_path: Path) -> Cms:
    assert cms("init", str(tmp_path / "ws"), *ADMIN).exit_code == 0
    return cms


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.sqlite
def test_a_new_workspace_is_complete_and_says_what_comes_next(cms: Cms, tmp_path: Path) -> None:
    home = tmp_path / "ws"
    result = cms("init", str(home), *ADMIN, "--base-url", "https://www.example.com/")

    assert result.exit_code == 0
    assert result.stdout.splitlines() == [f"export CMS_HOME={home}", "cms run"]
    assert "canary" not in result.output
    assert load_config(home, {}).base_url == "https://www.example.com"
    assert stat.S_IMODE((home / ".env").stat().st_mode) == 0o600
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert (home / "cms.db").is_file()
    assert json.loads(cms("users", "list", "--json").stdout)[0]["email"] == "admin@example.com"
    current = json.loads(cms("db", "current", "--json").stdout)
    assert current[0]["owner"] == "core"
    assert all(row["up_to_date"] for row in current)


def test_an_empty_folder_may_be_there_already(cms: Cms, tmp_path: Path) -> None:
    (tmp_path / "ws").mkdir()
    assert cms("init", str(tmp_path / "ws"), *ADMIN).exit_code == 0


def test_a_folder_with_anything_in_it_is_not_touched(cms: Cms, tmp_path: Path) -> None:
    home = tmp_path / "ws"
    home.mkdir()
    (home / "notes.txt").write_text("mine")
    result = cms("init", str(home), *ADMIN)

    assert result.exit_code == 1
    assert "not an empty folder; nothing was changed" in result.stderr
    assert snapshot(home) == {"notes.txt": b"mine"}


def test_a_workspace_is_not_made_twice(ready: Cms, tmp_path: Path) -> None:
    before = snapshot(tmp_path / "ws")
    assert ready("init", str(tmp_path / "ws"), *ADMIN).exit_code == 1
    assert snapshot(tmp_path / "ws") == before


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--admin-email", "nonsense", "--admin-password", "canary-pass-1"), 1, "is not an e-mail address"),
        (("--admin-email", "a@example.com", "--admin-password", "canary1"), 1, "has 7 characters"),
        ((*ADMIN, "--base-url", "example.com"), 3, "is not an address"),
        ((*ADMIN, "--database-url", "sqlite:////no/such/folder/cms.db"), 3, "unable to open database file"),
        ((*ADMIN, "--database-url", "nonsense"), 3, "database cannot be used"),
        ((*ADMIN, "--database-url", "nosuch://u:canary@h/d"), 3, "database cannot be used"),
    ],
)
def test_what_fails_leaves_nothing_behind(
    cms: Cms, tmp_path: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    result = cms("init", str(tmp_path / "ws"), *arguments)

    assert result.exit_code == code
    assert words in result.stderr
    assert "canary" not in result.output
    assert not (tmp_path / "ws").exists()


@pytest.mark.sqlite
def test_an_empty_folder_stays_empty_when_it_fails(cms: Cms, tmp_path: Path) -> None:
    home, other = tmp_path / "ws", tmp_path / "other"
    home.mkdir()
    assert cms("init", str(other), *ADMIN).exit_code == 0
    result = cms("init", str(home), *ADMIN, "--database-url", f"sqlite:///{other / 'cms.db'}")

    assert result.exit_code == 1
    assert "holds a workspace already" in result.stderr
    assert list(home.iterdir()) == []


@pytest.mark.sqlite
def test_an_old_database_asks_for_an_upgrade_and_gets_it(ready: Cms, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "ws" / "cms.db") as database:
        database.execute("delete from alembic_version_core")
    refused = ready("users", "list")
    assert refused.exit_code == 4
    assert "cms db upgrade" in refused.stderr

    (tmp_path / "ws" / "cms.db").unlink()
    refused = ready("users", "list")
    assert refused.exit_code == 3
    assert "is missing" in refused.stderr
    assert not (tmp_path / "ws" / "cms.db").exists()
    upgraded = ready("db", "upgrade")
    assert upgraded.exit_code == 0
    assert upgraded.stdout.startswith("core: nothing → ")
    assert ready("users", "list").exit_code == 0
    assert "as before" in ready("db", "upgrade").stdout


def test_people_are_added_by_admins_only(ready: Cms) -> None:
    added = ready(
        "users", "add", "Rep@Example.com", "--role", "rep", "--password", "canary-pass-2", "--name", "R"
    )
    assert added.exit_code == 0
    assert added.stdout == "rep@example.com can sign in as rep\n"

    again = ready("users", "add", "rep@example.com", "--role", "rep", "--password", "canary-pass-2")
    assert again.exit_code == 1
    assert "already" in again.stderr
    by_rep = ready(
        "--as",
        "rep@example.com",
        "users",
        "add",
        "x@example.com",
        "--role",
        "rep",
        "--password",
        "canary-pass-2",
    )
    assert by_rep.exit_code == 1
    assert "rep@example.com (rep) may not do this" in by_rep.stderr
    unknown = ready(
        "--as",
        "who@example.com",
        "users",
        "add",
        "x@example.com",
        "--role",
        "rep",
        "--password",
        "canary-pass-2",
    )
    assert unknown.exit_code == 1
    assert (
        ready("users", "add", "x@example.com", "--role", "root", "--password", "canary-pass-2").exit_code == 2
    )

    rows = json.loads(ready("users", "list", "--json").stdout)
    assert [(row["email"], row["name"], row["role"], row["state"]) for row in rows] == [
        ("admin@example.com", "", "admin", "active"),
        ("rep@example.com", "R", "rep", "active"),
    ]
    assert "canary" not in ready("users", "list").output


@pytest.mark.sqlite
def test_what_the_command_line_changes_is_in_the_log_under_the_acting_user(
    ready: Cms, tmp_path: Path
) -> None:
    ready("users", "add", "rep@example.com", "--role", "rep", "--password", "canary-pass-2")
    with sqlite3.connect(tmp_path / "ws" / "cms.db") as database:
        rows = database.execute(
            "select user_id, via, action, kind, changes from core_audit order by id"
        ).fetchall()

    assert [row[:4] for row in rows] == [(None, "cli", "create", "user"), (1, "cli", "create", "user")]
    assert "canary" not in str(rows)
    assert "argon2" not in str(rows)


def test_two_databases_are_refused_and_neither_is_touched(
    cms: Cms, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CMS_DATABASE_URL", f"sqlite:///{tmp_path / 'one.db'}")
    result = cms("init", str(tmp_path / "ws"), *ADMIN, "--database-url", f"sqlite:///{tmp_path / 'two.db'}")
    assert result.exit_code == 3
    assert "CMS_DATABASE_URL names another database" in result.stderr
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".db" or path.name == "ws"] == []
