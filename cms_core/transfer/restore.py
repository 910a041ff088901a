"""An empty workspace filled from a file that ``archive`` wrote: all of it or nothing, behind a closed fence."""

import base64
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, delete, func, select
from sqlalchemy.orm import Session

from cms_core import migrations
from cms_core.auth.models import AuditEntry, User
from cms_core.config import show_keys, write_env
from cms_core.content.media import path_of, write_once
from cms_core.errors import Conflict, Invalid, UpgradeNeeded
from cms_core.files import replace_file
from cms_core.reports import rollups
from cms_core.transfer import entries as e
from cms_core.transfer import tables as t
from cms_core.transfer.entries import EXPORT, KEYS, MEDIA, Kind
from cms_core.transfer.move import require_rest
from cms_core.workspace import Workspace

FROM_INIT = (User.__tablename__, AuditEntry.__tablename__)  # what a workspace has that nobody has used yet
OTHER_MAY_PUBLISH = "this workspace was filled from a file; the one that it was taken from may publish too"


@dataclass(frozen=True)
class Restored:
    """What was read, as of ``made_at``: rows by table, media files, secrets to be given again, and who has no password yet."""

    tables: Mapping[str, int]
    media: int
    left_out: list[Any]
    without_password: list[str]
    made_at: str


def restore(workspace: Workspace, path: Path, kind: Kind = EXPORT) -> Restored:
    """Fill an empty workspace; raises Invalid for a file that is not whole, Conflict for a workspace that is in use.

    Nothing is changed then. The fence is closed before anything can be published, and the keys of sent links are taken over.
    Raises TryLater while a worker is running: it would go on with the keys that it began with.
    """
    require_rest(workspace)
    with e.reading(path) as archive:
        return _restore(workspace, archive, kind)


def _restore(workspace: Workspace, archive: zipfile.ZipFile, kind: Kind) -> Restored:
    manifest = e.manifest(archive, kind)
    with workspace.db.engine.connect() as connection:
        all_tables = t.tables(workspace.plugins, connection)
    _check_schema(workspace, manifest)
    e.check(archive, manifest, all_tables, kind)
    keys = _keys(archive)
    media = e.media(archive)
    with _undone_on_failure(workspace) as new, workspace.db.writing() as connection:
        _require_unused(connection, all_tables)
        new.extend(each for each in media if _take_in(archive, each, workspace.config.media_dir))
        rows, without = _fill(workspace, connection, archive, all_tables, kind)
        _close(workspace, keys)
    return Restored(rows, len(media), manifest["left_out"], without, str(manifest.get("made_at", "")))


@contextmanager
def _undone_on_failure(workspace: Workspace) -> Iterator[list[str]]:
    """What stands outside the database, its commit included: the media named in the list, the fence, and the keys."""
    new: list[str] = []
    before = {path: _content(path) for path in (workspace.config.home / ".env", workspace.fence.file)}
    try:
        yield new
    except BaseException:
        _forget(workspace.config.media_dir, new)
        for path, data in before.items():
            if data is None:
                path.unlink(missing_ok=True)
            elif data != _content(path):
                replace_file(path, data)
        workspace.fence.forget()
        raise


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _fill(
    workspace: Workspace,
    connection: Connection,
    archive: zipfile.ZipFile,
    all_tables: list[Table],
    kind: Kind,
) -> tuple[dict[str, int], list[str]]:
    """Write all rows, and make what is made from them; returns the rows by table, and who has no password."""
    passwords = dict(connection.execute(select(User.email, User.password_hash)).all())
    others = [] if kind.whole else _others(connection, archive)
    for model in (AuditEntry, User):
        connection.execute(delete(model))
    t.postpone_foreign_keys(connection, all_tables)
    rows = {}
    for table in kind.tables(all_tables):
        found = e.rows(archive, table)
        if table is User.__table__ and not kind.whole:
            found = (row | {"password_hash": passwords.get(row["email"], "")} for row in found)
        rows[str(table.name)] = t.write(connection, table, found)
    t.write(connection, User.__table__, others)  # type: ignore[arg-type]
    t.check_foreign_keys(connection, all_tables)
    t.count_on(connection, all_tables)
    with Session(connection, info=workspace.db.info(), join_transaction_mode="rollback_only") as session:
        rollups.rebuild(session)
        session.flush()
    missing = connection.scalars(select(User.email).where(User.password_hash == "").order_by(User.email))
    return rows, list(missing)


def _others(connection: Connection, archive: zipfile.ZipFile) -> list[t.Row]:
    """The users of this workspace whom the file does not know: they stay, behind those of the file."""
    known = list(e.rows(archive, User.__table__))  # type: ignore[arg-type]
    addresses, highest = {row["email"] for row in known}, max((row["id"] for row in known), default=0)
    here = t.read(connection, User.__table__)  # type: ignore[arg-type]
    staying = [row for row in here if row["email"] not in addresses]
    return [row | {"id": highest + number} for number, row in enumerate(staying, 1)]


def _close(workspace: Workspace, keys: Mapping[str, bytes]) -> None:
    """Close the fence, then take over the keys of the links that were sent: the copy must not publish by itself."""
    workspace.fence.close(OTHER_MAY_PUBLISH)
    if any(workspace.vault.derive(purpose) != key for purpose, key in keys.items()):
        write_env(workspace.config.home, {"CMS_INHERITED_KEYS": show_keys(keys)})


def _take_in(archive: zipfile.ZipFile, name: str, folder: Path) -> bool:
    """Store one file; says whether it was not there before."""
    path = path_of(folder, name.removeprefix(MEDIA))
    if path.exists():
        return False
    write_once(path, e.medium(archive, name))
    return True


def _forget(folder: Path, names: list[str]) -> None:
    for name in names:
        path_of(folder, name.removeprefix(MEDIA)).unlink(missing_ok=True)


# --- what is checked before anything is written -----------------------------------------------------------------------------


def _keys(archive: zipfile.ZipFile) -> dict[str, bytes]:
    try:
        return {name: base64.b64decode(key) for name, key in e.document(archive, KEYS).items()}
    except (ValueError, TypeError):
        raise Invalid(f"{KEYS} of the file cannot be read", e.WRITTEN_BY_US) from None


def _check_schema(workspace: Workspace, manifest: Mapping[str, Any]) -> None:
    here = {
        name: have for name, (have, _) in migrations.current(workspace.db.engine, workspace.plugins).items()
    }
    for owner, version in manifest["schema"].items():
        if here.get(owner) != version:
            raise UpgradeNeeded(
                f"the file has schema {version} of {owner}, this workspace has {here.get(owner) or 'none'}",
                "use the version of cms-core, and the plugins, that it was made with; then upgrade",
            )


def _require_unused(connection: Connection, all_tables: list[Table]) -> None:
    for table in all_tables:
        number = connection.scalar(select(func.count()).select_from(table)) or 0
        if number and table.name not in FROM_INIT:
            raise Conflict(
                f"this workspace is in use: {table.name} has {number:,} rows; nothing was changed",
                "make a new one with `cms init`, and take the file in there",
            )
