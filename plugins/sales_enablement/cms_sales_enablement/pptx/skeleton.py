"""What holds a presentation together, made anew for each copy: the list of slides, sections, properties, types of parts.

Nothing in it names what was left out.
"""

import copy
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from xml.sax.saxutils import quoteattr

from lxml import etree

from cms_sales_enablement.pptx.compiling import rows_of
from cms_sales_enablement.pptx.fields import serialised
from cms_sales_enablement.pptx.package import (
    RELATIONSHIPS,
    TYPES,
    Element,
    Package,
    rels_of,
)
from cms_sales_enablement.pptx.slides import P14, Presentation, R, Slide

APP = "docProps/app.xml"
MAIN = "application/vnd.openxmlformats-officedocument.presentationml.presentation.main+xml"
NAMING = etree.XPath("//*[@r:*]", namespaces={"r": R})
DECLARATION = b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'


class Skeleton:
    """The skeleton of one template, compiled once."""

    def __init__(self, package: Package, presentation: Presentation) -> None:
        self._presentation = presentation
        self._rows = rows_of(package, presentation.part)
        self._targets = {each.id: each.target for each in presentation.relationships}
        self._app = package.xml(APP) if APP in package else None
        self._types = package.types
        self._overrides = {name: _override(name, type_) for name, type_ in self._types.by_name.items()}
        self._overrides[presentation.part] = _override(
            presentation.part, MAIN
        )  # whatever it was, a copy is one

    def parts(self, picked: Sequence[Slide], left_out: Collection[str]) -> dict[str, bytes]:
        """The parts that name the slides that were picked."""
        name, named = self._presentation.part, self._presentation.relationships
        gone = {each.id for each in named if each.target in left_out}
        rows = [row for row, each in zip(self._rows, named, strict=True) if each.id not in gone]
        parts = {name: self._main(picked, gone), rels_of(name): relationships_part(rows)}
        if self._app is not None:
            parts[APP] = _properties(copy.deepcopy(self._app), picked)
        return parts

    def types(self, kept: Collection[str], added: Mapping[str, str]) -> bytes:
        """The list of types: of the parts of the template that are kept, and of those that are new, by name."""
        endings = {_ending(each) for each in (*kept, *added)}
        known = {key: type_ for key, type_ in self._types.by_ending.items() if key in endings}
        overrides = [said for name, said in self._overrides.items() if name in kept]
        for name, type_ in added.items():
            if known.setdefault(_ending(name), type_) != type_:
                overrides.append(_override(name, type_))
        defaults = [_default(ending, type_) for ending, type_ in known.items()]
        return b"%b<Types xmlns=%b>%b</Types>" % (
            DECLARATION, quoteattr(TYPES).encode(), b"".join(defaults + overrides),
        )  # fmt: skip

    def _main(self, picked: Sequence[Slide], gone: Collection[str]) -> bytes:
        root = copy.deepcopy(self._presentation.root)
        _sweep(root, gone)
        order = {each.part: at for at, each in enumerate(picked)}
        listed = root.find("{*}sldIdLst")
        if listed is not None:
            listed[:] = sorted(listed, key=lambda each: order[self._targets[each.get(f"{{{R}}}id", "")]])
            _sections(root, [each.get("id", "") for each in listed])
        return serialised(root)


def relationships_part(rows: Sequence[bytes]) -> bytes:
    """A part of relationships."""
    return b"%b<Relationships xmlns=%b>%b</Relationships>" % (
        DECLARATION, quoteattr(RELATIONSHIPS).encode(), b"".join(rows),
    )  # fmt: skip


def _ending(name: str) -> str:
    return name.rpartition(".")[2].lower()


def _override(name: str, type_: str) -> bytes:
    return f"<Override PartName={quoteattr(f'/{name}')} ContentType={quoteattr(type_)}/>".encode()


def _default(ending: str, type_: str) -> bytes:
    return f"<Default Extension={quoteattr(ending)} ContentType={quoteattr(type_)}/>".encode()


def _sweep(root: Element, gone: Collection[str]) -> None:
    """Take out the elements that name one of these relationships: an entry of a list, a link."""
    found: Any = NAMING(root)
    for element in found if gone else ():
        parent = element.getparent()
        if parent is not None and any(
            value in gone for key, value in element.attrib.items() if key.startswith(f"{{{R}}}")
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


def _properties(root: Element, picked: Sequence[Slide]) -> bytes:
    """Counts of this copy; the list of titles, which may be left out, would name what is not in it."""
    counts = {"Slides": len(picked), "HiddenSlides": sum(each.hidden for each in picked)}
    for each in list(root):
        name = str(each.tag).rpartition("}")[2]
        if name in ("TitlesOfParts", "HeadingPairs", "Words", "Paragraphs", "Notes"):
            root.remove(each)
        elif name in counts:
            each.text = str(counts[name])
    return serialised(root)
