"""From a placement to the content of its page: words without merge tags, HTML, description, picture, structured facts."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from cms_core import Asset, Media, Placement, merge, render_markdown
from cms_seo.addresses import path_of
from cms_seo.outline import Outline, outline_of

EXCERPT = 155  # characters; about what search results show of a description
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, production 2
_PICTURE = re.compile(r'<img src="(/media/[0-9a-f]{64}/[\w.-]+)"')
SIZES = "(min-width: 58rem) 50rem, 100vw"  # as wide as site.css lets pictures be
_PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
OWN_TEXTS = {
    "case-study": ("customer", "industry", "quote", "quoted"),
    "product-guide": ("product", "version", "audience"),
    "one-pager": ("audience", "action_label"),
    "landing-page": ("action_label",),
    "video": ("transcript",),
}
SHOWN = ("quote", "quoted", "action_label")  # those of them that are fields of a page; the others are facts
FACTS = {
    "case-study": (("Customer", "customer"), ("Industry", "industry")),
    "product-guide": (("Product", "product"), ("Version", "version"), ("For", "audience")),
    "one-pager": (("For", "audience"),),
}


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
    facts: tuple[tuple[str, str], ...] = ()
    results: tuple[tuple[str, str], ...] = ()
    quote: str = ""
    quoted: str = ""
    action_label: str = ""
    action_url: str = ""
    video: str = ""
    seconds: int = 0
    transcript: str = ""
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
                **{
                    name: tuple(map(tuple, known.get(name, ()))) for name in ("questions", "facts", "results")
                },
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
        names = (
            "text",
            "meta_title",
            "meta_description",
            "author",
            "goal",
            *OWN_TEXTS.get(self.asset.kind, ()),
        )
        own = {name: value if isinstance(value := body.get(name), str) else "" for name in names}
        return written | own | ({"questions": self._questions} if self.asset.kind == "faq" else {})

    @property
    def _questions(self) -> str:
        """The questions of an FAQ as Markdown: each a heading with its answer below."""
        rows = pairs(self.asset.body.get("questions"), "question", "answer")
        return "".join(f"\n\n## {question}\n\n{answer}" for question, answer in rows)

    @property
    def markdown(self) -> str:
        """All that is read as one text."""
        return self.texts["text"] + self.texts.get("questions", "")

    def words(self, name: str) -> str:
        """A text as one line, its merge tags filled in for nobody; raises MergeError."""
        template = merge.compile(self.texts[name], self.fields, escape=merge.Escape.NONE)
        return _clean(" ".join(template.render({}).split()))

    @cached_property
    def html(self) -> str:
        """The body as sanitised HTML with addresses of this site; raises MergeError."""
        return self._as_html(self.markdown)

    def rendered(self, name: str) -> str:
        """A field of several paragraphs as sanitised HTML; raises MergeError."""
        return self._as_html(self.texts[name])

    def _as_html(self, text: str) -> str:
        markup = render_markdown(text, [_local(each) for each in self.asset.media])
        html = merge.compile(markup, self.fields, escape=merge.Escape.HTML).render({})
        return _clean(with_sizes(html, self.asset.media))

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
        **own_parts(text),
        words=text.outline.words,
        goal=text.words("goal")[:120],
        zone=placement.campaign.tz if placement.campaign else "UTC",
        hash=asset.content_hash,
    )


def with_sizes(html: str, media: Sequence[Media]) -> str:
    """Sanitised HTML whose stored pictures offer smaller sizes and are loaded when they come near."""
    known = {urlsplit(each.url).path: each for each in media if each.mime in _PICTURES}

    def dressed(tag: re.Match[str]) -> str:
        path = tag[1]
        if path not in known:
            return tag[0]
        folder, _, filename = path.rpartition("/")
        sizes = [f"{folder}/w{width}/{filename} {width}w" for width in known[path].widths]
        own = [f"{path} {known[path].width}w"]
        offered = f' srcset="{", ".join(sizes + own)}" sizes="{SIZES}"' if sizes else ""
        return f'{tag[0]}{offered} loading="lazy"'

    return _PICTURE.sub(dressed, html)


def own_parts(text: Manuscript) -> dict[str, Any]:
    """What only some kinds have, as fields of :class:`Content`."""
    body, kind = text.asset.body, text.asset.kind
    found: dict[str, Any] = {name: text.words(name) for name in OWN_TEXTS.get(kind, ()) if name in SHOWN}
    if kind in FACTS:
        found["facts"] = tuple((label, text.words(name)) for label, name in FACTS[kind] if text.words(name))
    if kind == "case-study":
        found["results"] = tuple(pairs(body.get("results"), "label", "value"))
    if kind == "video":
        duration = body.get("duration")
        found["video"] = found_address(body.get("url"))
        found["seconds"] = duration if isinstance(duration, int) else 0
        found["transcript"] = text.rendered("transcript")
    if kind in ("landing-page", "one-pager"):
        found["action_url"] = found_address(body.get("action_url"), r"|(?:mailto|tel):[^\s]+$")
    return found


def pairs(rows: Any, first: str, second: str) -> list[tuple[str, str]]:
    """The rows of a list of objects as pairs; what is no such list, or only half of a row, is left out."""
    found = [
        (_clean(str(row.get(first) or "")).strip(), _clean(str(row.get(second) or "")).strip())
        for row in (rows if isinstance(rows, list) else ())
        if isinstance(row, Mapping)
    ]
    return [(one, other) for one, other in found if one and other]


def found_address(value: Any, also: str = "") -> str:
    """An address that a page may lead to: on the web, on this site, or what ``also`` allows; "" for anything else."""
    text = _clean(value) if isinstance(value, str) else ""
    return text if re.match(r"https?://[^\s]+$|/(?!/)[^\s\\]*$" + also, text) else ""


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
