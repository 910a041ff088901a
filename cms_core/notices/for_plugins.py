"""Notices that plugins raise, checked, bounded, and closed by the same plugin; and mail that they send in the system's name."""

from datetime import timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from cms_core import contract as c
from cms_core.auth import service as auth
from cms_core.auth.models import User
from cms_core.db import now
from cms_core.errors import Invalid
from cms_core.notices import outbox, raising
from cms_core.notices.kinds import PLUGIN
from cms_core.notices.models import Purpose
from cms_core.notices.raising import Raised
from cms_core.workspace import Workspace

MOST = 100  # new notices of one plugin within PER; what comes after that is counted in one
PER = timedelta(hours=1)
FLOOD = "cms:flood"


def notify(session: Session, workspace: Workspace, plugin: str, notice: c.Notice) -> bool:
    """Raise a plugin's notice; True when it was new. Raises Invalid for one that concerns nobody, or leads out of the app."""
    source = f"{PLUGIN}{plugin}"[:60]
    user_id = _user_id(session, notice.user) if notice.user else None
    _check(workspace, notice)
    wanted = Raised(
        source,
        source,
        notice.key,
        notice.title,
        notice.reason,
        notice.path,
        "" if notice.user else notice.permission,
        user_id=user_id,
        contact=notice.contact or None,
        urgent=notice.urgent,
    )
    if (
        raising.is_open(session, source, notice.key)
        or raising.raised_since(session, source, now(session) - PER) < MOST
    ):
        return raising.raise_one(session, workspace, wanted)
    title, reason = f"{plugin} tells more than can be shown", f"what came last: {notice.title}"
    raising.raise_one(
        session,
        workspace,
        Raised(source, source, FLOOD, title, reason, f"/app/plugins/{plugin}", "system.admin"),
    )
    return False


def resolve(session: Session, plugin: str, key: str) -> bool:
    """Close a plugin's notice; False when none of this key was open."""
    return raising.resolve(session, f"{PLUGIN}{plugin}"[:60], [key]) > 0


def send_mail(session: Session, workspace: Workspace, address: str, subject: str, text: str) -> bool:
    """Put a plugin's mail into the outbox; False where no mail can be sent."""
    return outbox.put(session, workspace, Purpose.PLUGIN, address, subject, text) is not None


def _check(workspace: Workspace, notice: c.Notice) -> None:
    if not notice.key or not notice.title.strip():
        raise Invalid("a notice has a key and a title", "say what it is about")
    if not notice.user and notice.permission not in workspace.plugins.permissions:
        raise Invalid(
            f"the notice {notice.key[:60]!r} concerns nobody: there is no permission {notice.permission[:60]!r}",
            "name a permission, or one user",
        )
    if notice.path and (
        not notice.path.startswith("/app/") or "\\" in notice.path or not notice.path.isprintable()
    ):
        raise Invalid(
            f"the notice {notice.key[:60]!r} leads to {notice.path[:80]!r}", "name a page of the app: /app/…"
        )


def _user_id(session: Session, named: str) -> int:
    query = select(User.id).where(
        or_(User.public_id == auth.as_stored(named), User.email == auth.as_stored(named))
    )
    found = session.scalar(query)
    if found is None:
        raise Invalid(f"there is no user {named[:80]!r}", "name somebody by id or address")
    return found
