"""The text of a WordPress post, classic or of blocks, as Markdown: shortcodes taken apart, what has no place here said."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape, unescape

from cms_core.markdown.fromhtml import html_to_markdown
from cms_core.markdown.inline import Address

_BLOCK = re.compile(r"<!--\s*/?wp:([a-z0-9/-]+)(?:\s*(\{(?:(?!<!--|-->).)*\}))?\s*(/)?-->", re.DOTALL)
_NEXT_PAGE = re.compile(r"<!--\s*nextpage\s*-->", re.IGNORECASE)
_SHORTCODE = re.compile(
    r"\[(\[?)(caption|wp_caption|gallery|embed|youtube|vimeo|audio|video|playlist)\b([^\]]{0,2000})\](?:((?:(?!\[\2\b).)*?)\[/\2\])?(\]?)",
    re.DOTALL | re.IGNORECASE,
)
_UNKNOWN = re.compile(r"(?<!\[)\[([a-z][a-z0-9_-]{2,30})(?:\s+[a-z_-]+=[^\]]*)?/?\](?!\()", re.IGNORECASE)
_ATTRIBUTE = re.compile(
    r"([a-z_][\w-]*)\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|(\S+))|(https?://\S+)", re.IGNORECASE
)
_LOST = re.compile(r"<(script|style|form|svg|canvas|object|input|select|textarea|math)\b", re.IGNORECASE)
_URL_LINE = re.compile(r"^[ \t]*(?:<p>\s*)?(https?://[^\s<>\"']+)(?:\s*</p>)?[ \t]*$", re.MULTILINE)
_CODE = re.compile(r"<(pre|code)\b(?:(?!<\1\b).)*?</\1>", re.DOTALL | re.IGNORECASE)
_MEDIA_ENDS = ("mp3", "m4a", "ogg", "wav", "mp4", "m4v", "webm", "ogv", "wmv", "flv")


@dataclass(frozen=True)
class Picture:
    """An attachment that a gallery shows."""

    address: str
    alt: str = ""


Gallery = Callable[[Mapping[str, str]], list[Picture]]


@dataclass(frozen=True)
class Body:
    """The Markdown of a post, and what was dropped or changed on the way."""

    text: str
    notes: tuple[str, ...]


def convert(source: str, address: Address, gallery: Gallery) -> Body:
    """Convert the text of a post; ``gallery`` finds the pictures of a [gallery] by its attributes."""
    notes: list[str] = []
    blocks = "<!-- wp:" in source or "<!--wp:" in source
    html, kept = _shield_code(source.replace("\r\n", "\n").replace("\r", "\n"))
    if filled := _filled_blocks(html):
        notes.append(f"blocks were left out that WordPress fills at each visit: {', '.join(filled)}")
    html = _BLOCK.sub("", html)
    html, pages = _NEXT_PAGE.subn("\n\n", html)
    if pages:
        notes.append(f"{pages + 1} pages became one")
    html = _SHORTCODE.sub(lambda found: _shortcode(found, gallery), html)
    html = _URL_LINE.sub(lambda found: f'\n\n<a href="{escape(found[1])}">{found[1]}</a>\n\n', html)
    unknown = dict.fromkeys(found.lower() for found in _UNKNOWN.findall(html) if _is_shortcode(found, html))
    if unknown:
        notes.append(f"shortcodes stay as text: {', '.join(f'[{name}]' for name in list(unknown)[:8])}")
    lost = dict.fromkeys(found.lower() for found in _LOST.findall(html))
    notes += [f"<{tag}> was left out" for tag in lost]
    for piece, original in kept.items():
        html = html.replace(piece, original)
    converted = html_to_markdown(html, lines_matter=not blocks, address=address)
    if converted.players:
        notes.append(f"players became links: {', '.join(converted.players[:5])}")
    return Body(converted.text, tuple(notes))


def _shield_code(html: str) -> tuple[str, dict[str, str]]:
    """Code is no place for shortcodes: it is taken out and put back afterwards."""
    kept: dict[str, str] = {}

    def keep(found: re.Match[str]) -> str:
        piece = f"\x03{len(kept)}\x03"
        kept[piece] = found.group()
        return piece

    return _CODE.sub(keep, html.replace("\x03", "")), kept


def _filled_blocks(html: str) -> list[str]:
    """The blocks whose comments close themselves: there are no words in the file, WordPress makes them at each visit."""
    names = (found[1].removeprefix("core/") for found in _BLOCK.finditer(html) if found[3])
    return [name for name in dict.fromkeys(names) if name not in ("more", "nextpage", "spacer")]


def _shortcode(found: re.Match[str], gallery: Gallery) -> str:
    if found[1] and found[5]:  # [[gallery]] means the words [gallery]
        return found.group()[1:-1]
    name, attributes, content = found[2].lower(), _attributes(found[3]), found[4] or ""
    return f"{found[1]}{_written(name, attributes, content, gallery)}{found[5]}"


def _written(name: str, attributes: Mapping[str, str], content: str, gallery: Gallery) -> str:
    match name:
        case "caption" | "wp_caption":
            return _caption(attributes, content)
        case "gallery":
            shown = (
                f'<img src="{escape(each.address)}" alt="{escape(each.alt)}">' for each in gallery(attributes)
            )
            return "\n\n" + "\n\n".join(shown) + "\n\n"
        case "playlist":
            return ""
    target = content.strip() or attributes.get("src") or attributes.get("") or _file_of(attributes)
    return f'\n\n<iframe src="{escape(unescape(target))}"></iframe>\n\n' if target else ""


def _caption(attributes: Mapping[str, str], content: str) -> str:
    picture = re.match(r"\s*((?:<a\b[^>]*>\s*)?<img\b[^>]*>(?:\s*</a>)?)(.*)", content, re.DOTALL)
    if picture is None:
        return content
    words = attributes.get("caption") or picture[2].strip()
    return f"\n\n<figure>{picture[1]}<figcaption>{words}</figcaption></figure>\n\n"


def _file_of(attributes: Mapping[str, str]) -> str:
    return next((attributes[name] for name in _MEDIA_ENDS if name in attributes), "")


def _attributes(text: str) -> dict[str, str]:
    found = {}
    for name, double, single, bare, address in _ATTRIBUTE.findall(unescape(text)):
        found[name.lower()] = double or single or bare or address
    return found


def _is_shortcode(name: str, html: str) -> bool:
    """Brackets are also written by people: only what has attributes or is closed is surely meant for a plugin."""
    escaped = re.escape(name)
    return re.search(rf"\[/{escaped}\]|\[{escaped}\s+[a-z_-]+=", html, re.IGNORECASE) is not None
