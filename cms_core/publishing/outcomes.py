"""Writing down what became of a claim. Every write names the claim's fencing number; who lost the claim writes nothing."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.orm import Session

from cms_core import contract as c
from cms_core.connections.models import Connection, ConnectionState
from cms_core.publishing import attempts, done, experiments
from cms_core.publishing.attempts import Result
from cms_core.publishing.claims import MAX_TRIES, SELF_RESOLVING, UNTIL_CALLED, Held, Task, still_held, write
from cms_core.publishing.models import Arm, Delivery, DeliveryState, Phase, Publication
from cms_core.publishing.models import PublicationState as S
from cms_core.publishing.snapshot import ArmPicture, Snapshot
from cms_core.secrets import conceal

FIRST_DELAY = timedelta(seconds=5)
LONGEST_DELAY = timedelta(hours=1)
LONGEST_ASKED = timedelta(days=1)

Public = tuple[Held, Snapshot, c.Receipt]
WORKING = (S.PREPARING, S.COMMITTING, S.SENDING)


def backoff(tries: int) -> timedelta:
    """How long to wait before try number ``tries`` + 1: 5 s, doubled each time, at most an hour."""
    return min(FIRST_DELAY * (1 << min(tries, 20)), LONGEST_DELAY)


def not_before(real: datetime, after: timedelta) -> datetime:
    """The instant of the next try when a channel asks to wait this long: between now and a day from now."""
    return real + min(max(after, timedelta(0)), LONGEST_ASKED)


def keep_prepared(session: Session, made: Sequence[tuple[Held, Snapshot, ArmPicture, c.Prepared]]) -> bool:
    """Store what ``prepare`` made ready, with the content and plugin version it was made for, and its tracked links.

    What is prepared already stays as it is. False when a claim was lost meanwhile: then another's may be frozen already.
    """
    ours = still_held(session, (held for held, *_ in made), WORKING)
    rows = []
    for held, taken, arm, prepared in made:
        if held.publication_id not in ours or arm.prepared is not None:
            continue
        taken.links.store(session, taken.publication_id)
        rows.append(
            {
                "b_id": arm.id,
                "b_prepared": dict(prepared.data),
                "b_hash": arm.placement.asset.content_hash,
                "b_version": taken.plugin_version,
            }
        )
    if rows:
        session.connection().execute(_PREPARED, rows)
    return len(ours) == len(made)


_PREPARED = (
    update(Arm)
    .where(Arm.id == bindparam("b_id"))
    .values(
        prepared=bindparam("b_prepared"),
        progress=None,
        prepared_hash=bindparam("b_hash"),
        plugin_version=bindparam("b_version"),
    )
)


def wait(
    session: Session,
    held: Held,
    taken: Snapshot,
    arm: ArmPicture,
    answer: c.Wait,
    started: datetime,
    real: datetime,
    due: datetime,
) -> None:
    """``prepare`` is not done: keep its progress and sleep, until that time has passed by either clock.

    It has begun, so it cannot be missed any more.
    """
    retry_at = not_before(real, answer.after)
    values: dict[str, Any] = {"state": S.RETRY_WAIT, "lease_until": None, "reason": "being prepared"}
    values |= {"retry_at": retry_at, "wake_at": not_before(due, answer.after), "late_at": None}
    if not write(session, held, WORKING, **values):
        return
    session.execute(update(Arm).where(Arm.id == arm.id).values(progress=dict(answer.progress)))
    taken.links.store(session, taken.publication_id)
    attempts.record(session, held, Phase.PREPARE, started, real, Result("wait", retry_at=retry_at))


def intend(
    session: Session, batch: Sequence[tuple[Held, Snapshot]], state: str, real: datetime, lease: timedelta
) -> set[int]:
    """The intents: open attempts, committed before any socket opens. Gives the publications that are still ours."""
    ours = still_held(session, (held for held, _ in batch), (S.PREPARING, S.SENDING, S.UNKNOWN))
    if not ours:
        return ours
    session.execute(
        update(Publication)
        .where(Publication.id.in_(ours))
        .values(
            state=state,
            lease_until=real + lease,
            tries=Publication.tries + 1,
            retry_at=None,
            wake_at=None,
            reason="",
            row_version=Publication.row_version + 1,
        )
        .execution_options(synchronize_session=False)
    )
    begun = [
        (held, said_of(taken))
        for held, taken in batch
        if held.publication_id in ours and not (state == S.SENDING and attempts.reopen(session, held))
    ]
    if begun:
        attempts.interrupt(session, [held.publication_id for held, _ in begun], real)
        attempts.open_attempts(session, begun, real)
    return ours


def said_of(taken: Snapshot) -> dict[str, Any]:
    """What an intent keeps as evidence."""
    return {"key": taken.key, "revision": taken.arm.placement.asset.revision}


def not_now(session: Session, held: Held, reason: str) -> None:
    """Something forbids going on: hold what has not gone out, leave what may have to a person."""
    write(session, held, (S.PREPARING, S.SENDING), state=S.HELD, reason=reason, lease_until=None)
    left = {"needs_person": True, "reason": reason, "lease_until": None}
    write(session, held, (S.UNKNOWN,), **left)
    write(session, held, (S.PUBLISHED,), withdraw_asked_at=None, switch_to=None, **left)


def published(session: Session, batch: Sequence[Public], real: datetime) -> None:
    """They are public: keep the receipts, close the attempts, supersede predecessors, tell the ledger."""
    ours = still_held(session, (held for held, _, _ in batch), (S.COMMITTING, S.UNKNOWN))
    batch = [each for each in batch if each[0].publication_id in ours]
    if not batch:
        return
    rows = [
        {
            "b_id": held.publication_id,
            "b_external": receipt.external_id,
            "b_url": receipt.url,
            "b_receipt": {"data": dict(receipt.data)},
        }
        for held, _, receipt in batch
    ]
    session.connection().execute(_PUBLISHED, [{**row, "b_at": real} for row in rows])
    closed = [
        (held.publication_id, {**said_of(taken), "id": receipt.external_id, "url": receipt.url})
        for held, taken, receipt in batch
    ]
    attempts.close_all(session, closed, real, "published")
    for connection_id in {taken.connection_id for _, taken, _ in batch}:
        _connection_state(session, connection_id, ConnectionState.OK, "", real)
    done.tell(session, [held.publication_id for held, _, _ in batch], real)


_PUBLISHED = (
    update(Publication)
    .where(Publication.id == bindparam("b_id"))
    .values(
        state=S.PUBLISHED,
        reason="",
        external_id=bindparam("b_external"),
        external_url=bindparam("b_url"),
        receipt=bindparam("b_receipt"),
        published_at=bindparam("b_at"),
        lease_until=None,
        needs_person=False,
        row_version=Publication.row_version + 1,
    )
)


def give_back(session: Session, batch: Sequence[tuple[Held, Snapshot]], real: datetime) -> None:
    """Their intents were committed, but the channel was surely not asked: they are due as before."""
    ours = still_held(session, (held for held, _ in batch), (S.COMMITTING,))
    if ours:
        session.execute(
            update(Publication)
            .where(Publication.id.in_(ours))
            .values(
                state=S.SCHEDULED,
                tries=Publication.tries - 1,
                lease_until=None,
                row_version=Publication.row_version + 1,
            )
            .execution_options(synchronize_session=False)
        )
        said = [(held.publication_id, said_of(taken)) for held, taken in batch if held.publication_id in ours]
        attempts.close_all(session, said, real, "not tried")


def failed(
    session: Session,
    held: Held,
    taken: Snapshot,
    error: BaseException,
    started: datetime,
    real: datetime,
    phase: str,
) -> None:
    """A try failed. Only what surely did not go out is tried again; after the intent a fault of the plugin is unknown."""
    state, said, values = _verdict(session, held, taken, error, real, phase)
    reason = conceal(said, taken.link.secrets.values())
    if not write(session, held, WORKING, state=state, reason=reason, lease_until=None, **values):
        return
    result = Result(str(state), type(error).__name__, reason, values.get("retry_at"))
    if phase == Phase.PREPARE:
        attempts.record(session, held, Phase.PREPARE, started, real, result)
    else:
        attempts.close(session, held.publication_id, real, result)


def _verdict(
    session: Session, held: Held, taken: Snapshot, error: BaseException, real: datetime, phase: str
) -> tuple[S, str, dict[str, Any]]:
    if isinstance(error, c.NotConnected):
        _connection_state(
            session,
            taken.connection_id,
            ConnectionState.BROKEN,
            conceal(error.reason, taken.link.secrets.values()),
            real,
        )
    if held.task is Task.RECONCILE and isinstance(error, c.ChannelError):
        return _still_unknown(session, held, error, real)
    if isinstance(error, c.Refused | c.NotConnected):
        refused = isinstance(error, c.Refused)
        return (S.FAILED, error.reason, {}) if refused else (S.HELD, f"not connected: {error.reason}", {})
    if isinstance(error, c.Retryable) or (phase == Phase.PREPARE and isinstance(error, c.ChannelError)):
        return _later(session, held, error, real, phase)
    fault = str(error) if isinstance(error, c.ChannelError) else f"fault in plugin {taken.plugin}: {error!r}"
    if phase == Phase.PREPARE:
        return S.FAILED, fault, {}
    if isinstance(taken.channel, c.AddressedChannel):  # the journal has told which messages are unknown
        return _later(session, held, error, real, phase, fault)
    asks, tries = taken.channel.idempotency.kind in SELF_RESOLVING, tries_of(session, held)
    values = {"retry_at": real + backoff(tries - 1), "needs_person": tries >= MAX_TRIES}
    return S.UNKNOWN, fault, values if asks else {"retry_at": None}


def _still_unknown(
    session: Session, held: Held, error: c.ChannelError, real: datetime
) -> tuple[S, str, dict[str, Any]]:
    """A try that repeats an unknown one failed: that says nothing about the first. Nothing else may repeat it, and never later
    than the key lives; a refusal is for a person to understand."""
    tries = tries_of(session, held)
    wait = getattr(error, "after", None) or backoff(tries - 1)
    person = isinstance(error, c.Refused) or tries >= MAX_TRIES
    reason = f"an earlier try may have gone out; the last one failed: {error.reason}"
    return S.UNKNOWN, reason, {"retry_at": not_before(real, wait), "needs_person": person}


def _later(
    session: Session, held: Held, error: BaseException, real: datetime, phase: str, fault: str = ""
) -> tuple[S, str, dict[str, Any]]:
    tries = tries_of(session, held) + (phase == Phase.PREPARE)  # of a commit, the intent has counted
    reason = fault or (error.reason if isinstance(error, c.ChannelError) else str(error))
    if tries >= MAX_TRIES:
        return S.FAILED, f"given up after {tries} tries: {reason}", {}
    after = getattr(error, "after", None) or backoff(tries)
    return S.RETRY_WAIT, reason, {"retry_at": not_before(real, after), "tries": tries}


def tries_of(session: Session, held: Held) -> int:
    """How often it has been tried."""
    return session.scalar(select(Publication.tries).where(Publication.id == held.publication_id)) or 0


def finish_sending(session: Session, held: Held, taken: Snapshot, real: datetime, due: datetime) -> None:
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
    elif taken.stream and not _closed(session, held):
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
    all_refused = refused and not accepted and not unknown and not taken.stream
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
        _connection_state(session, taken.connection_id, ConnectionState.OK, "", real)
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


def _connection_state(session: Session, connection_id: int, state: str, reason: str, real: datetime) -> None:
    session.execute(
        update(Connection)
        .where(Connection.id == connection_id, Connection.state != state)
        .values(state=state, reason=reason, checked_at=real, row_version=Connection.row_version + 1)
        .execution_options(synchronize_session=False)
    )
