"""Tracked links: targets are stored per publication and named by a number, so that no address can be smuggled in."""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from sqlalchemy import select
from sqlalchemy.orm import Session

from cms_core import contract as c
from cms_core.campaigns.models import Campaign
from cms_core.dialect import among
from cms_core.publishing.models import TrackedLink

ORDINARY = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]+)?(/[!-~]*)?\Z")


class PublicationLinks:
    """The tracked links of one publication while it is prepared; ``base`` is where ``/t/…`` is served."""

    def __init__(self, base_url: str, utm: dict[str, str], stored: dict[str, int]) -> None:
        self.base = f"{base_url}/t"
        self._utm = utm
        self._stored = dict(stored)
        self._added: dict[str, int] = {}

    def index(self, url: str) -> int:
        """The number of this target, which gets the campaign's UTM parameters; the same target gets the same number."""
        target = with_utm(url, self._utm)
        known = self._stored.get(target) or self._added.get(target)
        if known is None:
            known = self._added[target] = len(self._stored) + len(self._added) + 1
        return known

    def store(self, session: Session, publication_id: int) -> None:
        """Keep what was added."""
        session.add_all(
            TrackedLink(publication_id=publication_id, n=n, url=url) for url, n in self._added.items()
        )
        self._stored |= self._added
        self._added = {}


def is_web_address(url: str) -> bool:
    """Whether this may stand behind a link for people: a whole address of the web, and none that does something (javascript:)."""
    if ORDINARY.match(url):  # mostly it is
        return True
    try:
        parts = urlsplit(url)
    except ValueError:  # a bracket that is not closed, and the like
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc) and url.isprintable()


def stored_links(session: Session, publication_ids: Sequence[int]) -> dict[int, dict[str, int]]:
    """For each publication that has any: the targets that are stored, with their numbers."""
    query = select(TrackedLink.publication_id, TrackedLink.url, TrackedLink.n)
    found: dict[int, dict[str, int]] = {}
    for publication_id, url, n in session.execute(
        query.where(among(session, TrackedLink.publication_id, publication_ids))
    ):
        found.setdefault(publication_id, {})[url] = n
    return found


def utm_of(campaign: Campaign, connection: str, channel: str, slug: str) -> dict[str, str]:
    """The UTM parameters of a publication: its campaign's vocabulary over connection, channel, campaign key and asset."""
    return _utm(campaign.key, campaign.utm, connection, channel, slug)


def utm_for(placement: c.Placement, *, source: str = "", medium: str = "") -> dict[str, str]:
    """The same of a placement, for channels; ``source`` and ``medium`` stand in for connection and channel."""
    campaign, asset = placement.campaign, placement.asset.slug
    names = source or placement.connection, medium or placement.channel, asset
    return _utm(campaign.key, campaign.utm, *names) if campaign else {}


def _utm(key: str, own: Mapping[str, Any], source: str, medium: str, content: str) -> dict[str, str]:
    given = {"source": source, "medium": medium, "campaign": key, "content": content}
    given |= {name.removeprefix("utm_"): str(value) for name, value in own.items()}
    return {f"utm_{name}": value for name, value in given.items()}


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
