"""Whether a presentation is whole: what PowerPoint would want to repair, and what must not reach a buyer.

The rules are those of ECMA-376 parts 1 and 2 that broken writers break: each is cheap, so that every deck that leaves is checked.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from cms_sales_enablement.pptx.findings import Finding, Level
from cms_sales_enablement.pptx.package import (
    CONTENT_TYPES,
    Element,
    Package,
    PackageRefused,
    Relationship,
    rels_of,
    source_of,
)

OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
STRICT_OFFICE = "http://purl.oclc.org/ooxml/officeDocument/relationships"
P14 = "http://schemas.microsoft.com/office/powerpoint/2010/main"
LINK_SCHEMES = ("http", "https", "mailto")
ACTIVE = {"vbaProject": "macro", "wordVbaData": "macro", "control": "active_x", "oleObject": "ole"}
ACTION = b"ppaction://"
PROGRAMS = ("ppaction://macro", "ppaction://program", "ppaction://ole")
SHAPES = ("ppt/slides/", "ppt/slideLayouts/", "ppt/slideMasters/", "ppt/notesSlides/")


def check_file(path: Path) -> list[Finding]:
    """All that can be said of a file; one that cannot even be read has a single finding."""
    try:
        with Package(path) as package:
            return check(package)
    except PackageRefused as refused:
        return [Finding(Level.ERROR, refused.code, refused.where, refused.message)]


def check(package: Package) -> list[Finding]:
    """The findings of an open file, by rule and in the order of its parts; raises PackageRefused for what cannot be read."""
    deck = _Deck(package)
    return [finding for rule in RULES for finding in rule(deck)]


class _Deck:
    """What the rules ask for. The relationships are read once; of the trees there is never more than one at a time."""

    def __init__(self, package: Package) -> None:
        self.package = package
        self.relationships = {
            name: package.relationships(name)
            for name in ("", *package.names)
            if not name.endswith(".rels") and rels_of(name) in package
        }
        self.presentation = next(
            (each.target for each in self.relationships.get("", []) if each.kind == "officeDocument"), ""
        )

    def trees(self) -> Iterator[tuple[str, Element]]:
        """Each XML part with its root."""
        return ((name, self.package.xml(name)) for name in self.package.names if name.endswith(".xml"))

    def main(self) -> Element | None:
        """The root of the presentation, where there is one."""
        return self.package.xml(self.presentation) if self.presentation in self.package else None

    def all_relationships(self) -> Iterator[tuple[str, Relationship]]:
        """Each with the part that names it."""
        return ((source, each) for source, found in self.relationships.items() for each in found)

    def reachable(self) -> set[str]:
        """The parts that something leads to."""
        found: set[str] = set()
        waiting = [""]
        while waiting:
            for each in self.relationships.get(waiting.pop(), ()):
                if not each.external and each.target not in found:
                    found.add(each.target)
                    waiting.append(each.target)
        return found


def _presentation(deck: _Deck) -> Iterator[Finding]:
    root = deck.main()
    if root is None or _local(root) != "presentation":
        yield Finding(Level.ERROR, "no_presentation", deck.presentation, "it holds no presentation")


def _dangling(deck: _Deck) -> Iterator[Finding]:
    for source, each in deck.all_relationships():
        if not each.external and each.target not in deck.package and each.target != "NULL":
            said = f"{each.id} leads to {each.target}, which is not there"
            yield Finding(Level.ERROR, "dangling_relationship", source, said)


def _doubled_ids(deck: _Deck) -> Iterator[Finding]:
    for source, found in deck.relationships.items():
        for id_, count in Counter(each.id for each in found).items():
            if count > 1:
                yield Finding(Level.ERROR, "duplicate_relationship", source, f"{id_} is there {count} times")


def _unknown_ids(deck: _Deck) -> Iterator[Finding]:
    for name, root in deck.trees():
        known = {each.id for each in deck.relationships.get(name, ())}
        used = {
            value
            for element in root.iter()
            for key, value in element.attrib.items()
            if _is_reference(str(key))
        }
        for id_ in sorted(str(each) for each in used - known - {""}):
            yield Finding(
                Level.ERROR, "unknown_relationship", name, f"it names {id_}, which it does not declare"
            )


def _is_reference(key: str) -> bool:
    return key.startswith((f"{{{OFFICE}}}", f"{{{STRICT_OFFICE}}}"))


def _types(deck: _Deck) -> Iterator[Finding]:
    types = deck.package.types
    for name in types.by_name:
        if name not in deck.package:
            yield Finding(
                Level.ERROR, "type_without_part", name, "a type is declared for it, but it is not there"
            )
    for name in deck.package.names:
        if name != CONTENT_TYPES and not types.of_part(name):
            yield Finding(Level.ERROR, "part_without_type", name, "no type is declared for it")


def _orphans(deck: _Deck) -> Iterator[Finding]:
    reachable = deck.reachable() | {"", CONTENT_TYPES}
    for name in deck.package.names:
        owner = source_of(name) if name.endswith(".rels") else name
        if owner not in reachable:
            yield Finding(Level.WARNING, "orphan_part", name, "nothing leads to it")


def _shape_ids(deck: _Deck) -> Iterator[Finding]:
    for name, root in deck.trees():
        if name.startswith(SHAPES):
            ids = Counter(each.get("id") for each in root.iter("{*}cNvPr"))
            doubled = sorted(str(id_) for id_, count in ids.items() if count > 1)
            if doubled:
                said = f"shapes share their ids: {', '.join(doubled)}"
                yield Finding(Level.WARNING, "duplicate_shape_id", name, said)


def _slides(deck: _Deck) -> Iterator[Finding]:
    root = deck.main()
    if root is None:
        return
    listed = [each.get("id", "") for each in root.iterfind("{*}sldIdLst/{*}sldId")]
    for id_, count in Counter(listed).items():
        if count > 1:
            yield Finding(
                Level.ERROR, "duplicate_slide_id", deck.presentation, f"two slides have the id {id_}"
            )
    for each in root.iter(f"{{{P14}}}sldId"):
        if each.get("id", "") not in listed:
            said = f"a section names the slide {each.get('id')}, which is not there"
            yield Finding(Level.ERROR, "stale_section", deck.presentation, said)


def _active(deck: _Deck) -> Iterator[Finding]:
    for source, each in deck.all_relationships():
        if code := active(deck.package, source, each):
            yield Finding(
                Level.ERROR, code, source, f"it carries a program or a foreign object: {each.target}"
            )


def _actions(deck: _Deck) -> Iterator[Finding]:
    for name in deck.package.names:
        if name.endswith(".xml") and ACTION in deck.package.read(name):
            for link in starting_programs(deck.package.xml(name)):
                said = f"a click starts a program: {link.get('action', ''):.200}"
                yield Finding(Level.ERROR, "macro", name, said)


def starting_programs(root: Element) -> list[Element]:
    """The links that start a program, or a macro, instead of leading somewhere."""
    return [each for each in root.iter("{*}*") if each.get("action", "").startswith(PROGRAMS)]


def active(package: Package, source: str, relationship: Relationship) -> str:
    """The code of what a part carries along: a program, or an object that a foreign program opens; or ""."""
    if relationship.kind != "package" or relationship.external:
        return ACTIVE.get(relationship.kind, "")
    if "macroEnabled" in package.types.of_part(relationship.target):
        return "macro"
    return "" if "chart" in package.types.of_part(source) else "ole"  # a chart's workbook is its data


def outside(relationship: Relationship) -> str:
    """The code of an address outside that is none for people: fetched unasked, or no link; or ""."""
    if not relationship.external:
        return ""
    if relationship.kind != "hyperlink":
        return "external"
    scheme = relationship.target.partition(":")[0].strip().lower()
    return "" if scheme in LINK_SCHEMES else "bad_link"


def _outside(deck: _Deck) -> Iterator[Finding]:
    for source, each in deck.all_relationships():
        code = outside(each)
        if code == "external":
            said = (
                f"its {each.kind} lies outside of the file, and is fetched by whoever opens it: {each.target}"
            )
            yield Finding(Level.ERROR, code, source, said)
        elif code:
            yield Finding(Level.ERROR, code, source, f"a link that is none for people: {each.target:.200}")


def _local(element: Element) -> str:
    return str(element.tag).rsplit("}", 1)[-1]


RULES: tuple[Callable[[_Deck], Iterator[Finding]], ...] = (
    _presentation,
    _dangling,
    _doubled_ids,
    _unknown_ids,
    _types,
    _orphans,
    _slides,
    _shape_ids,
    _active,
    _actions,
    _outside,
)
