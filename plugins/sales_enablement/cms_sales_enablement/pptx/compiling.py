"""Taking a part of a template apart, once: where its texts, pictures, rows and jumps are, and what it leads to."""

import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from xml.sax.saxutils import quoteattr

from cms_core import merge
from cms_sales_enablement.pptx import fields, slots
from cms_sales_enablement.pptx.fields import A, serialised
from cms_sales_enablement.pptx.findings import Finding, Level
from cms_sales_enablement.pptx.lint import OFFICE, STRICT_OFFICE
from cms_sales_enablement.pptx.package import RELATIONSHIPS, Element, Package, Relationship, rels_of
from cms_sales_enablement.pptx.pieces import (
    Hole,
    Ids,
    Jump,
    Marks,
    PictureOnly,
    PicturePlace,
    Pieces,
    TablePlace,
    Text,
)
from cms_sales_enablement.pptx.slides import compile_parts
from cms_sales_enablement.pptx.slots import Kind, P, Slot

HOLES = ("id", "box")


@dataclass(frozen=True)
class ChartUse:
    """A chart that a slide shows, by which relationship, and the field that it is, or ""."""

    slide: str
    id: str
    field: str


@dataclass(frozen=True)
class Compiled:
    """A part that copies may change. ``ids`` counts how often each relationship is named; new ids begin with ``prefix``."""

    name: str
    pieces: Pieces
    relationships: tuple[Relationship, ...]
    rows: tuple[bytes, ...]  # the same, as they are stored
    ids: Ids
    prefix: str
    rels: str  # the part that holds its relationships
    slots: tuple[Slot, ...]
    charts: tuple[ChartUse, ...]
    findings: tuple[Finding, ...]

    @property
    def is_constant(self) -> bool:
        """Whether it stands in every copy as it is, and there is nothing to be said of it."""
        return all(isinstance(each, bytes) for each in self.pieces) and not self.charts and not self.findings


class Compiler:
    """Compiles the parts of one template. ``on_slides`` says which parts are slides; ``known`` the registered fields."""

    def __init__(self, package: Package, on_slides: set[str], known: merge.Fields | None) -> None:
        self._package, self._slides, self._known = package, on_slides, known
        self._nonce = secrets.token_hex(12)

    def compile(
        self,
        name: str,
        laid_out_on: tuple[str, ...] = (),
        *,
        texts: bool,
        mark: Callable[[Element, Marks], None] = lambda *_: None,
    ) -> Compiled:
        """Take a part apart; ``texts``: with the fields in its texts, as on slides and notes; ``mark`` puts marks of its own."""
        root = self._package.xml(name)
        below = tuple(map(self._package.xml, laid_out_on))
        named = tuple(self._package.relationships(name))
        marks, found, findings = Marks(self._nonce), list[Slot](), list[Finding]()
        charts = tuple(ChartUse(name, id_, field) for id_, field in slots.charts(root)) if texts else ()
        ids = ids_of(root)
        if texts:
            gathered = fields.gather(root)
            found += self._shapes(root, below, marks)
            self._tables(root, marks, found)
        pictures = list(slots.pictures(root))
        for shape, field, explicit in pictures:
            self._replace(shape, field, explicit, below, marks)
        found += [Slot(field, Kind.PICTURE) for _, field, _ in pictures]
        if texts:
            as_pictures = {each.name for each in found}
            found = [*self._texts(name, gathered, marks, as_pictures, findings), *found]
        mark(root, marks)
        self._jumps(root, named, marks)
        return Compiled(
            name=name,
            pieces=marks.split(serialised(root)),
            relationships=named,
            rows=rows_of(self._package, name),
            ids=ids,
            prefix=_prefix(named),
            rels=rels_of(name),
            slots=tuple(dict.fromkeys(found)),
            charts=charts,
            findings=tuple(findings),
        )

    def _texts(
        self, name: str, gathered: list[Element], marks: Marks, others: set[str], findings: list[Finding]
    ) -> Iterator[Slot]:
        """Put a mark for each text with fields; a field that is not in the merge language stays as it is."""
        for each in gathered:
            text, said = each.text or "", ""
            for part, found in compile_parts(text, self._known):
                if isinstance(found, merge.MergeError):
                    words = f"{part:.80}: {found.message.rstrip('.')}. It stays as it is."
                    findings.append(Finding(Level.WARNING, "bad_field", name, words))
                if not isinstance(found, merge.Template):
                    said += part
                    continue
                said += marks.put(Text(found))
                for field in sorted(found.fields):
                    bare = field.removeprefix(f"{fields.OWN}.")
                    if bare not in others or fields.exact(text) != bare:
                        yield Slot(bare, Kind.TEXT)
            each.text = said

    def _shapes(self, root: Element, below: tuple[Element, ...], marks: Marks) -> Iterator[Slot]:
        """Texts that a picture may replace; who is asked for a logo is asked for a picture."""
        for shape, field in list(slots.texts(root)):
            if slots.box_of(shape, below) is None:
                continue
            self._replace(shape, field, False, below, marks)
            number = shape.find("*/{*}cNvPr")
            if number is not None:
                _mark_builds(root, number.get("id", ""), field, marks)
            if field.rpartition(".")[2] == slots.LOGO:
                yield Slot(field, Kind.PICTURE)

    def _replace(
        self, shape: Element, field: str, explicit: bool, below: tuple[Element, ...], marks: Marks
    ) -> None:
        box = slots.box_of(shape, below)
        new = slots.picture_instead(shape, box, {hole: marks.put(Hole(hole)) for hole in HOLES})
        lost = ids_of(shape) - ids_of(new)
        marks.replacing(shape, shape, new, PicturePlace(field, explicit, box, lost))

    def _tables(self, root: Element, marks: Marks, found: list[Slot]) -> None:
        for table, field in list(slots.tables(root)):
            rows = table.findall(f"{{{A}}}tr")
            columns = len(rows[-1].findall(f"{{{A}}}tc"))
            model = slots.row_instead(rows[-1], [marks.put(Hole(str(at))) for at in range(columns)])
            lost = sum((ids_of(each) for each in rows[1:]), Counter[str]())
            place = TablePlace(field, columns, lost)
            if len(rows) == 1:
                marks.following(rows[0], model, place)
            else:
                marks.replacing(rows[1], rows[-1], model, place)
            found.append(Slot(field, Kind.TABLE))

    def _jumps(self, root: Element, named: tuple[Relationship, ...], marks: Marks) -> None:
        targets = {
            each.id: each.target for each in named if not each.external and each.target in self._slides
        }
        if not targets:
            return
        for element in list(root.iter("{*}*")):
            ids = [
                str(value)
                for key, value in element.attrib.items()
                if _is_reference(str(key)) and value in targets
            ]
            if ids and element.getparent() is not None:
                marks.around(element, element, Jump(targets[ids[0]], Counter(ids)))


