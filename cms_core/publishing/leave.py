"""Leave to send to one person: consent and suppression as they are at this very moment, looked at by index at each pull."""

from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, literal, select
from sqlalchemy.engine import Connection

from cms_core.audience.consent import may_address
from cms_core.audience.suppression import is_suppressed
from cms_core.db import UTCDateTime
from cms_core.quick import QuickStatement, cursor_of


class Leave:
    """Asks on a connection on which every statement sees the newest committed state."""

    def __init__(self, connection: Connection, channel: str, topic: str) -> None:
        at = bindparam("at", type_=UTCDateTime())
        query = select(
            is_suppressed(bindparam("hash"), channel, at, topic),
            may_address(bindparam("contact"), channel, topic),
        ).select_from(select(literal(1)).subquery())
        self._query = QuickStatement(connection.dialect, query, ("hash", "contact", "at"))
        self._cursor: Any = cursor_of(connection)

    def refusal(self, address_hash: str, contact_id: int, at: datetime) -> str:
        """Why this person must not be addressed any more, or ""."""
        suppressed, agreed = self._query.rows(self._cursor, address_hash, contact_id, at)[0]
        if suppressed:
            return "suppressed"
        return "" if agreed else "no consent"
