"""Putting slides of other presentations into one, so that all stand in its looks: what a deck of several is copied from.

A slide is laid out anew on the layout of the same name. What it needs goes with it; its jumps to slides that stay behind, and what
people wrote to each other about it, do not. Nothing of the presentation itself changes but its list of slides.
"""

import hashlib
import itertools
import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cms_core import Invalid
from cms_sales_enablement.pptx.archive import ArchiveWriter
from cms_sales_enablement.pptx.compiling import row, rows_of
from cms_sales_enablement.pptx.fields import serialised
from cms_sales_enablement.pptx.findings import Finding
from cms_sales_enablement.pptx.lint import OFFICE
from cms_sales_enablement.pptx.package import CONTENT_TYPES, TYPES, Package, Relationship, rels_of
from cms_sales_enablement.pptx.skeleton import relationships_part
from cms_sales_enablement.pptx.slides import P14, Presentation
from cms_sales_enablement.pptx.strip import P, SafePackage, strip

STAYS_BEHIND = ("comments", "commentAuthors", "slideUpdateInfo")
FIRST_ID, END_OF_IDS = 256, 1 << 31  # of slides (ECMA-376 part 1, 19.7.13)


@dataclass(frozen=True)
class Foreign:
    """A slide that is put in: what it is called from then on, where it is, and parts of its file that read otherwise now."""

    id: str
    package: SafePackage
    part: str
    parts: Mapping[str, bytes] = field(default_factory=dict)

    def read(self, name: str) -> bytes:
        """The bytes of a part."""
        return self.parts.get(name) or self.package.read(name)


@dataclass(frozen=True)
class Composed:
    """What the slides that were put in are called, by part, and by that what was taken out of them."""

    named: Mapping[str, str]
    stripped: Mapping[str, tuple[Finding, ...]]


def compose(base: Path, added: Sequence[Foreign], out: Path) -> Composed:
    """Write a presentation with these slides behind its own; raises Invalid for a slide whose layout it does not have."""
    with Package(base) as package:
        composition = _Composition(package, added)
        taken = [composition.take(each) for each in added]
        composition.write(out)
    return Composed(
        {names[each.part]: each.id for names, each in zip(taken, added, strict=True)},
        {
            each.id: tuple(found for found in each.package.stripped if found.where in names)
            for names, each in zip(taken, added, strict=True)
        },
    )


def layouts(package: Package) -> dict[str, str]:
    """The layouts of a presentation by name, in the order of its masters; of two with one name the first."""
    found: dict[str, str] = {}
    main = Presentation.of(package)
    for master in (each.target for each in main.relationships if each.kind == "slideMaster"):
        for each in package.relationships(master):
            if each.kind == "slideLayout" and each.target in package:
                found.setdefault(name_of(package, each.target).casefold(), each.target)
    return found


def layout_of(package: Package, part: str) -> str:
    """The layout of a slide, or ""."""
    named = package.relationships(part)
    return next((each.target for each in named if each.kind == "slideLayout" and each.target in package), "")


def name_of(package: Package, layout: str) -> str:
    """What a layout is called, as people see it."""
    found = package.xml(layout).find("{*}cSld") if layout in package else None
    return " ".join(found.get("name", "").split()) if found is not None else ""


