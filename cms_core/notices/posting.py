"""From notices to letters: what is due for one user or one webhook goes out as one, and then nothing more for ten minutes.

The first is told at once, what comes after it is gathered. What was settled or read meanwhile is not told any more.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import Session

from cms_core.auth.models import User
from cms_core.db import now
from cms_core.documents import dump
from cms_core.ids import new_id
from cms_core.notices import letters, outbox
from cms_core.notices.inbox import document
from cms_core.notices.kinds import EVENT, label_of
from cms_core.notices.models import Mail, Notice, NoticePost, NoticeRead, Purpose
from cms_core.notices.raising import concerns
from cms_core.webhooks import service as webhooks
from cms_core.webhooks.models import Webhook, WebhookMessage
from cms_core.workspace import Workspace

GATHERED = timedelta(minutes=10)
MOST = 500  # notices that one message of a webhook names


def post(workspace: Workspace) -> int:
    """Write the letters and messages that are due; returns how many."""
    at = workspace.db.clock.now()
    with workspace.db.session() as session:
        due = select(NoticePost.user_id, NoticePost.webhook_id).where(NoticePost.due_at <= at).distinct()
        waiting = [
            (user_id, hook_id)
            for user_id, hook_id in session.execute(due)
            if not _told_lately(session, user_id, hook_id, at - GATHERED)
        ]
    return sum(_post(workspace, user_id, hook_id) for user_id, hook_id in waiting)


def _post(workspace: Workspace, user_id: int | None, hook_id: int | None) -> bool:
    with workspace.db.transaction() as session:
        at = now(session)
        if _told_lately(session, user_id, hook_id, at - GATHERED):  # another worker was faster
            return False
        whose = NoticePost.user_id == user_id if user_id is not None else NoticePost.webhook_id == hook_id
        found = _taken(session, whose, at, user_id)
        if user_id is not None:
            return _mail(session, workspace, session.get_one(User, user_id), found)
        return _message(session, workspace, session.get_one(Webhook, hook_id), found)


def _told_lately(session: Session, user_id: int | None, hook_id: int | None, since: datetime) -> bool:
    if user_id is not None:
        letter = Mail.user_id == user_id, Mail.purpose == Purpose.NOTICE, Mail.created_at > since
        return session.scalar(select(Mail.id).where(*letter).limit(1)) is not None
    told = (
        WebhookMessage.webhook_id == hook_id,
        WebhookMessage.kind == EVENT,
        WebhookMessage.created_at > since,
    )
    return session.scalar(select(WebhookMessage.id).where(*told).limit(1)) is not None


def _taken(session: Session, whose: ColumnElement[bool], at: datetime, user_id: int | None) -> list[Notice]:
    """Take what is due off the table; of that, what is still worth telling."""
    gone = delete(NoticePost).where(whose, NoticePost.due_at <= at).returning(NoticePost.notice_id)
    ids = session.scalars(gone.execution_options(synchronize_session=False)).all()
    read = select(NoticeRead.notice_id).where(NoticeRead.user_id == user_id)
    query = select(Notice).where(Notice.id.in_(ids), Notice.resolved_at.is_(None), Notice.id.not_in(read))
    return list(session.scalars(query.order_by(Notice.id)))


def _mail(session: Session, workspace: Workspace, user: User, found: Sequence[Notice]) -> bool:
    """One letter; what the user may not see any more is left out."""
    mine = [each for each in found if concerns(workspace, each, user)]
    if not mine:
        return False
    subject, body = letters.notices(mine, workspace.config.base_url)
    return outbox.put(session, workspace, Purpose.NOTICE, user.email, subject, body, user=user) is not None


def _message(session: Session, workspace: Workspace, webhook: Webhook, found: Sequence[Notice]) -> bool:
    if not found or webhook.disabled_at is not None:
        return False
    at, base = now(session), workspace.config.base_url
    body = chat_body(found, base) if webhook.chat else _body(found, base, at)
    message = WebhookMessage(
        webhook_id=webhook.id, event=new_id(), kind=EVENT, body=body, created_at=at, next_at=at
    )
    session.add(message)
    return True


def _body(found: Sequence[Notice], base: str, at: datetime) -> str:
    listed: list[dict[str, Any]] = [document(each, base) for each in found[:MOST]]
    return webhooks.body_of(EVENT, at, {"count": len(found), "notices": listed})


def chat_body(found: Sequence[Notice], base: str) -> str:
    """The body that chats take (Slack, Mattermost and others); nothing in it is a mention or a link but our own."""
    lines = []
    for kind, some in letters.by_kind(found):
        lines.append(
            f"*{_plain(label_of(kind))}* ({len(some)})" if len(some) > 1 else f"*{_plain(label_of(kind))}*"
        )
        for each in some[: letters.LISTED]:
            title = f"<{base}{each.path}|{_plain(each.title)}>" if each.path else _plain(each.title)
            lines.append(f"• {title}{f': {_plain(each.reason)}' if each.reason else ''}")
        if len(some) > letters.LISTED:
            lines.append(f"• and {len(some) - letters.LISTED:,} more")
    return dump({"text": "\n".join(lines)}).decode()


def _plain(text: str) -> str:
    """Words of others without what chats give a meaning to."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return escaped.translate({ord(sign): None for sign in "*`~|"}).replace("_", "\u200b_")
