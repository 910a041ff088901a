"""Who looked at a share. A load is a view; it counts once a person's browser had it in sight for a second.

The page tells how long it was in sight (visible, and not left alone for a minute): cumulative, numbered, and never more than the
time that has passed since the load, so that repeating or inventing a message changes little. Machines and own people are kept
apart; what they did is in the ledger under their class.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from cms_core import AgentClass, Event, Notice, Services, insert_missing
from cms_sales_enablement import PLUGIN
from cms_sales_enablement import shares as links
from cms_sales_enablement.models import Dwell, Share, View
from cms_sales_enablement.opening import Opened

KIND, DOWNLOADED = "share_viewed", "share_downloaded"
IN_SIGHT = 1_000  # milliseconds
LONGEST = timedelta(hours=4)
SLACK = timedelta(seconds=5)  # between the clocks of the two sides
PEOPLE = (AgentClass.HUMAN, AgentClass.UNKNOWN)


@dataclass(frozen=True)
class Told:
    """What a page tells of itself: its how-manieth message, how long it was in sight in all and on each slide, and which one is."""

    number: int
    milliseconds: int
    slides: Mapping[str, int] = field(default_factory=dict)
    slide: str = ""


def begin(
    svc: Services,
    opened: Opened,
    agent: AgentClass,
    visitor: str,
    email: str = "",
    verified: bool = False,
    visit: str = "",
) -> str:
    """A page was loaded; gives the id under which it tells how long it is looked at.

    ``email`` is what was given at the gate, ``visit`` the look at the room in which a piece is opened.
    """
    view = View(
        share_id=opened.share.id,
        visitor=visitor,
        agent_class=agent,
        revision=opened.revision,
        at=svc.now(),
        email=email,
        verified=verified,
        visit=visit,
    )
    with svc.transaction() as session:
        session.add(view)
        session.flush()
        if agent not in PEOPLE:
            _tell(svc, opened.share, view)
    return view.public_id


def seen(svc: Services, opened: Opened, public_id: str, told: Told) -> None:
    """The page was in sight for so long by now; older and repeated messages change nothing."""
    share = opened.share
    with svc.session() as session:
        view = session.scalar(select(View).where(View.public_id == public_id, View.share_id == share.id))
    if view is None or view.agent_class not in PEOPLE:
        return
    passed = min(svc.now() - view.at + SLACK, LONGEST)
    milliseconds = max(0, min(told.milliseconds, int(passed.total_seconds() * 1000)))
    counts = view.counted or milliseconds >= IN_SIGHT
    slides = opened.slides
    now_in_sight = told.slide if told.slide in slides else ""
    newer = update(View).where(
        View.id == view.id, View.beacon < told.number, View.milliseconds <= milliseconds
    )
    newer = newer.values(
        beacon=told.number, milliseconds=milliseconds, counted=counts, slide=now_in_sight, seen_at=svc.now()
    )
    with svc.transaction() as session:
        if counts and not view.counted and _is_spent(session, share):
            return
        if session.execute(newer.returning(View.id)).scalar() is None:
            return
        _dwell(session, view.id, told.slides, slides, milliseconds)
        if counts and not view.counted:
            _tell(svc, share, view)
            _notify(svc, share, view)


def _is_spent(session: Session, share: Share) -> bool:
    """Whether others have used up the last of the looks meanwhile; one after the other, so that none is given twice."""
    if share.max_views is None:
        return False
    session.execute(select(Share.id).where(Share.id == share.id).with_for_update())
    counted = select(func.count()).where(View.share_id == share.id, View.counted)
    return (session.scalar(counted) or 0) >= share.max_views


def _dwell(
    session: Session, view_id: int, told: Mapping[str, int], slides: Collection[str], milliseconds: int
) -> None:
    """Per slide the most that was ever told, and never more than the whole."""
    found = {uid: min(ms, milliseconds) for uid, ms in told.items() if uid in slides and ms > 0}
    rows = [{"view_id": view_id, "slide": uid, "milliseconds": 0} for uid in found]
    insert_missing(session, Dwell, rows)
    for uid, ms in found.items():
        longer = update(Dwell).where(Dwell.view_id == view_id, Dwell.slide == uid, Dwell.milliseconds < ms)
        session.execute(longer.values(milliseconds=ms))


def _notify(svc: Services, share: Share, view: View) -> None:
    """Whoever shared it hears of the first look that counts; a notice names nobody whose erasure would not take it away.

    Of the pieces of a room they do not: they heard of the look at the room.
    """
    if share.is_piece:
        return
    known = contact_of(svc, share, view.email, view.verified)
    who = (view.email or share.contact_email) if known else "Somebody"
    page = f"rooms/{share.room}" if share.room else f"shares/{share.public_id}"
    svc.notify(
        Notice(
            key=f"share:{share.public_id}",
            title=f"{who} looks at {share.title}",
            reason="They have it open now, or had it a moment ago.",
            path=f"/app/p/sales_enablement/{page}",
            user=share.user,
            contact=known or "",
        )
    )


def downloaded(svc: Services, opened: Opened, public_id: str) -> None:
    """The file was taken in this look: once in the ledger, however often it is."""
    mine = View.public_id == public_id, View.share_id == opened.share.id
    first = update(View).where(*mine, View.downloaded.is_(False))
    with svc.transaction() as session:
        view = session.scalar(first.values(downloaded=True).returning(View))
        if view is not None:
            _tell(svc, opened.share, view, DOWNLOADED)


def contact_of(svc: Services, link: Share, email: str, verified: bool) -> str | None:
    """Who looked, as far as it is known: whom the link is for, unless somebody else stood at its gate.

    An address that is only said may be invented: it names nobody but whom the link is for anyhow.
    """
    if email in ("", link.contact_email):
        return link.contact
    found = svc.find_contact(email) if verified else None
    return found.id if found else None


def _link_of(svc: Services, share: Share, view: View) -> Share:
    """By which link somebody came: of a piece, that to its room."""
    if not view.visit:
        return share
    query = select(Share).join(View, View.share_id == Share.id).where(View.public_id == view.visit)
    with svc.session() as session:
        return session.scalar(query) or share


def _tell(svc: Services, share: Share, view: View, kind: str = KIND) -> None:
    """Once in the ledger, however often it is told; without the link's address, which is a key."""
    contact = contact_of(svc, _link_of(svc, share, view), view.email, view.verified)
    revision = {"revision": view.revision} if share.asset else {}
    event = Event(
        kind,
        at=view.at if kind == KIND else svc.now(),
        source=PLUGIN,
        source_id=view.public_id if kind == KIND else f"{view.public_id}:{kind}",
        agent_class=AgentClass(view.agent_class),
        contact=contact,
        visitor=view.visitor if contact is None else None,
        asset=share.asset or None,
        props={"share": share.public_id, **({"room": share.room} if share.room else {}), **revision},
    )
    svc.record_events([event])


