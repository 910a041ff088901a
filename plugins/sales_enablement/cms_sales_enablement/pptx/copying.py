"""One copy of a template as it is made: what is put into its parts, which parts it needs, and what could not be filled."""

import posixpath
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cms_core import merge
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

    values: Mapping[str, Mapping[str, Any]]
    pictures: Mapping[str, Picture]
    charts: Mapping[str, Chart]
    tables: Mapping[str, Rows]

    def picture(self, name: str) -> Picture | None:
        """The picture for a field; the logo serves each logo that has none of its own."""
        return self.pictures.get(name) or (
            self.pictures.get(LOGO) if name.rpartition(".")[2] == LOGO else None
        )


class Compilation:
    """A template taken apart: its parts, what each leads to, and which of them a copy may have otherwise (``changing``).

    What the others lead to, near and far, is found once.
    """

    def __init__(
        self,
        package: Package,
        relationships: Mapping[str, Sequence[Relationship]],
        compiled: Mapping[str, Compiled],
        changing: Iterable[str],
    ) -> None:
        self.package, self.compiled = package, compiled
        self.parts = frozenset(package.names)
        self.changing = frozenset([*compiled, *changing])
        self.taken = frozenset(each.lower() for each in package.names)
        self.relationship_parts = [
            (name, rels) for name in ("", *package.names) if (rels := rels_of(name)) in package
        ]
        self._near = {
            name: [(each.id, each.target) for each in found if not each.external and each.target in package]
            for name, found in relationships.items()
        }
        self._far: dict[str, frozenset[str]] = {}

    def near(self, name: str) -> Sequence[tuple[str, str]]:
        """The relationships of a part to others, and those."""
        return self._near.get(name, ())

    def with_far(self, names: Iterable[str]) -> set[str]:
        """These parts and all that they lead to; ways end at parts that a copy may have otherwise."""
        found = set(names)
        for name in tuple(found):
            if name not in self.changing:
                found |= self._far.get(name) or self._find_far(name)
        return found

    def _find_far(self, name: str) -> frozenset[str]:
        seen, waiting = {name}, [name]
        while waiting:
            new = {target for _, target in self.near(waiting.pop())} - seen
            seen |= new
            waiting += new - self.changing
        self._far[name] = frozenset(seen)
        return self._far[name]


@dataclass
class Copy:
    """A copy being made. ``parts`` differ from those of the template, ``added`` are new, with their types in ``types``."""

    template: Compilation
    given: Given
    left_out: frozenset[str]
    asking: frozenset[str]  # the parts whose fields are asked for
    change: ChartChange
    holes: Mapping[str, Mapping[str, bytes]]  # what stands at the marks of a part
    parts: dict[str, bytes | list[bytes]] = field(default_factory=dict)
    added: dict[str, bytes | list[bytes]] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)
    kept: set[str] = field(default_factory=set)
    image_rows: dict[tuple[str, str, str], bytes] = field(default_factory=dict)
    _media: dict[str, str] = field(default_factory=dict)

    def make(self) -> None:
        """Fill each part that something leads to, beginning at the package itself."""
        self.parts |= self.change.parts
        self.added |= self.change.added
        self.types |= self.change.types
        template = self.template
        seen, waiting = {""}, [""]
        while waiting:
            new = template.with_far(self._led_to(waiting.pop())) - seen - self.left_out
            seen |= new
            waiting += [each for each in new if each in template.changing or each not in template.parts]
        rels = {rels for name, rels in template.relationship_parts if name in seen}
        self.kept = (seen & template.parts) | rels

    def _led_to(self, name: str) -> Iterable[str]:
        compiled = self.template.compiled.get(name)
        if compiled is not None:
            return self._fill(compiled)
        near = self.template.near(self.change.originals.get(name, name))
        return [self.change.targets.get((name, id_), target) for id_, target in near]

    def _fill(self, compiled: Compiled) -> list[str]:
        """Fill a part; gives what it leads to now."""
        name, filling = compiled.name, PartFilling(self, compiled)
        data = join(compiled.pieces, filling)
        if filling.changed or filling.holes:
            self.parts[name] = data
        near = self.template.near(name)
        gone = {id_ for id_, count in filling.lost.items() if count >= compiled.ids[id_]}
        gone |= {id_ for id_, target in near if target in self.left_out}
        moved = {id_: to for id_, _ in near if (to := self.change.targets.get((name, id_)))}
        if gone or moved or filling.rows_added:
            rows = [*self._rows(compiled, gone, moved), *filling.rows_added]
            where = self.parts if compiled.rels in self.template.parts else self.added
            where[compiled.rels] = relationships_part(rows)
        return [moved.get(id_, target) for id_, target in near if id_ not in gone] + filling.media

    @staticmethod
    def _rows(compiled: Compiled, gone: set[str], moved: Mapping[str, str]) -> Iterator[bytes]:
        for stored, each in zip(compiled.rows, compiled.relationships, strict=True):
            if each.id in moved:
                target = _relative(compiled.name, moved[each.id])
                yield row({"Id": each.id, "Type": each.type, "Target": target})
            elif each.id not in gone:
                yield stored

    def media(self, picture: Picture) -> str:
        """The part that holds a picture, once for all who show it."""
        if picture.name not in self._media:
            self._media[picture.name] = self._add_media(picture)
        return self._media[picture.name]

    def _add_media(self, picture: Picture) -> str:
        name, number = f"ppt/media/{picture.name}", 0
        while name.lower() in self.template.taken:
            if name in self.template.parts and self.template.package.read(name) == picture.data:
                return name  # a copy was made a template
            number += 1
            name = f"ppt/media/{number}-{picture.name}"
        self.added[name], self.types[name] = picture.data, picture.type
        return name

    def image_row(self, part: str, id_: str, media: str) -> bytes:
        """The relationship of a part to a picture."""
        key = (posixpath.dirname(part), id_, media)
        if key not in self.image_rows:
            target = posixpath.relpath(media, key[0])
            self.image_rows[key] = row({"Id": id_, "Type": f"{R}/image", "Target": target})
        return self.image_rows[key]


class PartFilling:
    """What a copy puts into one part."""

    def __init__(self, copy: Copy, compiled: Compiled) -> None:
        self._copy, self._compiled = copy, compiled
        self._shown: dict[str, str] = {}
        self.holes = copy.holes.get(compiled.name, {})
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
            self.rows_added.append(self._copy.image_row(self._compiled.name, id_, name))
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
