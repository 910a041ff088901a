"""Writing down what became of a claim. Every write names the claim's fencing number; who lost the claim writes nothing."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from cms_core import contract as c
from cms_core.connections.models import Connection, ConnectionState
from cms_core.dialect import among
from cms_core.publishing import attempts, done
from cms_core.publishing.attempts import Result
from cms_core.publishing.claims import MAX_TRIES, SELF_RESOLVING, Held, Task, still_held, write
from cms_core.publishing.models import Arm, Phase, Publication
from cms_core.publishing.models import PublicationState as S
from cms_core.publishing.snapshot import ArmPicture, Snapshot
from cms_core.quick import write_many
from cms_core.secrets import conceal

FIRST_DELAY = timedelta(seconds=5)
LONGEST_DELAY = timedelta(hours=1)
LONGEST_ASKED = timedelta(days=1)

Ready = tuple[Held, Snapshot, c.Prepared]
Public = tuple[Held, Snapshot, c.Receipt]
WORKING = (S.PREPARING, S.COMMITTING, S.SENDING)


def backoff(tries: int) -> timedelta:
    """How long to wait before try number ``tries`` + 1: 5 s, doubled each time, at most an hour."""
    return min(FIRST_DELAY * (1 << min(tries, 20)), LONGEST_DELAY)


def not_before(real: datetime, after: timedelta) -> datetime:
    """The instant of the next try when a channel asks to wait this long: between now and a day from now."""
    return real + min(max(after, timedelta(0)), LONGEST_ASKED)


def keep_prepared(
    session: Session, held: Held, taken: Snapshot, arm: ArmPicture, prepared: c.Prepared
) -> bool:
    """Store what ``prepare`` made ready of an arm. False when the claim was lost meanwhile: another's may be frozen already."""
    if not still_held(session, [held], WORKING):
        return False
    _keep_prepared(session, [(taken, arm, prepared)])
    return True


def _keep_prepared(session: Session, made: Iterable[tuple[Snapshot, ArmPicture, c.Prepared]]) -> None:
    """With the content and plugin version it was made for, and its tracked links. What is prepared already stays as it is."""
    rows = []
    for taken, arm, prepared in made:
        if arm.prepared is None:
            taken.links.store(session, taken.publication_id)
            content_hash = arm.placement.asset.content_hash
            rows.append((arm.id, prepared.data, content_hash, taken.plugin_version))
    write_many(session, _PREPARED, ("b_id", "b_prepared", "b_hash", "b_version"), rows)


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


def intend_all(session: Session, ready: Sequence[Ready], real: datetime, lease: timedelta) -> list[Ready]:
    """What was prepared, and the intents to publish it, committed before any socket opens. Gives those that are still ours."""
    ours = still_held(session, (held for held, _, _ in ready), (S.PREPARING, S.SENDING, S.UNKNOWN))
    ready = [each for each in ready if each[0].publication_id in ours]
    if ready:
        _keep_prepared(session, [(taken, taken.arm, prepared) for _, taken, prepared in ready])
        _begin(session, ours, S.COMMITTING, real, lease)
        attempts.open_attempts(session, [(held, said_of(taken)) for held, taken, _ in ready], real)
    return ready


def intend_to_send(session: Session, held: Held, taken: Snapshot, real: datetime, lease: timedelta) -> bool:
    """The same for what goes to people, which is prepared by now. False when it is not ours any more."""
    ours = still_held(session, [held], (S.PREPARING, S.SENDING))
    if ours:
        _begin(session, ours, S.SENDING, real, lease)
        if not attempts.reopen(session, held):
            attempts.open_attempts(session, [(held, said_of(taken))], real)
    return bool(ours)


def _begin(session: Session, ours: Collection[int], state: S, real: datetime, lease: timedelta) -> None:
    session.execute(
        update(Publication)
        .where(among(session, Publication.id, ours))
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
        (held.publication_id, receipt.external_id, receipt.url, {"data": receipt.data}, real)
        for held, _, receipt in batch
    ]
    write_many(session, _PUBLISHED, ("b_id", "b_external", "b_url", "b_receipt", "b_at"), rows)
    closed = [
        (held.publication_id, {**said_of(taken), "id": receipt.external_id, "url": receipt.url})
        for held, taken, receipt in batch
    ]
    attempts.close_all(session, closed, real, "published")
    for connection_id in {taken.connection_id for _, taken, _ in batch}:
        connection_state(session, connection_id, ConnectionState.OK, "", real)
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
            .where(among(session, Publication.id, ours))
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


def leave(session: Session, batch: Iterable[Held]) -> None:
    """Nothing was done about them yet: they are due as before."""
    ours = still_held(session, batch, (S.PREPARING,))
    values: dict[str, Any] = {"state": S.SCHEDULED, "lease_until": None}
    session.execute(
        update(Publication)
        .where(among(session, Publication.id, ours))
        .values(row_version=Publication.row_version + 1, **values)
        .execution_options(synchronize_session=False)
    )


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
        connection_state(
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


def connection_state(session: Session, connection_id: int, state: str, reason: str, real: datetime) -> None:
    """Write down what a call has told about a connection, unless it is known."""
    session.execute(
        update(Connection)
        .where(Connection.id == connection_id, Connection.state != state)
        .values(state=state, reason=reason, checked_at=real, row_version=Connection.row_version + 1)
        .execution_options(synchronize_session=False)
    )
