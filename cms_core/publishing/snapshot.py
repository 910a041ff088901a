"""The frozen picture that a worker takes of a claimed publication before any network call."""

from dataclasses import dataclass, replace
from datetime import datetime

from cms_core import contract as c
from cms_core.publishing.experiments import Division
from cms_core.publishing.links import PublicationLinks
from cms_core.publishing.local_time import LocalTime


class NotNow(Exception):
    """Something forbids publishing; the publication is held with this reason."""


@dataclass(frozen=True)
class ArmPicture:
    """One arm as the channel sees it, and what is prepared of it."""

    id: int
    placement: c.Placement
    prepared: c.Prepared | None
    progress: c.Json | None


@dataclass(frozen=True)
class Audience:
    """To whom a publication of an addressed channel goes: the divided segment, at one instant or at each one's ``local`` time.

    ``tz`` is the zone of those whose own is not known. A ``stream`` is fed by its source, and has no segment.
    """

    division: Division
    segment_id: int | None
    topic: str
    stream: str | None
    local: LocalTime | None
    tz: str


NOBODY = Audience(Division("", ()), None, "", None, None, "UTC")


@dataclass(frozen=True)
class Snapshot:
    """Everything that preparing and publishing need, without a session."""

    publication_id: int
    connection_id: int
    key: str
    channel: c.Channel
    plugin: str
    plugin_version: str
    link: c.Link
    arms: tuple[ArmPicture, ...]
    links: PublicationLinks
    audience: Audience
    previous: c.Receipt | None
    receipt: c.Receipt | None
    first_commit_at: datetime | None

    @property
    def arm(self) -> ArmPicture:
        """The first arm: the only one of what is not sent to people."""
        return self.arms[0]

    def link_with(self, wire: c.Wire) -> c.Link:
        """The link, with the journal that the door has to tell."""
        return replace(self.link, wire=wire)
