"""A file in the Open Packaging Conventions, taken for hostile: opened within limits, its parts read one by one.

Nothing is unpacked to disk, and what is not asked for is never inflated. ECMA-376 part 2 says how parts, content types and
relationships are written.
"""

import io
import posixpath
import zipfile
import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import unquote

from lxml import etree

from cms_core import Invalid
from cms_sales_enablement.pptx.archive import Entry, entries_of

Element = etree._Element


class PackageRefused(Invalid):
    """A file that cannot be used; ``code`` and ``where`` (a part, or "") name the reason for programs."""

    def __init__(self, code: str, what: str, remedy: str = "", where: str = "") -> None:
        super().__init__(f"this is no presentation that can be used: {what}", remedy or REMEDY, field="file")
        self.code, self.what, self.where = code, what, where

    def told(self) -> dict[str, str]:
        """What another process needs to raise it too."""
        return {"code": self.code, "what": self.what, "remedy": self.remedy, "where": self.where}


CONTENT_TYPES = "[Content_Types].xml"
RELATIONSHIPS = "http://schemas.openxmlformats.org/package/2006/relationships"
TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
STORED_OR_DEFLATED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
ENCRYPTED = 0x1
REMEDY = "save it anew as .pptx in the program that made it"


@dataclass(frozen=True)
class Limits:
    """What a file may ask for. Bytes are those after inflating, as the file states them; nothing more is ever read."""

    file_bytes: int = 200 << 20
    parts: int = 20_000
    part_bytes: int = 300 << 20
    xml_bytes: int = 12 << 20  # a tree takes some ten times as much
    all_bytes: int = 1 << 30
    ratio: int = 200  # XML of slides shrinks to a fiftieth at most
    ratio_from: int = 1 << 20


LIMITS = Limits()


@dataclass(frozen=True)
class Relationship:
    """What a part names by an id: another part (``target`` is its name), or an address outside."""

    id: str
    type: str
    target: str
    external: bool

    @property
    def kind(self) -> str:
        """The last word of its type: ``slide``, ``image``, ``chart``."""
        return self.type.rsplit("/", 1)[-1]


class Package:
    """An open file; close it, or use it in a ``with``."""

    def __init__(self, source: Path | bytes, limits: Limits = LIMITS) -> None:
        """Raises Invalid for what is no such file, for what is encrypted, and for what exceeds the limits."""
        self.limits = limits
        size = len(source) if isinstance(source, bytes) else source.stat().st_size
        if size > limits.file_bytes:
            raise PackageRefused("too_large", f"it is larger than {limits.file_bytes >> 20} MB")
        self._file: BinaryIO = io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")
        try:
            self._zip = zipfile.ZipFile(self._file)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as fault:
            self.close()
            raise PackageRefused(
                "not_a_package",
                "it is no zip archive",
                "a .pptx is one; an older .ppt is not: save it as .pptx",
            ) from fault
        try:
            self._infos = _checked(self._zip.infolist(), limits)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "Package":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    @property
    def names(self) -> tuple[str, ...]:
        """The parts, in the order of the file; folders are none."""
        return tuple(self._infos)

    def __contains__(self, name: str) -> bool:
        return name in self._infos

    def size(self, name: str) -> int:
        """Bytes of a part as the file states them."""
        return self._infos[name].file_size

    def checksum(self, name: str) -> str:
        """The same for the same bytes of a part, as the file states them; "" of a part that is not there."""
        info = self._infos.get(name)
        return f"{info.CRC:08x}{info.file_size:x}" if info else ""

    def entries(self) -> list[Entry]:
        """Where the parts lie in the file, packed."""
        return entries_of(self._zip)

    def fileno(self) -> int:
        """The descriptor of the file, for reading at places of one's own."""
        return self._file.fileno()

    def read(self, name: str) -> bytes:
        """The bytes of a part; raises Invalid when they are damaged, or not what the file states."""
        try:
            with self._zip.open(self._infos[name]) as part:
                return part.read()
        except KeyError:
            raise PackageRefused("missing_part", f"the part {name} is missing", where=name) from None
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, ValueError) as fault:
            raise PackageRefused("damaged", f"the part {name} is damaged", where=name) from fault

    def xml(self, name: str) -> Element:
        """The root of an XML part. No entity is expanded and nothing is fetched: a document type is refused."""
        if name in self and self.size(name) > self.limits.xml_bytes:
            raise PackageRefused(
                "too_large", f"{name} has more than {self.limits.xml_bytes >> 20} MB of XML", where=name
            )
        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
        try:
            root = etree.fromstring(self.read(name), parser)
        except etree.XMLSyntaxError as fault:
            raise PackageRefused(
                "bad_xml", f"{name} is not well-formed XML: {fault.msg}", where=name
            ) from fault
        tree: Any = root.getroottree()
        if tree.docinfo.doctype:
            raise PackageRefused("doctype", f"{name} declares a document type", where=name)
        return root

    def relationships(self, source: str = "") -> list[Relationship]:
        """What a part names, in order; without a part, what the package itself names."""
        name = rels_of(source)
        if name not in self:
            return []
        base = posixpath.dirname(source)
        found = self.xml(name).iterchildren(f"{{{RELATIONSHIPS}}}Relationship")
        return [_relationship(each, base) for each in found]

    @cached_property
    def types(self) -> "ContentTypes":
        """Which part is of which type."""
        if CONTENT_TYPES not in self:
            raise PackageRefused("not_a_package", "it has no list of content types")
        return ContentTypes.of(self.xml(CONTENT_TYPES))


