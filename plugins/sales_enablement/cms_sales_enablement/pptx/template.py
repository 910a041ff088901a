"""A presentation made ready to be copied many times: each part that will change is taken apart once.

A copy holds the slides that were picked, in that order, and whatever those need; fields are filled, and nothing names what was left
out: no section, no jump, no title in the file's properties. What must not reach a buyer is in no copy. All other parts are copied
packed as they are.
"""

import weakref
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from cms_core import Invalid, merge
from cms_sales_enablement.pptx import slides
from cms_sales_enablement.pptx.archive import ArchiveWriter
from cms_sales_enablement.pptx.chartcopies import Charts
from cms_sales_enablement.pptx.compiling import Compiled, Compiler
from cms_sales_enablement.pptx.composing import Foreign, layout_of, layouts, name_of
from cms_sales_enablement.pptx.copying import Compilation, Copy, Given
from cms_sales_enablement.pptx.data import Chart, Rows
from cms_sales_enablement.pptx.fields import FIELD, OWN, lines, paragraphs
from cms_sales_enablement.pptx.findings import Finding, Level
from cms_sales_enablement.pptx.looks import Looks
from cms_sales_enablement.pptx.package import CONTENT_TYPES, Element, rels_of
from cms_sales_enablement.pptx.pictures import read_picture
from cms_sales_enablement.pptx.pieces import TablePlace
from cms_sales_enablement.pptx.skeleton import Skeleton
from cms_sales_enablement.pptx.slides import Presentation, Slide
from cms_sales_enablement.pptx.slots import Kind, Slot
from cms_sales_enablement.pptx.strip import SafePackage

Values = Mapping[str, str]
OURS = ("notesSlide", "comments", "commentAuthors", "authors")  # what people of the house tell each other


@dataclass(frozen=True)
class Copied:
    """What a copy holds: its slides in order, fields that had neither a value nor a default, and what was taken out of it or
    could not be filled."""

    slides: tuple[Slide, ...]
    missing: tuple[str, ...]
    findings: tuple[Finding, ...]


