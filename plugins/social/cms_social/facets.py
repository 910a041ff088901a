"""What Bluesky makes clickable: mentions, links and tags, told by the bytes (UTF-8) at which they stand.

What must and must not be found is what the AT Protocol's own tests say (``atproto/facets.json`` of the conformance data).
An address without a scheme is a link where its ending is one of :data:`ENDINGS`: the whole list of endings changes every month,
and a file name made into a link by mistake is worse than a rare ending that stays plain.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import regex

from cms_social.counting import graphemes, tidy_url

TAG_GRAPHEMES = 64
ENDINGS = frozenset(
    "com org net edu gov mil int info biz io ai app dev eu me tv co cc ly gg fm page site online store shop blog news cloud tech "
    "social art design studio agency media museum eco coop test xyz at au be br ca ch cn cz de dk es fi fr gr hu ie il in is it jp "
    "kr lt lu lv mx nl no nz pl pt ro ru se si sk tr tw ua uk us za".split()
)
_BREAKS = r"\s\u00ad\u2060\u200a-\u200d\u20e2"
_START = r"(?<=^|\s|\()"
_MENTION = regex.compile(_START + r"@([a-zA-Z0-9.-]+)\b")
_LINK = regex.compile(_START + r"(?:https?://\S+|(?P<host>[a-z][a-z0-9]*(?:\.[a-z0-9]+)+)\S*)", regex.I)
_TAG = regex.compile(rf"(?<=^|\s)[#＃](?!\ufe0f)([^{_BREAKS}]+)")
_CASHTAG = regex.compile(_START + r"\$([A-Za-z][A-Za-z0-9]{0,4})(?=\s|$|[.,;:!?)\"'’])")
_HANDLE = regex.compile(
    r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\.)+[a-zA-Z](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
)
_CLOSING = regex.compile(r"\p{P}+$")
_WORDY = regex.compile(r"[^\d\p{P}]")


@dataclass(frozen=True)
class Facet:
    """A stretch of text, in bytes: kind is ``mention`` (value: a handle), ``link`` (an address) or ``tag`` (without #)."""

    kind: str
    start: int
    end: int
    value: str


def detect(text: str) -> list[Facet]:
    """Everything clickable in a text, in its order, nothing overlapping; the first of two at one place counts."""
    found = sorted([*_mentions(text), *_links(text), *_tags(text)], key=lambda each: each.start)
    kept: list[Facet] = []
    for each in found:
        if not kept or each.start >= kept[-1].end:
            kept.append(each)
    return kept


def is_handle(text: str) -> bool:
    """Whether this can be the handle of an account: a domain name of at least two parts."""
    return len(text) <= 253 and bool(_HANDLE.fullmatch(text))


def _mentions(text: str) -> Iterator[Facet]:
    for found in _MENTION.finditer(text):
        if is_handle(found[1]):
            yield _facet("mention", text, found.start(), found.end(), found[1])


def _links(text: str) -> Iterator[Facet]:
    for found in _LINK.finditer(text):
        host, address = found["host"], tidy_url(found.group())
        if host and host.rpartition(".")[2].lower() not in ENDINGS:
            continue
        if address.endswith("://"):
            continue
        yield _facet(
            "link",
            text,
            found.start(),
            found.start() + len(address),
            f"https://{address}" if host else address,
        )


def _tags(text: str) -> Iterator[Facet]:
    for found in _TAG.finditer(text):
        tag = _CLOSING.sub("", found[1])
        if tag and _WORDY.search(tag) and graphemes(tag) <= TAG_GRAPHEMES:
            yield _facet("tag", text, found.start(), found.start() + 1 + len(tag), tag)
    for found in _CASHTAG.finditer(text):
        yield _facet("tag", text, found.start(), found.end(), f"${found[1].upper()}")


def _facet(kind: str, text: str, start: int, end: int, value: str) -> Facet:
    first = len(text[:start].encode())
    return Facet(kind, first, first + len(text[start:end].encode()), value)
