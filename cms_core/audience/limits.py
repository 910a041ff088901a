"""What pages, commands and calls of caps and quiet hours share."""

from sqlalchemy.orm import Session

from cms_core.audience import caps, quiet
from cms_core.audience.models import Cap, QuietHours
from cms_core.contract import AddressedChannel
from cms_core.errors import Invalid
from cms_core.plugins import Plugins

EDIT = "connections.edit"


def channels(plugins: Plugins) -> list[tuple[str, str]]:
    """Name and label of the channels that send to people."""
    known = sorted(plugins.channels.items())
    return [(name, each.label) for name, each in known if isinstance(each, AddressedChannel)]


def add_cap(session: Session, plugins: Plugins, most: int, days: int, channel: str) -> Cap:
    """Add a cap for a channel that sends to people, or for all of them (""); raises Invalid, Conflict."""
    if channel:
        _require_addressed(plugins, channel)
    return caps.add(session, most, days, channel)


def set_quiet(session: Session, plugins: Plugins, channel: str, starts: str, ends: str) -> QuietHours:
    """Set the quiet hours of a channel that sends to people; raises Invalid."""
    _require_addressed(plugins, channel)
    return quiet.set_hours(session, channel, starts, ends)


def _require_addressed(plugins: Plugins, channel: str) -> None:
    known = [name for name, _ in channels(plugins)]
    if channel not in known:
        raise Invalid(
            f"no channel {channel[:40]!r} sends to people",
            f"name one of {', '.join(known) or '(none is installed)'}",
            field="channel",
        )
