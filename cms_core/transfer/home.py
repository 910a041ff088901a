"""The folder that a backup is restored into: a new one, or that of a workspace nobody has used yet."""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import inspect

from cms_core import migrations
from cms_core.config import load_config, write_config, write_env
from cms_core.errors import Invalid
from cms_core.files import new_folder, replace_file
from cms_core.transfer import entries as e
from cms_core.transfer.entries import BACKUP, SETTINGS
from cms_core.transfer.restore import Restored, restore
from cms_core.workspace import Workspace, open_workspace

ENV_NAMES = {"CMS_SECRET_KEY", "CMS_INHERITED_KEYS"}


def restore_home(home: Path, backup: Path, database_url: str | None = None) -> tuple[Workspace, Restored]:
    """Restore a backup into a folder, which is made where it is none yet; whole, or everything is as it was.

    Raises what ``restore`` raises, and Conflict for a folder with something else in it. The caller closes the workspace.
    """
    with e.reading(backup) as archive:
        e.manifest(archive, BACKUP)
        toml, keys = _settings(archive)
    there = (home / ".env").is_file() or (home / "cms.toml").is_file()
    with _as_it_was(home / ".env") if there else new_folder(home):
        if not there:
            write_config(home, database_url, None)
            home.chmod(0o700)
            (home / "cms.toml").write_text(toml, encoding="utf-8")
        if keys:
            write_env(home, keys)
        workspace = open_workspace(load_config(home))
        try:
            _make_tables(workspace)
            return workspace, restore(workspace, backup, BACKUP)
        except BaseException:
            workspace.db.dispose()
            raise


def _make_tables(workspace: Workspace) -> None:
    if inspect(workspace.db.engine).has_table("core_user"):
        migrations.require_current(workspace.db.engine, workspace.plugins)
    else:
        migrations.upgrade(workspace.db.engine, workspace.plugins)


def _settings(archive: zipfile.ZipFile) -> tuple[str, dict[str, str]]:
    found = e.document(archive, SETTINGS)
    toml, keys = found.get("cms.toml"), found.get("env")
    sound = isinstance(toml, str) and isinstance(keys, dict) and set(keys) <= ENV_NAMES
    if not sound or any(not isinstance(value, str) or not value.isprintable() for value in keys.values()):  # type: ignore[union-attr]
        raise Invalid(f"{SETTINGS} of the file cannot be read", e.WRITTEN_BY_US)
    return str(toml), dict(keys)  # type: ignore[arg-type]


@contextmanager
def _as_it_was(path: Path) -> Iterator[None]:
    """Put a file back as it was when anything goes wrong."""
    before = path.read_bytes() if path.is_file() else None
    try:
        yield
    except BaseException:
        if before is not None:
            replace_file(path, before)
        raise
