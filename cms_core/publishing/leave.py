"""Leave to send to one person: consent and suppression as they are at this very moment.

Asked at the last moment before the bytes leave. What the claim found holds for as long as nobody else has committed anything,
which costs a fraction of asking again; after that each person is looked up by index. At the pull of a recipient an answer for the
whole claim from a moment ago will do, for it only spares the envelope.
"""

import time
from datetime import UTC, datetime
from typing import Protocol

from sqlalchemy import bindparam, case, literal, literal_column, select

from cms_core.audience.consent import may_address
from cms_core.audience.suppression import is_suppressed
from cms_core.db import OwnConnection, UTCDateTime
from cms_core.publishing.models import Delivery
from cms_core.quick import QuickStatement

MOMENT = 0.05


class Asked(Protocol):
    """Whom to ask for: a claimed delivery; ``seen`` is the version of the database in which leave was given last."""

    key: int
    claim_id: int
    address_hash: str
    contact_id: int
    seen: object


class Leave:
    """Asks on the connection of a sending."""

    def __init__(self, connection: OwnConnection, channel: str, topic: str) -> None:
        at = bindparam("at", type_=UTCDateTime())
        one = select(
            is_suppressed(bindparam("hash"), channel, at, topic),
            may_address(bindparam("contact"), channel, topic),
        ).select_from(select(literal(1)).subquery())
        suppressed = is_suppressed(Delivery.address_hash, channel, at, topic)
        agreed = may_address(Delivery.contact_id, channel, topic)
        refused = select(Delivery.id, case((suppressed, "suppressed"), else_="no consent")).where(
            Delivery.claim_id == bindparam("claim"),
            Delivery.state == literal_column("'claimed'"),  # literal: read by the index of what is claimed
            suppressed | ~agreed,
        )
        self._one = QuickStatement(connection.dialect, one, ("hash", "contact", "at"))
        self._whole = QuickStatement(connection.dialect, refused, ("claim", "at"))
        self._connection = connection
        self._refused: dict[int, str] = {}
        self._version: object = None
        self._looked_at = float("-inf")

    def claimed(self, version: object) -> None:
        """A batch was claimed in this version of the database: so far everybody in it has given leave."""
        self._refused, self._version, self._looked_at = {}, version, time.monotonic()

    def early_refusal(self, person: Asked) -> str:
        """The same as ``refusal``, as of a moment ago."""
        if time.monotonic() - self._looked_at >= MOMENT:
            version = self._connection.version()
            if version != self._version:
                rows = self._whole.rows(self._connection.cursor, person.claim_id, datetime.now(UTC))
                self._refused = dict(rows)
            self._version, self._looked_at = version, time.monotonic()
        return self._refused.get(person.key, "")

    def refusal(self, person: Asked) -> str:
        """Why this person must not be addressed any more, or ""."""
        version = self._connection.version()
        if version == person.seen:
            return ""
        asked = (person.address_hash, person.contact_id, datetime.now(UTC))
        suppressed, agreed = self._one.rows(self._connection.cursor, *asked)[0]
        if suppressed or not agreed:
            return "suppressed" if suppressed else "no consent"
        person.seen = version
        return ""
