"""Leave to send to one person: consent and suppression as they are at this very moment.

Asked at the last moment before the bytes leave; at the pull of a recipient an answer from a moment ago will do, for it only
spares the envelope. What the claim found holds for as long as nobody else has committed anything, which costs a fraction of asking
again; after that each person is looked up by index.
"""

import time
from datetime import UTC, datetime
from typing import Protocol

from sqlalchemy import bindparam, literal, select

from cms_core.audience.consent import may_address
from cms_core.audience.suppression import is_suppressed
from cms_core.db import OwnConnection, UTCDateTime
from cms_core.quick import QuickStatement

MOMENT = 0.01


class Asked(Protocol):
    """Whom to ask for; ``seen`` is the version of the database in which leave was given last."""

    address_hash: str
    contact_id: int
    seen: object


class Leave:
    """Asks on the connection of a sending."""

    def __init__(self, connection: OwnConnection, channel: str, topic: str) -> None:
        at = bindparam("at", type_=UTCDateTime())
        query = select(
            is_suppressed(bindparam("hash"), channel, at, topic),
            may_address(bindparam("contact"), channel, topic),
        ).select_from(select(literal(1)).subquery())
        self._query = QuickStatement(connection.dialect, query, ("hash", "contact", "at"))
        self._connection = connection
        self._version: object = None
        self._looked_at = 0.0

    def early_refusal(self, person: Asked) -> str:
        """The same as ``refusal``, as of some 10 ms ago."""
        if self._version == person.seen and time.monotonic() - self._looked_at < MOMENT:
            return ""
        return self.refusal(person)

    def refusal(self, person: Asked) -> str:
        """Why this person must not be addressed any more, or ""."""
        self._version = version = self._connection.version()
        self._looked_at = time.monotonic()
        if version == person.seen:
            return ""
        asked = (person.address_hash, person.contact_id, datetime.now(UTC))
        suppressed, agreed = self._query.rows(self._connection.cursor, *asked)[0]
        if suppressed or not agreed:
            return "suppressed" if suppressed else "no consent"
        person.seen = version
        return ""
