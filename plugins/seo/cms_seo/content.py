"""From a placement to the content of its page: words without merge tags, HTML, description, picture, structured facts."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from cms_core import Asset, Media, Placement, merge, render_markdown
from cms_seo.addresses import path_of
from cms_seo.outline import Outline, outline_of

EXCERPT = 155  # characters; about what search results show of a description
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, production 2
_PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")


@dataclass(frozen=True)
class Picture:
    """The picture that stands for a page elsewhere; ``path`` is under /media."""

    path: str
    alt: str = ""
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True)
class Content:
    """All that a page shows; made once, stored as JSON. ``heading`` is empty where the text brings its own."""

    path: str
    slug: str
    kind: str
    title: str
    html: str
    heading: str = ""
    head_title: str = ""
    description: str = ""
    summary: str = ""
    language: str = ""
    author: str = ""
    tags: tuple[str, ...] = ()
    picture: Picture | None = None
    questions: tuple[tuple[str, str], ...] = ()
    words: int = 0
    goal: str = ""
    zone: str = "UTC"
    hash: str = ""

    def to_json(self) -> dict[str, Any]:
        """As it is stored."""
        return asdict(self)

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> "Content":
        """As it was stored, also by a version that knew fewer or more fields."""
        known = {each.name: data[each.name] for each in fields(cls) if each.name in data}
        picture = known.get("picture")
        return cls(
            **{
                **known,
                "tags": tuple(known.get("tags", ())),
                "picture": Picture(**picture) if picture else None,
                "questions": tuple((question, answer) for question, answer in known.get("questions", ())),
            }
        )


class Manuscript:
    """The texts of one placement while its page is made and checked."""

    def __init__(self, placement: Placement) -> None:
        self.placement = placement
        self.asset: Asset = placement.asset
        self.fields = merge.Fields.of(placement.merge_fields)

    @cached_property
    def texts(self) -> dict[str, str]:
        """The texts as they were written, by the name of their field."""
        body = self.asset.body
        written = {"title": self.asset.title, "summary": self.asset.summary}
        return written | {
            name: value if isinstance(value := body.get(name), str) else ""
            for name in ("text", "meta_title", "meta_description", "author", "goal")
        }

    def words(self, name: str) -> str:
        """A text as one line, its merge tags filled in for nobody; raises MergeError."""
        template = merge.compile(self.texts[name], self.fields, escape=merge.Escape.NONE)
        return _clean(" ".join(template.render({}).split()))

    @cached_property
    def html(self) -> str:
        """The body as sanitised HTML with addresses of this site; raises MergeError."""
        markup = render_markdown(self.texts["text"], [_local(each) for each in self.asset.media])
        return _clean(merge.compile(markup, self.fields, escape=merge.Escape.HTML).render({}))

    @cached_property
    def outline(self) -> Outline:
        """What stands in the body."""
        return outline_of(self.html)

    @property
    def brings_heading(self) -> bool:
        """Whether the body begins with a main heading of its own."""
        sections = self.outline.sections
        return not sections[0].text.strip() and len(sections) > 1 and sections[1].level == 1

    @property
    def description(self) -> str:
        """What search results show: its own, else the summary, else the beginning of the text."""
        return self.words("meta_description") or self.words("summary") or excerpt(self.outline.text)

    @property
    def head_title(self) -> str:
        """The title for browsers and search results."""
        return self.words("meta_title") or self.words("title")


def compose(placement: Placement) -> Content:
    """The content of a page; raises MergeError and BadPath."""
    text = Manuscript(placement)
    asset = placement.asset
    title = text.words("title")
    return Content(
        path=path_of(asset),
        slug=asset.slug,
        kind=asset.kind,
        title=title,
        heading="" if text.brings_heading else title,
        head_title=text.head_title,
        description=text.description,
        summary=text.words("summary"),
        html=text.html,
        language=asset.locale,
        author=text.words("author") or _public_name(asset.author),
        tags=tuple(_clean(tag) for tag in asset.tags),
        picture=_picture(asset),
        questions=tuple(text.outline.questions) if asset.kind == "faq" else (),
        words=text.outline.words,
        goal=text.words("goal")[:120],
        zone=placement.campaign.tz if placement.campaign else "UTC",
        hash=asset.content_hash,
    )


def excerpt(text: str) -> str:
    """The beginning of a text, cut between words."""
    return text if len(text) <= EXCERPT else text[: EXCERPT - 1].rpartition(" ")[0].rstrip(" ,;:–-") + "…"


def _picture(asset: Asset) -> Picture | None:
    """The picture that the variant names under ``image``, else the first one of the text."""
    pictures = [each for each in asset.media if each.mime in _PICTURES]
    named = str(asset.body.get("image") or "")
    pictures.sort(key=lambda each: each.sha256 not in named)
    if not pictures:
        return None
    first = pictures[0]
    return Picture(urlsplit(first.url).path, _clean(first.alt), first.width, first.height)


def _public_name(author: str) -> str:
    """Users without a name go by their address, which is nobody's business."""
    return "" if "@" in author else _clean(author)


def _local(media: Media) -> Media:
    return replace(media, url=urlsplit(media.url).path)


def _clean(text: str) -> str:
    return _NOT_XML.sub("", text)
