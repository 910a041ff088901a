"""Addresses that must not be reached: only keyed hashes, so that they outlive the contact and no import brings anybody back.

``scope`` is "global" (everything on the channel) or the name of a topic; the channel "" means all channels.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.orm import Session

from cms_core.audience.models import Suppression
from cms_core.db import now
from cms_core.dialect import among, insert_for

GLOBAL = "global"


def suppress(
    session: Session,
    address_hash: str,
    channel: str,
    scope: str,
    reason: str,
    *,
    until: datetime | None = None,
) -> None:
    """Keep an address from being reached (until an instant, or for good); doing it twice changes nothing."""
    suppress_many(session, [address_hash], channel, scope, reason, until=until)


def suppress_many(
    session: Session,
    hashes: Sequence[str],
    channel: str,
    scope: str,
    reason: str,
    *,
    until: datetime | None = None,
) -> None:
    """``suppress`` for many addresses in one statement; a suppression is only ever made longer."""
    if not hashes:
        return
    insert: Any = insert_for(session, Suppression)
    later = or_(insert.excluded.until.is_(None), insert.excluded.until > Suppression.until)
    statement = insert.on_conflict_do_update(
        index_elements=["address_hash", "channel", "scope"],
        set_={"until": insert.excluded.until, "reason": insert.excluded.reason, "at": insert.excluded.at},
        where=and_(Suppression.until.is_not(None), later),
    )
    common = {"channel": channel, "scope": scope, "reason": reason[:200], "at": now(session), "until": until}
    rows = [{"address_hash": each, **common} for each in sorted(set(hashes))]
    session.connection().execute(statement, rows)


def is_suppressed(
    address_hash: ColumnElement[Any] | Any,
    channel: str,
    at: datetime | ColumnElement[datetime],
    topic: str = "",
) -> ColumnElement[bool]:
    """SQL: this address (a column with its hash) must not be reached on the channel, with the topic, at the instant."""
    return exists(
        select(Suppression.id)
        .where(Suppression.address_hash == address_hash, *_in_force(channel, at, topic))
        .correlate_except(Suppression)
    )


def suppressed_among(session: Session, hashes: Sequence[str], channel: str, topic: str = "") -> set[str]:
    """Those of these addresses that must not be reached now."""
    if not hashes:
        return set()
    found = select(Suppression.address_hash).where(
        among(session, Suppression.address_hash, hashes), *_in_force(channel, now(session), topic)
    )
    return set(session.scalars(found))


def _in_force(
    channel: str, at: datetime | ColumnElement[datetime], topic: str
) -> tuple[ColumnElement[bool], ...]:
    return (
        Suppression.channel.in_(("", channel)),
        Suppression.scope.in_((GLOBAL, topic) if topic else (GLOBAL,)),
        or_(Suppression.until.is_(None), Suppression.until > at),
    )
