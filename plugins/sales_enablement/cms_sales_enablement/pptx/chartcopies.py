"""Which charts of a copy take figures. A chart that two slides show is made twice when they show different ones."""

import posixpath
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from cms_sales_enablement.pptx.charts import ChartPart, Unfillable
from cms_sales_enablement.pptx.compiling import ChartUse, row, rows_of
from cms_sales_enablement.pptx.data import Chart
from cms_sales_enablement.pptx.package import Package, Relationship, rels_of
from cms_sales_enablement.pptx.skeleton import relationships_part
from cms_sales_enablement.pptx.workbooks import Workbook


@dataclass
class ChartChange:
    """What becomes of the charts in one copy: parts that change, parts that are new, and who leads elsewhere now."""

    parts: dict[str, bytes | list[bytes]] = field(default_factory=dict)
    added: dict[str, bytes | list[bytes]] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    targets: dict[tuple[str, str], str] = field(default_factory=dict)  # by part and relationship
    originals: dict[str, str] = field(default_factory=dict)  # by the name of a part that is new


@dataclass(frozen=True)
class Fillable:
    """A chart with its workbook, compiled once; who shows it; and whether the workbook is its own."""

    name: str
    part: ChartPart
    workbook: Workbook | None
    workbook_name: str
    own: bool
    uses: tuple[ChartUse, ...]
    relationships: tuple[Relationship, ...]
    rows: tuple[bytes, ...]


class Charts:
    """The charts of a template that are fields."""

    def __init__(self, package: Package, relationships: Mapping[str, Sequence[Relationship]]) -> None:
        self._package, self._named = package, relationships
        self._taken = {each.lower() for each in package.names}
        self._owners = Counter(
            each.target for found in relationships.values() for each in found if each.kind == "package"
        )
        self._fillable: list[Fillable] = []
        self.unfillable: dict[str, str] = {}  # reasons by part

    def compile(self, uses: Sequence[ChartUse]) -> None:
        """Take apart the charts that are fields on some slide."""
        fields = {(each.slide, each.id): each.field for each in uses}
        shown: dict[str, list[ChartUse]] = {}
        for source, found in self._named.items():
            for each in found:
                if each.kind == "chart" and not each.external and each.target in self._package:
                    use = ChartUse(source, each.id, fields.get((source, each.id), ""))
                    shown.setdefault(each.target, []).append(use)
        for name, found_uses in shown.items():
            if any(each.field for each in found_uses):
                try:
                    self._fillable.append(self._compile(name, tuple(found_uses)))
                except Unfillable as why:
                    self.unfillable[name] = str(why)

    @property
    def names(self) -> list[str]:
        """The parts of the charts that take figures."""
        return [each.name for each in self._fillable]

    def _compile(self, name: str, uses: tuple[ChartUse, ...]) -> Fillable:
        part = ChartPart(self._package.xml(name))
        named = tuple(self._named.get(name, ()))
        book = next((each.target for each in named if each.kind == "package" and not each.external), "")
        workbook = Workbook(self._package.read(book), part.sheet) if book in self._package else None
        own = self._owners[book] == 1
        return Fillable(name, part, workbook, book, own, uses, named, rows_of(self._package, name))

    def change(self, left_out: Collection[str], data: Mapping[str, Chart]) -> ChartChange:
        """What becomes of the charts in a copy with these figures; raises Invalid for figures that do not fit."""
        change = ChartChange()
        for each in self._fillable if data else ():
            groups: dict[str, list[ChartUse]] = {}
            for use in each.uses:
                if use.slide not in left_out:
                    groups.setdefault(use.field if use.field in data else "", []).append(use)
            stays = "" if "" in groups else next(iter(groups), "")
            for name, uses in groups.items():
                if name:
                    self._write(change, each, uses if name != stays else [], data[name], name)
        return change

    def _write(
        self, change: ChartChange, chart: Fillable, moved: list[ChartUse], data: Chart, field: str
    ) -> None:
        """Where it stands, or as a part of its own for those who lead there then."""
        written, cells = chart.part.fill(data, field)
        name = self._fresh(change, chart.name) if moved else chart.name
        self._put(change, name, written, chart.name)
        change.targets.update({(use.slide, use.id): name for use in moved})
        book = chart.workbook_name
        if chart.workbook is not None:
            book = self._fresh(change, book) if moved or not chart.own else book
            self._put(change, book, chart.workbook.fill(cells), chart.workbook_name)
        if book != chart.workbook_name or moved:
            target = posixpath.relpath(book, posixpath.dirname(name))
            rows = relationships_part(list(_rows(chart, target)))
            ids = [each.id for each in chart.relationships if each.target == chart.workbook_name]
            change.targets.update({(name, id_): book for id_ in ids})
            if chart.rows:
                (change.added if moved else change.parts)[rels_of(name)] = rows

    def _put(self, change: ChartChange, name: str, data: bytes | list[bytes], original: str) -> None:
        if name == original:
            change.parts[name] = data
        else:
            change.added[name] = data
            change.types[name] = self._package.types.of_part(original)
            change.originals[name] = original

    def _fresh(self, change: ChartChange, name: str) -> str:
        """A name beside a part that no other has."""
        stem, dot, ending = name.rpartition(".")
        number = 1
        while (found := f"{stem}-{number}{dot}{ending}").lower() in self._taken or found in change.added:
            number += 1
        return found


def _rows(chart: Fillable, workbook: str) -> Iterator[bytes]:
    for stored, each in zip(chart.rows, chart.relationships, strict=True):
        if each.target == chart.workbook_name and not each.external:
            yield row({"Id": each.id, "Type": each.type, "Target": workbook})
        else:
            yield stored
