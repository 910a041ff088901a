"""Turns the links of a mail into tracked ones: ``<base>/<token>/<n>``, whose target is looked up by its number."""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from cms_core import MergeTags, TrackedLinks

OWN_TOKEN = "{{ message.token }}"  # noqa: S105 - the merge field of it

_ATTRIBUTES = r"""((?:\s+[\w:-]+(?:="[^"]*")?)*)\s*/?>"""
_ANCHOR = re.compile(rf"<a{_ATTRIBUTES}", re.IGNORECASE)
_HREF = re.compile(r'(?<=\shref=")[^"]*(?=")')
_BRACKETED = re.compile(r"(?<=<)https?://[^\s<>]+(?=>)")
_BARE = re.compile(r"(?<!<)https?://[^\s<>]+?(?=[.,;:!?)\]\"']*(?:[\s<>]|$))")


def addresses_in(markup: str) -> Iterator[str | None]:
    """Where each link of sanitised HTML leads; None for a link whose address was taken away because it leads nowhere good."""
    for anchor in _ANCHOR.finditer(markup):
        href = _HREF.search(anchor[1])
        yield html.unescape(href.group()) if href else None


def is_web(address: str) -> bool:
    """Whether this is the address of a page, with a host."""
    try:
        parts = urlsplit(address)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


@dataclass
class Tracker:
    """Rewrites the links of one mail; the HTML comes first, so that the plain text gets the same numbers.

    A link with a merge tag in its address has no target that could be stored: it stays as it is and is not counted.
    """

    links: TrackedLinks
    tags: MergeTags
    _known: dict[str, str] = field(default_factory=dict)

    def in_html(self, markup: str) -> str:
        """HTML (its merge tags shielded) with tracked links."""
        return _ANCHOR.sub(lambda anchor: _HREF.sub(self._href, anchor.group()), markup)

    def in_text(self, text: str) -> str:
        """Plain text with tracked links: those in angle brackets, and bare ones that are links in the HTML too."""
        text = _BRACKETED.sub(lambda found: self._tracked(found.group()) or found.group(), text)
        return _BARE.sub(lambda found: self._known.get(found.group(), found.group()), text)

    def _href(self, found: re.Match[str]) -> str:
        tracked = self._tracked(html.unescape(found.group()))
        return html.escape(tracked) if tracked else found.group()

    def _tracked(self, address: str) -> str | None:
        if address in self._known:
            return self._known[address]
        if not is_web(address) or "{" in self.tags.restore_text(address):
            return None
        self._known[address] = tracked = f"{self.links.base}/{OWN_TOKEN}/{self.links.index(address)}"
        return tracked
