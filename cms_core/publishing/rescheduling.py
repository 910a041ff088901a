"""Moving what stands on the calendar together with what is armed for it: entries, series, whole campaigns."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from cms_core.campaigns import series as recurring
from cms_core.campaigns import shifting
from cms_core.campaigns.models import Campaign, Entry, EntryState, Series
from cms_core.campaigns.series import Scope
from cms_core.db import lock
from cms_core.errors import CmsError, Conflict
from cms_core.plugins import Plugins
from cms_core.publishing import arming
from cms_core.publishing.models import PublicationState as S
from cms_core.publishing.service import BEFORE_COMMIT
from cms_core.workspace import Workspace

log = logging.getLogger(__name__)


def move(
    session: Session,
    plugins: Plugins,
    entry: Entry,
    text: str,
    scope: Scope = Scope.ONE,
    version: int | None = None,
) -> list[Entry]:
    """Move an entry, what follows it, and what of its series is meant; publications get the new times.

    Raises Conflict when the entry is not of ``version`` any more, or when something of it has begun to go out.
    """
    lock(session, entry)
    if version is not None and version != entry.row_version:
        raise Conflict(
            f"somebody changed {entry.title!r} meanwhile; it was not moved",
            "look at where it stands now, then move it",
        )
    moved = recurring.move(session, entry, text, scope)
    for each in moved:
        arming.follow(session, plugins, each)
    return moved


@dataclass
class CampaignMove:
    """What a move of a campaign changes: (entry, old instant) of what moves, and what stays, with the reason."""

    by: int
    moved: list[tuple[Entry, datetime]] = field(default_factory=list)
    stays: list[tuple[Entry, str]] = field(default_factory=list)


def move_campaign(session: Session, plugins: Plugins, campaign: Campaign, days: int) -> CampaignMove:
    """Move a campaign by whole days: local times stay, what is done or going out stays, what follows an entry follows it."""
    result = CampaignMove(days)
    free = []
    for entry in shifting.entries_of(session, campaign):
        reason = _why_fixed(session, entry)
        if reason:
            result.stays.append((entry, reason))
        else:
            free.append(entry)
    before = {entry.id: entry.instant for entry in free}
    for entry in shifting.shift(session, campaign, free, days):
        arming.follow(session, plugins, entry)
        result.moved.append((entry, before.get(entry.id, entry.instant)))
    return result


def _why_fixed(session: Session, entry: Entry) -> str:
    if entry.state in (EntryState.DONE, EntryState.DROPPED):
        return f"it is {entry.state}"
    states = [each.state for each in arming.of_entry(session, entry) if each.state != S.CANCELLED]
    begun = next((state for state in states if state not in BEFORE_COMMIT), None)
    return f"its publication is {begun}" if begun else ""


# --- series ---------------------------------------------------------------------------------------------------------------


def arm_series(session: Session, workspace: Workspace, series: Series) -> tuple[list[Entry], list[str]]:
    """Arm what is planned of a series, and from now on what is made of it; returns what was armed, and why others were not."""
    series.armed = True
    entries = [each for each in recurring.entries_of(session, series) if each.state == EntryState.PLANNED]
    return _arm_all(session, workspace, entries)


def disarm_series(session: Session, series: Series) -> list[Entry]:
    """Make what comes of a series planned again; those that have begun to go out stay."""
    series.armed = False
    back = []
    for entry in recurring.entries_of(session, series):
        if entry.state == EntryState.ARMED and not _why_fixed(session, entry):
            arming.disarm(session, entry)
            back.append(entry)
    session.flush()
    return back


def extend_all(workspace: Workspace, present: datetime) -> int:
    """Put more occurrences of every series on the calendar; returns how many. What fails is logged, the others go on."""
    with workspace.db.session() as session:
        behind = recurring.behind(session, present)
    made = 0
    for series_id in behind:
        try:
            with workspace.db.transaction() as session:
                made += _extend(session, workspace, session.get_one(Series, series_id), present)
        except CmsError as error:
            log.warning("series %s could not be extended: %s", series_id, error.message)
    return made


def _extend(session: Session, workspace: Workspace, series: Series, present: datetime) -> int:
    made = recurring.extend(session, series, present)
    if series.armed:
        _, problems = _arm_all(session, workspace, made)
        for problem in problems:
            log.warning("an occurrence of %s stays planned: %s", series.title, problem)
    return len(made)


def _arm_all(
    session: Session, workspace: Workspace, entries: Sequence[Entry]
) -> tuple[list[Entry], list[str]]:
    armed, problems = [], []
    for entry in entries:
        try:
            with session.begin_nested():
                arming.arm(session, workspace, entry)
        except CmsError as error:
            problems.append(f"{entry.title} on {entry.instant:%Y-%m-%d}: {error.message}")
        else:
            armed.append(entry)
    return armed, problems
