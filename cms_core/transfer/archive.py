"""A whole workspace as one file: every table as lines of JSON, and the media files.

An **export** goes elsewhere. Secrets are left out and listed: passwords, credentials of connections, secret settings. What makes
links that were sent valid, and tells which addresses must not be written to, goes along in ``keys.json``: keep the file as you keep
the database. A **backup** comes back: it holds all tables, credentials as they are encrypted there, and is read again before it
gets its name. The key that opens them is not in it unless asked for.
"""

import base64
import os
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Connection, Table, func, select

import cms_core
from cms_core import migrations
from cms_core.config import show_keys
from cms_core.content.media import path_of
from cms_core.content.models import Media
from cms_core.errors import Conflict, Invalid
from cms_core.reports import rollups
from cms_core.transfer import entries as e
from cms_core.transfer import tables as t
from cms_core.transfer.entries import BACKUP, CHUNK, EXPORT, KEYS, MANIFEST, MEDIA, SETTINGS, Kind
from cms_core.workspace import Workspace

KEPT_KEYS = ("token", "address")  # purposes whose keys must be the same in the copy
SAME_DATE = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Written:
    """What was written: rows by table, number of media files, the secrets that were left out, and the media that are missing here.

    Whatever was committed before ``made_at`` is in it.
    """

    tables: Mapping[str, t.Content]
    media: int
    left_out: list[dict[str, str]]
    missing: list[str]
    made_at: datetime


def write_archive(workspace: Workspace, path: Path) -> Written:
    """Write an export to a new file, as of one instant; raises Conflict when the file exists, Invalid where media are missing."""
    with _new_file(path) as archive:
        return _write_all(workspace, archive, EXPORT)


def write_backup(workspace: Workspace, path: Path, *, with_key: bool = False) -> Written:
    """Write a backup to a new file, while others go on writing; media that are missing are named. Raises Conflict as above."""
    with _new_file(path, lambda partial: _read_back(workspace, partial)) as archive:
        _write(archive, SETTINGS, _settings(workspace, with_key))
        return _write_all(workspace, archive, BACKUP)


def _write_all(workspace: Workspace, archive: zipfile.ZipFile, kind: Kind) -> Written:
    rollups.keep_up(workspace.db)
    made_at = datetime.now(UTC)
    with _one_instant(workspace) as connection:
        all_tables = t.tables(workspace.plugins, connection)
        contents = {
            str(table.name): _write_table(archive, connection, table, kind)
            for table in kind.tables(all_tables)
        }
        media, missing = _write_media(archive, connection, workspace.config.media_dir, kind)
        keys = {purpose: workspace.vault.derive(purpose) for purpose in KEPT_KEYS}
        _write(archive, KEYS, {name: base64.b64encode(key).decode() for name, key in keys.items()})
        left_out = (
            [] if kind.whole else [each for table in all_tables for each in _left_out(connection, table)]
        )
        heads = {
            name: have
            for name, (have, _) in migrations.current(workspace.db.engine, workspace.plugins).items()
        }
        _write(archive, MANIFEST, _manifest(kind, contents, left_out, missing, heads, made_at))
    return Written(contents, media, left_out, missing, made_at)


def _manifest(
    kind: Kind,
    contents: Mapping[str, t.Content],
    left_out: list[dict[str, str]],
    missing: list[str],
    schema: Mapping[str, str | None],
    made_at: datetime,
) -> dict[str, Any]:
    return {
        "format": kind.format,
        "version": cms_core.__version__,
        "made_at": made_at.isoformat(),
        "schema": schema,
        "tables": {name: vars(content) for name, content in contents.items()},
        "left_out": left_out,
        "missing_media": missing,
    }


def _settings(workspace: Workspace, with_key: bool) -> dict[str, Any]:
    """What stands beside the database: the settings, which hold no secret, and the keys if they were asked for."""
    config = workspace.config
    toml = config.home / "cms.toml"
    keys = {"CMS_SECRET_KEY": config.secret_key, "CMS_INHERITED_KEYS": show_keys(config.inherited_keys)}
    return {
        "cms.toml": toml.read_text(encoding="utf-8") if toml.is_file() else "",
        "env": {name: value for name, value in keys.items() if value} if with_key else {},
    }


