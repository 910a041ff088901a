"""Pages, lists, feeds and maps of a site as text; needs no web framework, so that previews look like the site."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from cms_seo import jsonld
from cms_seo.content import Content
from cms_seo.models import Page
from cms_seo.sites import Site

WORDS_PER_MINUTE = 220
_LOCAL_ADDRESS = re.compile(r'( (?:href|src)=")(?=/(?!/))')
_ADDRESSED = re.compile(r"<(?:a|img)\b[^>]*>")


@dataclass(frozen=True)
class Shown:
    """A page with the address and days under which it is shown."""

    site: Site
    content: Content
    path: str
    published: datetime
    updated: datetime
    id: str = ""  # the publication that first put it there; for feeds

    @classmethod
    def of(cls, site: Site, page: Page) -> "Shown":
        """A stored page as it is shown on its site."""
        path = site.address(page.slug, page.path)
        return cls(site, Content.of(page.content), path, page.published_at, page.updated_at, page.public_id)

    @property
    def url(self) -> str:
        """The one address that search engines shall know."""
        return self.site.url(self.path)

    @property
    def language(self) -> str:
        """The language of the text."""
        return self.content.language or self.site.language

    @property
    def head_title(self) -> str:
        """The title of the browser's window: with the site's name where it still fits."""
        title, name = self.content.head_title, self.site.title
        return title if self.path == "/" or len(title) + len(name) > 65 else f"{title} · {name}"

    @property
    def picture_url(self) -> str:
        """The full address of the picture that stands for the page."""
        return self.site.url(self.content.picture.path) if self.content.picture else ""

    @property
    def is_article(self) -> bool:
        """Whether readers expect a byline."""
        return self.content.kind in jsonld.ARTICLES

    @property
    def minutes(self) -> int:
        """How long it takes to read."""
        return max(1, round(self.content.words / WORDS_PER_MINUTE))

    @property
    def was_updated(self) -> bool:
        """Whether it changed on a later day than it appeared."""
        return self._day(self.updated) > self._day(self.published)

    def on(self, instant: datetime) -> str:
        """The day of an instant in the page's zone and language."""
        return long_date(self._day(instant), self.language)

    def _day(self, instant: datetime) -> datetime:
        return instant.astimezone(ZoneInfo(self.content.zone))

    @property
    def portable_html(self) -> str:
        """The body with full addresses, for feed readers."""
        prefix = rf"\g<1>{self.site.base_url}"
        return _ADDRESSED.sub(lambda tag: _LOCAL_ADDRESS.sub(prefix, tag.group()), self.content.html)

    @property
    def html(self) -> Markup:
        """The body, which was sanitised when it was made."""
        return Markup(self.content.html)  # noqa: S704

    @property
    def transcript(self) -> Markup:
        """What is said in a video; sanitised when it was made."""
        return Markup(self.content.transcript)  # noqa: S704


def page(shown: Shown, others: Sequence[Page] = (), inline_style: bool = False) -> str:
    """A whole page; ``inline_style`` is for previews, which have no server behind them."""
    data = jsonld.graph(shown.site, shown.content, shown.path, shown.published, shown.updated)
    style = Markup(stylesheet() + accent_style(shown.site.accent)) if inline_style else ""  # noqa: S704
    return _render("page.html", site=shown.site, shown=shown, others=others, data=data, style=style)


def index(site: Site, pages: Sequence[Page], number: int, more: bool) -> str:
    """The list of what is new on a site."""
    return _render(
        "index.html", site=site, pages=pages, number=number, more=more, data=jsonld.site_graph(site)
    )


def message(site: Site, title: str, text: str) -> str:
    """A page that says why there is none (404, 410)."""
    return _render("message.html", site=site, title=title, text=text)


def feed(template: str, site: Site, entries: Sequence[Shown], updated: datetime) -> str:
    """A feed: ``atom.xml`` or ``rss.xml``."""
    return _render(template, site=site, entries=entries, updated=updated)


def sitemap(site: Site, rows: Sequence[tuple[str, str, datetime]]) -> str:
    """A sitemap of (slug, path, changed at); home page and plain pages alike."""
    return _render("sitemap.xml", site=site, rows=rows)


def sitemap_index(site: Site, parts: int) -> str:
    """The list of a large site's sitemaps."""
    return _render("sitemap_index.xml", site=site, parts=parts)


@cache
def stylesheet() -> str:
    """The style of all sites."""
    return files("cms_seo").joinpath("static/site.css").read_text(encoding="utf-8")


@cache
def style_version() -> str:
    """Changes when the style does."""
    return hashlib.sha256(stylesheet().encode()).hexdigest()[:10]


def accent_style(accent: str) -> str:
    """The colour of links; on dark ground the same hue, as light as is needed to be read."""
    return f":root{{--accent:light-dark({accent},oklch(from {accent} .8 calc(c * 1.1) h))}}\n"


def long_date(day: datetime, language: str) -> str:
    """A day in words, in a language that Babel knows, else in English."""
    try:
        locale = Locale.parse(language.replace("-", "_"))
    except (ValueError, UnknownLocaleError):
        locale = Locale("en", "GB")
    return str(format_date(day, "long", locale=locale))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("cms_seo", "templates/seo/site"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters["rfc3339"] = lambda at: at.astimezone(UTC).isoformat(timespec="seconds")
    environment.filters["rfc822"] = lambda at: format_datetime(at.astimezone(UTC), usegmt=True)
    environment.globals["long_date"] = long_date
    environment.globals["style_version"] = style_version
    return environment


def _render(template: str, **context: object) -> str:
    return _environment().get_template(template).render(**context)