def _mark_builds(root: Element, number: str, field: str, marks: Marks) -> None:
    """Animations of the paragraphs of a text mean nothing for a picture."""
    for target in list(root.iter(f"{{{P}}}spTgt")):
        if target.get("spid") == number:
            for each in list(target.iterchildren(f"{{{P}}}txEl")):
                marks.around(each, each, PictureOnly(field))
    for builds in list(root.iter(f"{{{P}}}bldLst")):
        found = [each for each in builds.iterchildren("{*}*") if each.get("spid") == number]
        if found and len(found) == len(list(builds.iterchildren("{*}*"))):
            marks.around(builds, builds, PictureOnly(field))
        else:
            for each in found:
                marks.around(each, each, PictureOnly(field))


def ids_of(root: Element) -> Ids:
    """How often a tree names each relationship."""
    return Counter(
        str(value)
        for element in root.iter("{*}*")
        for key, value in element.attrib.items()
        if _is_reference(str(key))
    )


def _is_reference(key: str) -> bool:
    return key.startswith((f"{{{OFFICE}}}", f"{{{STRICT_OFFICE}}}"))


def rows_of(package: Package, name: str) -> tuple[bytes, ...]:
    """The relationships of a part, each as it is stored."""
    if rels_of(name) not in package:
        return ()
    found = package.xml(rels_of(name)).iterchildren(f"{{{RELATIONSHIPS}}}Relationship")
    return tuple(row({str(key): str(value) for key, value in each.attrib.items()}) for each in found)


def row(attributes: Mapping[str, str]) -> bytes:
    """A relationship as it is stored."""
    said = "".join(f" {key}={quoteattr(value)}" for key, value in attributes.items())
    return f"<Relationship{said}/>".encode()


def _prefix(named: tuple[Relationship, ...]) -> str:
    prefix = "filled"
    while any(each.id.startswith(prefix) for each in named):
        prefix += "x"
    return prefix
