"""The slides of a presentation: in which order they stand, what they say, where they lead and which fields they hold."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from cms_core import merge
from cms_sales_enablement.pptx import fields
from cms_sales_enablement.pptx.fields import OWN
from cms_sales_enablement.pptx.package import Element, Package, PackageRefused, Relationship
from cms_sales_enablement.pptx.slots import Slot

P14 = "http://schemas.microsoft.com/office/powerpoint/2010/main"
R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
TITLES = ("title", "ctrTitle")
BARE = re.compile(r"(\{\{-?\s*)([A-Za-z_][A-Za-z0-9_]*)(?=\s*(?:\||-?\}\}))")
NUMBER = re.compile(r"[0-9]{1,10}")
NAMESPACE = re.compile(r"\b([A-Za-z_][A-Za-z0-9_]*)\.[A-Za-z_]")


@dataclass(frozen=True)
class Slide:
    """One slide as people and programs name it. ``id`` stays the same when the file is saved anew; ``number`` counts from 1."""

    id: str
    number: int
    part: str
    title: str
    text: str
    notes: str
    slots: tuple[Slot, ...]
    jumps: tuple[int, ...]
    hidden: bool

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that it asks for, whatever they take."""
        return tuple(dict.fromkeys(each.name for each in self.slots))


@dataclass(frozen=True)
class Presentation:
    """The skeleton: its main part, what that names, and the parts of the slides by their id in the show."""

    part: str
    root: Element
    relationships: tuple[Relationship, ...]
    slides: Mapping[str, str]  # p:sldId/@id → part, in order

    @classmethod
    def of(cls, package: Package) -> "Presentation":
        """Raises PackageRefused for a file that holds no presentation."""
        part = next((each.target for each in package.relationships() if each.kind == "officeDocument"), "")
        if part not in package:
            raise PackageRefused("no_presentation", "it holds no presentation")
        root = package.xml(part)
        named = tuple(package.relationships(part))
        by_id = {each.id: each.target for each in named if each.kind == "slide" and not each.external}
        listed = [
            (each.get("id", ""), each.get(f"{{{R}}}id", "")) for each in root.iterfind("{*}sldIdLst/{*}sldId")
        ]
        for _, relation in listed:
            if by_id.get(relation, "") not in package:
                raise PackageRefused(
                    "dangling_relationship", f"the slide {relation} is not there", where=part
                )
        if odd := [id_ for id_, _ in listed if not NUMBER.fullmatch(id_)]:
            raise PackageRefused("bad_slide_id", f"a slide has the number {odd[0]!r:.40}", where=part)
        for at, said in enumerate(("have the same number", "are the same part")):
            if len({each[at] for each in listed}) < len(listed):
                raise PackageRefused("duplicate_slide_id", f"two of its slides {said}", where=part)
        return cls(part, root, named, {id_: by_id[relation] for id_, relation in listed})


def read_slides(
    package: Package, presentation: Presentation, slots: Mapping[str, tuple[Slot, ...]]
) -> list[Slide]:
    """The slides in the order of the show; ``slots`` are those of each part."""
    numbers = {part: number for number, part in enumerate(presentation.slides.values(), 1)}
    found: dict[str, Slide] = {}
    for id_, part in presentation.slides.items():
        slide = _slide(package, id_, part, numbers, slots.get(part, ()))
        slide = (
            replace(slide, id=f"{slide.id}-{id_}") if slide.id in found else slide
        )  # a copy made within the file
        found[slide.id] = slide
    return list(found.values())


def _slide(
    package: Package, id_: str, part: str, numbers: Mapping[str, int], slots: tuple[Slot, ...]
) -> Slide:
    root = package.xml(part)
    named = package.relationships(part)
    notes = next((each.target for each in named if each.kind == "notesSlide" and each.target in package), "")
    fields.gather(root)
    lines = [line for each in fields.paragraphs(root) if (line := fields.text_of(each)).strip()]
    return Slide(
        id=_lasting_id(root) or id_,
        number=numbers[part],
        part=part,
        title=_title(root) or " ".join("".join(lines[:1]).split()) or f"Slide {numbers[part]}",
        text="\n".join(lines),
        notes=_notes(package.xml(notes)) if notes else "",
        slots=slots,
        jumps=tuple(
            dict.fromkeys(
                numbers[each.target] for each in named if each.kind == "slide" and each.target in numbers
            )
        ),
        hidden=root.get("show") in ("0", "false"),
    )


def _lasting_id(root: Element) -> str:
    """PowerPoint gives each slide a number that survives moving and copying of the file, where it has written the slide."""
    found = root.find(f".//{{{P14}}}creationId")
    number = found.get("val", "") if found is not None else ""
    return number if NUMBER.fullmatch(number) else ""


def _title(root: Element) -> str:
    for shape in root.iter("{*}sp"):
        place = shape.find("{*}nvSpPr/{*}nvPr/{*}ph")
        if place is not None and place.get("type") in TITLES:
            return " ".join(" ".join(map(fields.text_of, fields.paragraphs(shape))).split())
    return ""


def _notes(root: Element) -> str:
    for shape in root.iter("{*}sp"):
        place = shape.find("{*}nvSpPr/{*}nvPr/{*}ph")
        if place is not None and place.get("type") == "body":
            return "\n".join(map(fields.text_of, fields.paragraphs(shape))).strip()
    return ""


def compile_parts(
    text: str, known: merge.Fields | None = None
) -> Iterator[tuple[str, merge.Template | merge.MergeError | None]]:
    """A text as one template, or where it is not in the merge language its fields one by one, and the words between (None).

    A field without a namespace is the deck's own, and one that nobody has registered may be set by hand.
    """
    whole = _compiled(text, known)
    if isinstance(whole, merge.Template):
        yield text, whole
        return
    for at, part in enumerate(fields.FIELD.split(text)):
        yield part, _compiled(part, known) if at % 2 else None


def _compiled(text: str, known: merge.Fields | None) -> merge.Template | merge.MergeError:
    source = BARE.sub(rf"\1{OWN}.\2", text)
    nobody = merge.Namespace({})
    named = {
        **dict.fromkeys(NAMESPACE.findall(source), nobody),
        **(known.namespaces if known else {}),
        OWN: nobody,
    }
    there = {name: replace(each, open=True) for name, each in named.items()}
    try:
        return merge.compile(source, merge.Fields(there), escape=merge.Escape.NONE)
    except merge.MergeError as fault:
        return fault
