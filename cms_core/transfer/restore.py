"""An empty workspace filled from a file that ``archive`` wrote: all of it or nothing, behind a closed fence."""

import base64
import hashlib
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Connection, Table, delete, func, select
from sqlalchemy.orm import Session

from cms_core import migrations
from cms_core.auth.models import AuditEntry, User
from cms_core.config import show_keys, write_env
from cms_core.content.media import MAX_BYTES, path_of, write_once
from cms_core.errors import Conflict, Invalid, UpgradeNeeded
from cms_core.files import replace_file
from cms_core.reports import rollups
from cms_core.transfer import tables as t
from cms_core.transfer.archive import FORMAT, KEYS, MANIFEST, MEDIA, TABLES
from cms_core.transfer.move import require_rest
from cms_core.workspace import Workspace

HASH = re.compile(r"[0-9a-f]{64}")
LONGEST_LINE = 256 << 20
LARGEST_MEDIUM = 4 * MAX_BYTES  # an upload that was encoded again may have grown
SMALL = 16 << 20  # what the manifest and the keys may have
FROM_INIT = (User.__tablename__, AuditEntry.__tablename__)  # what a workspace has that nobody has used yet


@dataclass(frozen=True)
class Restored:
    """What was read: rows by table, media files, secrets to be given again, and who has no password yet."""

    tables: Mapping[str, int]
    media: int
    left_out: list[Any]
    without_password: list[str]


def restore(workspace: Workspace, path: Path) -> Restored:
    """Fill an empty workspace; raises Invalid for a file that is not whole, Conflict for a workspace that is in use.

    Nothing is changed then. The fence is closed before anything can be published, and the keys of sent links are taken over.
    Raises TryLater while a worker is running: it would go on with the keys that it began with.
    """
    require_rest(workspace)
    try:
        with zipfile.ZipFile(path) as archive:
            return _restore(workspace, archive)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise Invalid(f"{path} cannot be read: {error}", "take a file that `cms export` wrote") from None


def _restore(workspace: Workspace, archive: zipfile.ZipFile) -> Restored:
    manifest = _manifest(archive)
    with workspace.db.engine.connect() as connection:
        all_tables = t.tables(workspace.plugins, connection)
    _check_schema(workspace, manifest)
    _check_entries(archive, manifest, all_tables)
    keys = _keys(archive)
    media = [name for name in archive.namelist() if name.startswith(MEDIA)]
    with _undone_on_failure(workspace) as new, workspace.db.writing() as connection:
        _require_unused(connection, all_tables)
        new.extend(each for each in media if _take_in(archive, each, workspace.config.media_dir))
        rows, without = _fill(workspace, connection, archive, all_tables)
        _close(workspace, keys)
    return Restored(rows, len(media), manifest["left_out"], without)


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
    workspace: Workspace, connection: Connection, archive: zipfile.ZipFile, all_tables: list[Table]
) -> tuple[dict[str, int], list[str]]:
    """Write all rows, and make what is made from them; returns the rows by table, and who has no password."""
    passwords = dict(connection.execute(select(User.email, User.password_hash)).all())
    others = _others(connection, archive)
    for model in (AuditEntry, User):
        connection.execute(delete(model))
    t.postpone_foreign_keys(connection, all_tables)
    rows = {}
    for table in t.in_files(all_tables):
        found = _rows(archive, table)
        if table is User.__table__:
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
    known = list(_rows(archive, User.__table__))  # type: ignore[arg-type]
    addresses, highest = {row["email"] for row in known}, max((row["id"] for row in known), default=0)
    here = t.read(connection, User.__table__)  # type: ignore[arg-type]
    staying = [row for row in here if row["email"] not in addresses]
    return [row | {"id": highest + number} for number, row in enumerate(staying, 1)]


def _close(workspace: Workspace, keys: Mapping[str, bytes]) -> None:
    """Close the fence, then take over the keys of the links that were sent: the copy must not publish by itself."""
    workspace.fence.close(
        "this workspace was filled from a file; the one that it was taken from may publish too"
    )
    write_env(workspace.config.home, {"CMS_INHERITED_KEYS": show_keys(keys)})


# --- what is checked before anything is written -----------------------------------------------------------------------------


def _manifest(archive: zipfile.ZipFile) -> dict[str, Any]:
    manifest = _document(archive, MANIFEST)
    parts = {"tables": dict, "schema": dict, "left_out": list}
    if manifest.get("format") != FORMAT or not all(isinstance(manifest.get(k), v) for k, v in parts.items()):
        raise Invalid(
            f"the file is not a workspace in the format {FORMAT!r}", "take a file that `cms export` wrote"
        )
    return manifest