class _Composition:
    """A presentation that takes slides in."""

    def __init__(self, base: Package, added: Sequence[Foreign]) -> None:
        self._base = base
        self._main = Presentation.of(base)
        self._layouts = layouts(base)
        self._notes_master = self._one("notesMaster")
        self._taken = {each.lower() for each in base.names}
        self._parts: dict[str, bytes] = {}
        self._types: dict[str, str] = {}
        self._rows: list[bytes] = []
        self._media = _by_checksum(base)
        self._slides = {(each.package, each.part): self._fresh(each.part) for each in added}

    def take(self, slide: Foreign) -> Mapping[str, str]:
        """Take a slide in with all that it needs; gives what each part of it is now."""
        names = {slide.part: self._slides[slide.package, slide.part]}
        taken = set[str]()
        while waiting := [name for name in names if name not in taken and names[name] not in self._base]:
            for part in waiting:
                self._take_part(slide, part, names)
            taken |= set(waiting)
        self._list(names[slide.part])
        return names

    def _take_part(self, slide: Foreign, part: str, names: dict[str, str]) -> None:
        """Take one part over; what it leads to has a name then."""
        lost, rows = set[str](), list[bytes]()
        for each, stored in zip(slide.package.relationships(part), rows_of(slide.package, part), strict=True):
            if each.external:
                rows.append(stored)
            elif target := self._target(slide, part, each, names):
                rows.append(_row(each, names[part], target))
            else:
                lost.add(each.id)
        self._put(names[part], self._said(slide, part, lost), slide.package.types.of_part(part))
        if rows:
            self._parts[rels_of(names[part])] = relationships_part(rows)

    def _said(self, slide: Foreign, part: str, lost: set[str]) -> bytes:
        """What a part says, without what names something that was left behind; a slide with a number of its own."""
        if part != slide.part and not lost:
            return slide.read(part)
        root = slide.package.xml(part)
        strip(root, lost)
        for number in root.iter(f"{{{P14}}}creationId") if part == slide.part else ():
            number.set("val", str(int.from_bytes(hashlib.blake2s(slide.id.encode(), digest_size=4).digest())))
        return serialised(root)

    def _target(self, slide: Foreign, part: str, led: Relationship, names: dict[str, str]) -> str:
        """Where a relationship leads from now on; "" where it is left out."""
        if led.target not in slide.package or led.kind in STAYS_BEHIND:
            return ""
        if led.kind == "slideLayout":
            return self._layout(slide, led.target)
        if led.kind == "slide":
            return self._slides.get((slide.package, led.target), "")
        if led.kind == "notesMaster":
            return self._notes(slide, led.target, names)
        if led.target not in names:
            names[led.target] = self._same_media(slide, led.target) or self._fresh(led.target)
        return names[led.target]

    def _layout(self, slide: Foreign, layout: str) -> str:
        name = name_of(slide.package, layout)
        found = self._layouts.get(name.casefold(), "")
        if not found:
            raise Invalid(
                f"the slide stands on a layout {name[:80]!r}, which this presentation does not have",
                "pick slides of the same brand, or add the layout to the presentation",
                field="pick",
            )
        return found

    def _notes(self, slide: Foreign, master: str, names: dict[str, str]) -> str:
        """The notes master of the presentation; that of the slide becomes it where there is none."""
        if not self._notes_master:
            self._notes_master = names[master] = self._fresh(master)
            id_ = self._relate("notesMaster", self._notes_master)
            holder = self._main.root.makeelement(f"{{{P}}}notesMasterIdLst")
            holder.append(holder.makeelement(f"{{{P}}}notesMasterId", {f"{{{OFFICE}}}id": id_}))
            masters = self._main.root.find(f"{{{P}}}sldMasterIdLst")
            self._main.root.insert(0 if masters is None else self._main.root.index(masters) + 1, holder)
        return self._notes_master

    def _same_media(self, slide: Foreign, part: str) -> str:
        """The part with the same picture that the presentation has already, or ""."""
        if rels_of(part) in slide.package:
            return ""
        alike = self._media.get(_key(slide.package, part), ())
        return next((each for each in alike if self._base.read(each) == slide.read(part)), "")

    # --- what the presentation says of it ---------------------------------------------------------------------------------

    def _one(self, kind: str) -> str:
        named = self._main.relationships
        return next((each.target for each in named if each.kind == kind and each.target in self._base), "")

    def _list(self, part: str) -> None:
        """As its last slide."""
        listed = self._main.root.find("{*}sldIdLst")
        if listed is None:  # a presentation without slides is not taken in
            raise Invalid("the presentation has no slides", "add its file again", field="source")
        used = {each.get("id", "") for each in listed}
        highest = max((int(each) for each in used if each.isdecimal()), default=FIRST_ID)
        free = itertools.chain(range(highest + 1, END_OF_IDS), range(FIRST_ID, highest))
        number = next(str(each) for each in free if str(each) not in used)
        id_ = self._relate("slide", part)
        listed.append(listed.makeelement(f"{{{P}}}sldId", {"id": number, f"{{{OFFICE}}}id": id_}))

    def _relate(self, kind: str, target: str) -> str:
        used = {each.id for each in self._main.relationships}
        free = (f"added{number}" for number in itertools.count(len(self._rows) + 1))
        id_ = next(each for each in free if each not in used)
        where = posixpath.relpath(target, posixpath.dirname(self._main.part))
        self._rows.append(row({"Id": id_, "Type": f"{OFFICE}/{kind}", "Target": where}))
        return id_

    def _put(self, name: str, data: bytes, type_: str) -> None:
        self._parts[name], self._types[name] = data, type_

    def _fresh(self, name: str) -> str:
        """The name of a part that no other has, as near to this one as may be."""
        folder, _, file = name.rpartition("/")
        names = itertools.chain([name], (f"{folder}/added{number}-{file}" for number in itertools.count(1)))
        found = next(each for each in names if each.lower() not in self._taken)
        self._taken.add(found.lower())
        return found

    # --- writing ----------------------------------------------------------------------------------------------------------

    def write(self, out: Path) -> None:
        """Write the whole; what did not change is copied packed as it is."""
        main = self._main.part
        changed = {
            CONTENT_TYPES: self._list_of_types(),
            main: serialised(self._main.root),
            rels_of(main): relationships_part([*rows_of(self._base, main), *self._rows]),
        }
        with out.open("wb") as file:
            archive = ArchiveWriter(file)
            for name, data in {**changed, **self._parts}.items():
                archive.add(name, data)
            archive.copy(
                self._base.fileno(), [each for each in self._base.entries() if each.name not in changed]
            )
            archive.close()

    def _list_of_types(self) -> bytes:
        root = self._base.xml(CONTENT_TYPES)
        for name, type_ in self._types.items():
            root.append(
                root.makeelement(f"{{{TYPES}}}Override", {"PartName": f"/{name}", "ContentType": type_})
            )
        return serialised(root)


def _row(led: Relationship, source: str, target: str) -> bytes:
    return row(
        {"Id": led.id, "Type": led.type, "Target": posixpath.relpath(target, posixpath.dirname(source))}
    )


def _by_checksum(package: Package) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in package.names:
        if "/media/" in name:
            found.setdefault(_key(package, name), []).append(name)
    return found


def _key(package: Package, part: str) -> str:
    return f"{package.checksum(part)}.{part.rpartition('.')[2].lower()}"