def _read_back(workspace: Workspace, path: Path) -> None:
    """Everything that was written, compared with the hashes in the manifest; raises Invalid."""
    with e.reading(path) as archive:
        with workspace.db.engine.connect() as connection:
            all_tables = t.tables(workspace.plugins, connection)
        e.check(archive, e.manifest(archive, BACKUP), all_tables, BACKUP)
        for name in e.media(archive):
            e.medium(archive, name)


def _write_table(archive: zipfile.ZipFile, connection: Connection, table: Table, kind: Kind) -> t.Content:
    secret = [] if kind.whole else t.secret_columns(table)

    def lines() -> Iterator[bytes]:
        for row in t.read(connection, table):
            line = t.to_line({name: value for name, value in row.items() if name not in secret})
            file.write(line)
            yield line

    with archive.open(_entry(e.name_of(table)), "w", force_zip64=True) as file:
        return t.digest(lines())


def _write_media(
    archive: zipfile.ZipFile, connection: Connection, folder: Path, kind: Kind
) -> tuple[int, list[str]]:
    """The number of files, and the hashes of those that are missing: better a backup of the rest than none."""
    found = connection.scalars(select(Media.sha256).order_by(Media.sha256)).all()
    missing = [sha256 for sha256 in found if not path_of(folder, sha256).is_file()]
    if missing and not kind.whole:
        what = f"the file of the medium {missing[0]} is missing"
        raise Invalid(what, "restore the folder `media` from a backup")
    for sha256 in sorted(set(found) - set(missing)):
        with (
            path_of(folder, sha256).open("rb") as source,
            archive.open(_entry(f"{MEDIA}{sha256}"), "w") as file,
        ):
            while chunk := source.read(CHUNK):
                file.write(chunk)
    return len(found) - len(missing), missing


def _left_out(connection: Connection, table: Table) -> Iterator[dict[str, str]]:
    """The secrets that a table holds, by what they belong to."""
    if table not in t.in_files([table]):
        if number := connection.scalar(select(func.count()).select_from(table)):
            yield {"table": str(table.name), "secret": "*", "of": f"{number} rows"}
        return
    for name in t.secret_columns(table):
        column = table.columns[name]
        for row in connection.execute(select(table).where(column.is_not(None), column != "")).mappings():
            yield {"table": str(table.name), "secret": str(name), "of": _title(table, row)}


def _title(table: Table, row: Mapping[Any, Any]) -> str:
    for name in ("email", "name", "plugin"):
        if name in table.columns:
            return f"{row['channel']}:{row[name]}" if "channel" in table.columns else str(row[name])
    return "/".join(str(row[column.name]) for column in table.primary_key)


def _write(archive: zipfile.ZipFile, name: str, document: Any) -> None:
    with archive.open(_entry(name), "w") as file:
        file.write(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS))


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, SAME_DATE)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o600 << 16
    return entry


@contextmanager
def _one_instant(workspace: Workspace) -> Iterator[Connection]:
    """A connection that sees the database as it is now, whatever others write meanwhile."""
    engine = workspace.db.engine
    if engine.dialect.name == "postgresql":
        engine = engine.execution_options(isolation_level="REPEATABLE READ")
    with engine.begin() as connection:
        yield connection


@contextmanager
def _new_file(path: Path, check: Callable[[Path], None] = lambda _: None) -> Iterator[zipfile.ZipFile]:
    """A file that has its name only once it is whole, checked and on the disk; readable by its owner alone."""
    if path.exists():
        raise Conflict(f"{path} exists already; nothing was changed", "name a new file")
    partial = path.with_name(f".{path.name}.part")
    try:
        partial.touch(mode=0o600)
        with partial.open("r+b") as file:
            file.truncate()
            with zipfile.ZipFile(file, "w", allowZip64=True) as archive:
                yield archive
            file.flush()
            os.fsync(file.fileno())
        check(partial)
        partial.rename(path)
    finally:
        partial.unlink(missing_ok=True)
