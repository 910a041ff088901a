"""Which page an address means: exactly one address shows a page, those like it lead there."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy.orm import Session

from cms_seo import store
from cms_seo.models import Page, PageState
from cms_seo.sites import Site

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_COLOUR = re.compile(r"[0-9a-fA-F]{6}")


@dataclass(frozen=True)
class Found:
    """A page, live or gone, and the site that shows it."""

    site: Site
    page: Page


def look_up(session: Session, sites: Sequence[Site], path: str) -> Found | str | None:
    """The page under a path; the path of this site to go to instead; or None.

    What is returned to go to is a stored path, so it can never lead to another host.
    """
    if path == "/":
        return _home(session, sites[0])
    for written in _ways_to_write(path):
        for site in sites:
            page = store.at_path(session, site.connection, written)
            if page is None and (page := store.moved_to(session, site.connection, written)) is None:
                continue
            address = site.address(page.slug, page.path) if page.state == PageState.LIVE else page.path
            return Found(site, page) if address == path else address
    return None


def _home(session: Session, site: Site) -> Found | None:
    page = store.by_slug(session, site.connection, site.home) if site.home else None
    return Found(site, page) if page is not None else None


def _ways_to_write(path: str) -> Iterator[str]:
    yield path
    tidy = path.rstrip("/").lower()
    if tidy not in ("", path):
        yield tidy


def is_colour(text: str) -> bool:
    """Whether this is the rrggbb of a colour."""
    return bool(_COLOUR.fullmatch(text))
