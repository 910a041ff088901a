"""The rows that say what was tried."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, case, func, select, update
from sqlalchemy.orm import Session

from cms_core.dialect import among, insert_rows
from cms_core.publishing.claims import Held
from cms_core.publishing.models import Attempt, Phase
from cms_core.quick import write_many

DRAINED = "drained"
ASLEEP = "asleep"


@dataclass(frozen=True)
class Result:
    """How a try ended: outcome, the error's class, reason in words, and when it will be tried again."""

    outcome: str
    error_class: str = ""
    reason: str = ""
    retry_at: datetime | None = None
    evidence: dict[str, Any] = field(default_factory=dict)


INTERRUPTED = Result("interrupted", reason="the worker died; another one went on")


def open_attempts(
    session: Session,
    opened: Sequence[tuple[Held, dict[str, Any]]],
    real: datetime,
    phase: Phase = Phase.COMMIT,
) -> None:
    """The intents: for each claim, with its evidence, an attempt without an outcome. Commits still open are over."""
    ids = [held.publication_id for held, _ in opened]
    numbers, left_open = _known(session, ids)
    if left_open and phase == Phase.COMMIT:
        interrupt(session, ids, real)
    rows = [
        {
            "publication_id": held.publication_id,
            "n": numbers.get(held.publication_id, 0) + 1,
            "claim_no": held.claim_no,
            "evidence": evidence,
        }
        for held, evidence in opened
    ]
    insert_rows(session, Attempt, rows, phase=phase, started_at=real, error_class="", reason="")


def _known(session: Session, publication_ids: Sequence[int]) -> tuple[dict[int, int], bool]:
    """The highest number of each publication that was tried, and whether a commit of any is open."""
    open_ = func.sum(case((and_(Attempt.phase == Phase.COMMIT, Attempt.outcome.is_(None)), 1), else_=0))
    query = select(Attempt.publication_id, func.max(Attempt.n), open_)
    query = query.where(among(session, Attempt.publication_id, publication_ids)).group_by(
        Attempt.publication_id
    )
    rows = session.execute(query).all()
    return {publication_id: n for publication_id, n, _ in rows}, any(count for _, _, count in rows)


def reopen(session: Session, held: Held) -> bool:
    """Go on with the newest attempt of a stream, or of a run that slept: a thousand small sends are not a thousand attempts."""
    newest = select(func.max(Attempt.id)).where(
        Attempt.publication_id == held.publication_id, Attempt.phase == Phase.COMMIT
    )
    changed = session.execute(
        update(Attempt)
        .where(Attempt.id == newest.scalar_subquery(), Attempt.outcome.in_((DRAINED, ASLEEP)))
        .values(outcome=None, ended_at=None, claim_no=held.claim_no)
        .execution_options(synchronize_session=False)
    )
    return getattr(changed, "rowcount", 0) == 1


def close(
    session: Session, publication_id: int, real: datetime, result: Result, phase: Phase = Phase.COMMIT
) -> None:
    """Write the outcome of the open attempt of a phase, if there is one."""
    query = select(Attempt).where(
        Attempt.publication_id == publication_id, Attempt.phase == phase, Attempt.outcome.is_(None)
    )
    for attempt in session.scalars(query):
        attempt.outcome, attempt.ended_at = result.outcome, real
        attempt.error_class, attempt.reason, attempt.retry_at = (
            result.error_class,
            result.reason,
            result.retry_at,
        )
        attempt.evidence = {**attempt.evidence, **result.evidence}
    session.flush()


def close_all(
    session: Session, closed: Sequence[tuple[int, dict[str, Any]]], real: datetime, outcome: str
) -> None:
    """The same for the commits of many publications that ended alike, each with all of its evidence."""
    rows = [(publication_id, evidence, outcome, real) for publication_id, evidence in closed]
    write_many(session, _CLOSED, ("publication", "said", "became", "at"), rows)


_OPEN = Attempt.phase == Phase.COMMIT, Attempt.outcome.is_(None)
_CLOSED = (
    update(Attempt)
    .where(Attempt.publication_id == bindparam("publication"), *_OPEN)
    .values(outcome=bindparam("became"), ended_at=bindparam("at"), evidence=bindparam("said"))
)


def interrupt(session: Session, publication_ids: Sequence[int], real: datetime) -> None:
    """Commits that are still open although another claim begins: their worker died."""
    session.execute(
        update(Attempt)
        .where(among(session, Attempt.publication_id, publication_ids), *_OPEN)
        .values(outcome=INTERRUPTED.outcome, reason=INTERRUPTED.reason, ended_at=real)
        .execution_options(synchronize_session=False)
    )


def record(
    session: Session, held: Held, phase: Phase, started: datetime, ended: datetime, result: Result
) -> None:
    """One try that is over already (prepare, reconcile, withdraw)."""
    session.add(
        Attempt(
            publication_id=held.publication_id,
            n=_known(session, [held.publication_id])[0].get(held.publication_id, 0) + 1,
            phase=phase,
            claim_no=held.claim_no,
            started_at=started,
            ended_at=ended,
            outcome=result.outcome,
            error_class=result.error_class,
            reason=result.reason,
            retry_at=result.retry_at,
            evidence=result.evidence,
        )
    )
    session.flush()