def visit_of(svc: Services, public_id: str) -> str:
    """The look at a room in which this look at a piece began, or ""."""
    with svc.session() as session:
        return session.scalar(select(View.visit).where(View.public_id == public_id)) or ""


def going_on(svc: Services, share: Share, public_id: str, visitor: str, email: str) -> View | None:
    """The look at a room to which somebody comes back: it is the same browser, and the same address at the gate."""
    since = svc.now() - LONGEST
    query = select(View).where(View.public_id == public_id, View.share_id == share.id, View.at >= since)
    with svc.session() as session:
        return session.scalar(query.where(View.visitor == visitor, View.email == email))


def is_under_way(svc: Services, share: Share, public_id: str) -> bool:
    """Whether this is a view of this share that began within the time for which a page may stay open."""
    since = svc.now() - LONGEST
    query = select(View.id).where(View.public_id == public_id, View.share_id == share.id, View.at >= since)
    with svc.session() as session:
        return session.scalar(query) is not None


# --- reading ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tally:
    """How often a share, or an asset's shares, were looked at."""

    views: int = 0
    people: int = 0
    seconds: int = 0
    last_at: datetime | None = None


def of_share(svc: Services, share: Share) -> Sequence[View]:
    """All loads of a share, the newest first."""
    with svc.session() as session:
        return session.scalars(select(View).where(View.share_id == share.id).order_by(View.id.desc())).all()


def dwells(svc: Services, views: Iterable[View]) -> Mapping[int, Mapping[str, int]]:
    """For each of these views the milliseconds that each slide was in sight, by row id and slide."""
    ids = [view.id for view in views]
    found: dict[int, dict[str, int]] = {}
    with svc.session() as session:
        for row in session.scalars(select(Dwell).where(Dwell.view_id.in_(ids))):
            found.setdefault(row.view_id, {})[row.slide] = row.milliseconds
    return found


def tallies(svc: Services, shares: Iterable[Share]) -> Mapping[int, Tally]:
    """What counted of each of these shares, by row id."""
    ids = [share.id for share in shares]
    query = (
        select(
            View.share_id,
            func.count(),
            func.count(View.visitor.distinct()),
            func.sum(View.milliseconds),
            func.max(View.at),
        )
        .where(View.share_id.in_(ids), View.counted)
        .group_by(View.share_id)
    )
    with svc.session() as session:
        return {
            key: Tally(n, people, int(ms) // 1000, at) for key, n, people, ms, at in session.execute(query)
        }


def states(svc: Services, shares: Sequence[Share], tallies: Mapping[int, Tally]) -> Mapping[int, str]:
    """What each of these links is now, by row id."""
    return links.states(svc, shares, {key: tally.views for key, tally in tallies.items()})
