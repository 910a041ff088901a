"""When a lease is over, on a machine whose clock may be set while somebody holds it.

Leases are instants of the wall clock, for they are compared by many processes. When that clock jumps, every lease looks over (or
endless), also of those who are at work; they write down the new time with their next renewal. So whoever notices a jump takes
nothing from anybody for as long as a lease lasts.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, or_
from sqlalchemy.orm import InstrumentedAttribute

from cms_core.clock import Clock, SystemClock

# No lease lasts that long (CMS_LEASE_SECONDS): it was taken while the clock was ahead.
FAR = timedelta(hours=2)
NEVER, ENDLESS = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Bounds:
    """A lease that ends before the one, or after the other, is nobody's any more."""

    before: datetime
    after: datetime = ENDLESS

    def lost(self, column: "InstrumentedAttribute[datetime | None]") -> ColumnElement[bool]:
        """SQL: this lease is nobody's any more."""
        return or_(column < self.before, column > self.after)


class Leases:
    """Watches the clock of the machine by the one that nobody can set."""

    def __init__(self, lease: timedelta) -> None:
        self._lease = lease.total_seconds()
        self._jumped_at = float("-inf")
        self._began_at = time.monotonic()
        # Of the clock that nobody can set; from now on, for the first look may come late.
        self._ahead = SystemClock().now().timestamp() - self._began_at

    def bounds(self, clock: Clock) -> Bounds:
        """Which leases are nobody's any more. A clock that a test or a command moves is taken at its word."""
        present, ticks = clock.now(), time.monotonic()
        if not isinstance(clock, SystemClock):
            return Bounds(present)
        ahead = present.timestamp() - ticks
        # Who holds a lease renews it at a third: a smaller jump takes nobody's.
        if abs(ahead - self._ahead) > self._lease / 3:
            self._jumped_at = ticks
        self._ahead = ahead
        if ticks - self._jumped_at < self._lease:
            return Bounds(NEVER)
        return Bounds(present, present + FAR if ticks - self._began_at > self._lease else ENDLESS)
