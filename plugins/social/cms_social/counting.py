"""How long a text is where it will stand: each network counts in its own way, and always in graphemes, as people do."""

import re

import regex

URL_LENGTH = 23  # characters that Mastodon counts for any address
_GRAPHEME = regex.compile(r"\X")
_URL = regex.compile(
    r"(?<![\w@＠$#＃])https?://(?:[\p{L}\p{N}_-]+\.)+\p{L}[\p{L}\p{N}-]+(?::\d+)?(?:[/?#][^\s<>\"]*)?",
    regex.I,
)
_MENTION = re.compile(r"(?<![=/\w])@([A-Za-z0-9_]+(?:[.-]+[A-Za-z0-9_]+)*)@[\w.-]*\w")
_END = ".,:;!?'\"”’»…*_~"


def graphemes(text: str) -> int:
    """What people see as characters: 👩‍👩‍👧 is one."""
    return len(_GRAPHEME.findall(text))


def mastodon_length(text: str) -> int:
    """The characters that Mastodon counts: an address is 23 long, of a mention only the name before the host counts."""
    counted, rest = 0, text
    for url in urls(text):
        before, _, rest = rest.partition(url)
        counted += graphemes(_local(before)) + URL_LENGTH
    return counted + graphemes(_local(rest))


def urls(text: str) -> list[str]:
    """The addresses in a text, in their order, without the punctuation that ends a sentence."""
    return [tidy_url(found.group()) for found in _URL.finditer(text)]


def tidy_url(url: str) -> str:
    """An address without what does not belong to it: closing punctuation, and a bracket that it did not open."""
    while url[-1] in _END or (url[-1] == ")" and url.count("(") < url.count(")")):
        url = url[:-1]
    return url


def _local(text: str) -> str:
    return _MENTION.sub(r"@\1", text)
