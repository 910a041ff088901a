"""Markdown (CommonMark, tables, strikethrough) as safe HTML. Merge tags go through it untouched."""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import nh3

from cms_core.contract import Media
from cms_core.markdown.mergetags import MergeTags

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

TAGS = set(
    "a abbr b blockquote br caption cite code dd del div dl dt em figcaption figure h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol "
    "p pre q s small span strong sub sup table tbody td tfoot th thead time tr u ul".split()
)
ATTRIBUTES: dict[str, set[str]] = {
    "a": {"href", "title"},
    "img": {"src", "alt", "title", "width", "height"},
    "code": {"class"},
    "ol": {"start"},
    "td": {"align", "colspan", "rowspan"},
    "th": {"align", "colspan", "rowspan"},
    "abbr": {"title"},
    "time": {"datetime"},
}
SCHEMES = {"http", "https", "mailto", "tel"}
_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:")
_LANGUAGE = re.compile(r"language-[\w+#.-]{1,40}")
_IMAGE_WITHOUT_SOURCE = re.compile(r"<img(?![^>]* src=)[^>]*>")


def render_markdown(text: str, media: Sequence[Media] = (), base_url: str = "") -> str:
    """Markdown as sanitised HTML with absolute addresses; stored files get their address, size and alternative text from ``media``.

    Raw HTML is kept as far as it is harmless: no scripts, styles, frames, forms, event handlers, or addresses but http(s), mailto
    and tel. Merge tags come out as they went in.
    """
    tags = MergeTags(text)
    parser, files = markdown_parser(), {urlsplit(each.url).path: each for each in media}
    env: dict[str, object] = {}
    tokens = parser.parse(tags.shielded, env)
    for token in tokens:
        _dress(token, files)
    html = _sanitise(parser.renderer.render(tokens, parser.options, env), tags, files, base_url)
    return tags.restore_html(html)


@cache
def markdown_parser() -> "MarkdownIt":
    """The one parser: CommonMark with tables and strikethrough; bare addresses are not made links."""
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark").enable(["table", "strikethrough"])


def absolute(address: str, tags: MergeTags, files: Mapping[str, Media], base_url: str) -> str | None:
    """The address as it works from anywhere, or None where it leads nowhere good."""
    starts_with_tag = tags.may_start_address(address)
    if starts_with_tag is not None:
        return address if starts_with_tag else None
    if address.startswith("#"):
        return address
    if found := _SCHEME.match(address):
        return address if found.group()[:-1].lower() in SCHEMES else None
    if address in files:
        return files[address].url
    try:
        return urljoin(f"{base_url}/", address)
    except ValueError:
        return None


def _sanitise(html: str, tags: MergeTags, files: Mapping[str, Media], base_url: str) -> str:
    def keep(tag: str, attribute: str, value: str) -> str | None:
        if attribute == "class":
            return value if _LANGUAGE.fullmatch(value) else None
        if attribute not in ("href", "src"):
            return value
        address = absolute(value.strip(), tags, files, base_url)
        if (
            attribute == "src"
            and address is not None
            and not address.startswith(("https://", "http://", "/media/"))
        ):
            return None
        return address

    clean = nh3.clean(
        html,
        tags=TAGS,
        attributes=ATTRIBUTES,
        attribute_filter=keep,
        url_schemes=SCHEMES,
        link_rel="noopener noreferrer",
    )
    return _IMAGE_WITHOUT_SOURCE.sub("", clean)


def _dress(token: "Token", files: Mapping[str, Media]) -> None:
    """Alignment as an attribute (styles are not allowed), and what is known about stored images."""
    style = str(token.attrs.pop("style", ""))
    if token.type in ("th_open", "td_open") and style.startswith("text-align:"):
        token.attrSet("align", style.removeprefix("text-align:"))
    for child in token.children or ():
        _dress(child, files)
    media = files.get(str(token.attrs.get("src", ""))) if token.type == "image" else None
    if media is not None:
        if media.width and media.height:
            token.attrSet("width", str(media.width))
            token.attrSet("height", str(media.height))
        if not token.content and media.alt:
            token.children = [_text_token(media.alt)]


def _text_token(text: str) -> "Token":
    from markdown_it.token import Token

    return Token("text", "", 0, content=text)
