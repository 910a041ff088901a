"""A whole workspace as one file: every table as lines of JSON, and the media files.

Secrets are left out and listed: passwords, credentials of connections, secret settings. What makes links that were sent valid, and
tells which addresses must not be written to, goes along in ``keys.json``: keep the file as you keep the database.
"""

import base64
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Connection, Table, func, select

import cms_core
from cms_core import migrations
from cms_core.content.media import path_of
from cms_core.content.models import Media
from cms_core.errors import Conflict, Invalid
from cms_core.reports import rollups
from cms_core.transfer import tables as t
from cms_core.workspace import Workspace

FORMAT = "cms-core workspace 1"
MANIFEST, KEYS, TABLES, MEDIA = "manifest.json", "keys.json", "tables/", "media/"
KEPT_KEYS = ("token", "address")  # purposes whose keys must be the same in the copy
SAME_DATE = (1980, 1, 1, 0, 0, 0)
CHUNK = 1 << 20


@dataclass(frozen=True)
class Written:
    """What was written: rows by table, number of media files, and the secrets that were left out."""

    tables: Mapping[str, t.Content]
    media: int
    left_out: list[dict[str, str]]


def write_archive(workspace: Workspace, path: Path) -> Written:
    """Write the workspace to a new file, as it is at one instant; raises Conflict when the file exists."""
    rollups.keep_up(workspace.db)
    with _new_file(path) as archive, _one_instant(workspace) as connection:
        all_tables = t.tables(workspace.plugins, connection)
        contents = {
            str(table.name): _write_table(archive, connection, table) for table in t.in_files(all_tables)
        }
        media = _write_media(archive, connection, workspace.config.media_dir)
        keys = {purpose: workspace.vault.derive(purpose) for purpose in KEPT_KEYS}
        _write(archive, KEYS, {name: base64.b64encode(key).decode() for name, key in keys.items()})
        left_out = [each for table in all_tables for each in _left_out(connection, table)]
        heads = migrations.current(workspace.db.engine, workspace.plugins)
        _write(
            archive,
            MANIFEST,
            _manifest(contents, left_out, {name: have for name, (have, _) in heads.items()}),
        )
    return Written(contents, media, left_out)


def _manifest(
    contents: Mapping[str, t.Content], left_out: list[dict[str, str]], schema: Mapping[str, str | None]
) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "version": cms_core.__version__,
        "made_at": datetime.now(UTC).isoformat(),
        "schema": schema,
        "tables": {name: vars(content) for name, content in contents.items()},
        "left_out": left_out,
    }


def _write_table(archive: zipfile.ZipFile, connection: Connection, table: Table) -> t.Content:
    secret = t.secret_columns(table)

    def lines() -> Iterator[bytes]:
        for row in t.read(connection, table):
            line = t.to_line({name: value for name, value in row.items() if name not in secret})
            file.write(line)
            yield line

    with archive.open(_entry(f"{TABLES}{table.name}.jsonl"), "w", force_zip64=True) as file:
        return t.digest(lines())


def _write_media(archive: zipfile.ZipFile, connection: Connection, folder: Path) -> int:
    found = connection.scalars(select(Media.sha256).order_by(Media.sha256)).all()
    for sha256 in found:
        path = path_of(folder, sha256)
        if not path.is_file():
            raise Invalid(
                f"the file of the medium {sha256} is missing", "restore the folder `media` from a backup"
            )
        with path.open("rb") as source, archive.open(_entry(f"{MEDIA}{sha256}"), "w") as file:
            while chunk := source.read(CHUNK):
                file.write(chunk)
    return len(found)


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
def _new_file(path: Path) -> Iterator[zipfile.ZipFile]:
    """A file that has its name only once it is whole, readable by its owner alone."""
    if path.exists():
        raise Conflict(f"{path} exists already; nothing was changed", "name a new file")
    partial = path.with_name(f".{path.name}.part")
    try:
        partial.touch(mode=0o600)
        with zipfile.ZipFile(partial, "w", allowZip64=True) as archive:
            yield archive
        partial.rename(path)
    finally:
        partial.unlink(missing_ok=True)
