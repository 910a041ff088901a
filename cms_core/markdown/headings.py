"""The title of a text that has none of its own: its first heading."""

from functools import cache
from typing import TYPE_CHECKING, Any

from cms_core.markdown.html import markdown_parser
from cms_core.markdown.mergetags import MergeTags

if TYPE_CHECKING:
    from markdown_it import MarkdownIt


def lift_title(title: str, text: str) -> tuple[str, str]:
    """The title (the given one, else the first heading) and the text; a main heading on top that says the same leaves the text."""
    tags = MergeTags(text)
    env: dict[str, Any] = {}
    tokens = _block_parser().parse(tags.shielded, env)
    at = next((n for n, token in enumerate(tokens) if token.type == "heading_open"), None)
    if at is None:
        return title, _tidy(text)
    heading = tags.restore_text(_plain(tokens[at + 1].content, env))
    doubled = at == 0 and tokens[0].tag == "h1" and (not title or title.casefold() == heading.casefold())
    lines = tokens[0].map if doubled else None
    rest = "\n".join(text.split("\n")[lines[1] :]) if lines and heading else text
    return title or heading, _tidy(rest)


@cache
def _block_parser() -> "MarkdownIt":
    """Finds headings without reading what stands inside the lines, which is most of the work."""
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark").disable("inline")


def _plain(heading: str, env: dict[str, Any]) -> str:
    (inline,) = markdown_parser().parseInline(heading, env)
    words = (
        child.content if child.type in ("text", "code_inline") else " " * (child.type == "softbreak")
        for child in inline.children or ()
    )
    return " ".join("".join(words).split())


def _tidy(text: str) -> str:
    return text.strip("\n").rstrip()
