"""Words of a text as they are searched: the same in the index and in a query, whatever the database.

Case, accents and width do not matter. Scripts that do not part their words (Chinese, Japanese, Thai, …) go in as pairs of
characters. A title says more of a text than its summary, and that more than its body, however often the body says it.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterator

import regex

from cms_core import Asset, markdown_to_text

TITLE, SUMMARY, MOST_OF_BODY = 100, 20, 5
LONGEST = 40  # characters of a term
_UNPARTED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_RUN = regex.compile(rf"([{_UNPARTED}]+)|((?:[\p{{L}}\p{{M}}\p{{N}}](?<![{_UNPARTED}]))+)")


def terms(text: str) -> Iterator[str]:
    """The terms of a text, in their order."""
    for unparted, word in _RUN.findall(unicodedata.normalize("NFKC", text)):
        if unparted:
            yield from (unparted[n : n + 2] for n in range(max(len(unparted) - 1, 1)))
        elif folded := _folded(word):
            yield folded


def weights(asset: Asset) -> dict[str, int]:
    """How much each term says of an asset."""
    found: Counter[str] = Counter()
    about = (asset.summary, *asset.tags, asset.kind, asset.persona, asset.funnel_stage)
    body = Counter(terms(plain_text(asset)))
    found.update({term: min(count, MOST_OF_BODY) for term, count in body.items()})
    found.update(dict.fromkeys((term for text in about for term in terms(text)), SUMMARY))
    found.update(dict.fromkeys(terms(asset.title), TITLE))
    return dict(found)


def plain_text(asset: Asset) -> str:
    """All texts of an asset's body, without their marks."""
    texts = [value for value in asset.body.values() if isinstance(value, str)]
    return "\n".join(markdown_to_text(text) for text in texts)


def _folded(word: str) -> str:
    decomposed = unicodedata.normalize("NFKD", word.casefold())
    return "".join(each for each in decomposed if not unicodedata.combining(each))[:LONGEST]
