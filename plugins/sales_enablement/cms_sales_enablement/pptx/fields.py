"""The fields in the texts of a slide: found though an editor has split them over runs, and made ready to be filled.

A field is written as ``{{ company.name | default("you") }}``. PowerPoint splits a text into runs as it likes (spelling, language,
a click in the middle) and bends its quotes; so the runs of a paragraph are read as one text, and a field goes to where it begins,
in the format that it has there.
"""

import re
from collections.abc import Iterable, Iterator

from lxml import etree

from cms_sales_enablement.pptx.package import Element

A = "http://schemas.openxmlformats.org/drawingml/2006/main"
OWN = "deck"  # the namespace of fields that are written without one
PARAGRAPH, TEXT, RUN = f"{{{A}}}p", f"{{{A}}}t", f"{{{A}}}r"
FIELD = re.compile(r"(\{\{.*?\}\}|\{%.*%\})", re.DOTALL)
EXACT = re.compile(r"\{\{-?\s*([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)?)\s*-?\}\}")
LINE_END = re.compile("\r\n|[\r\n]")  # a run has one line
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
STRAIGHT = str.maketrans({"“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "\xa0": " ", "–": "-"})


def paragraphs(root: Element) -> Iterator[Element]:
    """The paragraphs of a slide, in tables and groups too, in the order of the file."""
    return root.iter(PARAGRAPH)


def text_of(paragraph: Element) -> str:
    """What a paragraph says; a line break is one."""
    parts = (
        each.text or "" if each.tag == TEXT else "\n" if each.tag == f"{{{A}}}br" else ""
        for each in paragraph.iter()
    )
    return "".join(parts)


def gather(root: Element) -> list[Element]:
    """Put each field of a part into the run where it begins; gives the texts that hold any."""
    found: list[Element] = []
    for paragraph in paragraphs(root):
        for texts in lines(paragraph):
            found += _gather_line(texts)
    return found


def lines(paragraph: Element) -> Iterator[list[Element]]:
    """The texts of the runs that stand side by side; a break or a field of PowerPoint's own (a page number) divides them."""
    line: list[Element] = []
    for child in paragraph:
        if child.tag == RUN:
            line += child.findall(TEXT)
        elif line:
            yield line
            line = []
    if line:
        yield line


def _gather_line(texts: list[Element]) -> list[Element]:
    whole = "".join(each.text or "" for each in texts)
    spans = [match.span() for match in FIELD.finditer(whole)]
    if not spans:
        return []
    at = 0
    pieces: list[list[str]] = []
    for each in texts:
        start, at = at, at + len(each.text or "")
        pieces.append(list(_piece(whole, start, at, spans)))
    for each, said in zip(texts, pieces, strict=True):
        each.text = "".join(said)
    return [each for each in texts if FIELD.search(each.text or "")]


def _piece(whole: str, start: int, end: int, spans: Iterable[tuple[int, int]]) -> Iterator[str]:
    """What a run that reaches from ``start`` to ``end`` says: the fields that begin in it whole, those that began before not."""
    at = start
    for first, last in spans:
        if last <= at or first >= end:
            continue
        if first >= at:
            yield whole[at:first]
            yield whole[first:last].translate(STRAIGHT)
        at = min(max(at, last), end) if last <= end else end
    yield whole[at:end]


def exact(text: str) -> str:
    """The field that a text is, and nothing else; or ""."""
    found = EXACT.fullmatch(text.translate(STRAIGHT).strip())
    return found[1].removeprefix(f"{OWN}.") if found else ""


def one_line(text: str) -> str:
    """A value as a run says it: in one line, without what XML cannot hold."""
    return LINE_END.sub(" ", NOT_XML.sub("", text))


def serialised(root: Element) -> bytes:
    """A part as it is stored."""
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True)


def within(element: Element, root: Element) -> bytes:
    """An element as it stands within another, whose names it need not explain."""
    said = etree.tostring(element, with_tail=False)
    for prefix, uri in root.nsmap.items():
        name = f"xmlns:{prefix}" if prefix else "xmlns"
        said = said.replace(f' {name}="{uri}"'.encode(), b"", 1)
    return said
