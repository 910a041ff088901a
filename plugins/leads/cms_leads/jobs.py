"""Following the ledger: what reactions and jobs do. All of it may happen twice, and in any order."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select

from cms_core import Contact, Event, JobContext, PersonalRecord, Services, insert_missing, services
from cms_leads import people, points
from cms_leads.models import Lead, Mark

PLUGIN = "leads"
CLASSES, REBUILT = "classes", "rebuilt"
OVERLAP = timedelta(minutes=15)  # a transaction that began earlier may become visible later
REBUILD_EVERY = timedelta(days=1)
FADE_EVERY = timedelta(hours=1)


def hear(events: Sequence[Event]) -> None:
    """Count anew those who did something, also as visitors who are known by now."""
    svc = services.current(PLUGIN)
    visitors = {event.visitor for event in events if event.visitor and not event.contact}
    joined = svc.identified(visitors).values() if visitors else ()
    points.refresh(svc, {event.contact for event in events if event.contact} | set(joined))


def take(contacts: Sequence[str]) -> None:
    """Count anew those of whom there is other news."""
    points.refresh(services.current(PLUGIN), contacts)


def keep_up(ctx: JobContext) -> None:
    """Take back the points of what were machines; once a day, and after a change of rules, count everybody anew."""
    svc: Services = ctx.services
    since = marked(svc, CLASSES)
    if since is not None:
        points.refresh(svc, svc.reclassified(since - OVERLAP))
    mark(svc, CLASSES, ctx.now)
    rebuilt = marked(svc, REBUILT)
    if rebuilt is None or ctx.now - rebuilt >= REBUILD_EVERY:
        # Marked first: rules that are saved meanwhile take the mark away, and everybody is counted once more.
        mark(svc, REBUILT, ctx.now)
        try:
            points.rebuild(svc)
        except BaseException:
            ask_for_rebuild(svc)
            raise


def fade(ctx: JobContext) -> None:
    """Bring down what has lost points by nothing but time."""
    svc: Services = ctx.services
    lives = [rule.half_life for rule in points.model_of(svc).kinds.values() if rule.half_life]
    if not lives:
        return
    stale = select(Lead.contact).where(Lead.as_of < ctx.now - FADE_EVERY).order_by(Lead.contact)
    with svc.session() as session:
        contacts = session.scalars(stale).all()
    points.refresh(svc, contacts)


def ask_for_rebuild(svc: Services) -> None:
    """Let everybody be counted anew by the next run of ``keep_up``."""
    with svc.transaction() as session:
        found = session.get(Mark, REBUILT)
        if found is not None:
            session.delete(found)


def marked(svc: Services, name: str) -> datetime | None:
    """Up to when this reader has looked, if ever."""
    with svc.session() as session:
        return session.scalar(select(Mark.at).where(Mark.name == name))


def mark(svc: Services, name: str, at: datetime) -> None:
    """Remember that this reader has looked up to here."""
    with svc.transaction() as session:
        insert_missing(session, Mark, [{"name": name, "at": at}])
        session.get_one(Mark, name, with_for_update=True).at = at


def personal_data(contacts: Sequence[Contact], erase: bool) -> list[PersonalRecord]:
    """What is kept about these contacts; with ``erase`` it is deleted."""
    svc = services.current(PLUGIN)
    with svc.transaction() if erase else svc.session() as session:
        found = people.records(session, contacts)
        if erase:
            people.forget(session, [contact.id for contact in contacts])
    return found
