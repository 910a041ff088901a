"""An approved asset as a page for people outside: sanitised, with addresses of this host, merge fields at their defaults."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from urllib.parse import urlsplit

from markupsafe import Markup

from cms_core import Asset, FieldProvider, Media, merge, render_markdown


@dataclass(frozen=True)
class Shown:
    """What a page shows of an asset. ``heading`` is empty where the text brings its own."""

    title: str
    summary: str
    html: Markup
    language: str
    heading: str


def shown(asset: Asset, providers: Iterable[FieldProvider]) -> Shown:
    """The words of an asset for somebody whom the page does not know; ``providers`` are those of the merge fields."""
    fields = merge.Fields.of(providers)
    text = str(asset.body.get("text") or "")
    html = _filled(render_markdown(text, [_local(each) for each in asset.media]), fields, merge.Escape.HTML)
    title = " ".join(_filled(asset.title, fields, merge.Escape.NONE).split())
    return Shown(
        title=title,
        summary=_filled(asset.summary, fields, merge.Escape.NONE),
        html=Markup(html),  # noqa: S704  # sanitised by render_markdown
        language=asset.locale or "en",
        heading="" if html.lstrip().startswith("<h1") else title,
    )


@cache
def stylesheet() -> str:
    """The style of shared pages, for previews without a server behind them."""
    return files("cms_sales_enablement").joinpath("static/share.css").read_text(encoding="utf-8")


def _filled(text: str, fields: merge.Fields, escape: merge.Escape) -> str:
    """Merge fields at their defaults; a text that is no merge language stays as it was approved."""
    try:
        return merge.compile(text, fields, escape=escape).render({})
    except merge.MergeError:
        return text


def _local(media: Media) -> Media:
    return replace(media, url=urlsplit(media.url).path)
