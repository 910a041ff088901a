"""Taking out of a presentation what must not reach a buyer: programs, foreign objects, and what is fetched from outside.

What names such a thing goes with it, so that the file stays whole: a link, a linked picture, the frame of an object. An object that
shows a picture of itself becomes that picture. Shapes keep their numbers; animations of what is gone go too.
"""

import copy
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from cms_sales_enablement.pptx.fields import A, serialised
from cms_sales_enablement.pptx.findings import Finding, Level
from cms_sales_enablement.pptx.lint import (
    ACTION,
    OFFICE,
    STRICT_OFFICE,
    active,
    check,
    outside,
    starting_programs,
)
from cms_sales_enablement.pptx.package import RELATIONSHIPS, Element, Package, Relationship, rels_of
from cms_sales_enablement.pptx.timing import forget, take_out

P = "http://schemas.openxmlformats.org/presentationml/2006/main"
MC = "http://schemas.openxmlformats.org/markup-compatibility/2006"
FRAME, PICTURE = f"{{{P}}}graphicFrame", f"{{{P}}}pic"
SHAPES = (FRAME, PICTURE, f"{{{P}}}sp", f"{{{P}}}cxnSp", f"{{{P}}}grpSp", f"{{{P}}}contentPart")
HOLLOW = ("ext", "extLst", "stSnd", "sndAc")
# Kinds of relationships that say something of who made the presentation.
OF_THE_HOUSE = ("thumbnail", "custom-properties", "printerSettings")
NO_PROPERTIES = (
    b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\r\n'
    b'<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties"/>'
)
SAID = {
    "macro": "a program was taken out",
    "active_x": "a control that runs a program was taken out",
    "ole": "an object of another program was taken out",
    "external": "what it fetches from outside was taken out",
    "bad_link": "a link that is none for people was taken out",
}


class SafePackage(Package):
    """An open file as a buyer may have it: its parts read as if they had always been without what must not go out.

    ``findings`` are those of the file as it is; ``stripped`` what was taken out, by the part that held it.
    """

    def __init__(self, path: Path, without: Collection[str] = ()) -> None:
        """``without``: kinds of relationships that are taken out too with what they lead to, and not told."""
        super().__init__(path)
        self._without = frozenset((*without, *OF_THE_HOUSE))
        self.changed: dict[str, bytes] = {}
        self._named: dict[str, list[Relationship]] = {}
        try:
            self.findings = tuple(check(self))
            self.stripped = tuple(self._strip())
            self._forget_who_made_it()
        except BaseException:
            self.close()
            raise

    def read(self, name: str) -> bytes:
        """The bytes of a part, or what became of it."""
        return self.changed.get(name) or super().read(name)

    def relationships(self, source: str = "") -> list[Relationship]:
        """What a part names, read once."""
        if source not in self._named:
            self._named[source] = super().relationships(source)
        return self._named[source]

    def _forget_who_made_it(self) -> None:
        """Title, author and remarks are those of the presentation, and no matter of a deck's reader."""
        for each in self.relationships():
            if each.kind == "core-properties" and each.target in self:
                self.changed[each.target] = NO_PROPERTIES

    def _strip(self) -> Iterator[Finding]:
        for name in ("", *self.names):
            if name.endswith(".rels") or (rels_of(name) not in self and not name.startswith("ppt/")):
                continue
            named = self.relationships(name)
            codes = [active(self, name, each) or outside(each) for each in named]
            found = {code for code in codes if code}
            if name.endswith(".xml"):
                found |= self._strip_part(
                    name, {each.id for each, code in zip(named, codes, strict=True) if code}
                )
            drawn = bool(
                found & {"ole", "active_x"}
            )  # drawings of old, which only these use; no element names them
            gone = [
                bool(code) or each.kind in self._without or (drawn and each.kind == "vmlDrawing")
                for each, code in zip(named, codes, strict=True)
            ]
            if any(gone):
                self._strip_relationships(name, gone)
            for code in sorted(found):
                yield Finding(Level.WARNING, code, name, SAID[code])

    def _strip_part(self, name: str, bad: set[str]) -> set[str]:
        if not bad and not any(word in self.read(name) for word in WORDS):
            return set()
        root = self.xml(name)
        found = strip(root, bad)
        if found or bad:
            self.changed[name] = serialised(root)
        return found

    def _strip_relationships(self, name: str, gone: Sequence[bool]) -> None:
        """By their order: a broken file may give an id twice."""
        root = self.xml(rels_of(name))
        found = list(root.iterchildren(f"{{{RELATIONSHIPS}}}Relationship"))
        for each, is_gone in zip(found, gone, strict=True):
            if is_gone:
                root.remove(each)
        self.changed[rels_of(name)] = serialised(root)
        del self._named[name]


WORDS = (b"oleObj", b"controls", ACTION)


def strip(root: Element, bad: set[str]) -> set[str]:
    """Take out the elements that name a bad relationship, those that are programs or objects themselves, and their animations.

    Gives the codes of the latter.
    """
    before = {each.get("id") for each in root.iter(f"{{{P}}}cNvPr")}
    found = _strip_tree(root, bad)
    gone = before - {each.get("id") for each in root.iter(f"{{{P}}}cNvPr")}
    forget(root, {str(each) for each in gone})
    return found


