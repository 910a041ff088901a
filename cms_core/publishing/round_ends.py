"""How a round of a sending ends: at its end, asleep until somebody is due, or soon to be gone on with."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cms_core.connections.models import ConnectionState
from cms_core.publishing import attempts, done, experiments
from cms_core.publishing.attempts import Result
from cms_core.publishing.claims import UNTIL_CALLED, Held, write
from cms_core.publishing.models import Delivery, DeliveryState, Publication
from cms_core.publishing.models import PublicationState as S
from cms_core.publishing.outcomes import backoff, connection_state, tries_of
from cms_core.publishing.snapshot import Snapshot


def end_round(session: Session, held: Held, taken: Snapshot, real: datetime, due: datetime) -> None:
    """After the last pull: published when nothing is open any more, otherwise sleep until there is something to do.

    The row is taken before anything is counted: who adds deliveries, or decides a test, waits for it and wakes the run again.
    """
    if not write(session, held, (S.SENDING,), lease_until=None):
        return
    if (rests_until := _rests_until(session, held)) is not None:  # nothing is counted: it comes back soon
        retry_at = _or_in_time(rests_until, _first_later(session, taken, due), real, due)
        write(session, held, (S.SENDING,), retry_at=retry_at)
        attempts.close(session, held.publication_id, real, Result(attempts.ASLEEP, retry_at=retry_at))
        return
    counts = _delivery_counts(session, held.publication_id)
    undecided, (later, wakes_at) = _undecided(session, held), _not_yet(session, held, due)
    if undecided or later:
        counts[DeliveryState.PENDING] -= undecided + later
    open_states = (DeliveryState.PENDING, DeliveryState.CLAIMED, DeliveryState.RETRY_WAIT)
    if any(counts.get(state) for state in open_states):
        retry_at = _or_in_time(_next_round(session, held, counts, real), wakes_at, real, due)
        write(session, held, (S.SENDING,), retry_at=retry_at)
        result = Result("paused" if retry_at is None else "retry_wait", retry_at=retry_at)
        attempts.close(session, held.publication_id, real, result)
    elif undecided:
        decided_at = experiments.wakes_at(session, held.publication_id)
        _sleep(session, held, real, min(decided_at, wakes_at or decided_at), "undecided")
    elif wakes_at is not None:
        _sleep(session, held, real, wakes_at, attempts.ASLEEP)
    elif taken.audience.stream and not _closed(session, held):
        _sleep(session, held, real, UNTIL_CALLED, attempts.DRAINED)
    else:
        _end_sending(session, held, taken, counts, real)


def _sleep(session: Session, held: Held, real: datetime, wake_at: datetime, outcome: str) -> None:
    """The run holds no lease until the clock of what is due has come there, or somebody wakes it."""
    write(session, held, (S.SENDING,), wake_at=wake_at, retry_at=None, tries=1)
    attempts.close(session, held.publication_id, real, Result(outcome))


def _rests_until(session: Session, held: Held) -> datetime | None:
    """When a throttle lets the run go on; it is written as soon as the run knows."""
    return session.scalar(select(Publication.retry_at).where(Publication.id == held.publication_id))


def _undecided(session: Session, held: Held) -> int:
    """Who waits for the end of the test."""
    waits = Delivery.arm_id.is_(None), Delivery.state == DeliveryState.PENDING
    query = select(func.count()).where(Delivery.publication_id == held.publication_id, *waits)
    return session.scalar(query) or 0


def _first_later(session: Session, taken: Snapshot, due: datetime) -> datetime | None:
    """When the first of those who are not due yet is; read by index, however many they are."""
    waits = Delivery.publication_id == taken.publication_id, Delivery.state == DeliveryState.PENDING
    query = select(func.min(Delivery.due_at)).where(*waits, Delivery.due_at > due)
    found = [session.scalar(query.where(Delivery.arm_id == arm.id)) for arm in taken.arms]
    return min((each for each in found if each is not None), default=None)


def _or_in_time(
    retry_at: datetime | None, first_later: datetime | None, real: datetime, due: datetime
) -> datetime | None:
    """The next round, but never after the first of those who are not due yet: who waits for a try keeps no zone waiting."""
    if retry_at is None or first_later is None:
        return retry_at
    return min(retry_at, real + (first_later - due))


def _not_yet(session: Session, held: Held, due: datetime) -> tuple[int, datetime | None]:
    """Who is not due yet, and when the first of them is."""
    waits = Delivery.state == DeliveryState.PENDING, Delivery.arm_id.is_not(None), Delivery.due_at > due
    query = select(func.count(), func.min(Delivery.due_at))
    count, first = session.execute(query.where(Delivery.publication_id == held.publication_id, *waits)).one()
    return count, first


def _closed(session: Session, held: Held) -> bool:
    query = select(Publication.closed_at).where(Publication.id == held.publication_id)
    return session.scalar(query) is not None


def _end_sending(
    session: Session, held: Held, taken: Snapshot, counts: dict[str, int], real: datetime
) -> None:
    accepted, refused = counts.get(DeliveryState.ACCEPTED, 0), counts.get(DeliveryState.FAILED, 0)
    unknown, skipped = counts.get(DeliveryState.UNKNOWN, 0), counts.get(DeliveryState.SKIPPED, 0)
    all_refused = refused and not accepted and not unknown and not taken.audience.stream
    state = S.FAILED if all_refused else S.PUBLISHED
    reason = f"all {refused} refused" if state == S.FAILED else ""
    if state == S.PUBLISHED and not accepted and not unknown:
        reason = (
            f"nobody was addressed: {skipped} skipped"
            if skipped
            else "nobody was addressed: the segment is empty"
        )
    values = {"reason": reason, "lease_until": None, "published_at": real if state == S.PUBLISHED else None}
    write(session, held, (S.SENDING,), state=state, **values)
    result = Result(str(state), reason=reason, evidence={"deliveries": counts})
    attempts.close(session, held.publication_id, real, result)
    if state == S.PUBLISHED:
        connection_state(session, taken.connection_id, ConnectionState.OK, "", real)
        done.tell(session, [held.publication_id], real)


def _next_round(session: Session, held: Held, counts: dict[str, int], real: datetime) -> datetime | None:
    """When to go on with a send that is not at its end; None: at once.

    Whoever could be sent to now (a worker was stopped) is not kept waiting for those that are to be tried again. Rounds in which
    nobody was taken (a channel that takes nobody, rows that a stopped but living sender has) follow each other ever more slowly.
    """
    retry_at = session.scalar(
        select(func.min(Delivery.retry_at)).where(
            Delivery.publication_id == held.publication_id, Delivery.state == DeliveryState.RETRY_WAIT
        )
    )
    if not counts.get(DeliveryState.PENDING) and not counts.get(DeliveryState.CLAIMED):
        return retry_at
    tries = tries_of(session, held)
    if tries <= 1:
        return None
    again = real + backoff(tries - 1)
    return again if retry_at is None else min(again, retry_at)


def _delivery_counts(session: Session, publication_id: int) -> dict[str, int]:
    query = (
        select(Delivery.state, func.count())
        .where(Delivery.publication_id == publication_id)
        .group_by(Delivery.state)
    )
    return {row[0]: row[1] for row in session.execute(query)}
