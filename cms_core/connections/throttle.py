"""How fast a connection may send: so many messages a minute, and so many to one domain of recipients, for all workers together.

Token buckets in the database, one row each, locked by the claim that draws from it: two workers never draw the same token. A bucket
holds what comes in within a quarter of a lease, so that what was drawn is sent before the lease is over.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from marshmallow import Schema, fields, validate
from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from cms_core.connections.models import Bucket
from cms_core.dialect import insert_missing

WHOLE = ""  # the bucket of the connection as a whole; the others are those of domains
SHARE_OF_LEASE = 4
LEAST_REST = timedelta(seconds=1)
MOST_A_MINUTE = 1_000_000


class SpeedSettings(Schema):
    """Fields of the core in the settings of every connection that sends to people."""

    per_minute = fields.Integer(
        load_default=None,
        allow_none=True,
        validate=validate.Range(1, MOST_A_MINUTE),
        metadata={
            "label": "Messages a minute",
            "hint": "At most so many, all workers together. Left empty, as fast as it goes",
            "group": "Speed",
        },
    )
    domain_per_minute = fields.Integer(
        load_default=None,
        allow_none=True,
        validate=validate.Range(1, MOST_A_MINUTE),
        metadata={
            "label": "Of these to one domain",
            "hint": "At most so many a minute to recipients of the same domain, such as gmail.com",
            "group": "Speed",
        },
    )


@dataclass(frozen=True)
class Limit:
    """So many a minute; ``lease`` (seconds) says how much a bucket holds."""

    per_minute: int
    lease: float

    @property
    def per_second(self) -> float:
        return self.per_minute / 60

    @property
    def capacity(self) -> float:
        return max(1.0, self.per_second * self.lease / SHARE_OF_LEASE)

    def rest(self, level: float, ahead: int = 0) -> timedelta:
        """How long until a bucket at this level has a token more than for those ``ahead``."""
        return max(LEAST_REST, timedelta(seconds=(ahead + 1 - level) / self.per_second))


@dataclass(frozen=True)
class Limits:
    """What limits a connection; None: nothing does."""

    whole: Limit | None
    domain: Limit | None


def limits_of(settings: Mapping[str, Any], lease: float) -> Limits:
    """The limits of a connection with these settings."""

    def limit(name: str) -> Limit | None:
        return Limit(int(settings[name]), lease) if settings.get(name) else None

    return Limits(limit("per_minute"), limit("domain_per_minute"))


def levels(
    session: Session, connection_id: int, domains: Collection[str], limit: Limit, real: datetime
) -> dict[str, float]:
    """What these buckets hold now; until this transaction ends nobody else draws from them. One that is new is full."""
    fresh = [
        {"connection_id": connection_id, "domain": each, "tokens": limit.capacity, "at": real}
        for each in sorted(domains)  # always in this order, so that no two wait for each other
    ]
    insert_missing(session, Bucket, fresh)
    query = (
        select(Bucket.domain, Bucket.tokens, Bucket.at)
        .where(Bucket.connection_id == connection_id, Bucket.domain.in_(sorted(domains)))
        .order_by(Bucket.domain)
        .with_for_update()
    )
    return {row.domain: _filled(row.tokens, row.at, limit, real) for row in session.execute(query)}


def _filled(tokens: float, at: datetime, limit: Limit, real: datetime) -> float:
    come = max(0.0, (real - at).total_seconds()) * limit.per_second
    return min(limit.capacity, tokens + come)


def keep(session: Session, connection_id: int, left: Mapping[str, float], real: datetime) -> None:
    """Write what these buckets hold after tokens were drawn."""
    statement: Any = (
        update(Bucket)
        .where(Bucket.connection_id == connection_id, Bucket.domain == bindparam("of_domain"))
        .values(tokens=bindparam("left"), at=real)
    )
    rows = [{"of_domain": domain, "left": tokens} for domain, tokens in left.items()]
    session.connection().execute(statement, rows)
