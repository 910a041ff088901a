"""Publications whose entry follows another: they wait for it, go when it is time, and are held when it fails.

``Publication.awaits`` is what they wait for. Once that is settled, for good or bad, it is "": a person who resumes a held one has
decided, and it is not held again.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, String, and_, exists, func, literal_column, or_, select
from sqlalchemy.orm import Session, aliased

from cms_core.campaigns import placing
from cms_core.campaigns.models import Entry, EntryState
from cms_core.campaigns.when import CONDITIONS, parse_offset
from cms_core.content.models import Revision, RevisionState
from cms_core.errors import CmsError
from cms_core.plugins import Plugins
from cms_core.publishing import arming, service
from cms_core.publishing.arming import SOUND
from cms_core.publishing.models import Publication
from cms_core.publishing.models import PublicationState as S

BROKEN = (S.FAILED, S.MISSED, S.CANCELLED)
OUT = (S.SENDING, S.PUBLISHED, S.WITHDRAWN)

P = Publication
Ahead = aliased(Entry)
Newest = aliased(Publication)
# Written out and not bound, so that SQLite knows the partial index of the few that wait; and the state hidden from the planner,
# which would take the index of all that is scheduled.
AWAITING = and_(P.awaits != literal_column("''"), P.awaits.in_((SOUND, *CONDITIONS)))
STILL: ColumnElement[bool] = func.lower(P.state, type_=String) == S.SCHEDULED.value


class Verdict(StrEnum):
    """What becomes of a publication whose entry follows another."""

    WAIT = "wait"
    GO = "go"
    HOLD = "hold"


def judge(
    awaits: str, entry_state: str, publication_state: str | None, *, approved: bool, given_up: bool = False
) -> Verdict:
    """What follows from how the other entry stands, the newest publication of it, and whether its asset is approved.

    ``given_up``: a person has cancelled that publication, and not only taken its entry back to planned.
    """
    if given_up:
        return Verdict.HOLD
    if entry_state == EntryState.DONE or (awaits == "approved" and approved):
        return Verdict.GO
    if entry_state == EntryState.DROPPED:
        return Verdict.HOLD
    if entry_state == EntryState.ARMED and publication_state in BROKEN:
        return Verdict.HOLD
    if awaits == "published" and publication_state in OUT:
        return Verdict.GO
    return Verdict.WAIT


def something() -> ColumnElement[bool]:
    """SQL: something waits whose verdict may be another than to wait."""
    return _open().order_by(None).exists()


def settle(session: Session, plugins: Plugins, due: datetime) -> None:
    """Let go what has waited long enough, and hold what waits in vain; ``due`` is the present of what is due."""
    query = _open()
    if session.get_bind().dialect.name == "postgresql":
        query = query.with_for_update(skip_locked=True, of=P)
    for row in session.execute(query).all():
        verdict = judge(
            row.awaits, row.ahead_state, row.newest_state, approved=row.approved, given_up=bool(row.given_up)
        )
        if verdict is Verdict.HOLD:
            _hold(session, row.id, _why(row))
        elif verdict is Verdict.GO:
            _go(session, plugins, row, due)


def waits_for(session: Session, entry: Entry) -> str:
    """What an armed entry waits for, in words; "" when it waits for nothing."""
    publication = next((each for each in arming.of_entry(session, entry) if each.awaits in CONDITIONS), None)
    ahead = session.get(Entry, entry.after_id) if entry.after_id else None
    if publication is None or ahead is None or publication.state != S.SCHEDULED:
        return ""
    return f"waits until {ahead.title!r} {CONDITIONS[publication.awaits]}"


def _open() -> Select[*tuple[Any, ...]]:
    """The publications that wait and whose verdict may be another than to wait."""
    newest = select(Newest.state).where(Newest.entry_id == Ahead.id).order_by(Newest.id.desc()).limit(1)
    newest_state = newest.correlate(Ahead).scalar_subquery()
    gone = and_(Newest.state == S.CANCELLED, Newest.reason.startswith(service.CANCELLED))
    last = select(gone).where(Newest.entry_id == Ahead.id).order_by(Newest.id.desc()).limit(1)
    given_up = last.correlate(Ahead).scalar_subquery()
    approved: ColumnElement[bool] = exists().where(
        Revision.asset_id == Ahead.asset_id, Revision.state == RevisionState.APPROVED
    )
    decided = or_(
        Ahead.state.in_((EntryState.DONE, EntryState.DROPPED)),
        newest_state.in_((*BROKEN, *OUT)),
        and_(P.awaits == "approved", approved),
    )
    return (
        select(
            P.id,
            P.awaits,
            P.entry_id,
            Ahead.title.label("ahead_title"),
            Ahead.state.label("ahead_state"),
            Ahead.instant.label("ahead_instant"),
            newest_state.label("newest_state"),
            given_up.label("given_up"),
            approved.label("approved"),
        )
        .join(Entry, Entry.id == P.entry_id)
        .join(Ahead, Ahead.id == Entry.after_id)
        .where(AWAITING, STILL, decided)
        .order_by(P.id)
    )


def _why(row: Row[Any]) -> str:
    if row.ahead_state == EntryState.DROPPED:
        return f"{row.ahead_title!r}, which it follows, was taken off the calendar"
    return f"{row.ahead_title!r}, which it follows, {'was' if row.newest_state != S.FAILED else 'has'} {row.newest_state}"


def _hold(session: Session, publication_id: int, reason: str) -> None:
    arming.write_waiting(session, publication_id, state=S.HELD, reason=reason, awaits="")


def _go(session: Session, plugins: Plugins, row: Row[Any], due: datetime) -> None:
    """The other one has happened: now its own time counts from that moment, unless only failing would have mattered."""
    if row.awaits == SOUND:
        arming.write_waiting(session, row.id, awaits="")
        return
    entry = session.get_one(Entry, row.entry_id, with_for_update=True, populate_existing=True)
    happened = _moment(session, entry, row, due)
    try:
        with session.begin_nested():
            moved = placing.release(
                session, entry, parse_offset(entry.offset or "+0d").apply(happened, entry.tz).instant
            )
            arming.write_waiting(session, row.id, awaits="")
            for each in moved:
                arming.follow(session, plugins, each)
    except CmsError as error:
        _hold(session, row.id, f"{error.message}; {error.remedy}")


def _moment(session: Session, entry: Entry, row: Row[Any], due: datetime) -> datetime:
    """When the other one happened, by the clock that says what is due: as it was written down, unless that clock is set."""
    real = session.scalar(
        select(P.published_at)
        .where(P.entry_id == entry.after_id, P.published_at.is_not(None))
        .order_by(P.id)
        .limit(1)
    )
    return min(real, due) if real is not None and real >= row.ahead_instant else due
