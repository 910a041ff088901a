"""Takes a Markdown file apart: its encoding, its YAML front matter with the line of every key, and its text.

Every value stays the text that was written: ``locale: no`` is "no" and ``title: 2026-05-04`` is that title, not a date.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

MAX_BYTES = 2 * 1024 * 1024
MAX_FRONT_BYTES = 64 * 1024
MAX_DEPTH = 20
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_HALF = re.compile(r"[\ud800-\udfff]")
_NOTHING = ("", "~", "null", "Null", "NULL")
_CLOSING = re.compile(r"^(?:---|\.\.\.)[ \t]*$", re.MULTILINE)
_KEY_LINE = re.compile(r"^[\"']?\w[\w -]{0,40}[\"']?[ \t]*:", re.MULTILINE)


class FileFault(Exception):
    """A file cannot be used: the line (from 1), the reason with its remedy."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line
        self.reason = reason


@dataclass(frozen=True)
class Page:
    """A Markdown file: front matter fields (text, lists, mappings), the line of each field, the text and where it begins."""

    text: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)
    text_line: int = 1

    def text_of(self, key: str) -> str:
        """A field that is text, "" where it is missing."""
        value = self.fields.get(key, "")
        if not isinstance(value, str):
            raise FileFault(self.lines[key], f"{key} must be text; put quotes around it")
        return value.strip()

    def list_of(self, key: str) -> list[str]:
        """A field that is a list, or words with commas between them."""
        value = self.fields.get(key, "")
        parts = value.split(",") if isinstance(value, str) else value
        if not isinstance(parts, list) or not all(isinstance(each, str) for each in parts):
            raise FileFault(self.lines[key], f"{key} must be a list of words, like `{key}: [a, b]`")
        return [each.strip() for each in parts if each.strip()]


def parse_page(data: bytes) -> Page:
    """Take a file apart; raises FileFault."""
    source = _decode(data)
    if not source.strip():
        raise FileFault(1, "the file is empty; write something or take it out of the folder")
    lead = len(source) - len(source.lstrip("\n"))
    first, _, rest = source[lead:].partition("\n")
    if first.rstrip() == "+++":
        raise FileFault(lead + 1, "the front matter is TOML (+++); write it as YAML between two lines of ---")
    if first.rstrip() != "---":
        return Page(source, text_line=1)
    return _with_front_matter(source, rest, lead + 2)


def _with_front_matter(source: str, rest: str, line: int) -> Page:
    closing = _CLOSING.search(rest)
    front = rest[: closing.start()] if closing else rest
    if not _KEY_LINE.search(front) and (closing is None or front.strip()):
        return Page(source)  # the --- was a line across the page
    if closing is None:
        raise FileFault(line - 1, "the front matter is not closed; end it with a line of ---")
    if len(front) > MAX_FRONT_BYTES:
        raise FileFault(
            line - 1, f"the front matter is larger than {MAX_FRONT_BYTES // 1024} KB; move the text below it"
        )
    fields, lines = _read_yaml(front, line)
    text = rest[closing.end() :]
    return Page(text.lstrip("\n"), fields, lines, line + front.count("\n") + 1)


def _decode(data: bytes) -> str:
    if len(data) > MAX_BYTES:
        raise FileFault(1, f"the file has {len(data):,} bytes; at most {MAX_BYTES:,} fit; split it up")
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise FileFault(line, f"byte {data[error.start]:#04x} is not UTF-8; save the file as UTF-8") from None
    if found := _CONTROL.search(text):
        line = text[: found.start()].count("\n") + 1
        what = (
            "the file is binary, not text"
            if found.group() == "\0"
            else f"{found.group()!r} is a control character"
        )
        raise FileFault(line, f"{what}; take it out")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _read_yaml(front: str, first_line: int) -> tuple[dict[str, Any], dict[str, int]]:
    try:
        root = yaml.compose(front, Loader=yaml.BaseLoader)
        if root is None:
            return {}, {}
        if not isinstance(root, yaml.MappingNode):
            raise FileFault(first_line, "the front matter is not a list of `key: value` lines")
        reader = _Reader(first_line)
        fields = reader.value(root, 0)
    except yaml.MarkedYAMLError as error:
        ended = error.problem_mark is None or not front[error.problem_mark.index :].strip()
        mark = error.context_mark if ended and error.context_mark else error.problem_mark
        line = first_line + (mark.line if mark else 0)
        raise FileFault(
            line,
            f"the front matter is not YAML: {error.problem or error.context}; put quotes around the value",
        ) from None
    except yaml.YAMLError as error:
        raise FileFault(first_line, f"the front matter is not YAML: {error}") from None
    except RecursionError:
        raise FileFault(first_line, "the front matter is nested too deep") from None
    return fields, reader.lines


class _Reader:
    """Plain values out of YAML nodes; refuses what is written twice and what refers to itself."""

    def __init__(self, first_line: int) -> None:
        self.lines: dict[str, int] = {}
        self._first_line = first_line
        self._seen: set[int] = set()

    def value(self, node: Any, depth: int) -> Any:
        line = self._first_line + node.start_mark.line
        if id(node) in self._seen:
            raise FileFault(line, "YAML anchors (& and *) are not used here; write the value out")
        if depth > MAX_DEPTH:
            raise FileFault(line, "the front matter is nested too deep")
        self._seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, depth)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(each, depth + 1) for each in node.value]
        return "" if node.style is None and node.value in _NOTHING else _whole(node.value)

    def _mapping(self, node: yaml.MappingNode, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = self._first_line + key_node.start_mark.line
            if not isinstance(key_node, yaml.ScalarNode):
                raise FileFault(line, "a key is not plain text; put quotes around it")
            key = (
                re.sub(r"[\s-]+", "_", key_node.value.strip().lower())
                if depth == 0
                else key_node.value.strip()
            )
            if key in found:
                raise FileFault(line, f"{key_node.value!r} is given twice; keep one")
            if depth == 0:
                self.lines[key] = line
            found[key] = self.value(value_node, depth + 1)
        return found


def _whole(text: str) -> str:
    """Join what was written as two halves, as JSON does ("\\ud83d\\ude00"); a single half stays and is refused later."""
    if not _HALF.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
