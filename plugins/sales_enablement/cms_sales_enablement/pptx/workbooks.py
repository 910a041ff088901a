"""The workbook behind a chart: its cells are written, all else in it stays as it is packed."""

import copy
import io
import re

from cms_sales_enablement.pptx.archive import ArchiveWriter
from cms_sales_enablement.pptx.charts import Cells, Unfillable, column_number, letters, number_text
from cms_sales_enablement.pptx.fields import serialised
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
XML_SPACE = "{http://www.w3.org/XML/1998/namespace}space"
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
        self._root = package.xml(self._sheet)
        for name in ("tableParts", "dimension"):
            for each in self._root.findall(f"{{{S}}}{name}"):
                self._root.remove(each)

    def fill(self, cells: Cells) -> bytes:
        """The workbook with these cells."""
        root = copy.deepcopy(self._root)
        _write_cells(root, cells)
        changed = {**self._static, self._sheet: serialised(root)}
        out = io.BytesIO()
        archive = ArchiveWriter(out)
        for name, data in changed.items():
            archive.add(name, data)
        archive.copy(self._data, [each for each in self._entries if each.name not in changed])
        archive.close()
        return out.getvalue()


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


def _write_cells(root: Element, cells: Cells) -> None:
    data = root.find(f"{{{S}}}sheetData")
    if data is None:
        data = root.makeelement(f"{{{S}}}sheetData")
        root.append(data)
    rows: dict[int, Element] = {}
    for each in data.iterchildren(f"{{{S}}}row"):  # who leaves its number out stands next to the one before
        told = each.get("r", "")
        number = int(told) if told.isdecimal() else max(rows, default=0) + 1
        each.set("r", str(number))
        rows[number] = each
    wanted: dict[int, dict[int, str | float | None]] = {}
    for (number, column), value in cells.items():
        wanted.setdefault(number, {})[column] = value
    for number, values in wanted.items():
        row = rows.setdefault(number, data.makeelement(f"{{{S}}}row", {"r": str(number)}))
        row.attrib.pop("spans", "")
        _write_row(row, number, values)
    data[:] = [rows[number] for number in sorted(rows)]


def _write_row(row: Element, number: int, values: dict[int, str | float | None]) -> None:
    found: dict[int, Element] = {}
    for each in row.iterchildren(f"{{{S}}}c"):
        told = COLUMN.match(each.get("r", ""))
        column = column_number(told[0]) if told else max(found, default=0) + 1
        each.set("r", f"{letters(column)}{number}")
        found[column] = each
    for column, value in values.items():
        address = f"{letters(column)}{number}"
        cell = found.setdefault(column, row.makeelement(f"{{{S}}}c", {"r": address}))
        _write_cell(cell, value)
    row[:] = [found[column] for column in sorted(found)]


def _write_cell(cell: Element, value: str | float | None) -> None:
    """Its format stays; a formula does not."""
    cell[:] = []
    cell.attrib.pop("t", "")
    if isinstance(value, str):
        cell.set("t", "inlineStr")
        holder = cell.makeelement(f"{{{S}}}is")
        text = cell.makeelement(f"{{{S}}}t", {XML_SPACE: "preserve"})
        text.text = ESCAPED.sub(r"_x005F_\1", value)
        holder.append(text)
        cell.append(holder)
    elif value is not None:
        number = cell.makeelement(f"{{{S}}}v")
        number.text = number_text(value)
        cell.append(number)