def _strip_tree(root: Element, bad: set[str]) -> set[str]:
    found: set[str] = set()
    for frame in list(root.iter(f"{{{P}}}oleObj")):
        if frame.getroottree().getroot() is root:
            _strip_object(frame)
            found.add("ole")
    for controls in list(root.iter(f"{{{P}}}controls")):
        _remove(controls)
        found.add("active_x")
    for link in starting_programs(root):
        _remove(link)
        found.add("macro")
    for element in list(root.iter("{*}*")):
        for key in [key for key, value in element.attrib.items() if value in bad and _names(str(key))]:
            _let_go(element, str(key))
    return found


def _names(key: str) -> bool:
    return key.startswith((f"{{{OFFICE}}}", f"{{{STRICT_OFFICE}}}"))


def _let_go(element: Element, key: str) -> None:
    """Take out an element that names what is gone, or as much around it as means nothing without it."""
    local = _local(element)
    if local == "blip":
        _let_go_blip(element, key)
    elif local in ("videoFile", "audioFile", "wavAudioFile", "quickTimeFile", "media"):
        _let_go_media(element)
    elif local == "sndTgt":
        take_out(element)
    elif element.getparent() is None:
        del element.attrib[key]
    else:
        _remove(element)


def _let_go_blip(element: Element, key: str) -> None:
    """A picture that is in the file too stays; one that was only linked goes, as a filling it becomes none."""
    del element.attrib[key]
    if any(_names(str(each)) for each in element.attrib):
        return
    filling = element.getparent()
    if filling is None:
        return
    owner = filling.getparent()
    if owner is not None and owner.tag == PICTURE:
        _remove(owner)
    elif filling.tag == f"{{{A}}}blipFill" and owner is not None:
        owner.replace(filling, filling.makeelement(f"{{{A}}}noFill"))
    else:
        _remove(filling)


def _let_go_media(element: Element) -> None:
    """A film becomes the picture that stands for it; nothing is left to be played."""
    shape = next((each for each in element.iterancestors(*SHAPES)), None)
    root = element.getroottree().getroot()
    _remove(element)
    if shape is None:
        return
    for link in list(shape.iter(f"{{{A}}}hlinkClick")):
        if link.get("action", "") == "ppaction://media":
            _remove(link)
    number = shape.find("*/{*}cNvPr")
    if number is not None:
        forget(root, {number.get("id", "")})


def _strip_object(element: Element) -> None:
    """Put the picture that an object shows of itself in its place, under its number; without one, nothing stays."""
    frame = next(element.iterancestors(FRAME), None)
    if frame is None:
        _remove(element)
        return
    choice = frame.getparent()
    alternatives = choice.getparent() if choice is not None else None
    if alternatives is not None and alternatives.tag == f"{{{MC}}}AlternateContent":
        outer = next((each for each in alternatives.iter(PICTURE) if _is_within(each, "Fallback")), None)
        if outer is not None:
            inner = next(outer.iterancestors(FRAME), None)
            new = copy.deepcopy(outer)
            _put(alternatives, new if inner is None else _standing_for(inner, new))
            return
    picture = next(frame.iter(PICTURE), None)
    if picture is None:
        _remove(frame)
    else:
        _put(frame, _standing_for(frame, copy.deepcopy(picture)))


def _is_within(element: Element, name: str) -> bool:
    return next(element.iterancestors(f"{{{MC}}}{name}"), None) is not None


def _standing_for(frame: Element, picture: Element) -> Element:
    """The picture with the number, name and place of its frame."""
    own, old = frame.find("*/{*}cNvPr"), picture.find("*/{*}cNvPr")
    if own is not None and old is not None and (parent := old.getparent()) is not None:
        parent.replace(old, copy.deepcopy(own))
    place, shape = frame.find(f"{{{P}}}xfrm"), picture.find(f"{{{P}}}spPr")
    if place is not None and shape is not None:
        for each in shape.findall(f"{{{A}}}xfrm"):
            shape.remove(each)
        moved = shape.makeelement(
            f"{{{A}}}xfrm", {str(key): str(value) for key, value in place.attrib.items()}
        )
        moved.extend(copy.deepcopy(list(place)))
        shape.insert(0, moved)
    return picture


def _put(old: Element, new: Element) -> None:
    parent = old.getparent()
    if parent is not None:
        parent.replace(old, new)


def _remove(element: Element) -> None:
    """Take out an element, and what holds nothing but it and means nothing when empty."""
    parent = element.getparent()
    if parent is None:
        return
    parent.remove(element)
    if len(parent) == 0 and _local(parent) in HOLLOW:
        _remove(parent)
    alternatives = parent.getparent()
    if (
        alternatives is not None
        and _local(alternatives) == "AlternateContent"
        and not any(map(len, alternatives))
    ):
        _remove(alternatives)


def _local(element: Element) -> str:
    return str(element.tag).rsplit("}", 1)[-1]
