"""What stands in the way of putting something away, gathered from all rooms: an edge, like the pages and commands it serves."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from cms_core.auth import service as auth
from cms_core.auth.models import User
from cms_core.campaigns.models import Entry, EntryState
from cms_core.content import usage
from cms_core.content.models import Asset, Media
from cms_core.contract import AddressedChannel
from cms_core.db import lock, now
from cms_core.errors import Conflict
from cms_core.plugins import Plugins
from cms_core.publishing.models import Publication
from cms_core.publishing.models import PublicationState as S

OVER = (S.WITHDRAWN, S.FAILED, S.CANCELLED)
SHOWN = 5


def uses(session: Session, plugins: Plugins, asset: Asset) -> dict[str, list[dict[str, Any]]]:
    """Who uses an asset: assets that lead to it, entries that are not over, publications that are public or may become so."""
    entries = select(Entry).where(
        Entry.asset_id == asset.id, Entry.state.in_((EntryState.PLANNED, EntryState.ARMED))
    )
    publications = select(Publication).where(
        Publication.asset_id == asset.id,
        Publication.state.not_in(OVER),
        Publication.superseded_by_id.is_(None),
    )
    return {
        "assets": [vars(use) for use in usage.uses_of_asset(session, asset)],
        "entries": [
            {"id": row.public_id, "title": row.title, "state": str(row.state), "when": row.instant}
            for row in session.scalars(entries.order_by(Entry.instant))
        ],
        "publications": [
            {"id": row.public_id, "channel": row.channel, "state": str(row.state), "due_at": row.due_at}
            for row in session.scalars(publications.order_by(Publication.id))
            if not _is_history(plugins, row)
        ],
    }


def media_uses(session: Session, media: Media) -> dict[str, Any]:
    """Who uses a file: assets in any of their revisions, and settings."""
    return {
        "assets": [vars(use) for use in usage.uses_of_media(session, media)],
        "settings": usage.settings_with(session, media),
    }


def archive(session: Session, plugins: Plugins, asset: Asset, by: User) -> None:
    """Put an asset away: it is listed no more and cannot be armed; what happened stays. Raises Conflict while it is used."""
    auth.require(plugins, by, "content.edit")
    lock(session, asset)  # who plans it meanwhile waits, and finds it put away
    found = uses(session, plugins, asset)
    used = [
        *(f"{use['slug']} (links to it)" for use in found["assets"] if use["current"]),
        *(f"entry {entry['title']!r} ({entry['state']})" for entry in found["entries"]),
        *(f"{row['channel']} publication ({row['state']})" for row in found["publications"]),
    ]
    _require_unused(f"{asset.slug!r}", used)
    asset.archived_at = asset.archived_at or now(session)
    session.flush()


def bring_back(session: Session, plugins: Plugins, asset: Asset, by: User) -> None:
    """List an asset again that was put away."""
    auth.require(plugins, by, "content.edit")
    asset.archived_at = None
    session.flush()


def archive_media(session: Session, plugins: Plugins, media: Media, by: User) -> None:
    """Put a file away: it is served no more; uploading it again brings it back. Raises Conflict while anything shows it."""
    auth.require(plugins, by, "content.edit")
    lock(session, media)
    found = media_uses(session, media)
    _require_unused(media.filename, [*(use["slug"] for use in found["assets"]), *found["settings"]])
    media.archived_at = media.archived_at or now(session)
    session.flush()


def _is_history(plugins: Plugins, row: Publication) -> bool:
    """A mail that was sent cannot be called back; a page that is public can."""
    return row.state == S.PUBLISHED and isinstance(plugins.channels.get(row.channel), AddressedChannel)


def _require_unused(what: str, used: list[str]) -> None:
    if used:
        more = f" and {len(used) - SHOWN} more" if len(used) > SHOWN else ""
        raise Conflict(f"{what} is used: {', '.join(used[:SHOWN])}{more}", "take it out there first")
