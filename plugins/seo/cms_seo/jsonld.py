"""Structured data (schema.org) of a page, as search engines read it."""

from datetime import datetime
from typing import Any

from cms_seo.content import Content, Picture
from cms_seo.outline import outline_of
from cms_seo.sites import Site

ARTICLES = {"article": "BlogPosting", "case-study": "Article", "product-guide": "TechArticle"}


def graph(site: Site, content: Content, path: str, published: datetime, updated: datetime) -> dict[str, Any]:
    """The page itself, its site, and where it stands in it."""
    return {
        "@context": "https://schema.org",
        "@graph": [_page(site, content, path, published, updated), _site(site), *_trail(site, content, path)],
    }


def site_graph(site: Site) -> dict[str, Any]:
    """The site alone, for its list of pages."""
    return {"@context": "https://schema.org", **_site(site)}


def type_of(content: Content) -> str:
    """The schema.org type of a page; an FAQ without questions is an ordinary page."""
    if content.kind == "faq" and content.questions:
        return "FAQPage"
    if content.kind == "video" and content.video:
        return "VideoObject"
    return ARTICLES.get(content.kind, "WebPage")


def _page(site: Site, content: Content, path: str, published: datetime, updated: datetime) -> dict[str, Any]:
    kind, url = type_of(content), site.url(path)
    page: dict[str, Any] = {
        "@type": kind,
        "@id": f"{url}#page",
        "url": url,
        "name": content.title,
        "description": content.description,
        "inLanguage": content.language or site.language,
        "datePublished": published.isoformat(timespec="seconds"),
        "dateModified": updated.isoformat(timespec="seconds"),
        "isPartOf": {"@id": f"{site.url('/')}#site"},
        "publisher": _publisher(site),
    }
    if content.picture is not None:
        page["image"] = _image(site, content.picture)
    if content.tags:
        page["keywords"] = list(content.tags)
    if kind in ARTICLES.values():
        page |= {"headline": content.title, "mainEntityOfPage": url, "wordCount": content.words}
        page["author"] = {"@type": "Person", "name": content.author} if content.author else _publisher(site)
    if kind == "VideoObject":
        page |= _video(site, content, published)
    if content.kind == "case-study" and content.facts:
        page["about"] = [{"@type": "Thing", "name": value} for _, value in content.facts]
    if kind == "FAQPage":
        page["mainEntity"] = [_question(*pair) for pair in content.questions]
    return page


def _video(site: Site, content: Content, published: datetime) -> dict[str, Any]:
    stored = content.video.startswith("/")
    found: dict[str, Any] = {
        "contentUrl" if stored else "embedUrl": site.url(content.video) if stored else content.video,
        "uploadDate": published.isoformat(timespec="seconds"),
    }
    if content.picture is not None:
        found["thumbnailUrl"] = site.url(content.picture.path)
    if content.seconds:
        minutes, seconds = divmod(content.seconds, 60)
        found["duration"] = f"PT{minutes}M{seconds}S"
    if content.transcript:
        found["transcript"] = outline_of(content.transcript).text
    return found


def _question(question: str, answer: str) -> dict[str, Any]:
    return {"@type": "Question", "name": question, "acceptedAnswer": {"@type": "Answer", "text": answer}}


def _image(site: Site, picture: Picture) -> dict[str, Any]:
    facts = {"url": site.url(picture.path), "width": picture.width, "height": picture.height}
    return {"@type": "ImageObject"} | {name: value for name, value in facts.items() if value}


def _publisher(site: Site) -> dict[str, Any]:
    found: dict[str, Any] = {"@type": "Organization", "name": site.publisher, "url": site.url("/")}
    return found | ({"logo": site.url(site.logo)} if site.logo else {})


def _site(site: Site) -> dict[str, Any]:
    url = site.url("/")
    found = {"@type": "WebSite", "@id": f"{url}#site", "url": url, "name": site.title}
    return found | ({"description": site.description} if site.description else {})


def _trail(site: Site, content: Content, path: str) -> list[dict[str, Any]]:
    if path == "/":
        return []
    steps = ((site.title, site.url("/")), (content.title, site.url(path)))
    items = [
        {"@type": "ListItem", "position": n, "name": name, "item": url}
        for n, (name, url) in enumerate(steps, start=1)
    ]
    return [{"@type": "BreadcrumbList", "itemListElement": items}]
