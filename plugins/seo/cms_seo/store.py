"""Reads and writes pages. All that decides whether one may appear happens in one writing transaction."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session, undefer

from cms_core import Refused
from cms_seo.content import Content
from cms_seo.models import Moved, Page, PageState

UNLISTED = ("landing-page", "one-pager")  # reached by their links, not by lists and feeds
TAKEN = "the address {} belongs to “{}”; give this text another slug or path, or withdraw the other page"
OUTRUN = "the page was changed by a later publication; publish the newest revision instead"


def put(
    session: Session,
    connection: str,
    key: str,
    content: Content,
    replaces: tuple[str, str] | None,
    at: datetime,
) -> Page:
    """Show content under its path; doing it again with the same key changes nothing.

    ``replaces`` names the page (public id) and the key of what it shows now: an update keeps the page and the day on which it first
    appeared, and a path of its own that it leaves leads to the new one (whether a former slug does is decided in the library).
    Raises Refused when another page has the path, or when somebody was faster.
    """
    if (same := by_key(session, key)) is not None:
        return same
    if (begun := by_public_id(session, key)) is not None:
        if begun.key == key:  # by another worker, since we looked for the key
            return begun
        raise Refused(OUTRUN)
    page = _replaced(session, *replaces) if replaces else None
    there = at_path(session, connection, content.path)
    if there is not None and there.key == key:  # by another worker, since we looked for the key
        return there
    if there is not None and there is not page:
        _make_room(session, there)
    _forget_move(session, connection, content.path)
    if page is None:
        page = Page(public_id=key, connection=connection, path=content.path, published_at=at)
        session.add(page)
    elif page.path != content.path and not _renamed(page, content):
        session.add(Moved(connection=connection, path=page.path, page_id=page.id))
    page.key, page.path, page.slug, page.kind = key, content.path, content.slug, content.kind
    page.title, page.description, page.content = content.title, content.description, content.to_json()
    page.updated_at = at
    session.flush()
    return page


def _renamed(page: Page, content: Content) -> bool:
    return page.slug != content.slug and page.path == f"/{page.slug}"


def _replaced(session: Session, public_id: str, key: str) -> Page | None:
    """The page to be updated; None when it never was here (a person only said so)."""
    page = by_public_id(session, public_id)
    if page is not None and page.key != key:
        raise Refused(OUTRUN)
    if page is not None and page.state != PageState.LIVE:
        raise Refused("the page was withdrawn meanwhile; publish it as a new entry")
    return page


def _make_room(session: Session, there: Page) -> None:
    if there.state == PageState.LIVE:
        raise Refused(TAKEN.format(there.path, there.title))
    session.delete(there)
    session.flush()


def _forget_move(session: Session, connection: str, path: str) -> None:
    """The path has a page of its own from now on."""
    old = _moved_from(session, connection, path)
    if old is not None:
        session.delete(old)
        session.flush()


def take_down(session: Session, key: str, at: datetime) -> None:
    """Let the page that shows this publication answer 410 from now on; one that is down or shows another stays as it is."""
    page = by_key(session, key)
    if page is not None and page.state == PageState.LIVE:
        page.state, page.withdrawn_at = PageState.GONE, at


def by_key(session: Session, key: str) -> Page | None:
    """The page that shows this publication."""
    return session.scalar(select(Page).where(Page.key == key))


def by_public_id(session: Session, public_id: str) -> Page | None:
    """The page that this publication first put on the site."""
    return session.scalar(select(Page).where(Page.public_id == public_id))


def at_path(session: Session, connection: str, path: str) -> Page | None:
    """The page of a site under this path, live or gone."""
    return session.scalar(select(Page).where(Page.connection == connection, Page.path == path))


def by_slug(session: Session, connection: str, slug: str) -> Page | None:
    """The newest live page of a site that shows the asset with this slug."""
    query = select(Page).where(Page.connection == connection, Page.slug == slug, Page.state == PageState.LIVE)
    return session.scalars(query.order_by(Page.id.desc()).limit(1)).first()


def moved_to(session: Session, connection: str, path: str) -> Page | None:
    """The page that once had this path."""
    old = _moved_from(session, connection, path)
    return session.get(Page, old.page_id) if old is not None else None


def _moved_from(session: Session, connection: str, path: str) -> Moved | None:
    return session.scalar(select(Moved).where(Moved.connection == connection, Moved.path == path))


def newest(
    session: Session, connection: str, limit: int, *, skip: int = 0, whole: bool = False
) -> Sequence[Page]:
    """The live pages that lists and feeds show, the newest first; ``whole``: with their content."""
    query = select(Page).where(
        Page.connection == connection, Page.state == PageState.LIVE, Page.kind.not_in(UNLISTED)
    )
    query = query.order_by(Page.published_at.desc(), Page.id.desc()).offset(skip).limit(limit)
    return session.scalars(query.options(undefer(Page.content)) if whole else query).all()


def count(session: Session, connection: str) -> int:
    """How many pages of a site are live."""
    query = select(func.count()).where(Page.connection == connection, Page.state == PageState.LIVE)
    return session.scalar(query) or 0


def sitemap(session: Session, connection: str, limit: int, skip: int) -> Sequence[tuple[str, str, datetime]]:
    """(slug, path, changed at) of the live pages of a site, in the order in which they came."""
    query = select(Page.slug, Page.path, Page.updated_at).where(
        Page.connection == connection, Page.state == PageState.LIVE
    )
    rows = session.execute(query.order_by(Page.id).offset(skip).limit(limit))
    return [(row.slug, row.path, row.updated_at) for row in rows]


def everything(session: Session, limit: int) -> Sequence[Page]:
    """The pages of all sites, the last changed first."""
    return session.scalars(select(Page).order_by(Page.updated_at.desc(), Page.id.desc()).limit(limit)).all()
