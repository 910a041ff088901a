"""Which page an address means: exactly one address shows a page, those like it lead there."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from cms_seo import store
from cms_seo.models import Page, PageState
from cms_seo.sites import Site


@dataclass(frozen=True)
class Found:
    """A page, live or gone, and the site that shows it."""

    site: Site
    page: Page


def look_up(
    session: Session, sites: Sequence[Site], path: str, redirect_of: Callable[[str], str | None]
) -> Found | str | None:
    """The page under a path; the path of this site to go to instead; or None.

    ``redirect_of`` tells to which slug a former slug leads, where a person has decided that it does. What is returned to go to is a
    stored path, so it can never lead to another host.
    """
    if path == "/":
        return _home(session, sites[0])
    for written in _ways_to_write(path):
        for site in sites:
            page = store.at_path(session, site.connection, written)
            if page is None or page.state == PageState.GONE:
                page = _after_rename(session, site, redirect_of(written[1:])) or page
            if page is None and (page := store.moved_to(session, site.connection, written)) is None:
                continue
            address = site.address(page.slug, page.path) if page.state == PageState.LIVE else page.path
            return Found(site, page) if address == path else address
    return None


def _after_rename(session: Session, site: Site, slug: str | None) -> Page | None:
    return store.by_slug(session, site.connection, slug) if slug else None


def _home(session: Session, site: Site) -> Found | None:
    page = store.by_slug(session, site.connection, site.home) if site.home else None
    return Found(site, page) if page is not None else None


def _ways_to_write(path: str) -> Iterator[str]:
    yield path
    tidy = path.rstrip("/").lower()
    if tidy not in ("", path):
        yield tidy
