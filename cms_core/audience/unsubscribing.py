"""Somebody asked by other means (a call, a letter) to get no more mail: noted with the reason, told by an event, on record."""

from sqlalchemy.orm import Session

from cms_core.audience import consent
from cms_core.audience.models import Contact
from cms_core.auth import audit
from cms_core.auth.models import User
from cms_core.contract import AgentClass
from cms_core.db import now
from cms_core.errors import Invalid
from cms_core.events.service import NewEvent, record

CHANNEL = "email"
MAX_REASON = 500


def unsubscribe(session: Session, contact: Contact, reason: str, by: User, source: str) -> None:
    """Take a contact off everything that goes by e-mail; no import brings them back. Raises Invalid without a reason."""
    reason = " ".join(reason.split())[:MAX_REASON]
    if not reason:
        raise Invalid("the reason is missing", "say how they asked, for the record", field="reason")
    evidence = {"reason": reason, "by": by.email}
    if not consent.unsubscribe(session, contact.id, CHANNEL, "", source=source, evidence=evidence):
        return
    at = now(session)
    event = NewEvent(
        kind="unsubscribed",
        at=at,
        source=source,
        source_id=f"unsubscribe:{contact.public_id}:{at.isoformat()}",
        agent_class=AgentClass.HUMAN,
        contact_id=contact.id,
        channel=CHANNEL,
        props={"how": "by hand", "reason": reason},
    )
    record(session, [event])
    audit.note(session, "unsubscribe", "contact", contact.public_id, {"reason": reason})
