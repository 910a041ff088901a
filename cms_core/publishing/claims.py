"""Taking work: one UPDATE with a lease and a fencing number, and what happens to leases that ran out.

Two clocks: ``due`` says what is due, late or asleep (it may be frozen by ``cms worker --now``); ``real`` is used for leases,
back-off and attempts.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVarTuple

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    String,
    and_,
    bindparam,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session

from cms_core.connections import circuit
from cms_core.connections.models import Connection
from cms_core.contract import AddressedChannel, Idempotency
from cms_core.dialect import among
from cms_core.plugins import Plugins
from cms_core.publishing.leases import FAR, Bounds
from cms_core.publishing.models import Attempt, Delivery, DeliveryState, Phase, Publication
from cms_core.publishing.models import PublicationState as S

Columns = TypeVarTuple("Columns")
P = Publication
# Where few of many are wanted, the state is hidden from the planner, which would read all that are in it.
WAITING: ColumnElement[bool] = func.lower(P.state, type_=String) == S.SCHEDULED.value
PUBLIC: ColumnElement[bool] = func.lower(P.state, type_=String) == S.PUBLISHED.value
READY = ("", "sound")  # what ``awaits`` may be of one that is claimed, or late
MAX_TRIES = 12
UNTIL_CALLED = datetime.max.replace(tzinfo=UTC)  # a run that sleeps until something is there for it
# Kinds for which publishing again with the same key makes no second one.
REPLAYABLE = (Idempotency.KEYED, Idempotency.CLIENT_ID, Idempotency.NATURAL)
# Kinds for which the core may find out by itself what became of an unknown publication.
SELF_RESOLVING = {
    Idempotency.KEYED,
    Idempotency.CLIENT_ID,
    Idempotency.NATURAL,
    Idempotency.TWO_PHASE,
    Idempotency.LOOKUP,
}


class Task(StrEnum):
    """What is to be done with a claimed publication."""

    PUBLISH = "publish"
    SEND_ON = "send_on"
    RECONCILE = "reconcile"
    WITHDRAW = "withdraw"
    SWITCH = "switch"


@dataclass(frozen=True)
class Held:
    """A claim in hand: valid for as long as the row still shows this number."""

    publication_id: int
    claim_no: int
    task: Task


def missing(plugin: str) -> str:
    """Why a publication is held whose plugin is not there; it comes back with the plugin."""
    return f"plugin {plugin} is missing"


def sweep(session: Session, due: datetime, real: datetime, leases: Bounds) -> list[int]:
    """Move rows whose time has come: missed, retried, lease lost, end reached. Returns the ids that were missed."""
    lost = leases.lost(P.lease_until)
    missed = session.scalars(
        update(P)
        .where(_late(due))
        .values(
            state=S.MISSED,
            reason="first start came too late; a person decides",
            row_version=P.row_version + 1,
        )
        .returning(P.id)
    ).all()
    _set(session, rested(due, real), state=S.SCHEDULED, retry_at=None, wake_at=None)
    _set(session, and_(P.state == S.PREPARING, lost), state=S.SCHEDULED, lease_until=None)
    _lose_commits(session, lost, real)
    _set(session, _ended(due), withdraw_asked_at=real)
    _cancel_the_rest(session, real)
    return list(missed)


def _late(due: datetime) -> ColumnElement[bool]:
    return and_(P.state == S.SCHEDULED, P.due_at <= due, P.tries == 0, P.late_at < due, P.awaits.in_(READY))


def rested(due: datetime, real: datetime) -> ColumnElement[bool]:
    """SQL: it was to be tried again, and the time for that has come."""
    return and_(P.state == S.RETRY_WAIT, or_(P.retry_at <= real, P.wake_at <= due))


def _ended(due: datetime) -> ColumnElement[bool]:
    return and_(
        PUBLIC,
        P.ends_at <= due,
        P.superseded_by_id.is_(None),
        P.withdraw_asked_at.is_(None),
        P.needs_person.is_(False),
    )


def follow_plugins(session: Session, plugins: Plugins) -> None:
    """Hold what waits for a plugin that is gone; let go what was held for one that is back."""
    known = list(plugins.channels)
    # Few connections are asked, not all that is planned: the state is hidden from the planner (see WAITING).
    gone = P.connection_id.in_(select(Connection.id).where(Connection.channel.not_in(known)))
    why = literal("plugin ") + P.plugin + " is missing"
    waiting = func.lower(P.state, type_=String).in_((S.SCHEDULED.value, S.RETRY_WAIT.value))
    _set(session, and_(waiting, gone), state=S.HELD, reason=why, retry_at=None)
    there = P.channel.in_(known)
    _set(session, and_(P.state == S.HELD, P.reason == why, there), state=S.SCHEDULED, reason="")


def _cancel_the_rest(session: Session, real: datetime) -> None:
    """Deliveries that a sender gave back after its publication was cancelled."""
    session.execute(
        update(Delivery)
        .where(_left())
        .values(state=DeliveryState.CANCELLED, reason="cancelled", settled_at=real)
        .execution_options(synchronize_session=False)
    )


def _left() -> ColumnElement[bool]:
    cancelled = select(P.id).where(P.state == S.CANCELLED, P.audience_at.is_not(None))
    waiting = Delivery.state.in_((DeliveryState.PENDING, DeliveryState.RETRY_WAIT))
    return and_(Delivery.publication_id.in_(cancelled), waiting)


def _lose_commits(session: Session, leaseless: ColumnElement[bool], real: datetime) -> None:
    """A commit whose worker died: nobody knows whether it went out; one that kills worker after worker is left to a person."""
    reason = "the worker died while the outcome was open"
    lost = session.scalars(
        update(P)
        .where(P.state == S.COMMITTING, leaseless)
        .values(
            state=S.UNKNOWN,
            reason=reason,
            lease_until=None,
            retry_at=None,
            needs_person=or_(P.needs_person, P.tries >= MAX_TRIES),
            row_version=P.row_version + 1,
        )
        .returning(P.id)
    ).all()
    if lost:
        session.execute(
            update(Attempt)
            .where(Attempt.publication_id.in_(lost), Attempt.phase == Phase.COMMIT, Attempt.outcome.is_(None))
            .values(outcome="unknown", reason=reason, ended_at=real)
        )


def _set(session: Session, where: ColumnElement[bool], **values: Any) -> None:
    session.execute(
        update(P)
        .where(where)
        .values(row_version=P.row_version + 1, **values)
        .execution_options(synchronize_session=False)
    )


Work = list[tuple[Task, ColumnElement[bool]]]


def claimable(plugins: Plugins, due: datetime, real: datetime) -> Work:
    """What may be claimed now, by task."""
    served = ~circuit.resting(P.connection_id, real)
    return [(task, and_(where, served)) for task, where in work(plugins, due, real)]


def work(plugins: Plugins, due: datetime, real: datetime) -> Work:
    """What there is to do, whether its connection rests or not."""
    # Whoever is at work with one of these is told by the fencing number, so a clock that was set costs a repetition only.
    free = or_(P.lease_until.is_(None), Bounds(real, real + FAR).lost(P.lease_until))
    calm = or_(P.retry_at.is_(None), P.retry_at <= real)
    awake = or_(P.wake_at.is_(None), P.wake_at <= due)
    solvable = [
        name for name, channel in plugins.channels.items() if channel.idempotency.kind in SELF_RESOLVING
    ]
    return [
        (
            Task.WITHDRAW,
            and_(
                PUBLIC,
                P.withdraw_asked_at.is_not(None),
                P.channel.in_(list(plugins.channels)),
                free,
                calm,
            ),
        ),
        (
            Task.SWITCH,
            and_(
                PUBLIC,
                P.switch_to.is_not(None),
                P.channel.in_(list(plugins.channels)),
                free,
                calm,
            ),
        ),
        (
            Task.RECONCILE,
            and_(P.state == S.UNKNOWN, P.channel.in_(solvable), P.needs_person.is_(False), free, calm),
        ),
        (Task.SEND_ON, and_(P.state == S.SENDING, P.paused_at.is_(None), free, calm, awake)),
        (Task.PUBLISH, and_(P.state == S.SCHEDULED, P.due_at <= due, P.awaits.in_(READY), awake)),
        # A stream is on no calendar: it begins as soon as there is one.
        (Task.PUBLISH, and_(P.stream.is_not(None), WAITING, awake)),
    ]


def claim(
    session: Session,
    plugins: Plugins,
    worker: str,
    lease: timedelta,
    due: datetime,
    real: datetime,
    *,
    only: int | None = None,
    most: Callable[[int], int] = lambda _: 1,
) -> list[Held]:
    """Claim the next work, the oldest first: one piece, or publications that may go out together, up to ``most`` of a connection.

    ``only`` limits it to one publication.
    """
    served = ~circuit.resting(P.connection_id, real)
    wanted = served if only is None else and_(served, P.id == only)
    for task, where in _there(session, work(plugins, due, real), wanted):
        first = _first(session, and_(where, wanted))
        if first is None or not circuit.may_try(session, first.connection_id, first.probe_at, real):
            continue
        ids = [first.id]
        many = most(first.connection_id)
        if task is Task.PUBLISH and many > 1 and first.probe_at is None and _together(plugins, first.channel):
            ids = _others(session, and_(where, wanted, P.connection_id == first.connection_id), many)
        values: dict[str, Any] = {"claim_no": P.claim_no + 1, "lease_until": real + lease, "worker": worker}
        if task is Task.PUBLISH:
            values["state"] = S.PREPARING
        rows = session.execute(
            update(P)
            .where(among(session, P.id, ids), where)
            .values(row_version=P.row_version + 1, **values)
            .returning(P.id, P.claim_no)
            .execution_options(synchronize_session=False)
        )
        numbers = dict(rows.all())
        return [Held(each, numbers[each], task) for each in ids if each in numbers]
    return []


def _there(session: Session, work: Work, wanted: ColumnElement[bool]) -> Work:
    """The tasks of which there is any, by one statement: mostly it is one of six."""
    asked = (select(P.id).where(where, wanted).exists() for _, where in work)
    found = session.execute(select(*asked)).one()
    return [each for each, there in zip(work, found, strict=True) if there]


def _together(plugins: Plugins, channel: str) -> bool:
    """Whether the intents of several may be committed at once: if the worker dies, the same key makes no second one of any."""
    known = plugins.channels.get(channel)
    return (
        known is not None and known.idempotency.kind in REPLAYABLE and not isinstance(known, AddressedChannel)
    )


def _first(session: Session, where: ColumnElement[bool]) -> Row[int, int, str, datetime | None] | None:
    query = select(P.id, P.connection_id, P.channel, Connection.probe_at).join(Connection).where(where)
    return session.execute(_free(session, query).limit(1)).first()


def _others(session: Session, where: ColumnElement[bool], most: int) -> list[int]:
    return list(session.scalars(_free(session, select(P.id).where(where)).limit(most)))


def _free(session: Session, query: Select[*Columns]) -> Select[*Columns]:
    """By time; on PostgreSQL only rows that nobody else is about to claim."""
    ordered = query.order_by(P.due_at, P.id)
    postgresql = session.get_bind().dialect.name == "postgresql"
    return ordered.with_for_update(skip_locked=True, of=P) if postgresql else ordered


def still_held(session: Session, batch: Iterable[Held], states: tuple[str, ...]) -> set[int]:
    """The publications of these claims that nobody has taken, edited or cancelled meanwhile; nobody does until the commit."""
    numbers = {held.publication_id: held.claim_no for held in batch}
    query = select(P.id, P.claim_no).where(among(session, P.id, numbers), P.state.in_(states))
    if session.get_bind().dialect.name == "postgresql":
        query = query.order_by(P.id).with_for_update()
    return {row.id for row in session.execute(query) if row.claim_no == numbers[row.id]}


def write(session: Session, held: Held, states: tuple[str, ...], **values: Any) -> bool:
    """Write as the holder of a claim; False when the claim was lost to an edit, a cancel or another worker."""
    changed = session.execute(
        update(P)
        .where(P.id == held.publication_id, P.claim_no == held.claim_no, P.state.in_(states))
        .values(row_version=P.row_version + 1, **values)
        .execution_options(synchronize_session=False)
    )
    return getattr(changed, "rowcount", 0) == 1


def renew(session: Session, held: Sequence[Held], lease_until: datetime) -> None:
    """Keep claims alive while their work goes on."""
    statement = (
        update(P)
        .where(P.id == bindparam("b_id"), P.claim_no == bindparam("b_no"), P.lease_until.is_not(None))
        .values(lease_until=lease_until)
    )
    rows = [{"b_id": each.publication_id, "b_no": each.claim_no} for each in held]
    session.connection().execute(statement, rows)


def something(plugins: Plugins, due: datetime, real: datetime) -> ColumnElement[bool]:
    """SQL: there is something to claim or to sweep."""
    lost = P.state.in_((S.PREPARING, S.COMMITTING)), Bounds(real, real + FAR).lost(P.lease_until)
    swept = _late(due), rested(due, real), and_(*lost), _ended(due)
    wanted = [where for _, where in claimable(plugins, due, real)]
    return or_(_any_of([*wanted, *swept]), select(Delivery.id).where(_left()).exists())


def _any_of(wanted: Iterable[ColumnElement[bool]]) -> ColumnElement[bool]:
    return or_(*(select(P.id).where(where).exists() for where in wanted))


def next_wait(
    session: Session, plugins: Plugins, due: datetime, real: datetime, horizon: timedelta
) -> float | None:
    """Seconds until something may become claimable: a lease ends, a retry or a probe is near; 0: now; None: nothing will."""
    if session.scalar(select(_any_of(where for _, where in claimable(plugins, due, real)))):
        return 0.0
    leased = or_(P.state.in_((S.PREPARING, S.COMMITTING)), and_(P.lease_until >= real, P.paused_at.is_(None)))
    open_ended = P.state.in_((S.SENDING, S.UNKNOWN, S.PUBLISHED)), P.retry_at > real, P.paused_at.is_(None)
    retrying = and_(or_(P.state == S.RETRY_WAIT, and_(*open_ended)), P.retry_at <= real + horizon)
    probing = circuit.hopeful(real), or_(*(where for _, where in work(plugins, due, real)))
    instants = [
        session.scalar(select(func.min(P.lease_until)).where(leased)),
        session.scalar(select(func.min(P.retry_at)).where(retrying)),
        session.scalar(select(func.min(Connection.probe_at)).join(P).where(*probing)),
    ]
    known = [instant for instant in instants if instant is not None]
    return max(0.0, (min(known) - real).total_seconds()) if known else None
