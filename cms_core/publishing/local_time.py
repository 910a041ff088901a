"""Sends at each recipient's own time: when the run may start, when each person is due, and who is too late.

The run starts where the day begins first and sleeps from zone to zone. Who was due while nobody could send (the worker was down) is
sent to within the channel's grace; after that the moment has passed, and nobody is surprised by a burst.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from sqlalchemy import update
from sqlalchemy.orm import Session

from cms_core.campaigns import placing
from cms_core.campaigns.models import Entry
from cms_core.campaigns.when import Mode, anywhere
from cms_core.contract import Channel
from cms_core.publishing.models import Delivery, DeliveryState
from cms_core.zones import clock_text, resolve_wall, zone_names

END_OF_TIME = datetime.max.replace(tzinfo=UTC)
_instant_of = lru_cache(maxsize=1024)(resolve_wall)


@dataclass(frozen=True)
class LocalTime:
    """A wall clock that is meant in each recipient's zone; ``tz`` is that of those whose own is not known."""

    wall: datetime
    tz: str
    grace: timedelta

    def due_at(self, tz: str) -> datetime:
        """The instant for somebody in this zone: the first one after a gap of the clocks, the first of two."""
        return _instant_of(self.wall, tz if tz in zone_names() else self.tz).instant


def of_entry(entry: Entry | None, channel: Channel) -> LocalTime | None:
    """The recipients' own time at which an entry goes out; None for one that goes to all at one instant."""
    if entry is None or entry.mode != Mode.RECIPIENT_LOCAL:
        return None
    return LocalTime(placing.wall_of(entry), entry.tz, channel.grace)


def starts_at(entry: Entry) -> datetime:
    """When the run of an entry is due: its instant, or where it is each recipient's own time the first one anywhere."""
    return anywhere(placing.wall_of(entry))[0] if entry.mode == Mode.RECIPIENT_LOCAL else entry.instant


def late_at(entry: Entry, channel: Channel) -> datetime:
    """After which a first start is too late: the grace of the channel after the last zone."""
    last = anywhere(placing.wall_of(entry))[1] if entry.mode == Mode.RECIPIENT_LOCAL else entry.instant
    return last + min(channel.grace, END_OF_TIME - last)


def skip_late(
    session: Session, publication_id: int, arms: list[int], local: LocalTime, due: datetime, real: datetime
) -> None:
    """When a run starts, or wakes: leave out those whose time has passed by more than the grace."""
    hours = local.grace.total_seconds() / 3600
    reason = f"{clock_text(local.wall)} there was more than {hours:g} h ago when the sending could begin"
    session.execute(
        update(Delivery)
        .where(
            Delivery.publication_id == publication_id,
            Delivery.state == DeliveryState.PENDING,
            Delivery.arm_id.in_(arms),
            Delivery.due_at < due - local.grace,
            Delivery.reason == "",  # what was put off on purpose is not late
        )
        .values(state=DeliveryState.SKIPPED, reason=reason, settled_at=real)
        .execution_options(synchronize_session=False)
    )
