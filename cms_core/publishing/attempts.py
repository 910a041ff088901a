"""The rows that say what was tried."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from cms_core.publishing.claims import Held
from cms_core.publishing.models import Attempt, Phase

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


def open_attempt(
    session: Session, held: Held, real: datetime, evidence: dict[str, Any], phase: Phase = Phase.COMMIT
) -> None:
    """The intent: an attempt without an outcome."""
    session.add(
        Attempt(
            publication_id=held.publication_id,
            n=_next_number(session, held.publication_id),
            phase=phase,
            claim_no=held.claim_no,
            started_at=real,
            evidence=evidence,
        )
    )
    session.flush()


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


def record(
    session: Session, held: Held, phase: Phase, started: datetime, ended: datetime, result: Result
) -> None:
    """One try that is over already (prepare, reconcile, withdraw)."""
    session.add(
        Attempt(
            publication_id=held.publication_id,
            n=_next_number(session, held.publication_id),
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


def _next_number(session: Session, publication_id: int) -> int:
    highest = session.scalar(select(func.max(Attempt.n)).where(Attempt.publication_id == publication_id))
    return (highest or 0) + 1
