"""From an asset to the three templates of a mail: subject, HTML and plain text, with merge tags in them."""

import html
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING

from cms_core import Asset, Media, MergeTags, Placement, TrackedLinks, markdown_to_text, render_markdown
from cms_email.tracking import OWN_TOKEN, Tracker

if TYPE_CHECKING:
    from css_inline import CSSInliner

NOWHERE = "#"
_PREHEADER = '<div class="hidden">$words</div>\n'
_TRACES = (
    f'<a href="$base/{OWN_TOKEN}/h" class="hidden" aria-hidden="true" tabindex="-1"></a>'
    f'<img src="$base/{OWN_TOKEN}.gif" width="1" height="1" alt="">\n'
)


@dataclass(frozen=True)
class Document:
    """The templates of a mail, in the merge language."""

    subject: str
    html: str
    text: str


def subject_of(asset: Asset) -> str:
    """The subject: the variant's own, else the title."""
    return _words(asset, "subject") or " ".join(asset.title.split())


def preheader_of(asset: Asset) -> str:
    """The line that inboxes show behind the subject: the variant's own, else the summary."""
    return _words(asset, "preheader") or " ".join(asset.summary.split())


def text_of(asset: Asset) -> str:
    """The Markdown of the body."""
    text = asset.body.get("text", "")
    return text if isinstance(text, str) else ""


def compose(placement: Placement, base_url: str, links: TrackedLinks | None) -> Document:
    """The templates of a mail; without ``links`` (checks, previews) nothing in it is tracked."""
    asset, sender, postal = placement.asset, *_sender(placement)
    media = [_reachable(each, base_url) for each in asset.media]
    unsubscribe = f"{links.base}/{OWN_TOKEN}/u" if links else NOWHERE
    markup = Template(_layout()).substitute(
        lang=html.escape((asset.locale or "en").replace("_", "-")),
        title=_escaped(subject_of(asset)),
        preheader=_filled(_PREHEADER, words=_escaped(preheader_of(asset))) if preheader_of(asset) else "",
        heading=f"<h1>{_escaped(asset.title)}</h1>\n" if _wants_heading(asset) else "",
        body=render_markdown(text_of(asset), media, base_url),
        sender=html.escape(sender),
        postal="<br>\n".join(map(html.escape, postal)),
        unsubscribe=unsubscribe,
        traces=_filled(_TRACES, base=links.base) if links else "",
    )
    text = "".join(
        [
            f"{asset.title}\n\n" if _wants_heading(asset) else "",
            markdown_to_text(text_of(asset), base_url),
            "\n--\n",
            "\n".join([f"You receive this e-mail because you agreed to hear from {sender}.", *postal]),
            f"\nUnsubscribe: {unsubscribe}\n" if links else "\n",
        ]
    )
    return Document(subject_of(asset), *_finished(markup, text, links))


def _finished(markup: str, text: str, links: TrackedLinks | None) -> tuple[str, str]:
    """Styles onto their elements and tracked links into both parts, while merge tags are out of the way."""
    tags = MergeTags(markup)
    markup = _inliner().inline(tags.shielded)
    if links:
        tracker = Tracker(links, tags)
        markup, text = tracker.in_html(markup), tracker.in_text(text)
    return tags.restore_text(markup), text


def _words(asset: Asset, name: str) -> str:
    value = asset.body.get(name)
    return " ".join(value.split()) if isinstance(value, str) else ""


def _wants_heading(asset: Asset) -> bool:
    """An e-mail is written as it is to be read; the texts of other kinds stand under their title."""
    return asset.kind != "email" and not text_of(asset).lstrip().startswith("# ")


def _sender(placement: Placement) -> tuple[str, list[str]]:
    settings = placement.settings
    sender = str(settings.get("from_name") or settings.get("from_address") or "us")
    lines = str(settings.get("postal_address") or "").splitlines()
    return sender, [line.strip() for line in lines if line.strip()]


def _reachable(media: Media, base_url: str) -> Media:
    return replace(media, url=base_url + media.url) if media.url.startswith("/") else media


def _escaped(words: str) -> str:
    tags = MergeTags(words)
    return tags.restore_text(html.escape(tags.shielded, quote=False))


def _filled(template: str, **values: str) -> str:
    return Template(template).substitute(values)


@cache
def _layout() -> str:
    return files("cms_email").joinpath("layout.html").read_text(encoding="utf-8")


@cache
def _inliner() -> "CSSInliner":
    from css_inline import CSSInliner

    return CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)
