"""A presentation made ready to be copied many times: each part that will change is taken apart once.

A copy holds the slides that were picked, in that order, and whatever those need; fields are filled, and nothing names what was left
out: no section, no jump, no title in the file's properties. All other parts are copied packed as they are.
"""

import copy
import re
import secrets
import weakref
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from lxml import etree

from cms_core import Invalid, merge
from cms_sales_enablement.pptx import fields, slides
from cms_sales_enablement.pptx.archive import ArchiveWriter, Entry
from cms_sales_enablement.pptx.fields import serialised
from cms_sales_enablement.pptx.package import (
    CONTENT_TYPES,
    TYPES,
    Element,
    Package,
    rels_of,
)
from cms_sales_enablement.pptx.slides import OWN, P14, Presentation, R, Slide

APP = "docProps/app.xml"
LINE_END = re.compile("\r\n|[\r\n]")  # a run has one line
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
Values = Mapping[str, str]
Segments = Sequence[bytes | merge.Template]


@dataclass(frozen=True)
class Copied:
    """What a copy holds: its slides in order, and fields that had neither a value nor a default."""

    slides: tuple[Slide, ...]
    missing: tuple[str, ...]


class DeckTemplate:
    """An open template. Any number of threads may write copies of it at once."""

    def __init__(self, path: Path, known: merge.Fields | None = None) -> None:
        """``known`` are the fields of registered providers; raises PackageRefused for a file that cannot be used."""
        self._package = Package(path)
        weakref.finalize(
            self, self._package.close
        )  # a template that nobody needs any more lets go of its file
        try:
            self._presentation = Presentation.of(self._package)
            self.slides = tuple(slides.read_slides(self._package, self._presentation))
            self._by_id = {each.id: each for each in self.slides}
            self._entries = self._package.entries()
            self._named = {
                name: self._package.relationships(name)
                for name in ("", *self._package.names)
                if rels_of(name) in self._package
            }
            self._marked = dict(self._with_fields(known))
            self._texts = {name: parts for name, (_, parts) in self._marked.items()}
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

    def write(self, out: Path, picks: Sequence[str] = (), values: Values | None = None) -> Copied:
        """Write a copy with these slides (all, if none is named) and values by field; raises Invalid for slides that are none.

        A file that cannot be written whole is not left behind.
        """
        picked = self._pick(picks)
        filling = _by_namespace(values or {})
        parts, missing = self._changed(picked, filling)
        kept = self._kept(picked)
        try:
            with out.open("wb") as file:
                archive = ArchiveWriter(file)
                archive.add(CONTENT_TYPES, self._content_types(kept))
                self._write_parts(archive, kept, parts)
                archive.close()
        except BaseException:
            out.unlink(missing_ok=True)
            raise
        return Copied(picked, tuple(sorted(missing)))

    # --- made once ------------------------------------------------------------------------------------------------------

    def _with_fields(self, known: merge.Fields | None) -> Iterable[tuple[str, tuple[bytes, Segments]]]:
        for slide in self.slides:
            notes = (each.target for each in self._named.get(slide.part, ()) if each.kind == "notesSlide")
            for name in (slide.part, *notes):
                root = self._package.xml(name)
                marks = _mark(root, known)
                if marks:
                    data = serialised(root)
                    yield name, (data, _split(data, marks))

    # --- for each copy --------------------------------------------------------------------------------------------------

    def _pick(self, picks: Sequence[str]) -> tuple[Slide, ...]:
        if unknown := [each for each in picks if each not in self._by_id]:
            ids = ", ".join(self._by_id)
            raise Invalid(f"the template has no slide {unknown[0]!r}", f"it has {ids:.400}", field="pick")
        if len(set(picks)) < len(picks):
            raise Invalid("a slide was picked twice", "name each once", field="pick")
        return tuple(self._by_id[each] for each in picks) or self.slides

    def _left_out(self, picked: Iterable[Slide]) -> set[str]:
        return {each.part for each in self.slides} - {each.part for each in picked}

    def _kept(self, picked: tuple[Slide, ...]) -> set[str]:
        """The parts that the picked slides and the presentation lead to, with their relationships."""
        left_out = self._left_out(picked)
        found: set[str] = set()
        waiting = [""]
        while waiting:
            for each in self._named.get(waiting.pop(), ()):
                if not each.external and each.target not in found | left_out and each.target in self._package:
                    found.add(each.target)
                    waiting.append(each.target)
        return found | {rels for name in ("", *found) if (rels := rels_of(name)) in self._package}

    def _changed(
        self, picked: tuple[Slide, ...], values: Mapping[str, Mapping[str, Any]]
    ) -> tuple[dict[str, bytes], set[str]]:
        """The parts that differ from those of the template, and the fields that stay empty."""
        left_out, kept = self._left_out(picked), self._kept(picked)
        parts: dict[str, bytes] = {}
        missing: set[str] = set()
        for name in kept & set(self._marked):
            for each in self._texts[name]:
                if not isinstance(each, bytes):
                    missing |= {field.removeprefix(f"{OWN}.") for field in each.missing(values)}
            parts[name] = _filled(self._texts[name], values)
        for name in kept & set(self._named):
            gone = {each.id for each in self._named[name] if each.target in left_out and not each.external}
            if gone and name != self._presentation.part:
                parts[name] = _without(parts.get(name) or self._package.read(name), gone)
                parts[rels_of(name)] = self._relationships(name, gone)
        parts |= self._skeleton(picked, left_out)
        if APP in kept:
            parts[APP] = _properties(self._package.xml(APP), picked)
        return parts, missing

    def _skeleton(self, picked: tuple[Slide, ...], left_out: set[str]) -> dict[str, bytes]:
        name, named = self._presentation.part, self._presentation.relationships
        gone = {each.id for each in named if each.target in left_out}
        root = copy.deepcopy(self._presentation.root)
        _sweep(root, gone)
        order = {each.part: at for at, each in enumerate(picked)}
        targets = {each.id: each.target for each in named}
        listed = root.find("{*}sldIdLst")
        if listed is not None:
            listed[:] = sorted(listed, key=lambda each: order[targets[each.get(f"{{{R}}}id", "")]])
            _sections(root, [each.get("id", "") for each in listed])
        return {name: serialised(root), rels_of(name): self._relationships(name, gone)}

    def _relationships(self, name: str, gone: set[str]) -> bytes:
        root = self._package.xml(rels_of(name))
        for each in list(root):
            if each.get("Id") in gone:
                root.remove(each)
        return serialised(root)

    def _content_types(self, kept: set[str]) -> bytes:
        root = self._package.xml(CONTENT_TYPES)
        for each in list(root.iterchildren(f"{{{TYPES}}}Override")):
            if each.get("PartName", "").lstrip("/") not in kept:
                root.remove(each)
        return serialised(root)

    def _write_parts(self, archive: ArchiveWriter, kept: set[str], parts: Mapping[str, bytes]) -> None:
        run: list[Entry] = []
        for entry in self._entries:
            if entry.name not in kept:
                continue
            if entry.name in parts:
                archive.copy(self._package.fileno(), run)
                run = []
                archive.add(entry.name, parts[entry.name])
            else:
                run.append(entry)
        archive.copy(self._package.fileno(), run)