@dataclass(frozen=True)
class ContentTypes:
    """The types of parts: by the part's name, else by the ending."""

    by_name: dict[str, str]
    by_ending: dict[str, str]

    @classmethod
    def of(cls, root: Element) -> "ContentTypes":
        """Read the list of a package."""
        names = {
            each.get("PartName", "").lstrip("/"): each.get("ContentType", "")
            for each in root.iterchildren(f"{{{TYPES}}}Override")
        }
        endings = {
            each.get("Extension", "").lower(): each.get("ContentType", "")
            for each in root.iterchildren(f"{{{TYPES}}}Default")
        }
        return cls(names, endings)

    def of_part(self, name: str) -> str:
        """The type of a part, or ""."""
        ending = name.rpartition(".")[2].lower()
        return self.by_name.get(name) or self.by_ending.get(ending, "")


def rels_of(source: str) -> str:
    """The part that holds the relationships of a part."""
    folder, name = posixpath.split(source)
    return posixpath.join(folder, "_rels", f"{name}.rels")


def source_of(rels: str) -> str:
    """The part whose relationships a part holds."""
    folder, name = posixpath.split(rels)
    return posixpath.join(posixpath.dirname(folder), name.removesuffix(".rels"))


def _relationship(element: Element, base: str) -> Relationship:
    external = element.get("TargetMode") == "External"
    target = element.get("Target", "")
    if not external:
        path = unquote(target.partition("#")[0])
        target = posixpath.normpath(posixpath.join("/", base, path)).lstrip("/")
    return Relationship(element.get("Id", ""), element.get("Type", ""), target, external)


# --- what is refused before anything is read --------------------------------------------------------------------------


def _checked(infos: list[zipfile.ZipInfo], limits: Limits) -> dict[str, zipfile.ZipInfo]:
    if len(infos) > limits.parts:
        raise PackageRefused("too_large", f"it has more than {limits.parts} parts")
    if sum(info.file_size for info in infos) > limits.all_bytes:
        raise PackageRefused("too_large", f"it would take more than {limits.all_bytes >> 20} MB")
    found: dict[str, zipfile.ZipInfo] = {}
    known: set[str] = set()  # names differ by more than the case of their letters
    for info in infos:
        _check_name(info.filename)
        _check_size(info, limits)
        if not info.is_dir():
            if info.filename.lower() in known:
                raise PackageRefused(
                    "duplicate_part", f"it has two parts named {info.filename}", where=info.filename
                )
            known.add(info.filename.lower())
            found[info.filename] = info
    _check_overlaps(infos)
    return found


def _check_name(name: str) -> None:
    parts = name.split("/")
    if name.startswith("/") or "\\" in name or "\0" in name or ".." in parts or ":" in parts[0]:
        raise PackageRefused("bad_name", f"the name of a part leads out of it: {name!r:.80}")


def _check_size(info: zipfile.ZipInfo, limits: Limits) -> None:
    if info.flag_bits & ENCRYPTED:
        raise PackageRefused("encrypted", "it is encrypted", "save it without a password")
    if info.compress_type not in STORED_OR_DEFLATED:
        raise PackageRefused("damaged", f"{info.filename} is packed in an unknown way", where=info.filename)
    if info.file_size > limits.part_bytes:
        raise PackageRefused(
            "too_large", f"{info.filename} has more than {limits.part_bytes >> 20} MB", where=info.filename
        )
    if info.file_size > limits.ratio_from and info.file_size > limits.ratio * max(1, info.compress_size):
        raise PackageRefused(
            "bomb",
            f"{info.filename} would grow to more than {limits.ratio} times its size",
            where=info.filename,
        )


def _check_overlaps(infos: list[zipfile.ZipInfo]) -> None:
    """Parts that share bytes inflate to any size from a small file."""
    end = 0
    for info in sorted(infos, key=lambda each: each.header_offset):
        if info.header_offset < end:
            raise PackageRefused("bomb", "parts of it share their bytes", where=info.filename)
        end = info.header_offset + len(info.filename.encode()) + info.compress_size
