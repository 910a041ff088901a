"""From a placement to the posts of a network: one, or a thread where the text has lines of --- or is a list.

A social post is its text, as it was typed. Anything else (an article, a case study) is announced: by the text that its overrides
for the channel or the group ``social`` give it, otherwise by its title and summary; either with the address of its page.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from cms_core import Finding, Media, Placement, merge, utm_for, with_utm
from cms_social.counting import urls

KINDS = ("social-post", "article", "landing-page", "case-study", "product-guide", "faq", "one-pager", "video")
OWN_WORDS = "social-post"
PAGES = "site"  # the channel whose pages are announced
MOST_PARTS = 25
_BETWEEN = re.compile(r"^[ \t]*-{3,}[ \t]*$", re.MULTILINE)
_PICTURE = re.compile(r"!\[([^\]\n]*)\]\(<?([^)\s>]+)>?(?:\s+\"[^\"\n]*\")?\)")
_LINK = re.compile(r"(?<!!)\[([^\]\n]+)\]\(<?([^)\s>]*)>?(?:\s+\"[^\"\n]*\")?\)")
_BLANKS = re.compile(r"\n{3,}")
_NOT_TEXT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_STORED = re.compile(r"/media/([0-9a-f]{64})/")


@dataclass(frozen=True)
class Part:
    """One post: its text, and the files that go with it (their alternative texts are those of the text where it has some)."""

    text: str
    media: tuple[Media, ...] = ()


class Words:
    """The words of one placement, while they are checked and made ready. Raises MergeError where they cannot be filled in."""

    def __init__(self, placement: Placement, page: str = "") -> None:
        self.placement = placement
        self.asset = placement.asset
        self._page = page
        self._fields = merge.Fields.of(placement.merge_fields)

    @property
    def own(self) -> bool:
        """Whether the text was written for this network, rather than put together from title and summary."""
        return self.asset.kind == OWN_WORDS or "text" in self.asset.overrides

    def word(self, name: str) -> str:
        """A field as one line, "" where there is none."""
        value = self.asset.body.get(name)
        return " ".join(self._filled(value).split()) if isinstance(value, str) else ""

    @cached_property
    def title(self) -> str:
        return " ".join(self._filled(self.asset.title).split())

    @cached_property
    def summary(self) -> str:
        return " ".join(self._filled(self.asset.summary).split())

    @cached_property
    def language(self) -> str:
        """A language tag, "" where nobody named one."""
        return self.word("language") or self.asset.locale

    @cached_property
    def link(self) -> str:
        """Where the posts lead, with the campaign's parameters: the field ``link``, else the page of what is announced."""
        found = self.word("link") or ("" if self.asset.kind == OWN_WORDS else self._page)
        return self._counted(found) if found else ""

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """The posts in their order; there may be none."""
        written = [self._part(text) for text in self._texts()]
        found = [part for part in written if part.text or part.media]
        named = self._named_picture()
        if named and found and named not in found[0].media:
            found[0] = replace(found[0], media=(named, *found[0].media))
        return tuple(found)

    def sources(self) -> Iterator[tuple[str, str]]:
        """Each field that is shown, as it was written."""
        shown = ["text", "content_warning", "language", "link"] if self.own else ["title", "summary", "link"]
        written: dict[str, Any] = {"title": self.asset.title, "summary": self.asset.summary}
        for name in shown:
            value = written.get(name, self.asset.body.get(name))
            for each in value if isinstance(value, list | tuple) else [value]:
                if isinstance(each, str):
                    yield name, each

    def findings(self, field: str, source: str) -> Iterator[Finding]:
        """What the merge language remarks on one of them; raises MergeError."""
        yield from merge.compile(source, self._fields, escape=merge.Escape.NONE).findings(field)

    def _texts(self) -> Sequence[str]:
        if not self.own:
            return ["\n\n".join(filter(None, (self.title, self.summary)))]
        text: Any = self.asset.body.get("text")
        if isinstance(text, list | tuple):
            return [self._filled(str(each)) for each in text]
        return _BETWEEN.split(self._filled(str(text or "")))

    def _part(self, text: str) -> Part:
        media = tuple(filter(None, (self._stored(path, alt) for alt, path in _PICTURE.findall(text))))
        plain = _LINK.sub(_plain_link, _PICTURE.sub("", text))
        plain = _BLANKS.sub("\n\n", _NOT_TEXT.sub("", plain.replace("\r\n", "\n"))).strip()
        return Part(self._with_parameters(plain), media)

    def _stored(self, path: str, alt: str) -> Media | None:
        found = _STORED.search(path)
        sha256 = found[1] if found else ""
        media = next((each for each in self.asset.media if each.sha256 == sha256), None)
        return replace(media, alt=alt.strip() or media.alt) if media else None

    def _named_picture(self) -> Media | None:
        value = self.asset.body.get("image")
        return self._stored(value, "") if isinstance(value, str) else None

    def _with_parameters(self, text: str) -> str:
        done, rest = [], text
        for url in urls(text):
            before, _, rest = rest.partition(url)
            done += [before, self._counted(url)]
        return "".join([*done, rest])

    def _counted(self, url: str) -> str:
        return with_utm(url, utm_for(self.placement))

    def _filled(self, text: str) -> str:
        """A text with its merge tags filled in for nobody: networks do not know their readers."""
        return merge.compile(text, self._fields, escape=merge.Escape.NONE).render({})


def _plain_link(found: re.Match[str]) -> str:
    words, address = found[1], found[2]
    if not address.startswith(("http://", "https://")) or address == words:
        return words
    return f"{words} {address}"
