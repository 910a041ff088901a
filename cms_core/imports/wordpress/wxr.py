"""Reads a WordPress export (WXR) as a stream: the site, its authors, and each item as plain text. Nothing in it is opened.

No DTD and no entities of its own (so no bombs and no foreign files), a bound for every size. A fault names its line.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from xml.sax import SAXException, SAXParseException
from xml.sax.handler import ContentHandler
from xml.sax.xmlreader import AttributesImpl, Locator

from defusedxml.common import DefusedXmlException
from defusedxml.expatreader import DefusedExpatParser

from cms_core.imports.frontmatter import FileFault

MAX_BYTES = 512 * 1024 * 1024
MAX_ITEMS = 50_000
MAX_FIELD = 4 * 1024 * 1024
MAX_DEPTH = 30
_NAMESPACE = re.compile(rb"https?://wordpress\.org/export/")
_SNIFFED = 64 * 1024
_SITE = {"title", "link", "language", "wp:base_site_url", "wp:base_blog_url"}
_AUTHOR = ("wp:author_email", "wp:author_login", "wp:author_display_name")
_ITEM = {
    "title", "link", "guid", "dc:creator", "content:encoded", "excerpt:encoded", "category", "wp:post_id", "wp:post_date",
    "wp:post_date_gmt", "wp:post_name", "wp:status", "wp:post_parent", "wp:post_type", "wp:post_password", "wp:is_sticky",
    "wp:attachment_url",
}  # fmt: skip


@dataclass
class Item:
    """A post, page, attachment or whatever else: its fields by their names in the file, and where it begins."""

    line: int
    fields: dict[str, str] = field(default_factory=dict)
    terms: list[tuple[str, str, str]] = field(default_factory=list)
    meta: dict[str, str] = field(default_factory=dict)
    comments: int = 0

    def get(self, name: str) -> str:
        """A field, "" where it is missing."""
        return self.fields.get(name, "")

    @property
    def kind(self) -> str:
        """What WordPress calls the post type."""
        return self.get("wp:post_type")


@dataclass
class Export:
    """A whole file: what it says of the site, authors by login (address, name), and all items in their order."""

    site: dict[str, str] = field(default_factory=dict)
    authors: dict[str, tuple[str, str]] = field(default_factory=dict)
    items: list[Item] = field(default_factory=list)


def is_wxr(path: Path) -> bool:
    """Whether a file is a WordPress export, by its beginning and not by its name."""
    with path.open("rb") as file:
        head = file.read(_SNIFFED)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        head = head[2:].replace(b"\0", b"")
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return start.startswith((b"<?xml", b"<rss", b"<!--")) and _NAMESPACE.search(head) is not None


def read_wxr(path: Path) -> Export:
    """Read a WordPress export whole; raises FileFault with the line for one that is broken, hostile or too large."""
    if path.stat().st_size > MAX_BYTES:
        raise FileFault(
            1, f"the file is larger than {MAX_BYTES:,} bytes; export the posts of some years at a time"
        )
    reader = _Reader()
    parser = DefusedExpatParser(forbid_dtd=True)
    parser.setContentHandler(reader)
    try:
        with path.open("rb") as file:
            parser.parse(file)
    except SAXParseException as error:
        line = error.getLineNumber() or 1
        raise FileFault(line, f"the XML is broken: {error.getMessage()}; export it anew") from None
    except DefusedXmlException:
        raise FileFault(
            reader.line, "it declares a document type or entities, which no export does"
        ) from None
    except (SAXException, ValueError, LookupError) as error:
        raise FileFault(reader.line, f"the XML cannot be read: {error}; export it anew") from None
    return reader.export


class _Reader(ContentHandler):
    """Keeps the text of known fields of the site, its authors and its items; all else passes by."""

    def __init__(self) -> None:
        super().__init__()
        self.export = Export()
        self._place: Locator | None = None
        self._path: list[str] = []
        self._item: Item | None = None
        self._text: list[str] | None = None
        self._size = 0
        self._author: dict[str, str] = {}
        self._term = ("", "")
        self._meta_key = ""

    @property
    def line(self) -> int:
        """Where the reading stands."""
        return (self._place.getLineNumber() or 1) if self._place is not None else 1

    def setDocumentLocator(self, locator: Locator) -> None:  # noqa: N802 - SAX names it
        self._place = locator

    def startElement(self, name: str, attrs: AttributesImpl) -> None:  # noqa: N802 - SAX names it
        self._path.append(name)
        if len(self._path) > MAX_DEPTH:
            raise FileFault(
                self.line, f"the XML is nested more than {MAX_DEPTH} deep; this is no export of WordPress"
            )
        match self._path[2:]:
            case ["item"]:
                self._begin_item()
            case ["item", "category"]:
                self._term = (attrs.get("domain", "") or "", attrs.get("nicename", "") or "")
            case ["item", "wp:comment"] if self._item:
                self._item.comments += 1
            case ["wp:author"]:
                self._author = {}
        if self._wanted():
            self._text, self._size = [], 0

    def characters(self, content: str) -> None:
        if self._text is not None:
            self._size += len(content)
            if self._size > MAX_FIELD:
                raise FileFault(
                    self.line, f"{self._path[-1]} is longer than {MAX_FIELD:,} characters; shorten it"
                )
            self._text.append(content)

    def endElement(self, name: str) -> None:  # noqa: N802 - SAX names it
        path = self._path[2:]
        self._path.pop()
        if self._text is not None:
            self._keep(path, "".join(self._text))
            self._text = None
        elif path == ["item"] and self._item is not None:
            self.export.items.append(self._item)
            self._item = None
        elif path == ["wp:author"]:
            address, login, shown = (self._author.get(each, "") for each in _AUTHOR)
            self.export.authors[login] = (address, shown)

    def _begin_item(self) -> None:
        self._item = Item(self.line)
        if len(self.export.items) >= MAX_ITEMS:
            raise FileFault(
                self.line,
                f"there are more than {MAX_ITEMS:,} items; export the posts of some years at a time",
            )

    def _wanted(self) -> bool:
        match self._path[2:]:
            case [name]:
                return name in _SITE
            case ["wp:author", name]:
                return name in _AUTHOR
            case ["item", name]:
                return name in _ITEM
            case ["item", "wp:postmeta", name]:
                return name in ("wp:meta_key", "wp:meta_value")
        return False

    def _keep(self, path: list[str], text: str) -> None:
        match path:
            case [name]:
                self.export.site[name] = text.strip()
            case ["wp:author", name]:
                self._author[name] = text.strip()
            case ["item", "category"] if self._item:
                self._item.terms.append((*self._term, text.strip()))
            case ["item", name] if self._item:
                self._item.fields[name] = text
            case ["item", _, "wp:meta_key"]:
                self._meta_key = text.strip()
            case ["item", _, "wp:meta_value"] if self._item and self._meta_key in (
                "_thumbnail_id",
                "_wp_attachment_image_alt",
            ):
                self._item.meta[self._meta_key] = text.strip()
