"""What stands in a file of a workspace, read with mistrust: nothing else may be in it, and everything must be what was written."""

import hashlib
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Table

from cms_core.content.media import MAX_BYTES
from cms_core.errors import Invalid
from cms_core.transfer import tables as t

MANIFEST, KEYS, TABLES, MEDIA, SETTINGS = "manifest.json", "keys.json", "tables/", "media/", "settings.json"
HASH = re.compile(r"[0-9a-f]{64}")
CHUNK = 1 << 20
LONGEST_LINE = 64 << 20
LARGEST_MEDIUM = 4 * MAX_BYTES  # an upload that was encoded again may have grown
SMALL = 16 << 20  # what the manifest and the keys may have
WRITTEN_BY_US = "take a file as `cms export` or `cms backup` wrote it"
COPY_AGAIN = "copy the file again from where it was made"


@dataclass(frozen=True)
class Kind:
    """An export leaves secrets out, for it goes elsewhere; a backup is ``whole``, for it comes back."""

    format: str
    whole: bool

    def tables(self, all_tables: Iterable[Table]) -> list[Table]:
        """Those that such a file holds."""
        return list(all_tables) if self.whole else t.in_files(all_tables)

    @property
    def documents(self) -> set[str]:
        """The entries beside tables and media."""
        return {MANIFEST, KEYS, SETTINGS} if self.whole else {MANIFEST, KEYS}


EXPORT = Kind("cms-core workspace 1", whole=False)
BACKUP = Kind("cms-core backup 1", whole=True)


@contextmanager
def reading(path: Path) -> Iterator[zipfile.ZipFile]:
    """The file; whatever it is instead of one is said in words."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise Invalid(f"{path} cannot be read: {error}", WRITTEN_BY_US) from None


def name_of(table: Table) -> str:
    """The entry in which the rows of a table stand."""
    return f"{TABLES}{table.name}.jsonl"


def document(archive: zipfile.ZipFile, name: str) -> dict[str, Any]:
    """A small JSON object; raises Invalid."""
    try:
        if archive.getinfo(name).file_size > SMALL:
            raise ValueError(f"more than {SMALL:,} bytes")
        found = orjson.loads(archive.read(name))
        if not isinstance(found, dict):
            raise ValueError("not an object")
        return found
    except (KeyError, ValueError) as error:
        raise Invalid(f"{name} of the file cannot be read: {error}", WRITTEN_BY_US) from None


def manifest(archive: zipfile.ZipFile, kind: Kind) -> dict[str, Any]:
    """What the file says of itself; raises Invalid for one of another kind."""
    found = document(archive, MANIFEST)
    parts = {"tables": dict, "schema": dict, "left_out": list}
    if found.get("format") == (EXPORT if kind.whole else BACKUP).format:
        command = "cms import" if kind.whole else "cms restore"
        raise Invalid("the file is of the other kind", f"give it to `{command}`")
    if found.get("format") != kind.format or not all(isinstance(found.get(k), v) for k, v in parts.items()):
        raise Invalid(f"the file is not a workspace in the format {kind.format!r}", WRITTEN_BY_US)
    return found


def check(archive: zipfile.ZipFile, told: Mapping[str, Any], all_tables: list[Table], kind: Kind) -> None:
    """That the file holds what its manifest says, whole, and nothing else."""
    names, tables = archive.namelist(), kind.tables(all_tables)
    expected = {*kind.documents, *(name_of(table) for table in tables)}
    strange = [name for name in names if name not in expected and not is_medium(name)]
    missing = sorted(expected - set(names))
    if missing:
        raise Invalid(f"the file is not whole: {missing[0]} is missing", WRITTEN_BY_US)
    if strange or len(set(names)) != len(names):
        what = f"{(strange or names)[0]!r:.120} does not belong there"
        raise Invalid(f"the file is not whole: {what}", WRITTEN_BY_US)
    for table in tables:
        found = t.digest(lines(archive, table))
        if vars(found) != told["tables"].get(table.name):
            what = f"{found.rows:,} rows of hash {found.sha256:.12}…"
            raise Invalid(f"{name_of(table)} is not what was written: {what}", COPY_AGAIN)


def lines(archive: zipfile.ZipFile, table: Table) -> Iterator[bytes]:
    """The rows of a table as they stand there."""
    with archive.open(name_of(table)) as file:
        while line := file.readline(LONGEST_LINE):
            yield line


def rows(archive: zipfile.ZipFile, table: Table) -> Iterator[t.Row]:
    """The rows of a table; secrets that the file does not have are empty."""
    from_line = t.line_reader(table)
    absent: t.Row = {name: None if table.columns[name].nullable else "" for name in t.secret_columns(table)}
    for number, line in enumerate(lines(archive, table), 1):
        try:
            yield absent | from_line(line)
        except (ValueError, KeyError, TypeError) as error:
            raise Invalid(f"{name_of(table)}, line {number}: {error!r:.200}", WRITTEN_BY_US) from None


# --- media ----------------------------------------------------------------------------------------------------------------


def is_medium(name: str) -> bool:
    """Whether an entry is named as a medium is: by a hash alone, so it leads nowhere else."""
    return name.startswith(MEDIA) and HASH.fullmatch(name.removeprefix(MEDIA)) is not None


def media(archive: zipfile.ZipFile) -> list[str]:
    """The names of all media entries."""
    return [name for name in archive.namelist() if is_medium(name)]


def medium(archive: zipfile.ZipFile, name: str) -> bytes:
    """A medium; raises Invalid for another content than its name says."""
    if archive.getinfo(name).file_size > LARGEST_MEDIUM:
        raise Invalid(f"{name} is larger than any medium can be", WRITTEN_BY_US)
    data = archive.read(name)
    if hashlib.sha256(data).hexdigest() != name.removeprefix(MEDIA):
        raise Invalid(f"{name} is not what was written", COPY_AGAIN)
    return data
