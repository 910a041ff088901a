"""One copy of a template as it is made: what is put into its parts, which parts it needs, and what could not be filled."""

import posixpath
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from cms_core import merge
from cms_core.merge.template import Values
from cms_sales_enablement.pptx.chartcopies import ChartChange
from cms_sales_enablement.pptx.compiling import Compiled, row
from cms_sales_enablement.pptx.data import Chart, Rows
from cms_sales_enablement.pptx.fields import OWN
from cms_sales_enablement.pptx.package import Package, Relationship, rels_of
from cms_sales_enablement.pptx.pictures import Picture
from cms_sales_enablement.pptx.pieces import Ids, join
from cms_sales_enablement.pptx.skeleton import relationships_part
from cms_sales_enablement.pptx.slots import LOGO, R


@dataclass(frozen=True)
class Given:
    """What is put in, by field; texts by namespace and field."""

    values: Values
    pictures: Mapping[str, Picture]
    charts: Mapping[str, Chart]
    tables: Mapping[str, Rows]

    def picture(self, name: str) -> Picture | None:
        """The picture for a field; the logo serves each logo that has none of its own."""
        return self.pictures.get(name) or (
            self.pictures.get(LOGO) if name.rpartition(".")[2] == LOGO else None
        )


@dataclass(frozen=True)
class Compilation:
    """A template taken apart: its parts, what each leads to, and those that copies change."""

    package: Package
    relationships: Mapping[str, Sequence[Relationship]]
    compiled: Mapping[str, Compiled]
    taken: frozenset[str]  # names of parts in small letters


@dataclass
class Copy:
    """A copy being made. ``parts`` differ from those of the template, ``added`` are new, with their types in ``types``."""

    template: Compilation
    given: Given
    left_out: frozenset[str]
    asking: frozenset[str]  # the parts whose fields are asked for
    change: ChartChange
    parts: dict[str, bytes] = field(default_factory=dict)
    added: dict[str, bytes] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)
    kept: set[str] = field(default_factory=set)

    def make(self) -> None:
        """Fill each part that something leads to, beginning at the package itself."""
        self.parts |= self.change.parts
        self.added |= self.change.added
        self.types |= self.change.types
        waiting, seen, package = [""], set[str](), self.template.package
        while waiting:
            for target in self._led_to(waiting.pop()):
                if target not in seen and target not in self.left_out:
                    seen.add(target)
                    waiting.append(target)
        names = {each for each in seen if each in package}
        self.kept = names | {rels for name in ("", *names) if (rels := rels_of(name)) in package}

    def _led_to(self, name: str) -> Iterator[str]:
        compiled = self.template.compiled.get(name)
        if compiled is not None:
            yield from self._fill(compiled)
            return
        original = self.change.originals.get(name, name)
        for each in self.template.relationships.get(original, ()):
            if not each.external:
                yield self.change.targets.get((name, each.id), each.target)

    def _fill(self, compiled: Compiled) -> Iterator[str]:
        """Fill a part; gives what it leads to now."""
        filling = PartFilling(self, compiled)
        data = join(compiled.pieces, filling)
        if filling.changed:
            self.parts[compiled.name] = data
        gone = {id_ for id_, count in filling.lost.items() if count >= compiled.ids[id_]}
        rows, changed = [], bool(filling.rows_added)
        for as_it_was, each in zip(compiled.rows, compiled.relationships, strict=True):
            stored, moved = as_it_was, self.change.targets.get((compiled.name, each.id))
            if each.id in gone or (each.target in self.left_out and not each.external):
                changed = True
                continue
            if moved is not None:
                changed = True
                stored = row({"Id": each.id, "Type": each.type, "Target": _relative(compiled.name, moved)})
            rows.append(stored)
            if not each.external:
                yield moved or each.target
        if changed:
            self.parts[rels_of(compiled.name)] = relationships_part(rows + filling.rows_added)
        yield from filling.media
        if compiled.name in self.asking:
            asked = {use.field for use in compiled.charts if use.field}
            self.missing |= asked - set(self.given.charts)

    def media(self, picture: Picture) -> str:
        """The part that holds a picture, once for all who show it."""
        name, number = f"ppt/media/{picture.name}", 0
        while name not in self.added and name.lower() in self.template.taken:
            if name in self.template.package and self.template.package.read(name) == picture.data:
                return name  # a copy was made a template
            number += 1
            name = f"ppt/media/{number}-{picture.name}"
        self.added[name], self.types[name] = picture.data, picture.type
        return name


class PartFilling:
    """What a copy puts into one part."""

    def __init__(self, copy: Copy, compiled: Compiled) -> None:
        self._copy, self._compiled = copy, compiled
        self._shown: dict[str, str] = {}
        self.holes: Mapping[str, bytes] = {}
        self.lost: Ids = Counter()
        self.rows_added: list[bytes] = []
        self.media: list[str] = []
        self.changed = False

    def said(self, text: merge.Template) -> str:
        """The words of a text, and which fields it misses."""
        self.changed = True
        for name in text.missing(self._copy.given.values):
            self._miss(name.removeprefix(f"{OWN}."))
        return text.render(self._copy.given.values)

    def picture(self, field: str, explicit: bool) -> Picture | None:
        """The picture for a field; without one the template's stays, and is missed if it is a field by its words."""
        found = self._copy.given.picture(field)
        if found is None and explicit:
            self._miss(field)
        return found

    def shown(self, picture: Picture) -> str:
        """The id by which the part names a picture, the same for the same content."""
        self.changed = True
        name = self._copy.media(picture)
        if name not in self._shown:
            id_ = self._shown[name] = f"{self._compiled.prefix}{len(self._shown) + 1}"
            target = _relative(self._compiled.name, name)
            self.rows_added.append(row({"Id": id_, "Type": f"{R}/image", "Target": target}))
            self.media.append(name)
        return self._shown[name]

    def rows(self, field: str) -> Rows | None:
        """The rows for a table."""
        found = self._copy.given.tables.get(field)
        if found is None:
            self._miss(field)
        else:
            self.changed = True
        return found

    def has_slide(self, part: str) -> bool:
        """Whether a slide is in the copy."""
        return part not in self._copy.left_out

    def lose(self, ids: Ids) -> None:
        """Note that an element was left out."""
        self.changed = True
        self.lost.update(ids)

    def _miss(self, name: str) -> None:
        if self._compiled.name in self._copy.asking:
            self._copy.missing.add(name)


def _relative(source: str, target: str) -> str:
    return posixpath.relpath(target, posixpath.dirname(source))
