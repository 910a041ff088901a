"""What a whole WordPress export knows that single posts need: where each stands here, pictures by number, local addresses."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from html import unescape
from urllib.parse import unquote, urljoin, urlsplit

from cms_core.content.slugs import first_free, slug_fault, slug_or_digest, slugify
from cms_core.imports.wordpress.body import Picture
from cms_core.imports.wordpress.wxr import Export, Item

KINDS = {"post": "article", "page": "landing-page"}


@dataclass(frozen=True)
class Site:
    """One export, ready to be asked; ``slugs`` is where each item that is imported stands, by its identity."""

    export: Export
    base: str
    slugs: Mapping[str, str]
    places: Mapping[str, str]
    attachments: Mapping[str, Picture]
    children: Mapping[str, list[str]]
    files: Mapping[str, str]

    def identity(self, item: Item) -> str:
        """What stays the same when a post gets another address or title."""
        return identity(self.base, item)

    def address(self, written: str) -> str:
        """Where a link or picture leads after the move: to the imported post, the stored file, or where it led before."""
        try:
            whole = urljoin(f"{self.base}/", unescape(written.strip()))
            parts = urlsplit(whole)
        except ValueError:
            return written
        if parts.scheme not in ("http", "https") or written.startswith("#"):
            return written
        if whole in self.files:
            return self.files[whole]
        slug = self.places.get(place(whole))
        return f"/{slug}{f'#{parts.fragment}' if parts.fragment else ''}" if slug else whole

    def gallery(self, item: Item, attributes: Mapping[str, str]) -> list[Picture]:
        """The pictures of a [gallery]: those it names, else all that were uploaded to the post."""
        named = attributes.get("ids") or attributes.get("include") or ""
        numbers = re.findall(r"\d+", named) or self.children.get(
            attributes.get("id") or item.get("wp:post_id"), []
        )
        return [self.attachments[number] for number in numbers if number in self.attachments]


def read_site(
    export: Export,
    slug_of: Callable[[str], str | None],
    taken: Callable[[str], bool],
    files: Mapping[str, str],
) -> tuple[Site, list[tuple[Item, str]]]:
    """Give every post and page its slug and see who is who; the second are the items whose slug had to be another.

    ``slug_of`` tells where an item of this identity stands already, ``taken`` whether a slug is somebody else's, ``files`` the
    stored files by the address they came from.
    """
    base = (export.site.get("wp:base_blog_url") or export.site.get("link") or "").rstrip("/")
    imported = [item for item in export.items if item.kind in KINDS]
    slugs = {identity(base, item): slug for item in imported if (slug := slug_of(identity(base, item)))}
    used, renamed = set(slugs.values()), []
    for item in imported:
        if identity(base, item) in slugs:
            continue
        wanted = _wanted_slug(item)
        slug = first_free(wanted, lambda each: each in used or bool(slug_fault(each)) or taken(each))
        if slug != wanted:
            renamed.append((item, wanted))
        used.add(slug)
        slugs[identity(base, item)] = slug
    site = Site(export, base, slugs, _places(base, imported, slugs), *_attachments(export), files)
    return site, renamed


def identity(base: str, item: Item) -> str:
    """``base?p=number``: WordPress never gives a number twice, while titles and addresses change."""
    return f"{base}/?p={item.get('wp:post_id').strip() or item.get('guid').strip()}"[:500]


def place(address: str) -> str:
    """An address without what may differ in a link to the same page: scheme, www, the last slash, the fragment."""
    parts = urlsplit(address)
    query = f"?{parts.query}" if re.fullmatch(r"(?:p|page_id)=\d+", parts.query) else ""
    path = "" if query else unquote(parts.path).rstrip("/")
    return f"{parts.netloc.lower().removeprefix('www.')}{path}{query}"


def _places(base: str, items: Iterable[Item], slugs: Mapping[str, str]) -> dict[str, str]:
    found = {}
    for item in items:
        slug = slugs[identity(base, item)]
        number = item.get("wp:post_id").strip()
        written = [item.get("link"), item.get("guid"), f"{base}/?p={number}", f"{base}/?page_id={number}"]
        for address in written:
            try:
                found[place(address.strip())] = slug
            except ValueError:
                continue
    root = place(base)
    return {key: slug for key, slug in found.items() if key and key != root}


def _attachments(export: Export) -> tuple[dict[str, Picture], dict[str, list[str]]]:
    found: dict[str, Picture] = {}
    children: dict[str, list[str]] = {}
    for item in export.items:
        address = item.get("wp:attachment_url").strip()
        if item.kind == "attachment" and address.startswith(("http://", "https://")):
            number = item.get("wp:post_id").strip()
            alt = item.meta.get("_wp_attachment_image_alt") or unescape(item.get("title")).strip()
            found[number] = Picture(address, alt)
            if re.search(r"\.(?:png|jpe?g|gif|webp|svg)$", urlsplit(address).path, re.IGNORECASE):
                children.setdefault(item.get("wp:post_parent").strip(), []).append(number)
    return found, children


def _wanted_slug(item: Item) -> str:
    name = slugify(unquote(item.get("wp:post_name").strip()))
    return name or slug_or_digest(unescape(item.get("title")).strip() or f"post {item.get('wp:post_id')}")
