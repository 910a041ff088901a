"""What is found out after the fact: reconciling an unknown outcome, taking back what is public."""

from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cms_core import contract as c
from cms_core.publishing import attempts, outcomes
from cms_core.publishing.attempts import Result
from cms_core.publishing.claims import MAX_TRIES, REPLAYABLE, Held, write
from cms_core.publishing.models import Attempt, Phase
from cms_core.publishing.models import PublicationState as S
from cms_core.publishing.snapshot import Snapshot
from cms_core.secrets import conceal

MAX_LOOKUPS = 5


def may_replay(taken: Snapshot, real: datetime) -> bool:
    """Whether publishing again with the same key surely makes no second one."""
    rule = taken.channel.idempotency
    if rule.kind not in REPLAYABLE:
        return False
    return (
        rule.key_life is None or taken.first_commit_at is None or real - taken.first_commit_at < rule.key_life
    )


def reconciled(
    session: Session,
    held: Held,
    taken: Snapshot,
    answer: c.Receipt | c.Absent | None,
    started: datetime,
    real: datetime,
) -> None:
    """What a look-up found: a receipt publishes, absence schedules again, not knowing waits for a person."""
    if isinstance(answer, c.Receipt):
        attempts.record(session, held, Phase.RECONCILE, started, real, Result("found"))
        outcomes.published(session, [(held, taken, answer)], real)
    elif isinstance(answer, c.Absent):
        attempts.record(session, held, Phase.RECONCILE, started, real, Result("absent"))
        write(
            session,
            held,
            (S.UNKNOWN,),
            state=S.SCHEDULED,
            reason="surely not there; tried again",
            lease_until=None,
        )
    else:
        attempts.record(session, held, Phase.RECONCILE, started, real, Result("unknown"))
        write(session, held, (S.UNKNOWN,), needs_person=True, lease_until=None)


def lookup_failed(
    session: Session, held: Held, taken: Snapshot, error: BaseException, started: datetime, real: datetime
) -> None:
    """The look-up itself failed: ask again later, a few times, then leave it to a person."""
    number = _how_often(session, held, Phase.RECONCILE)
    retry_at = real + outcomes.backoff(number)
    reason = conceal(str(error), taken.link.secrets.values())
    result = Result("failed", type(error).__name__, reason, retry_at)
    attempts.record(session, held, Phase.RECONCILE, started, real, result)
    write(
        session,
        held,
        (S.UNKNOWN,),
        lease_until=None,
        retry_at=retry_at,
        needs_person=number + 1 >= MAX_LOOKUPS,
    )


def _how_often(session: Session, held: Held, phase: Phase) -> int:
    tried = Attempt.publication_id == held.publication_id, Attempt.phase == phase
    return session.scalar(select(func.count()).where(*tried)) or 0


def withdrawn(
    session: Session,
    held: Held,
    taken: Snapshot,
    error: BaseException | None,
    started: datetime,
    real: datetime,
) -> None:
    """It was taken back, or could not be."""
    if error is None:
        write(
            session,
            held,
            (S.PUBLISHED,),
            state=S.WITHDRAWN,
            withdraw_asked_at=None,
            switch_to=None,
            lease_until=None,
            reason="",
        )
        attempts.record(session, held, Phase.WITHDRAW, started, real, Result("withdrawn"))
        return
    reason = conceal(f"could not be taken back: {error}", taken.link.secrets.values())
    values: dict[str, Any] = {"lease_until": None, "reason": reason}
    tries = _how_often(session, held, Phase.WITHDRAW)
    again = isinstance(error, c.Retryable | c.OutcomeUnknown)  # withdraw is idempotent
    if again and tries + 1 < MAX_TRIES:
        after = getattr(error, "after", None) or outcomes.backoff(3 + tries)
        values["retry_at"] = outcomes.not_before(real, after)
    else:
        values |= {"withdraw_asked_at": None, "needs_person": True}
    write(session, held, (S.PUBLISHED,), **values)
    result = Result("failed", type(error).__name__, reason, values.get("retry_at"))
    attempts.record(session, held, Phase.WITHDRAW, started, real, result)
