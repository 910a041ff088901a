"""Trying the system's mail: one mail, now, and what became of it."""

from typing import Any

from cms_core.auth.audit import Actor
from cms_core.auth.service import checked_email
from cms_core.errors import ConfigError
from cms_core.notices import letters, outbox
from cms_core.notices.models import Mail, MailState, Purpose
from cms_core.notices.sending import reserve, send_one
from cms_core.notices.transport import NONE, REMEDY
from cms_core.workspace import Workspace


class NoTransport(ConfigError):
    """No mail server is configured."""

    status = 409


def send_trial(workspace: Workspace, address: str, actor: Actor) -> dict[str, Any]:
    """Send a mail to an address now; raises NoTransport, or Conflict behind a closed fence."""
    to = checked_email(address)
    workspace.fence.require_open()
    subject, body = letters.trial(workspace.config.base_url)
    with workspace.db.transaction() as session:
        session.info["actor"] = actor
        mail = outbox.put(session, workspace, Purpose.TEST, to, subject, body)
        if mail is None:
            raise NoTransport(NONE, REMEDY)
        reserve(session, mail)
        mail_id = mail.id
    send_one(workspace, mail_id)
    with workspace.db.session() as session:
        return outbox.document(session.get_one(Mail, mail_id))


def said(told: dict[str, Any]) -> str:
    """What became of it, as words."""
    match told["state"]:
        case MailState.SENT:
            return f"the mail server took a mail to {told['address']}"
        case MailState.PENDING:
            return f"it is not sent yet, and is tried again: {told['reason']}"
        case MailState.UNKNOWN:
            return f"nobody knows whether it was sent: {told['reason']}"
        case _:
            return f"it was not sent: {told['reason']}"