def _by_namespace(values: Values) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for field, value in values.items():
        namespace, dot, name = field.partition(".")
        found.setdefault(namespace if dot else OWN, {})[name if dot else namespace] = value
    return found


# --- texts ------------------------------------------------------------------------------------------------------------


def _mark(root: Element, known: merge.Fields | None) -> dict[str, merge.Template]:
    """Put a mark for each text with fields; what is not in the merge language stays as it is."""
    marks: dict[str, merge.Template] = {}
    for each in fields.gather(root):
        try:
            compiled = slides.compile_text(each.text or "", known)
        except merge.MergeError:
            continue
        mark = f"-{secrets.token_hex(12)}-"
        marks[mark], each.text = compiled, mark
    return marks


def _split(data: bytes, marks: Mapping[str, merge.Template]) -> Segments:
    pieces = re.split("|".join(marks).encode().join((b"(", b")")), data)
    return [marks[piece.decode()] if at % 2 else piece for at, piece in enumerate(pieces)]


def _filled(parts: Segments, values: Mapping[str, Mapping[str, Any]]) -> bytes:
    return b"".join(each if isinstance(each, bytes) else _escaped(each.render(values)) for each in parts)


def _escaped(text: str) -> bytes:
    return escape(LINE_END.sub(" ", NOT_XML.sub("", text))).encode()


# --- what was left out ------------------------------------------------------------------------------------------------


def _without(data: bytes, gone: set[str]) -> bytes:
    root = etree.fromstring(data)
    _sweep(root, gone)
    return serialised(root)


def _sweep(root: Element, gone: set[str]) -> None:
    """Take out the elements that name one of these relationships: an entry of a list, a link on a text or a shape."""
    for element in list(root.iter("{*}*")):
        parent = element.getparent()
        if parent is not None and any(
            str(key).startswith(f"{{{R}}}") and value in gone for key, value in element.attrib.items()
        ):
            parent.remove(element)


def _sections(root: Element, ids: list[str]) -> None:
    """Sections keep their slides where the order lets each be one stretch; otherwise the deck has none."""
    found = root.find(f".//{{{P14}}}sectionLst")
    if found is None:
        return
    for section in list(found):
        slides_of = section.find(f"{{{P14}}}sldIdLst")
        for each in list(slides_of) if slides_of is not None else ():
            if each.get("id") not in ids:
                slides_of.remove(each)  # type: ignore[union-attr]
        if slides_of is None or not len(slides_of):
            found.remove(section)
        else:
            slides_of[:] = sorted(slides_of, key=lambda each: ids.index(each.get("id", "")))
    if [each.get("id") for each in found.iter(f"{{{P14}}}sldId")] != ids:
        extension = found.getparent()
        if extension is not None and (extensions := extension.getparent()) is not None:
            extensions.remove(extension)


def _properties(root: Element, picked: tuple[Slide, ...]) -> bytes:
    """Counts of this copy; the list of titles, which may be left out, would name what is not in it."""
    counts = {"Slides": len(picked), "HiddenSlides": sum(each.hidden for each in picked)}
    for each in list(root):
        name = str(each.tag).rpartition("}")[2]
        if name in ("TitlesOfParts", "HeadingPairs", "Words", "Paragraphs", "Notes"):
            root.remove(each)
        elif name in counts:
            each.text = str(counts[name])
    return serialised(root)