class DeckTemplate:
    """An open template. Any number of threads may write copies at once. ``findings`` are those of the file as it was opened."""

    def __init__(
        self,
        path: Path,
        known: merge.Fields | None = None,
        named: Mapping[str, str] | None = None,
        *,
        bare: bool = False,
    ) -> None:
        """``known`` are the fields of registered providers, ``named`` ids of slides by part that come before their own.

        ``bare``: copies hold no notes and no comments.

        Raises PackageRefused for a file that cannot be used.
        """
        self._package = SafePackage(path, OURS if bare else ())
        # A template that nobody needs any more lets go of its file.
        weakref.finalize(self, self._package.close)
        try:
            self._presentation = Presentation.of(self._package)
            self._named = {
                name: self._package.relationships(name)
                for name in ("", *self._package.names)
                if rels_of(name) in self._package
            }
            self._below = {part: self._laid_out_on(part) for part in self._presentation.slides.values()}
            compiled = self._compile(known)
            self._charts = Charts(self._package, self._named)
            self._charts.compile([use for each in compiled.values() for use in each.charts])
            changing = [*self._below, *self._charts.names]
            self._compilation = Compilation(self._package, self._named, compiled, changing)
            self._remarks = tuple(self._remarked())
            self.findings = (*self._package.findings, *self._remarks)
            slots = {part: tuple(dict.fromkeys(self._slots(part))) for part in self._below}
            found = slides.read_slides(self._package, self._presentation, slots)
            self.slides = tuple(replace(each, id=(named or {}).get(each.part, each.id)) for each in found)
            self._by_id = {each.id: each for each in self.slides}
            self._skeleton = Skeleton(self._package, self._presentation)
            self._entries = self._package.entries()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "DeckTemplate":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._package.close()

    def foreign(self, id_: str, name: str) -> Foreign:
        """One of its slides to be put into another presentation, where it is called ``name``; raises Invalid for none of them."""
        return Foreign(name, self._package, self._pick([id_])[0].part)

    def looks(self, id_: str) -> str:
        """The same for a slide as long as it looks the same; raises Invalid for none of them."""
        return Looks(self._package, self._below).digest(self._pick([id_])[0].part)

    def layout(self, id_: str) -> str:
        """What the layout of a slide is called; raises Invalid for a slide that is none."""
        return name_of(self._package, layout_of(self._package, self._pick([id_])[0].part))

    def ground_of(self, id_: str) -> str:
        """The same as long as what a slide stands on looks the same (its layout, master, theme); raises Invalid for no slide."""
        return self._ground(layout_of(self._package, self._pick([id_])[0].part))

    def ground(self, layout: str) -> str:
        """The same for the layout of this name, "" where there is none."""
        return self._ground(self._layouts.get(layout.casefold(), ""))

    def _ground(self, part: str) -> str:
        return Looks(self._package, self._below).digest(part) if part else ""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of its slides, in EMU."""
        found = self._presentation.root.find("{*}sldSz")
        return (int(found.get("cx", "0")), int(found.get("cy", "0"))) if found is not None else (0, 0)

    def has_layout(self, name: str) -> bool:
        """Whether one of its layouts is called so."""
        return name.casefold() in self._layouts

    @cached_property
    def _layouts(self) -> Mapping[str, str]:
        return layouts(self._package)

    def write(
        self,
        out: Path,
        picks: Sequence[str] = (),
        values: Values | None = None,
        *,
        pictures: Mapping[str, bytes] | None = None,
        charts: Mapping[str, Chart] | None = None,
        tables: Mapping[str, Rows] | None = None,
    ) -> Copied:
        """Write a copy with these slides (all, if none is named), and texts, pictures, figures and rows by field.

        Raises Invalid for slides that are none, for pictures that are none, and for figures and rows that do not fit; a file that
        cannot be written whole is not left behind.
        """
        picked = self._pick(picks)
        given = Given(
            by_namespace(values or {}),
            {_bare(name): read_picture(name, data) for name, data in (pictures or {}).items()},
            {_bare(name): data for name, data in (charts or {}).items()},
            {_bare(name): rows for name, rows in (tables or {}).items()},
        )
        copy = self._copy(picked, given)
        try:
            with out.open("wb") as file:
                archive = ArchiveWriter(file)
                archive.add(CONTENT_TYPES, self._skeleton.types(copy.kept, copy.types))
                self._write_parts(archive, copy)
                archive.close()
        except BaseException:
            out.unlink(missing_ok=True)
            raise
        told = (*self._package.stripped, *self._remarks)
        findings = tuple(each for each in told if not each.where or each.where in copy.kept)
        return Copied(picked, tuple(sorted(copy.missing)), findings)

    # --- made once ------------------------------------------------------------------------------------------------------

    def _laid_out_on(self, part: str) -> tuple[str, ...]:
        """The layout of a slide, and its master."""
        layout = self._one(part, "slideLayout")
        return tuple(each for each in (layout, self._one(layout, "slideMaster")) if each)

    def _one(self, part: str, kind: str) -> str:
        named = self._named.get(part, ()) if part else ()
        return next((each.target for each in named if each.kind == kind and each.target in self._package), "")

    def _compile(self, known: merge.Fields | None) -> dict[str, Compiled]:
        """The slides, their notes and what they are laid out on, and whatever else leads to a slide."""
        on_slides = set(self._below)
        compiler = Compiler(self._package, on_slides, known)
        found: dict[str, Compiled] = {}
        for part, below in self._below.items():
            found[part] = compiler.compile(part, below, texts=True)
            if notes := self._one(part, "notesSlide"):
                found[notes] = compiler.compile(notes, texts=True)
        leading = {
            name
            for name, named in self._named.items()
            if name and on_slides & {each.target for each in named}
        }
        main = self._presentation.part
        found[main] = compiler.compile(main, texts=False, mark=Skeleton.mark)
        below_all = {each for below in self._below.values() for each in below}
        for part in sorted((leading | below_all) - set(found)):
            if part.endswith(".xml"):
                master = self._one(part, "slideMaster")
                found[part] = compiler.compile(part, (master,) if master else (), texts=False)
        return {name: each for name, each in found.items() if not each.is_constant or name in leading}

    def _remarked(self) -> Iterator[Finding]:
        yield from self._unfilled()
        for compiled in self._compilation.compiled.values():
            yield from compiled.findings
            for use in compiled.charts:
                why = self._charts.unfillable.get(self._chart(use.slide, use.id), "")
                if use.field and why:
                    said = f"the chart {use.field} takes no figures: {why}"
                    yield Finding(Level.WARNING, "unfillable_chart", compiled.name, said)

    def _unfilled(self) -> Iterator[Finding]:
        """Where fields stand that nobody fills: in charts, layouts and addresses, or written over more than one line."""
        charts = {each.target for named in self._named.values() for each in named if each.kind == "chart"}
        layouts = {part for below in self._below.values() for part in below}
        for part in sorted((charts | layouts) & set(self._package.names)):
            if _has_fields(self._package.xml(part)):
                yield Finding(
                    Level.WARNING, "unfilled_field", part, "a field in it is not filled: it stays as it is"
                )
        for part in self._below:
            for words in _half_fields(self._package.xml(part)):
                said = f"{words:.80}: a field is written in one line, from {{{{ to }}}}. It stays as it is"
                yield Finding(Level.WARNING, "unfilled_field", part, said)
            for each in self._named.get(part, ()):
                if each.external and FIELD.search(unquote(each.target)):
                    said = f"the address {each.target:.80} has a field, which stays as it is"
                    yield Finding(Level.WARNING, "unfilled_field", part, said)

    def _chart(self, part: str, id_: str) -> str:
        return next((each.target for each in self._named.get(part, ()) if each.id == id_), "")

    def _slots(self, part: str) -> Iterator[Slot]:
        compiled = self._compilation.compiled
        for name in (part, self._one(part, "notesSlide"), *self._below[part]):
            if name in compiled:
                yield from compiled[name].slots
                for use in compiled[name].charts:
                    if use.field and self._chart(name, use.id) not in self._charts.unfillable:
                        yield Slot(use.field, Kind.CHART)

    # --- for each copy --------------------------------------------------------------------------------------------------

    def _pick(self, picks: Sequence[str]) -> tuple[Slide, ...]:
        if unknown := [each for each in picks if each not in self._by_id]:
            ids = ", ".join(self._by_id)
            raise Invalid(f"the template has no slide {unknown[0]!r}", f"it has {ids:.400}", field="pick")
        if len(set(picks)) < len(picks):
            raise Invalid("a slide was picked twice", "name each once", field="pick")
        return tuple(self._by_id[each] for each in picks) or self.slides

    def _copy(self, picked: tuple[Slide, ...], given: Given) -> Copy:
        parts = {each.part for each in picked}
        left_out = frozenset(set(self._below) - parts)
        asking = {
            name for part in parts for name in (part, self._one(part, "notesSlide"), *self._below[part])
        }
        self._check_columns(asking, given.tables)
        change = self._charts.change(left_out, given.charts)
        holes = {self._presentation.part: self._skeleton.holes(picked)}
        copy = Copy(self._compilation, given, left_out, frozenset(asking), change, holes)
        copy.parts |= self._skeleton.properties(picked)
        copy.make()
        charts = {slot.name for each in picked for slot in each.slots if slot.kind is Kind.CHART}
        copy.missing |= charts - set(given.charts)
        return copy

    def _check_columns(self, parts: set[str], tables: Mapping[str, Rows]) -> None:
        for place in self._tables(parts) if tables else ():
            rows = tables.get(place.field, ())
            widest = max(map(len, rows), default=0)
            if widest > place.columns:
                raise Invalid(
                    f"the table {place.field} has {place.columns} columns, a row of its data {widest}",
                    "leave columns out, or add them to the table of the template",
                    field=place.field,
                )

    def _tables(self, parts: set[str]) -> Iterator[TablePlace]:
        for part in parts & set(self._compilation.compiled):
            for each in self._compilation.compiled[part].pieces:
                if isinstance(each, TablePlace):
                    yield each

    def _write_parts(self, archive: ArchiveWriter, copy: Copy) -> None:
        parts = {**self._package.changed, **copy.parts}
        kept = [each for each in self._entries if each.name in copy.kept]
        for each in kept:
            if each.name in parts:
                archive.add(each.name, parts[each.name])
        for name, data in copy.added.items():
            archive.add(name, data)
        archive.copy(self._package.fileno(), [each for each in kept if each.name not in parts])


def _has_fields(root: Element) -> bool:
    said = root.iter("{*}p", "{http://schemas.openxmlformats.org/drawingml/2006/chart}v")
    return any("{{" in "".join(map(str, each.itertext())) for each in said)


def _half_fields(root: Element) -> Iterator[str]:
    """Lines of a slide that hold the beginning of a field and not its end."""
    for paragraph in paragraphs(root):
        for line in lines(paragraph):
            words = "".join(each.text or "" for each in line)
            if "{{" in FIELD.sub("", words):
                yield words


def _bare(name: str) -> str:
    return name.removeprefix(f"{OWN}.")


def by_namespace(values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Values as the merge language takes them: by namespace and field."""
    found: dict[str, dict[str, Any]] = {}
    for field, value in values.items():
        namespace, dot, name = field.partition(".")
        found.setdefault(namespace if dot else OWN, {})[name if dot else namespace] = value
    return found
