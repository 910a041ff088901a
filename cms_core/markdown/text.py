"""Markdown as the plain text part of a mail: readable, with addresses in angle brackets. Merge tags stay as they are."""

import html
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import nh3

from cms_core.markdown.html import absolute, markdown_parser
from cms_core.markdown.mergetags import MergeTags

if TYPE_CHECKING:
    from markdown_it.tree import SyntaxTreeNode


def markdown_to_text(text: str, base_url: str = "") -> str:
    """Markdown as plain text; links become ``words <address>``, images their alternative text."""
    from markdown_it.tree import SyntaxTreeNode

    tags = MergeTags(text)
    tree = SyntaxTreeNode(markdown_parser().parse(tags.shielded))
    plain = _Plain(lambda address: absolute(address, tags, {}, base_url))
    return tags.restore_text(plain.blocks(tree)).strip("\n") + "\n"


class _Plain:
    def __init__(self, absolute_address: "Callable[[str], str | None]") -> None:
        self._absolute = absolute_address
        self._blocks: Mapping[str, Callable[[SyntaxTreeNode], str]] = {
            "bullet_list": lambda node: self._list(node, None),
            "ordered_list": lambda node: self._list(node, int(node.attrs.get("start", 1))),
            "blockquote": lambda node: _prefixed(self.blocks(node), "> ", "> "),
            "fence": lambda node: _prefixed(node.content.rstrip("\n"), "    ", "    "),
            "code_block": lambda node: _prefixed(node.content.rstrip("\n"), "    ", "    "),
            "hr": lambda node: "---",
            "html_block": lambda node: _without_tags(node.content),
            "table": self._table,
        }

    def blocks(self, node: "SyntaxTreeNode", between: str = "\n\n") -> str:
        """All blocks inside a node."""
        written = (self._block(child) for child in node.children)
        return between.join(text for text in written if text)

    def _block(self, node: "SyntaxTreeNode") -> str:
        write = self._blocks.get(node.type)
        return write(node) if write else self._inline(node)

    def _list(self, node: "SyntaxTreeNode", start: int | None) -> str:
        tight = all(
            child.hidden for item in node.children for child in item.children if child.type == "paragraph"
        )
        between = "\n" if tight else "\n\n"
        items = []
        for n, item in enumerate(node.children):
            mark = "- " if start is None else f"{start + n}. "
            items.append(_prefixed(self.blocks(item, between), mark, " " * len(mark)))
        return between.join(items)

    def _table(self, node: "SyntaxTreeNode") -> str:
        rows = [row for part in node.children for row in part.children]
        return "\n".join(" | ".join(self._inline(cell) for cell in row.children) for row in rows)

    def _inline(self, node: "SyntaxTreeNode") -> str:
        match node.type:
            case "text" | "code_inline":
                return node.content
            case "softbreak" | "hardbreak":
                return "\n"
            case "html_inline":
                return "\n" if node.content.lower().startswith("<br") else ""
        words = "".join(self._inline(child) for child in node.children)
        if node.type != "link":
            return words
        address = self._absolute(str(node.attrs.get("href", "")))
        if not address or address.startswith("#") or words in (address, address.removeprefix("mailto:")):
            return words
        return f"{words} <{address}>"


def _prefixed(text: str, first: str, others: str) -> str:
    lines = text.split("\n")
    return "\n".join(
        [first + lines[0], *((others + line).rstrip() if line else others.rstrip() for line in lines[1:])]
    )


def _without_tags(markup: str) -> str:
    return html.unescape(nh3.clean(markup, tags=set())).strip()
