"""What holds a presentation together, made anew for each copy: the list of slides, sections, properties, types of parts.

Nothing in it names what was left out.
"""

import copy
from collections.abc import Collection, Mapping, Sequence
from xml.sax.saxutils import quoteattr

from cms_sales_enablement.pptx.fields import serialised, within
from cms_sales_enablement.pptx.package import (
    RELATIONSHIPS,
    TYPES,
    Element,
    Package,
)
from cms_sales_enablement.pptx.pieces import Hole, Marks
from cms_sales_enablement.pptx.slides import P14, Presentation, Slide

APP = "docProps/app.xml"
MAIN = "application/vnd.openxmlformats-officedocument.presentationml.presentation.main+xml"
NOT_OF_A_COPY = frozenset(
    "TitlesOfParts HeadingPairs Words Paragraphs Notes Company Manager Template HyperlinkBase TotalTime".split()
)
PROGRAMS = ("vbaProject", "activeX", "activeX+xml")  # types of which no part is left
DECLARATION = b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'


class Skeleton:
    """The skeleton of one template, compiled once."""

    def __init__(self, package: Package, presentation: Presentation) -> None:
        root = presentation.root
        listed = root.iterfind("{*}sldIdLst/{*}sldId")
        self._slides = {
            part: (each.get("id", ""), within(each, root))
            for part, each in zip(presentation.slides.values(), listed, strict=True)
        }
        found = root.find(f".//{{{P14}}}sectionLst")
        self._root, self._sections = root, found.getparent() if found is not None else None
        self._app = package.xml(APP) if APP in package else None
        self._types = package.types
        self._endings = {
            ending: type_ for ending, type_ in self._types.by_ending.items() if not type_.endswith(PROGRAMS)
        }
        self._defaults = b"".join(_default(ending, type_) for ending, type_ in self._endings.items())
        self._overrides = {name: _override(name, type_) for name, type_ in self._types.by_name.items()}
        main = presentation.part
        self._overrides[main] = _override(main, MAIN)  # whatever the template is, a copy is a presentation

    @staticmethod
    def mark(root: Element, marks: Marks) -> None:
        """Mark where the main part lists slides and sections."""
        listed = root.find("{*}sldIdLst")
        if listed is not None:
            listed[:] = []
            listed.text = marks.put(Hole("slides"))
        sections = root.find(f".//{{{P14}}}sectionLst")
        extension = sections.getparent() if sections is not None else None
        extensions = extension.getparent() if extension is not None else None
        if extension is not None and extensions is not None:
            extensions.remove(extension)
            extensions.text = marks.put(Hole("sections"))

    def holes(self, picked: Sequence[Slide]) -> dict[str, bytes]:
        """What stands at the marks in a copy with these slides."""
        listed = [self._slides[each.part] for each in picked]
        sections = _sections(self._sections, [id_ for id_, _ in listed])
        return {
            "slides": b"".join(said for _, said in listed),
            "sections": within(sections, self._root) if sections is not None else b"",
        }

    def properties(self, picked: Sequence[Slide]) -> dict[str, bytes]:
        """The part with the properties that programs keep, if there is one."""
        return {} if self._app is None else {APP: _properties(copy.deepcopy(self._app), picked)}

    def types(self, kept: Collection[str], added: Mapping[str, str]) -> bytes:
        """The list of types: of the parts of the template that are kept, and of those that are new, by name."""
        overrides = [said for name, said in self._overrides.items() if name in kept]
        known: dict[str, str] = {}
        for name, type_ in added.items():
            ending = _ending(name)
            if (self._endings.get(ending) or known.setdefault(ending, type_)) != type_:
                overrides.append(_override(name, type_))
        defaults = [self._defaults, *(_default(ending, type_) for ending, type_ in known.items())]
        return b"%b<Types xmlns=%b>%b</Types>" % (
            DECLARATION, quoteattr(TYPES).encode(), b"".join(defaults + overrides),
        )  # fmt: skip


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


def _sections(extension: Element | None, ids: list[str]) -> Element | None:
    """Sections keep their slides where the order lets each be one stretch; otherwise the deck has none."""
    if extension is None:
        return None
    extension = copy.deepcopy(extension)
    for section in list(extension.iter(f"{{{P14}}}section")):
        kept = [each for each in section.iter(f"{{{P14}}}sldId") if each.get("id") in ids]
        holder = section.find(f"{{{P14}}}sldIdLst")
        if holder is not None and kept:
            holder[:] = sorted(kept, key=lambda each: ids.index(each.get("id", "")))
        elif (parent := section.getparent()) is not None:
            parent.remove(section)
    found = [each.get("id") for each in extension.iter(f"{{{P14}}}sldId")]
    return extension if found == ids else None


def _properties(root: Element, picked: Sequence[Slide]) -> bytes:
    """Counts of this copy. The list of titles would name what is not in it, and others who has made the presentation."""
    counts = {"Slides": len(picked), "HiddenSlides": sum(each.hidden for each in picked)}
    for each in list(root):
        name = str(each.tag).rpartition("}")[2]
        if name in NOT_OF_A_COPY:
            root.remove(each)
        elif name in counts:
            each.text = str(counts[name])
    return serialised(root)
