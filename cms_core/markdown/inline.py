"""The words of a block as Markdown: emphasis, links, images, code. What Markdown has no sign for stays as an HTML tag."""

import re
from collections.abc import Callable, Iterable, Sequence
from html import escape as escape_html

from cms_core.markdown.html import ATTRIBUTES
from cms_core.markdown.tree import PLAYERS, Node

# Marks that no text holds (control characters are refused everywhere): a line break, and the end of a paragraph.
BREAK, PARAGRAPH = "\x01", "\x02"
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_SPECIAL = re.compile(r"[\\`*\[\]<~]|(?<![^\W_])_|_(?![^\W_])|&(?=#?\w+;)")
_SIGNS = {"strong": "**", "b": "**", "em": "*", "i": "*", "s": "~~", "del": "~~"}
_KEPT = frozenset("abbr cite code ins kbd mark q small sub sup time u".split())
_LINE_START = re.compile(r"^(#{1,6}(?=\s|$)|>|[-+=](?=\s|$|[-=])|[|:](?=[-| ]))")
_LINE_NUMBER = re.compile(r"^(\d{1,9})([.)])(?=\s|$)")

Address = Callable[[str], str]


def escape(text: str) -> str:
    """Text so that Markdown reads it as text, wherever in a line it stands."""
    return _SPECIAL.sub(lambda found: "\\" + found.group(), text)


BETWEEN = "<!-- -->"  # parts two codes that stand side by side, and is not shown


def escape_line(line: str) -> str:
    """A line of written Markdown so that its start is no heading, list, quote or rule."""
    line = _LINE_START.sub(lambda found: "\\" + found.group(), line)
    return _LINE_NUMBER.sub(r"\1\\\2", line)


def attributes_of(node: Node, address: Address) -> str:
    """The attributes that the sanitiser lets through, as HTML."""
    kept = ATTRIBUTES.get(node.tag, set())
    written = (
        (name, address(value) if name in ("src", "href") else value)
        for name, value in sorted(node.attributes.items())
        if name in kept
    )
    return "".join(f' {name}="{escape_html(value)}"' for name, value in written)


class Inline:
    """Writes inline content; ``lines_matter`` keeps line breaks of the source, and empty lines as ends of paragraphs."""

    def __init__(self, address: Address, *, lines_matter: bool) -> None:
        self._address = address
        self._lines_matter = lines_matter
        self.players: list[str] = []
        self._whole: dict[str, Callable[[Node], str]] = {
            "br": lambda node: BREAK,
            "img": self._image,
            "pre": lambda node: _code(node.text()),
            **dict.fromkeys(PLAYERS, self.player),
        }

    def write(self, nodes: Iterable[Node | str]) -> str:
        """Markdown with marks for breaks; ``lines`` makes lines of it."""
        written = ""
        for node in nodes:
            piece = self._text(node) if isinstance(node, str) else self._element(node, written)
            if piece.startswith("[") and written.endswith("!"):
                written = f"{written[:-1]}\\!"
            if piece.startswith("`") and written.endswith("`"):
                written += BETWEEN
            written += piece
        return written

    def _text(self, text: str) -> str:
        text = _CONTROL.sub("", text)
        if not self._lines_matter:
            return escape(re.sub(r"[ \t\r\n\f]+", " ", text))
        # One space for many first: patterns that begin with any number of them take the square of their time.
        text = re.sub(r"[ \t\r\f]+", " ", text.replace("\r\n", "\n"))
        text = re.sub(r" ?\n(?: ?\n)+ ?", PARAGRAPH, text)
        return escape(re.sub(r" ?\n ?", BREAK, text))

    def _element(self, node: Node, before: str) -> str:
        if node.tag in self._whole:
            return self._whole[node.tag](node)
        if node.tag == "code" and not any(node.all("a", "img")):
            return _code(node.text())
        inner = self.write(node.children)
        if node.tag == "a":
            return self._link(node, inner)
        if node.tag in _SIGNS:
            return _emphasised(inner.replace(PARAGRAPH, BREAK), node.tag, before)
        return self._kept(node, inner.replace(PARAGRAPH, BREAK)) if node.tag in _KEPT else inner

    def _kept(self, node: Node, inner: str) -> str:
        opening = f"<{node.tag}{attributes_of(node, self._address)}>"
        return f"{opening}{inner}</{node.tag}>" if inner.strip(f" {BREAK}") else inner

    def player(self, node: Node) -> str:
        """A film, a sound or a frame as a link to it."""
        sources = [node, *node.all(*PLAYERS)]
        found = (each.attributes.get("src") or each.attributes.get("data") for each in sources)
        target = next((each for each in found if each), "")
        if not target:
            return self.write(node.children)
        self.players.append(target)
        return f"[{escape(target)}]({destination(self._address(target))})"

    def _image(self, node: Node) -> str:
        source = node.attributes.get("src", "").strip()
        if not source:
            return ""
        alt = escape(" ".join(node.attributes.get("alt", "").split()))
        return f"![{alt}]({destination(self._address(source))}{_title(node)})"

    def _link(self, node: Node, inner: str) -> str:
        target = node.attributes.get("href", "").strip()
        core = inner.strip(f" {BREAK}{PARAGRAPH}")
        if not target or not core:
            return inner
        head, tail = inner.split(core, 1)
        core = core.replace(PARAGRAPH, BREAK)
        return f"{head}[{core}]({destination(self._address(target))}{_title(node)}){tail}"


def lines(written: str) -> list[list[str]]:
    """The paragraphs of written inline content, each as its lines; empty ones are left out."""
    paragraphs = (
        [line.strip(" \t") for line in part.strip(f" {BREAK}").split(BREAK)]
        for part in written.split(PARAGRAPH)
    )
    return [paragraph for paragraph in paragraphs if any(paragraph)]


def destination(address: str) -> str:
    """An address as the target of a link or image."""
    address = re.sub(r"[\s<>\\\x00-\x1f]", lambda found: f"%{ord(found.group()):02X}", address)
    address = re.sub(r"&(?=#?\w+;)", "&amp;", address)
    return f"<{address}>" if re.search(r"[()]", address) or not address else address


def _title(node: Node) -> str:
    title = " ".join(node.attributes.get("title", "").split())
    return f' "{escape(title).replace(chr(34), chr(92) + chr(34))}"' if title else ""


def _code(text: str) -> str:
    text = " ".join(_CONTROL.sub("", text).split("\n"))
    if not text.strip():
        return text
    fence = "`" * (max((len(run) for run in re.findall(r"`+", text)), default=0) + 1)
    pad = " " if text[0] == "`" or text[-1] == "`" or (text[0] == text[-1] == " ") else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def _emphasised(inner: str, tag: str, before: str) -> str:
    """With signs where Markdown surely reads them so, else with tags; spaces at the ends stand outside."""
    core = inner.strip(f" {BREAK}\xa0")
    if not core:
        return inner
    head, tail = inner.split(core, 1)
    sign = _SIGNS[tag]
    sure = core[0].isalnum() and core[-1].isalnum() and BREAK not in core
    if sure and not (before + head).endswith(("*", "~", "_")):
        return f"{head}{sign}{core}{sign}{tail}"
    name = {"**": "strong", "*": "em", "~~": "del"}[sign]
    return f"{head}<{name}>{core}</{name}>{tail}"


def join_lines(paragraph: Sequence[str]) -> str:
    """Lines with hard breaks between them."""
    return "\\\n".join(escape_line(line) for line in paragraph if line)
