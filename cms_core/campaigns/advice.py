"""What people should know before something goes out: blackouts it falls into, what it waits for, who would get too much."""

from datetime import datetime

from sqlalchemy.orm import Session

from cms_core.campaigns import blackouts, fatigue
from cms_core.campaigns.models import Entry
from cms_core.campaigns.schemas import CalendarSettings
from cms_core.connections.settings import load_settings
from cms_core.contract import AddressedChannel
from cms_core.plugins import CORE
from cms_core.workspace import Workspace


def weekly_limit(session: Session, workspace: Workspace) -> int:
    """How many items a person may get in seven days before it is too much."""
    settings = load_settings(session, workspace.vault, workspace.plugins, workspace.config.environ, CORE)
    return int(settings.get("weekly_limit", CalendarSettings().fields["weekly_limit"].load_default))


def fatigue_between(
    session: Session, workspace: Workspace, start: datetime, end: datetime, limit: int | None = None
) -> fatigue.Fatigue:
    """The overlaps that come about between two instants, by the workspace's limit or another."""
    channels = addressed(workspace)
    return fatigue.between(session, channels, start, end, limit or weekly_limit(session, workspace))


def remarks(session: Session, workspace: Workspace, entry: Entry) -> list[str]:
    """What is to be said about an entry at its present time, one sentence each."""
    said = [f"It falls into {window}." for window in blackouts.of_entry(session, entry).warned]
    if entry.deferred:
        said.append(f"It was {entry.deferred}.")
    found = fatigue.of_entry(session, addressed(workspace), entry, weekly_limit(session, workspace))
    if found.people:
        most = max(each.most for each in found.overlaps)
        people = "1 person gets" if found.people == 1 else f"{found.people:,} people get"
        said.append(f"{people} more than {found.limit} items within seven days with it, some of them {most}.")
    return said


def addressed(workspace: Workspace) -> list[str]:
    """The channels that send to people."""
    return [
        name for name, channel in workspace.plugins.channels.items() if isinstance(channel, AddressedChannel)
    ]