def _keys(archive: zipfile.ZipFile) -> dict[str, bytes]:
    try:
        return {name: base64.b64decode(key) for name, key in _document(archive, KEYS).items()}
    except (ValueError, TypeError):
        raise Invalid(f"{KEYS} of the file cannot be read", "take a file that `cms export` wrote") from None


def _document(archive: zipfile.ZipFile, name: str) -> dict[str, Any]:
    try:
        if archive.getinfo(name).file_size > SMALL:
            raise ValueError(f"more than {SMALL:,} bytes")
        found = orjson.loads(archive.read(name))
        if not isinstance(found, dict):
            raise ValueError("not an object")
        return found
    except (KeyError, ValueError) as error:
        raise Invalid(
            f"{name} of the file cannot be read: {error}", "take a file that `cms export` wrote"
        ) from None


def _check_schema(workspace: Workspace, manifest: Mapping[str, Any]) -> None:
    here = {
        name: have for name, (have, _) in migrations.current(workspace.db.engine, workspace.plugins).items()
    }
    for owner, version in manifest["schema"].items():
        if here.get(owner) != version:
            raise UpgradeNeeded(
                f"the file has schema {version} of {owner}, this workspace has {here.get(owner) or 'none'}",
                "export it with the version of cms-core, and the plugins, that are installed here",
            )


def _check_entries(archive: zipfile.ZipFile, manifest: Mapping[str, Any], all_tables: list[Table]) -> None:
    """That the file holds what the manifest says, whole, and nothing else."""
    names = archive.namelist()
    expected = {MANIFEST, KEYS, *(_name(table) for table in t.in_files(all_tables))}
    strange = [name for name in names if name not in expected and not _is_media(name)]
    missing = sorted(expected - set(names))
    if strange or missing or len(set(names)) != len(names):
        what = (
            f"{(strange or names)[0]!r:.120} does not belong there"
            if not missing
            else f"{missing[0]} is missing"
        )
        raise Invalid(f"the file is not whole: {what}", "take a file that `cms export` wrote")
    for table in t.in_files(all_tables):
        found = t.digest(_lines(archive, table))
        if vars(found) != manifest["tables"].get(table.name):
            raise Invalid(
                f"{_name(table)} is not what was written: {found.rows:,} rows of hash {found.sha256:.12}…",
                "copy the file again from where it was made",
            )


def _require_unused(connection: Connection, all_tables: list[Table]) -> None:
    for table in all_tables:
        number = connection.scalar(select(func.count()).select_from(table)) or 0
        if number and table.name not in FROM_INIT:
            raise Conflict(
                f"this workspace is in use: {table.name} has {number:,} rows; nothing was changed",
                "make a new one with `cms init` and import there",
            )


def _lines(archive: zipfile.ZipFile, table: Table) -> Iterator[bytes]:
    with archive.open(_name(table)) as file:
        while line := file.readline(LONGEST_LINE):
            yield line


def _rows(archive: zipfile.ZipFile, table: Table) -> Iterator[t.Row]:
    from_line = t.line_reader(table)
    absent: t.Row = {name: None if table.columns[name].nullable else "" for name in t.secret_columns(table)}
    for number, line in enumerate(_lines(archive, table), 1):
        try:
            yield absent | from_line(line)
        except (ValueError, KeyError, TypeError) as error:
            raise Invalid(
                f"{_name(table)}, line {number}: {error!r:.200}", "take a file that `cms export` wrote"
            ) from None


def _name(table: Table) -> str:
    return f"{TABLES}{table.name}.jsonl"


# --- media ----------------------------------------------------------------------------------------------------------------


def _is_media(name: str) -> bool:
    return name.startswith(MEDIA) and HASH.fullmatch(name.removeprefix(MEDIA)) is not None


def _take_in(archive: zipfile.ZipFile, name: str, folder: Path) -> bool:
    """Store one file; says whether it was not there before. Raises Invalid for another content than its name says."""
    sha256 = name.removeprefix(MEDIA)
    if path_of(folder, sha256).exists():
        return False
    if archive.getinfo(name).file_size > LARGEST_MEDIUM:
        raise Invalid(f"{name} is larger than any medium can be", "take a file that `cms export` wrote")
    data = archive.read(name)
    if hashlib.sha256(data).hexdigest() != sha256:
        raise Invalid(f"{name} is not what was written", "copy the file again from where it was made")
    write_once(path_of(folder, sha256), data)
    return True


def _forget(folder: Path, names: list[str]) -> None:
    for name in names:
        path_of(folder, name.removeprefix(MEDIA)).unlink(missing_ok=True)
