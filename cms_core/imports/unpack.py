"""Uploads as a folder that can be imported: Markdown files as they are, archives unpacked. Nothing lands outside the folder."""

import io
import lzma
import stat
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from cms_core.errors import Invalid

MAX_FILES = 5_000
MAX_BYTES = 256 * 1024 * 1024
_CHUNK = 1 << 20
BROKEN = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError)  # bz2 says OSError


def unpack(uploads: Iterable[tuple[str, bytes]], folder: Path) -> None:
    """Write uploads, (name, content), below a folder; archives with their structure.

    Raises Invalid for what is no archive, and for one that is encrypted, too large unpacked, or names a place outside itself.
    """
    room = MAX_BYTES
    for name, data in uploads:
        if data.startswith(b"PK\x03\x04"):
            room -= _unzip(name, data, folder, room)
        else:
            plain = PurePosixPath(name.replace("\\", "/")).name
            _write(_place(folder, plain, name), data, name)


def _unzip(name: str, data: bytes, folder: Path, room: int) -> int:
    """How many bytes an archive had unpacked; counted while reading, for its own figures may lie."""
    used = 0
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [each for each in archive.infolist() if not each.is_dir() and not _is_link(each)]
            if len(members) > MAX_FILES:
                raise Invalid(f"{name} has {len(members):,} files; at most {MAX_FILES:,} fit", "split it up")
            for member in members:
                content = bytearray()
                with archive.open(member) as file:
                    while chunk := file.read(_CHUNK):
                        content += chunk
                        if used + len(content) > room:
                            raise Invalid(
                                f"{name} is larger than {MAX_BYTES:,} bytes unpacked", "split it up"
                            )
                used += len(content)
                _write(_place(folder, member.filename, name), bytes(content), name)
    except (*BROKEN, NotImplementedError, RuntimeError, EOFError) as error:
        raise Invalid(
            f"{name} cannot be unpacked: {error}", "make a plain zip archive without a password"
        ) from None
    return used


def _is_link(member: zipfile.ZipInfo) -> bool:
    return stat.S_ISLNK(member.external_attr >> 16)


def _place(folder: Path, inside: str, name: str) -> Path:
    parts = PurePosixPath(inside.replace("\\", "/")).parts
    if not parts or ".." in parts or parts[0] == "/" or any(":" in part or "\0" in part for part in parts):
        raise Invalid(f"{name} names a file outside itself: {inside[:120]!r}", "pack the folder anew")
    return folder.joinpath(*parts)


def _write(path: Path, data: bytes, name: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        raise Invalid(
            f"{name}: {path.name[:80]!r} cannot be unpacked: {error.strerror}", "rename it"
        ) from None
