"""HTML as a small tree: made well-formed first, harmless tags only, never deeper than a page needs."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

import nh3

from cms_core.errors import Invalid
from cms_core.markdown.html import ATTRIBUTES, TAGS

MAX_DEPTH = 60
# Beyond it a page is an attack: what makes HTML well-formed takes the square of it.
MAX_OPEN = 2_000
VOID = frozenset("br hr img source embed".split())
# Blocks that only hold others, and old names of what has a new one: known to the converter, never kept.
CONTAINERS = frozenset(
    "div section article aside main header footer nav center address details summary form fieldset".split()
)
OLD_NAMES = {
    "strike": "s",
    "acronym": "abbr",
    "tt": "code",
    "samp": "code",
    "var": "em",
    "dfn": "em",
    "big": "strong",
}
PLAYERS = frozenset("iframe video audio embed object source".split())
_CLOSED_BY_ITSELF = VOID | set(
    "p li dt dd td th tr tbody thead tfoot wbr area input link meta param track".split()
)
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)")
_TAGS = TAGS | CONTAINERS | PLAYERS | set(OLD_NAMES)
_ATTRIBUTES = {
    **ATTRIBUTES,
    "pre": {"class"},
    "acronym": {"title"},
    "object": {"data"},
    **{tag: {"src"} for tag in PLAYERS - {"object"}},
}


@dataclass
class Node:
    """An element: what stands in it are elements and pieces of text."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: "list[Node | str]" = field(default_factory=list)

    def text(self) -> str:
        """All words inside, a line break for each ``br``."""
        return "".join(
            each if isinstance(each, str) else "\n" if each.tag == "br" else each.text()
            for each in self.children
        )

    def elements(self) -> "Iterator[Node]":
        """The elements directly inside."""
        return (each for each in self.children if isinstance(each, Node))

    def all(self, *tags: str) -> "Iterator[Node]":
        """All elements of these names inside, at any depth, in order."""
        for each in self.elements():
            if each.tag in tags:
                yield each
            yield from each.all(*tags)


def parse_html(html: str) -> Node:
    """The tree of a piece of HTML; scripts, styles and what nobody knows are left out (their words, where they have any, stay).

    Raises Invalid for tags opened thousands of times and never closed.
    """
    _require_shallow(html)
    builder = _Builder()
    builder.feed(
        nh3.clean(
            html, tags=_TAGS, attributes=_ATTRIBUTES, link_rel=None, url_schemes=nh3.ALLOWED_URL_SCHEMES
        )
    )
    builder.close()
    return builder.root


def _require_shallow(html: str) -> None:
    deep = 0
    for closing, name in _TAG.findall(html):
        if name.lower() not in _CLOSED_BY_ITSELF:
            deep = max(0, deep + (-1 if closing else 1))
            if deep > MAX_OPEN:
                raise Invalid(f"the HTML opens more than {MAX_OPEN:,} tags inside one another", "mend it")


class _Builder(HTMLParser):
    """Reads what nh3 wrote, so every element is closed and in its place."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Node("")
        self._open = [self.root]
        self._too_deep = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID and len(self._open) >= MAX_DEPTH:
            self._too_deep += 1
            return
        node = Node(OLD_NAMES.get(tag, tag), {name: value or "" for name, value in attrs})
        self._open[-1].children.append(node)
        if tag not in VOID:
            self._open.append(node)

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if self._too_deep:
            self._too_deep -= 1
        elif len(self._open) > 1:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        self._open[-1].children.append(data)
