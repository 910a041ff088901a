"""The workbook behind a chart: its cells are written, all else in it stays as it is packed."""

import io
import re
import secrets
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from cms_sales_enablement.pptx.archive import ArchiveWriter
from cms_sales_enablement.pptx.charts import Cells, Unfillable, column_number, letters, number_text
from cms_sales_enablement.pptx.fields import serialised, within
from cms_sales_enablement.pptx.package import (
    CONTENT_TYPES,
    TYPES,
    Element,
    Package,
    PackageRefused,
    rels_of,
)

S = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
ROW_ATTRIBUTES = ("s", "customFormat", "ht", "hidden", "customHeight", "outlineLevel", "collapsed")
STALE = ("table", "calcChain")  # they name ranges and formulas that may not be there any more
ESCAPED = re.compile("_(x[0-9A-Fa-f]{4}_)")  # a spreadsheet reads these as one character
COLUMN = re.compile("[A-Z]{1,3}")


class Workbook:
    """A workbook that takes cells, compiled once."""

    def __init__(self, data: bytes, sheet: str) -> None:
        """``sheet`` is the name of the sheet that is written; raises Unfillable for what is no such workbook."""
        try:
            with Package(data) as package:
                self._compile(package, sheet)
        except PackageRefused as refused:
            raise Unfillable(f"its workbook cannot be read: {refused.message}") from refused
        self._data = data

    def _compile(self, package: Package, sheet: str) -> None:
        book = next((each.target for each in package.relationships() if each.kind == "officeDocument"), "")
        self._sheet = _sheet(package, book, sheet)
        parts = [each for each in (book, self._sheet) if rels_of(each) in package]
        gone = {each.target for part in parts for each in package.relationships(part) if each.kind in STALE}
        self._static: dict[str, bytes] = {}
        if gone:
            self._static = {rels_of(part): _without_targets(package, part, gone) for part in parts}
            self._static[CONTENT_TYPES] = _without_types(package, gone)
        self._entries = [each for each in package.entries() if each.name not in gone]
        self._take_apart(package.xml(self._sheet))

    def _take_apart(self, root: Element) -> None:
        for name in ("tableParts", "dimension"):
            for each in root.findall(f"{{{S}}}{name}"):
                root.remove(each)
        data = root.find(f"{{{S}}}sheetData")
        if data is None:
            raise Unfillable("its workbook has no cells")
        self._prefix = f"{data.prefix}:" if data.prefix else ""
        self._rows = _rows(data, root)
        mark = f"-{secrets.token_hex(12)}-"
        data[:] = []
        data.text = mark
        self._before, _, self._after = serialised(root).partition(mark.encode())

    def fill(self, cells: Cells) -> bytes:
        """The workbook with these cells."""
        changed = {**self._static, self._sheet: self._before + self._written(cells) + self._after}
        out = io.BytesIO()
        archive = ArchiveWriter(out)
        for name, data in changed.items():
            archive.add(name, data)
        archive.copy(self._data, [each for each in self._entries if each.name not in changed])
        archive.close()
        return out.getvalue()

    def _written(self, cells: Cells) -> bytes:
        """The rows, of which those with new cells are made anew."""
        wanted: dict[int, dict[int, str | float | None]] = {}
        for (number, column), value in cells.items():
            wanted.setdefault(number, {})[column] = value
        rows = {number: row.whole for number, row in self._rows.items()}
        rows |= {number: self._row(number, values) for number, values in wanted.items()}
        return b"".join(rows[number] for number in sorted(rows))

    def _row(self, number: int, values: dict[int, str | float | None]) -> bytes:
        old, prefix = self._rows.get(number, EMPTY), self._prefix
        found = dict(old.cells)
        for column, value in values.items():
            start = f'<{prefix}c r="{letters(column)}{number}"{old.formats.get(column, "")}'
            found[column] = f"{start}{_content(value, prefix, f'</{prefix}c>')}".encode()
        inside = b"".join(found[column] for column in sorted(found))
        return b'<%brow r="%d"%b>%b</%brow>' % (
            prefix.encode(), number, old.attributes.encode(), inside, prefix.encode(),
        )  # fmt: skip


def _sheet(package: Package, book: str, name: str) -> str:
    """The part of the sheet of that name, or of the first one."""
    if book not in package:
        raise Unfillable("its workbook has no sheets")
    targets = {each.id: each.target for each in package.relationships(book) if each.kind == "worksheet"}
    found = {
        each.get("name", ""): targets.get(each.get(f"{{{R}}}id", ""), "")
        for each in package.xml(book).iterfind(f"{{{S}}}sheets/{{{S}}}sheet")
    }
    part = found.get(name) or next(iter(found.values()), "")
    if part not in package:
        raise Unfillable("its workbook has no sheet for its figures")
    return part


def _without_targets(package: Package, part: str, gone: set[str]) -> bytes:
    ids = {each.id for each in package.relationships(part) if each.target in gone}
    root = package.xml(rels_of(part))
    for each in list(root):
        if each.get("Id") in ids:
            root.remove(each)
    return serialised(root)


def _without_types(package: Package, gone: set[str]) -> bytes:
    root = package.xml(CONTENT_TYPES)
    for each in root.findall(f"{{{TYPES}}}Override"):
        if each.get("PartName", "").lstrip("/") in gone:
            root.remove(each)
    return serialised(root)


@dataclass(frozen=True)
class SheetRow:
    """A row as it is, and what is kept of it when cells change: its attributes, its cells, and the formats of those."""

    whole: bytes
    attributes: str
    cells: dict[int, bytes]
    formats: dict[int, str]


EMPTY = SheetRow(b"", "", {}, {})


def _rows(data: Element, root: Element) -> dict[int, SheetRow]:
    """The rows by number; who leaves its number out stands next to the one before, and so with cells."""
    found: dict[int, SheetRow] = {}
    for each in data.iterchildren(f"{{{S}}}row"):
        told = each.get("r", "")
        number = int(told) if told.isdecimal() else max(found, default=0) + 1
        each.set("r", str(number))
        cells: dict[int, Element] = {}
        for cell in each.iterchildren(f"{{{S}}}c"):
            address = COLUMN.match(cell.get("r", ""))
            column = column_number(address[0]) if address else max(cells, default=0) + 1
            cell.set("r", f"{letters(column)}{number}")
            cells[column] = cell
        kept = ((str(key), str(value)) for key, value in each.attrib.items())
        found[number] = SheetRow(
            within(each, root),
            "".join(f" {key}={quoteattr(value)}" for key, value in kept if key in ROW_ATTRIBUTES),
            {column: within(cell, root) for column, cell in cells.items()},
            {column: f" s={quoteattr(cell.get('s', ''))}" for column, cell in cells.items() if cell.get("s")},
        )
    return found


def _content(value: str | float | None, prefix: str, end: str) -> str:
    """What is in a cell, from the end of its attributes on. A formula does not stay."""
    if value is None:
        return f">{end}"
    if isinstance(value, str):
        text = escape(ESCAPED.sub(r"_x005F_\1", value))
        said = f'<{prefix}is><{prefix}t xml:space="preserve">{text}</{prefix}t></{prefix}is>'
        return f' t="inlineStr">{said}{end}'
    return f"><{prefix}v>{number_text(value)}</{prefix}v>{end}"
