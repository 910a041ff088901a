"""Writing a zip archive out of pieces of another one: what did not change is copied as it lies there, packed.

A local header names no place in the file, so header, data and descriptor go over byte for byte, and neighbours in one call; only
the directory at the end is written anew (APPNOTE.TXT 4.3). Archives that need zip64 are not made.
"""

import os
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

LOCAL = struct.Struct("<4s5H3I2H")
CENTRAL = struct.Struct("<4s6H3I5HI")
BLOCK = struct.Struct("<BHH")
MOST = 0xFFFF  # bytes of a block that is not packed
LAST_BLOCK = b"\3\0"
FEW = 64
PLACE = struct.Struct("<I")
END = struct.Struct("<4s4H2IH")
DOS_EPOCH = 1 << 5 | 1  # 1980-01-01
UTF8 = 0x800
VERSION = 20
LEVEL = 1  # of deflate: more effort saves some hundred bytes of a deck, and costs twice the time
SMALL = 1 << 10  # packing a part of less costs more than it saves
PACKED_ALREADY = (".png", ".jpeg", ".xlsx")
CHUNK = 1 << 20


@dataclass(frozen=True)
class Entry:
    """A packed part: where its bytes lie, from its local header to the next one's, and what the directory says of it, but for the
    place: ``record`` before that, ``encoded`` (its name) behind."""

    name: str
    start: int
    end: int
    record: bytes
    encoded: bytes


def entries_of(archive: zipfile.ZipFile) -> list[Entry]:
    """The entries of an open archive in the order in which they lie in it, folders too."""
    infos = sorted(archive.infolist(), key=lambda info: info.header_offset)
    ends = [info.header_offset for info in infos[1:]] + [archive.start_dir]
    return [_entry(info, end) for info, end in zip(infos, ends, strict=True)]


def _entry(info: zipfile.ZipInfo, end: int) -> Entry:
    year, month, day, hour, minute, second = info.date_time
    encoded = info.filename.encode() if info.flag_bits & UTF8 else info.filename.encode("cp437")
    return Entry(
        name=info.filename,
        start=info.header_offset,
        end=end,
        record=CENTRAL.pack(
            b"PK\1\2", VERSION, VERSION, info.flag_bits, info.compress_type,
            hour << 11 | minute << 5 | second // 2, max(0, year - 1980) << 9 | month << 5 | day,
            info.CRC, info.compress_size, info.file_size, len(encoded), 0, 0, 0, 0, 0,
        ),
        encoded=encoded,
    )  # fmt: skip


class Packed(bytes):
    """Bytes that are written many times, and packed once: a part of a stream in the format of deflate (RFC 1951)."""

    packed: bytes

    def __new__(cls, data: bytes) -> "Packed":
        """Few bytes are not worth it."""
        self = super().__new__(cls, data)
        self.packed = _stored(data) if len(data) < FEW else _deflated(data)
        return self


def _deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush(zlib.Z_FULL_FLUSH)


def _packed(data: bytes) -> bytes:
    return data.packed if isinstance(data, Packed) else _stored(data)


def _stored(data: bytes) -> bytes:
    """As blocks that are not packed."""
    if len(data) <= MOST:
        return BLOCK.pack(0, len(data), ~len(data) & MOST) + data
    blocks = (data[at : at + MOST] for at in range(0, len(data), MOST))
    return b"".join(BLOCK.pack(0, len(each), ~len(each) & MOST) + each for each in blocks)


class ArchiveWriter:
    """Writes an archive to a file that is open for writing, from its beginning. ``close`` completes it."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._at = 0
        self._count = 0
        self._directory: list[bytes] = []

    def copy(self, source: int | bytes, entries: Iterable[Entry]) -> None:
        """Take over entries of another archive, given by its file descriptor or its bytes."""
        for run in _runs(entries):
            start, end = run[0].start, run[-1].end
            shift = self._at - start
            for entry in run:
                self._directory += (entry.record, PLACE.pack(entry.start + shift), entry.encoded)
            self._count += len(run)
            if isinstance(source, bytes):
                self._out.write(source[start:end])
            else:
                self._out.flush()
                _copy(source, start, end - start, self._out.fileno())
            self._at += end - start

    def add(self, name: str, data: bytes | Sequence[bytes]) -> None:
        """Write a part, packed where that is worth it; one in pieces has those packed already that never change."""
        method, packed = zipfile.ZIP_STORED, b""
        if not isinstance(data, bytes):
            method, packed = zipfile.ZIP_DEFLATED, b"".join(map(_packed, data)) + LAST_BLOCK
            data = b"".join(data)
        elif len(data) >= SMALL and not name.endswith(PACKED_ALREADY):
            method, packed = zipfile.ZIP_DEFLATED, zlib.compress(data, LEVEL, -zlib.MAX_WBITS)
        else:
            packed = data
        encoded, crc = name.encode(), zlib.crc32(data)
        self._directory += (
            CENTRAL.pack(
                b"PK\1\2", VERSION, VERSION, UTF8, method, 0, DOS_EPOCH,
                crc, len(packed), len(data), len(encoded), 0, 0, 0, 0, 0,
            ),
            PLACE.pack(self._at),
            encoded,
        )  # fmt: skip
        header = LOCAL.pack(
            b"PK\3\4", VERSION, UTF8, method, 0, DOS_EPOCH, crc, len(packed), len(data), len(encoded), 0
        )
        self._out.write(header + encoded + packed)
        self._count += 1
        self._at += len(header) + len(encoded) + len(packed)

    def close(self) -> None:
        """Write the directory."""
        directory = b"".join(self._directory)
        end = END.pack(b"PK\5\6", 0, 0, self._count, self._count, len(directory), self._at, 0)
        self._out.write(directory + end)
        self._out.flush()


def _runs(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Entries that lie side by side."""
    run: list[Entry] = []
    for entry in entries:
        if run and entry.start != run[-1].end:
            yield run
            run = []
        run.append(entry)
    if run:
        yield run


def _copy(source: int, start: int, count: int, target: int) -> None:
    """In the kernel where it can; some file systems cannot between files of theirs."""
    try:
        while count and (done := os.copy_file_range(source, target, count, offset_src=start)):
            start, count = start + done, count - done
    except OSError:
        while count and (piece := os.pread(source, min(count, CHUNK), start)):
            os.write(target, piece)
            start, count = start + len(piece), count - len(piece)
    if count:
        raise EOFError("the archive that is copied from is shorter than it was")
