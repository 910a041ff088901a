"""What the cells of a calendar plan name: assets, campaigns, segments, channels, connections."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from cms_core.audience.models import Segment
from cms_core.campaigns.models import Campaign
from cms_core.connections.models import Connection
from cms_core.content.models import Asset
from cms_core.errors import Invalid
from cms_core.plugins import Plugins

T = TypeVar("T")


class RowFault(Invalid):
    """A cell that cannot be used."""

    def __init__(self, column: str, message: str, remedy: str = "") -> None:
        super().__init__(message, remedy, field=column)


class Sought:
    """Looks up what cells name; a name that does not exist is a fault that suggests a close one."""

    def __init__(self, session: Session, plugins: Plugins) -> None:
        self.plugins = plugins
        self._assets = {
            row.slug: row for row in session.scalars(select(Asset).where(Asset.archived_at.is_(None)))
        }
        self._campaigns = {row.name: row for row in session.scalars(select(Campaign))}
        self._campaigns_by_key = {row.key: row for row in self._campaigns.values()}
        self._segments = {row.name: row for row in session.scalars(select(Segment))}
        self._connections: dict[str, list[Connection]] = {}
        for row in session.scalars(select(Connection).order_by(Connection.channel)):
            self._connections.setdefault(row.name, []).append(row)

    def asset(self, name: str) -> Asset | None:
        return named(self._assets, name, "asset")

    def add_asset(self, asset: Asset) -> None:
        """Let an asset be found that was made since."""
        self._assets[asset.slug] = asset

    def campaign(self, name: str) -> Campaign | None:
        return self._campaigns_by_key.get(name) or named(self._campaigns, name, "campaign")

    def segment(self, name: str) -> Segment | None:
        return named(self._segments, name, "segment")

    def channel(self, name: str) -> str:
        named(self.plugins.channels, name, "channel")
        return name

    def connection(self, channel: str, name: str) -> Connection | None:
        """The connection of this name on the channel; without a channel the name must be the only one."""
        prefix, _, rest = name.partition(":")
        if rest and name not in self._connections and channel in ("", prefix):
            channel, name = prefix, rest
        fitting = [row for row in self._connections.get(name, []) if channel in ("", row.channel)]
        if len(fitting) > 1:
            raise RowFault(
                "channel",
                f"connection {name!r} exists on {' and '.join(row.channel for row in fitting)}",
                "name the channel",
            )
        if not fitting:
            known = {
                key: rows
                for key, rows in self._connections.items()
                if any(channel in ("", r.channel) for r in rows)
            }
            named(known, name, "connection")
        return fitting[0] if fitting else None

    def profile(self, name: str, channel: str = "") -> Connection | None:
        """A connection as people call it: by its name however it is spelled, or by its channel where that has but one."""
        plain, channel = name.casefold(), channel.casefold()
        rows = [row for rows in self._connections.values() for row in rows if channel in ("", row.channel)]
        found = [row for row in rows if row.name.casefold() == plain] or [
            row for row in rows if row.channel == plain
        ]
        if len(found) > 1:
            names = ", ".join(f"{row.channel}:{row.name}" for row in found[:8])
            raise RowFault("connection", f"{name!r} may be several connections", f"name one of {names}")
        return found[0] if found else self.connection(channel, name)


def named(known: Mapping[str, T], name: str, column: str) -> T | None:
    """What stands under this name; None for an empty one. Raises RowFault with a close name, or some of those there are."""
    if not name:
        return None
    if name in known:
        return known[name]
    near = get_close_matches(name, known, 1)
    remedy = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(known)[:8]) or 'none yet'}"
    raise RowFault(column, f"there is no {column} {name!r}", remedy)
