"""Quiet hours of a channel: between two times of the day, by the clock of the recipient, nothing is sent; it waits."""

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from cms_core.audience.models import QuietHours
from cms_core.db import now
from cms_core.errors import Invalid, NotFound
from cms_core.zones import resolve_wall, zone

_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)", re.ASCII)


@dataclass(frozen=True)
class Quiet:
    """From one minute of the day to another, perhaps over midnight."""

    starts: int
    ends: int

    def __str__(self) -> str:
        return f"{_text(self.starts)}–{_text(self.ends)}"

    def over_at(self, instant: datetime, tz: str) -> datetime | None:
        """When the quiet hours are over in which this instant lies in this zone; None where it lies in none."""
        local = instant.astimezone(zone(tz))
        minute, over_midnight = local.hour * 60 + local.minute, self.starts > self.ends
        evening, morning = minute >= self.starts, minute < self.ends
        if not (evening or morning if over_midnight else evening and morning):
            return None
        day = local.date() + timedelta(days=1 if over_midnight and evening else 0)
        end = resolve_wall(datetime.combine(day, _time(self.ends)), tz).instant
        return max(end, instant + timedelta(minutes=1))  # an end that comes twice is over the second time


def set_hours(session: Session, channel: str, starts: str, ends: str) -> QuietHours:
    """Send nothing on a channel between two times of the recipient's day; replaces what was set. Raises Invalid."""
    first, last = _minute(starts, "from"), _minute(ends, "to")
    if first == last:
        raise Invalid(
            "quiet hours that end when they begin are none, or the whole day", "give two times", field="to"
        )
    found = session.scalar(select(QuietHours).where(QuietHours.channel == channel))
    if found is None:
        found = QuietHours(channel=channel, created_at=now(session))
        session.add(found)
    found.starts, found.ends = first, last
    session.flush()
    return found


def remove(session: Session, hours: QuietHours) -> None:
    """Take the quiet hours of a channel away; who was put off for them gets it at the time that was said."""
    session.delete(hours)
    session.flush()


def find(session: Session, channel: str) -> QuietHours:
    """The quiet hours of a channel."""
    found = session.scalar(select(QuietHours).where(QuietHours.channel == channel))
    if found is None:
        raise NotFound(
            f"channel {channel[:40]!r} has no quiet hours", "`cms quiet-hours list` shows those there are"
        )
    return found


def list_all(session: Session) -> list[QuietHours]:
    """All quiet hours by channel."""
    return list(session.scalars(select(QuietHours).order_by(QuietHours.channel)))


def holding_for(session: Session, channel: str) -> Quiet | None:
    """The quiet hours of a channel, if there are any."""
    query = select(QuietHours.starts, QuietHours.ends).where(QuietHours.channel == channel)
    found = session.execute(query).one_or_none()
    return Quiet(found.starts, found.ends) if found else None


def document(row: QuietHours) -> dict[str, Any]:
    """Quiet hours for programs."""
    return {"channel": row.channel, "from": _text(row.starts), "to": _text(row.ends)}


def _minute(text: str, field: str) -> int:
    found = _CLOCK.fullmatch(text.strip())
    if found is None:
        raise Invalid(f"{text[:20]!r} is not a time of the day", "write it like 21:00", field=field)
    return int(found[1]) * 60 + int(found[2])


def _time(minute: int) -> time:
    return time(minute // 60, minute % 60)


def _text(minute: int) -> str:
    return f"{_time(minute):%H:%M}"
