"""What a claim is held against beside consent: caps, quiet hours, throttles. Mostly there are none: one small question."""

import json
from typing import NamedTuple

from sqlalchemy import bindparam, exists, select
from sqlalchemy.orm import Session

from cms_core.audience import caps, quiet
from cms_core.audience.models import Cap, QuietHours
from cms_core.connections import throttle
from cms_core.connections.models import Connection
from cms_core.connections.throttle import Limits
from cms_core.publishing.capping import Caps
from cms_core.quick import compiled, cursor_of

ASKED = select(Connection.settings, exists(select(Cap.id)), exists(select(QuietHours.id))).where(
    Connection.id == bindparam("connection")
)


class Rules(NamedTuple):
    """The rules that hold for one channel and connection now."""

    limits: Limits
    caps: Caps
    quiet: quiet.Quiet | None


def read(session: Session, connection_id: int, channel: str, lease: float) -> Rules:
    """The rules as they are in this transaction; asked once for each batch, so on the driver's cursor."""
    connection = session.connection()
    asked = compiled(connection.dialect, ASKED, ("connection",)).rows(cursor_of(connection), connection_id)
    settings, capped, quiet_somewhere = asked[0]
    limits = throttle.limits_of(json.loads(settings) if isinstance(settings, str) else settings, lease)
    held_against = caps.holding_for(session, channel) if capped else ()
    return Rules(limits, held_against, quiet.holding_for(session, channel) if quiet_somewhere else None)
