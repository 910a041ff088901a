"""HTML as Markdown, for what comes from other systems: the same words, links and pictures when it is rendered again.

What Markdown cannot say (captions, spans in tables, definitions, subscripts) stays as HTML, which ``render_markdown`` keeps. Films
and frames become links. ``cms_core.markdown.html`` says what is harmless; nothing else comes through.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape as escape_html

from cms_core.markdown.html import TAGS
from cms_core.markdown.inline import Address, Inline, attributes_of, join_lines, lines
from cms_core.markdown.tree import CONTAINERS, PLAYERS, VOID, Node, parse_html

_HEADINGS = {f"h{n}": "#" * n for n in range(1, 7)}
_RULES = {"right": "--:", "center": ":-:", "left": ":--"}
# A list that may follow a paragraph without an empty line: any other number, or no word, would be part of the paragraph.
_INTERRUPTS = re.compile(r"(?:[-*]|1[.)]) ")
_BLOCKS = {
    *"p ul ol li blockquote pre hr table figure figcaption dl dt dd caption thead tbody tfoot tr td th".split(),
    *_HEADINGS,
    *CONTAINERS,
}


@dataclass(frozen=True)
class Converted:
    """Markdown, and the addresses of films, sounds and frames that became links in it."""

    text: str
    players: tuple[str, ...]


def html_to_markdown(html: str, *, lines_matter: bool = False, address: Address = str) -> Converted:
    """Convert HTML; ``address`` may change where links and pictures lead.

    ``lines_matter``: outside of blocks an empty line ends a paragraph, and every other line break is one (as WordPress has it).
    """
    writer = _Blocks(Inline(address, lines_matter=lines_matter), address)
    text = "\n\n".join(writer.write(parse_html(html).children))
    return Converted(text, tuple(dict.fromkeys(writer.inline.players)))


class _Blocks:
    def __init__(self, inline: Inline, address: Address) -> None:
        self.inline = inline
        self._address = address
        self._writers: Mapping[str, Callable[[Node], list[str]]] = {
            "blockquote": lambda node: _quoted(self.write(node.children)),
            "pre": lambda node: [_fence(node)] if node.text().strip() else [],
            "hr": lambda node: ["___"],  # "- ---" would be one rule, and "---" at the very top front matter
            "table": self._table,
            "figure": self._figure,
            "dl": lambda node: [self._raw(node)],
        }

    def write(self, nodes: Iterable[Node | str]) -> list[str]:
        """The blocks of some content, one text each."""
        written: list[str] = []
        run: list[Node | str] = []
        last_list = ""
        for node in nodes:
            if isinstance(node, str) or not _is_block(node):
                run.append(node)
                continue
            loose = self._paragraphs(run)
            written += loose
            run = []
            if loose:
                last_list = ""
            again = node.tag == last_list
            if block := self._block(node, again):
                written += block
                last_list = node.tag if node.tag in ("ul", "ol") and not again else ""
        return written + self._paragraphs(run)

    def _paragraphs(self, nodes: Sequence[Node | str]) -> list[str]:
        return [join_lines(each) for each in lines(self.inline.write(nodes))]

    def _block(self, node: Node, again: bool) -> list[str]:
        """``again``: a list right after another of its kind, which must not become one with it."""
        if node.tag in ("ul", "ol"):
            return self._list(node, again)
        if node.tag in _HEADINGS:
            return self._heading(node)
        write = self._writers.get(node.tag)
        return write(node) if write else self.write(node.children)

    def _heading(self, node: Node) -> list[str]:
        words = " ".join(self._one_line(node).split())
        if words.endswith("#"):
            words = f"{words[:-1]}\\#"
        return [f"{_HEADINGS[node.tag]} {words}"] if words else []

    def _one_line(self, node: Node) -> str:
        """All words of a node in one line, blocks inside taken apart."""
        parts = [" ".join(line) for line in lines(self.inline.write(_flat(node)))]
        return " ".join(parts)

    def _list(self, node: Node, again: bool) -> list[str]:
        start = node.attributes.get("start", "1")
        number = int(start) if start.isascii() and start.isdigit() and len(start) < 9 else 1
        items = []
        for item in _items(node):
            end = ")" if again else "."
            mark = f"{number}{end} " if node.tag == "ol" else "* " if again else "- "
            number += 1
            # A bullet without words says nothing, but "- - -" is a rule and "-" under a line makes a heading of it.
            if (text := self._item(item)) or node.tag == "ol":
                items.append(_indented(text, mark))
        return ["\n".join(items)] if items else []

    def _item(self, item: Node) -> str:
        blocks = self.write(item.children)
        tight = all(_INTERRUPTS.match(each) for each in blocks[1:])
        return ("\n" if tight else "\n\n").join(blocks)

    def _table(self, node: Node) -> list[str]:
        rows = [list(row.elements()) for row in node.all("tr")]
        if not rows:
            return self.write(node.children)
        simple = (
            len({len(row) for row in rows}) == 1
            and all(cell.tag == "th" for cell in rows[0])
            and not any(cell.tag == "th" and n for n, row in enumerate(rows) for cell in row)
            and not any(_needs_html(cell) for row in rows for cell in row)
            and not any(node.all("caption", "table"))
        )
        if not simple:
            return [self._raw(node)]
        body = [[self._cell(cell) for cell in row] for row in rows]
        rule = [_RULES.get(cell.attributes.get("align", ""), "---") for cell in rows[0]]
        return ["\n".join(f"| {' | '.join(row)} |" for row in (body[0], rule, *body[1:]))]

    def _cell(self, cell: Node) -> str:
        return "<br>".join(
            line.replace("|", "\\|")
            for paragraph in lines(self.inline.write(_flat(cell)))
            for line in paragraph
            if line
        )

    def _figure(self, node: Node) -> list[str]:
        caption = next(node.all("figcaption"), None)
        words = caption.text().strip() if caption else ""
        single = len(list(node.all("img"))) == 1 and not any(
            node.all("figure", "ul", "ol", "table", *PLAYERS)
        )
        return [self._raw(node)] if words and single else self.write(node.children)

    def _raw(self, node: Node) -> str:
        """An element as HTML without an empty line, at which Markdown would end it."""
        inner = "".join(
            _raw_text(each, node.tag) if isinstance(each, str) else self._raw(each) for each in node.children
        )
        if node.tag in PLAYERS:
            self.inline.player(node)
            source = escape_html(self._address(node.attributes.get("src", "")))
            return f'<a href="{source}">{source}</a>' if source else inner
        if node.tag not in TAGS:
            return f"{inner}<br>" if node.tag in CONTAINERS else inner
        opening = f"<{node.tag}{attributes_of(node, self._address)}>"
        return opening if node.tag in VOID else f"{opening}{inner}</{node.tag}>"


def _is_block(node: Node) -> bool:
    """Whether a node is a block or, like a link around a heading, holds one."""
    return node.tag in _BLOCKS or (
        node.tag in ("span", "a", "ins", "del") and any(map(_is_block, node.elements()))
    )


def _flat(node: Node) -> list[Node | str]:
    """What stands in a node, with a break before and after each block inside."""
    found: list[Node | str] = []
    for each in node.children:
        if isinstance(each, Node) and each.tag in _BLOCKS:
            found += [Node("br"), *_flat(each), Node("br")]
        else:
            found.append(each)
    return found


def _items(node: Node) -> list[Node]:
    """The items of a list; what stands beside them belongs to the one before."""
    items: list[Node] = []
    for each in node.children:
        if isinstance(each, Node) and each.tag == "li":
            items.append(Node("li", {}, list(each.children)))
        elif isinstance(each, Node) or each.strip():
            if not items:
                items.append(Node("li"))
            items[-1].children.append(each)
    return items


def _needs_html(cell: Node) -> bool:
    spans = any(cell.attributes.get(name, "1") != "1" for name in ("colspan", "rowspan"))
    return spans or any(cell.all(*(_BLOCKS - {"p", "div"})))


def _indented(text: str, mark: str) -> str:
    first, *others = text.split("\n")
    margin = " " * len(mark)
    return "\n".join([f"{mark}{first}".rstrip(), *(f"{margin}{line}" if line else "" for line in others)])


def _quoted(blocks: Sequence[str]) -> list[str]:
    text = "\n\n".join(blocks)
    return ["\n".join(f"> {line}".rstrip() for line in text.split("\n"))] if text else []


def _fence(node: Node) -> str:
    text = node.text().replace("\r\n", "\n").removeprefix("\n").rstrip()
    code = next(node.all("code"), node)
    language = re.search(r"language-([\w+#.-]{1,40})", code.attributes.get("class", ""))
    fence = "`" * max(3, max((len(run) for run in re.findall(r"`+", text)), default=0) + 1)
    return f"{fence}{language[1] if language else ''}\n{text}\n{fence}"


def _raw_text(text: str, tag: str) -> str:
    escaped = escape_html(text, quote=False)
    return escaped.replace("\n", "&#10;") if tag == "pre" else re.sub(r"\s*\n\s*", " ", escaped)
