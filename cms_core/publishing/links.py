"""Tracked links: targets are stored per publication and named by a number, so that no address can be smuggled in."""

from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cms_core.publishing.models import TrackedLink

UTM = ("utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term")


class StoredLinks:
    """The tracked links of one publication; ``base`` is where ``/t/…`` is served."""

    def __init__(self, session: Session, publication_id: int, base_url: str, utm: dict[str, str]) -> None:
        self.base = f"{base_url}/t"
        self._session = session
        self._publication_id = publication_id
        self._utm = utm

    def index(self, url: str) -> int:
        """The number of this target, stored with the campaign's UTM parameters; the same target gets the same number."""
        target = with_utm(url, self._utm)
        mine = TrackedLink.publication_id == self._publication_id
        found = self._session.scalar(select(TrackedLink.n).where(mine, TrackedLink.url == target))
        if found is not None:
            return found
        n = (self._session.scalar(select(func.max(TrackedLink.n)).where(mine)) or 0) + 1
        self._session.add(TrackedLink(publication_id=self._publication_id, n=n, url=target))
        self._session.flush()
        return n


def with_utm(url: str, utm: dict[str, str]) -> str:
    """Add UTM parameters to an http(s) address; those that it has already are left alone."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not utm:
        return url
    present = {key for key, _ in parse_qsl(parts.query, keep_blank_values=True)}
    added = urlencode({key: value for key, value in utm.items() if key not in present and value})
    query = "&".join(part for part in (parts.query, added) if part)
    return urlunsplit(parts._replace(query=query))


def target_of(session: Session, publication_id: int, n: int) -> str | None:
    """Where a tracked link of a publication leads."""
    return session.scalar(
        select(TrackedLink.url).where(TrackedLink.publication_id == publication_id, TrackedLink.n == n)
    )
