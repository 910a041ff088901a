"""What of a claimed batch must wait: who is in quiet hours, and whose domain has had enough for now. Put back, never skipped.

Quiet hours are told by the clock of what is due, throttles by the real one. Who is put off for a domain gets a time of their own,
one token after the other, so that nobody is looked at again before it makes sense.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import cache
from typing import NamedTuple

from sqlalchemy import bindparam, func, literal_column, select, update
from sqlalchemy.orm import Session

from cms_core.audience import quiet
from cms_core.connections import throttle
from cms_core.connections.throttle import Limit, Limits
from cms_core.publishing.models import Delivery, DeliveryState
from cms_core.quick import write_many
from cms_core.zones import zone_names

LONGEST = timedelta(hours=1)  # a limit that is raised meanwhile is felt after so long at the latest
D = Delivery
GIVEN = ("b_id", "b_claim", "b_state", "b_reason", "b_due_at", "b_retry_at")
PUT_OFF = (
    update(D)
    .where(D.id == bindparam("b_id"), D.claim_id == bindparam("b_claim"), D.state == DeliveryState.CLAIMED)
    .values(
        state=bindparam("b_state"),
        reason=bindparam("b_reason"),
        due_at=bindparam("b_due_at"),
        retry_at=bindparam("b_retry_at"),
        claim_id=None,
    )
)


class Waiting(NamedTuple):
    """One that is put back: until ``due_at`` by the clock of what is due, or ``retry_at`` by the real one."""

    id: int
    state: DeliveryState
    reason: str
    due_at: datetime | None = None
    retry_at: datetime | None = None


def write(session: Session, claim_id: int, waiting: Iterable[Waiting]) -> None:
    """Put these deliveries of a claim back."""
    write_many(session, PUT_OFF, GIVEN, ((each.id, claim_id, *each[1:]) for each in waiting))


def first_again(session: Session, publication_id: int) -> datetime | None:
    """When the first of those who wait by the real clock is to be tried."""
    waits = D.publication_id == publication_id, D.state == literal_column("'retry_wait'")
    return session.scalar(select(func.min(D.retry_at)).where(*waits))


def in_quiet_hours(
    hours: quiet.Quiet | None, people: Iterable[tuple[int, str]], default_tz: str, due: datetime
) -> list[Waiting]:
    """Those of these deliveries (id, zone of the recipient) in whose zone it is quiet now."""
    if hours is None:
        return []
    over_at = _over_at(hours, default_tz, due)
    reason = f"put off for the quiet hours {hours}"
    return [
        Waiting(key, DeliveryState.PENDING, reason, due_at=at)
        for key, tz in people
        if (at := over_at(tz)) is not None
    ]


def _over_at(hours: quiet.Quiet, default_tz: str, due: datetime) -> Callable[[str], datetime | None]:
    """When the quiet hours are over in a zone; worked out once for each."""

    @cache
    def over_at(tz: str) -> datetime | None:
        return hours.over_at(due, tz if tz in zone_names() else default_tz)

    return over_at


def over_the_limit(
    session: Session,
    connection_id: int,
    limits: Limits,
    people: Iterable[tuple[int, str]],
    ahead: Counter[str],
    real: datetime,
) -> list[Waiting]:
    """Those of these deliveries (id, address) for whose domain no token is left; the others draw theirs.

    ``ahead`` counts how many of each domain the run has put off already.
    """
    if limits.domain is None:
        return []
    by_domain: dict[str, list[int]] = {}
    for key, address in people:
        if domain := address.rpartition("@")[2] if "@" in address else "":
            by_domain.setdefault(domain, []).append(key)
    if not by_domain:
        return []
    found = throttle.levels(session, connection_id, by_domain, limits.domain, real)
    waiting: list[Waiting] = []
    for domain, keys in by_domain.items():
        free = int(found[domain])
        waiting += _queued(
            domain, keys[free:], found[domain] - min(free, len(keys)), limits.domain, ahead, real
        )
        found[domain] -= min(free, len(keys))
    throttle.keep(session, connection_id, found, real)
    return waiting


def _queued(
    domain: str, keys: list[int], level: float, limit: Limit, ahead: Counter[str], real: datetime
) -> list[Waiting]:
    reason = f"put off: {limit.per_minute} a minute to {domain}"
    waiting = []
    for key in keys:
        at = real + max(throttle.LEAST_REST, limit.rest(level, ahead[domain]) % LONGEST)
        waiting.append(Waiting(key, DeliveryState.RETRY_WAIT, reason, retry_at=at))
        ahead[domain] += 1
    return waiting
