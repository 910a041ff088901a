"""The outbox of the system's mail: a row in the transaction of its cause; the log of what became of it."""

from datetime import timedelta
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from cms_core.auth.models import User
from cms_core.db import now
from cms_core.errors import Conflict, NotFound
from cms_core.notices.letters import MAX_SUBJECT, one_line
from cms_core.notices.models import AccessLink, Mail, MailState, Purpose
from cms_core.notices.transport import REMEDY, transport_of
from cms_core.workspace import Workspace

KEPT = timedelta(days=30)
BEFORE_FREEZE = timedelta(days=2)  # what could not be sent for so long says nothing any more


def put(
    session: Session,
    workspace: Workspace,
    purpose: Purpose,
    address: str,
    subject: str,
    body: str,
    *,
    user: User | None = None,
    link: AccessLink | None = None,
) -> Mail | None:
    """Write a mail that the worker sends after the commit; None where no transport is configured, and nothing is written."""
    if transport_of(workspace.config) is None:
        return None
    at = now(session)
    mail = Mail(
        purpose=purpose,
        address=address,
        user_id=user.id if user else None,
        link_id=link.id if link else None,
        subject=one_line(subject, MAX_SUBJECT),
        body=body,
        created_at=at,
        next_at=at,
    )
    session.add(mail)
    session.flush()
    return mail


def again(session: Session, workspace: Workspace, mail: Mail) -> None:
    """Send a mail again, from the first try on, though it may arrive twice then; raises Conflict for one that waits."""
    if transport_of(workspace.config) is None:
        raise Conflict("no mail can be sent", REMEDY)
    if mail.state == MailState.PENDING:
        raise Conflict("this mail is still to be sent", "wait for it")
    if not mail.body:
        raise Conflict(
            "the words of a mail that was sent are not kept",
            "cause another one: invite again, make another link",
        )
    mail.state, mail.tries, mail.next_at = MailState.PENDING, 0, now(session)
    mail.on_wire_at = mail.settled_at = mail.code = None
    mail.reason = ""
    session.flush()


def listed(session: Session, limit: int = 100) -> list[Mail]:
    """The newest mails, whatever became of them."""
    return list(session.scalars(select(Mail).order_by(Mail.id.desc()).limit(limit)))


def find(session: Session, public_id: str) -> Mail:
    """The mail with this id; raises NotFound."""
    found = session.scalar(select(Mail).where(Mail.public_id == public_id))
    if found is None:
        raise NotFound(f"there is no mail {public_id[:40]!r}", "`cms mail list` shows those that are kept")
    return found


def document(mail: Mail) -> dict[str, Any]:
    """A mail as the log shows it: without its words."""
    names = (
        "purpose",
        "address",
        "subject",
        "state",
        "tries",
        "created_at",
        "next_at",
        "settled_at",
        "code",
        "reason",
    )
    return {"id": mail.public_id, **{name: getattr(mail, name) for name in names}}


def purge(session: Session) -> None:
    """Forget mails and links of long ago, and give up what could not be sent for days."""
    at = now(session)
    stale = update(Mail).where(Mail.state == MailState.PENDING, Mail.created_at < at - BEFORE_FREEZE)
    session.execute(
        stale.values(state=MailState.FAILED, settled_at=at, next_at=None, reason="could not be sent in time")
    )
    session.execute(delete(Mail).where(Mail.settled_at < at - KEPT))
    session.execute(delete(AccessLink).where(AccessLink.expires_at < at - KEPT))
