"""After the rules of zones have changed: what is to come keeps its wall clock and gets the instant that it now means.

Governments change clocks at short notice. An entry keeps what was meant (09:00 in Asuncion); its instant was derived by the rules
of the day on which it was planned.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from cms_core.campaigns import placing
from cms_core.campaigns.models import Entry
from cms_core.campaigns.when import Mode, resolve_wall, rules_version, zone
from cms_core.db import now
from cms_core.errors import CmsError
from cms_core.plugins import Plugins
from cms_core.publishing import arming


@dataclass(frozen=True)
class Replanned:
    """An entry whose time is another one now; ``stays`` says why it could not be moved, or is ""."""

    entry: Entry
    old: datetime
    new: datetime
    stays: str = ""

    def document(self) -> dict[str, Any]:
        """With the keys of ``cms calendar replan --json``."""
        tz = zone(self.entry.tz)
        return {
            "entry": self.entry.public_id,
            "title": self.entry.title,
            "tz": self.entry.tz,
            "old": self.old.astimezone(tz),
            "new": self.new.astimezone(tz),
            "stays": self.stays,
        }


def replan(session: Session, plugins: Plugins) -> list[Replanned]:
    """Give what is to come and stands at a wall clock the instant that it has by the rules of now, and what follows it.

    What has begun to go out stays and is told with the reason.
    """
    found: list[Replanned] = []
    # Locked, always in one order, so that nobody moves one meanwhile.
    to_come = session.scalars(_to_come(session).with_for_update(of=Entry)).all()
    before = dict(session.execute(select(Entry.id, Entry.instant).where(Entry.after_id.is_not(None))).all())
    for entry in to_come:
        if entry.wall is None or _stands(session, entry, entry.wall):
            entry.tzdata = rules_version()
        else:
            found += _moved(session, plugins, entry, entry.wall, before)
    session.flush()
    return found


def wanted(session: Session) -> int:
    """How many entries would get another instant; asks only those that were planned by other rules than those of now."""
    query = _to_come(session).where(Entry.tzdata != rules_version())
    return sum(not _stands(session, entry, entry.wall) for entry in session.scalars(query) if entry.wall)


def _to_come(session: Session) -> Select[Entry]:
    query = select(Entry).where(
        Entry.mode.in_((Mode.ZONED, Mode.SLOT)),
        Entry.wall.is_not(None),
        Entry.instant > now(session),
        Entry.state.in_(placing.MOVABLE),
    )
    return query.order_by(Entry.id)


def _stands(session: Session, entry: Entry, wall: datetime) -> bool:
    """Whether its instant is the one that its wall clock means; one that was put behind a window, what the window makes of it."""
    instant = resolve_wall(wall, entry.tz).instant
    if instant == entry.instant or not entry.deferred:
        return instant == entry.instant
    return placing.fitted_to(session, entry, instant, entry.tz).instant == entry.instant


def _moved(
    session: Session, plugins: Plugins, entry: Entry, wall: datetime, before: Mapping[int, datetime]
) -> list[Replanned]:
    """``before``: when those that follow others stood until now."""
    old, slot = entry.instant, entry.mode == Mode.SLOT
    try:
        with session.begin_nested():
            moved = placing.put_at(session, entry, wall)
            if slot:  # it keeps its place in the queue of its connection
                entry.mode, entry.slot_at = Mode.SLOT, entry.instant
                session.flush()
            for each in moved:
                arming.follow(session, plugins, each)
    except CmsError as error:
        session.refresh(entry)
        return [Replanned(entry, old, resolve_wall(wall, entry.tz).instant, error.message)]
    along = [
        each for each in moved if each is not entry and before.get(each.id, each.instant) != each.instant
    ]
    return [
        Replanned(entry, old, entry.instant),
        *(Replanned(each, before[each.id], each.instant) for each in along),
    ]
