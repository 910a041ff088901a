"""Raising notices: at most one of a source and key is open; whom it concerns is told, by letter when it is due."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from cms_core.auth.models import User
from cms_core.db import now
from cms_core.dialect import insert_missing
from cms_core.ids import new_id
from cms_core.notices.kinds import EVENT, How, default_of
from cms_core.notices.letters import one_line
from cms_core.notices.models import Notice, NoticeChoice, NoticePost
from cms_core.notices.transport import transport_of
from cms_core.secrets import storable
from cms_core.webhooks.models import Webhook
from cms_core.workspace import Workspace
from cms_core.zones import zone

DAILY_AT = time(8)  # on the user's own clock


@dataclass(frozen=True)
class Raised:
    """A notice that is to be raised; ``title`` names the thing, ``path`` the page where it is mended."""

    source: str
    kind: str
    key: str
    title: str
    reason: str = ""
    path: str = ""
    permission: str = ""
    user_id: int | None = None
    except_id: int | None = None
    contact: str | None = None
    urgent: bool = True


def raise_all(session: Session, workspace: Workspace, wanted: Iterable[Raised]) -> int:
    """Raise notices that are not open yet and tell whom they concern; returns how many were new."""
    at = now(session)
    rows = [_row(each, at) for each in wanted]
    insert_missing(session, Notice, rows)
    ids = [str(row["public_id"]) for row in rows]
    made = list(session.scalars(select(Notice).where(Notice.public_id.in_(ids)).order_by(Notice.id)))
    _spread(session, workspace, made, at)
    return len(made)


def raise_one(session: Session, workspace: Workspace, wanted: Raised) -> bool:
    """Raise one notice; an open one of the same key is counted and gets the new words, and nobody is told again."""
    if raise_all(session, workspace, [wanted]):
        return True
    row = _row(wanted, now(session))
    same = Notice.source == wanted.source, Notice.key == row["key"], Notice.resolved_at.is_(None)
    words = {name: row[name] for name in ("title", "reason", "path", "last_at")}
    session.execute(update(Notice).where(*same).values(times=Notice.times + 1, **words))
    return False


def tell_admins(
    session: Session, workspace: Workspace, *, key: str, title: str, reason: str, path: str
) -> None:
    """Raise a notice of the system itself."""
    raise_one(session, workspace, Raised("system", "system", key, title, reason, path, "system.admin"))


def resolve(session: Session, source: str, keys: Sequence[str]) -> int:
    """Close the open notices of these keys: there is nothing to do about them any more."""
    named = [storable(key)[:200] for key in keys]
    open_ones = Notice.source == source, Notice.key.in_(named), Notice.resolved_at.is_(None)
    closed = update(Notice).where(*open_ones).values(resolved_at=now(session)).returning(Notice.id)
    return len(session.scalars(closed).all())


def is_open(session: Session, source: str, key: str) -> bool:
    """Whether there is an open notice of this key."""
    same = Notice.source == source, Notice.key == storable(key)[:200], Notice.resolved_at.is_(None)
    return session.scalar(select(Notice.id).where(*same)) is not None


def raised_since(session: Session, source: str, since: datetime) -> int:
    """How many notices a source has raised since then."""
    query = select(func.count()).select_from(Notice).where(Notice.source == source, Notice.created_at > since)
    return session.scalar(query) or 0


def _row(wanted: Raised, at: datetime) -> dict[str, Any]:
    """A notice as it is stored: what others typed is one line and short, whoever shows it later."""
    return {
        "public_id": new_id(),
        "source": wanted.source,
        "kind": wanted.kind,
        "key": storable(wanted.key)[:200],
        "title": one_line(storable(wanted.title), 200),
        "reason": one_line(storable(wanted.reason), 1000),
        "path": wanted.path[:500],
        "permission": wanted.permission,
        "user_id": wanted.user_id,
        "except_id": wanted.except_id,
        "contact": wanted.contact,
        "urgent": wanted.urgent,
        "times": 1,
        "created_at": at,
        "last_at": at,
    }


# --- whom it concerns -------------------------------------------------------------------------------------------------


def _spread(session: Session, workspace: Workspace, made: Sequence[Notice], at: datetime) -> None:
    if not made:
        return
    hooks = _webhooks(session)
    posts = [_post(each, at, webhook_id=hook) for each in made for hook in hooks]
    if transport_of(workspace.config) is not None:
        people = list(session.scalars(select(User).where(User.disabled_at.is_(None)).order_by(User.id)))
        chosen = _choices(session, {each.kind for each in made})
        for each in made:
            for user in people:
                how = chosen.get((user.id, each.kind)) or default_of(each.kind, urgent=each.urgent)
                if how != How.NEVER and concerns(workspace, each, user):
                    posts.append(_post(each, at if how == How.NOW else next_daily(user, at), user_id=user.id))
    insert_missing(session, NoticePost, posts)


def concerns(workspace: Workspace, notice: Notice, user: User) -> bool:
    """Whether a notice is for this user: theirs alone, or by what their role may do now."""
    if user.id == notice.except_id or user.disabled_at is not None:
        return False
    if notice.user_id is not None:
        return notice.user_id == user.id
    known = workspace.plugins.permissions.get(notice.permission)
    return known is not None and user.role in known.roles


def next_daily(user: User, at: datetime) -> datetime:
    """The next eight o'clock on the user's own clock."""
    home = zone(user.timezone)
    local = at.astimezone(home)
    day = local.date() if local.time() < DAILY_AT else local.date() + timedelta(days=1)
    return datetime.combine(day, DAILY_AT, home)


def _post(
    notice: Notice, due_at: datetime, *, user_id: int | None = None, webhook_id: int | None = None
) -> dict[str, Any]:
    return {"notice_id": notice.id, "user_id": user_id, "webhook_id": webhook_id, "due_at": due_at}


def _webhooks(session: Session) -> list[int]:
    """The webhooks that are told of notices: those that name them, or no kind at all."""
    active = session.scalars(select(Webhook).where(Webhook.disabled_at.is_(None)).order_by(Webhook.id))
    return [each.id for each in active if not each.kinds or EVENT in each.kinds]


def _choices(session: Session, kinds: set[str]) -> dict[tuple[int, str], str]:
    rows = session.scalars(select(NoticeChoice).where(NoticeChoice.kind.in_(kinds)))
    return {(row.user_id, row.kind): row.how for row in rows}
