"""New passwords by a link. The page that takes an address writes it down and knows nothing of users; the worker looks.

So known and unknown addresses go the same way, to the same answer, in the same time: there is nothing to measure.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from cms_core.auth import audit
from cms_core.auth import service as auth
from cms_core.auth.models import User
from cms_core.db import now
from cms_core.dialect import insert_missing
from cms_core.errors import Conflict
from cms_core.notices import letters, links, outbox, raising
from cms_core.notices.models import AccessLink, Purpose, ResetRequest
from cms_core.notices.transport import transport_of
from cms_core.workspace import Workspace

MOST_WAITING = 1_000  # requests that nobody has looked at yet: a flood fills no disk
MOST_LINKS = 3  # for one user within PER: nobody's mailbox is filled by others
PER = timedelta(hours=1)
BATCH = 100
MAX_ADDRESS = 320


def ask(session: Session, typed: str) -> None:
    """Note that somebody wants a new password for the address that they typed, whosesoever it is."""
    address = auth.as_stored(typed).encode("utf-8", "ignore").decode()[:MAX_ADDRESS]
    waiting = session.scalar(select(func.count()).select_from(ResetRequest)) or 0
    if address and waiting < MOST_WAITING:
        insert_missing(session, ResetRequest, [{"address": address, "asked_at": now(session)}])


def answer_requests(workspace: Workspace) -> int:
    """Mail a link to those among the addresses typed who sign in here; returns how many requests were looked at."""
    with workspace.db.session() as session:
        if session.scalar(select(ResetRequest.address).limit(1)) is None:
            return 0
    with workspace.db.transaction() as session:
        query = select(ResetRequest.address).order_by(ResetRequest.asked_at).limit(BATCH)
        taken = delete(ResetRequest).where(ResetRequest.address.in_(query.scalar_subquery()))
        typed = session.scalars(taken.returning(ResetRequest.address)).all()
        active = select(User).where(User.email.in_(typed), User.disabled_at.is_(None))
        for user in session.scalars(active.order_by(User.id)):
            _answer(session, workspace, user)
    return len(typed)


def _answer(session: Session, workspace: Workspace, user: User) -> None:
    if transport_of(workspace.config) is None:
        raising.tell_admins(
            session,
            workspace,
            key=asked_key(user),
            title=f"{user.email} asked for a new password",
            reason="No mail can be sent, so nothing has reached them. Make a link on the page of people and hand it over.",
            path="/app/users",
        )
    elif _links_since(session, user, now(session) - PER) < MOST_LINKS:
        send(session, workspace, user, None)


def _links_since(session: Session, user: User, since: datetime) -> int:
    made = AccessLink.purpose == Purpose.RESET, AccessLink.user_id == user.id, AccessLink.created_at > since
    return session.scalar(select(func.count()).select_from(AccessLink).where(*made)) or 0


def make_link(session: Session, user: User, by: User | None) -> AccessLink:
    """A link for a new password of a user; an earlier one is good for nothing then. Raises Conflict for a disabled user."""
    if user.disabled_at is not None:
        raise Conflict(f"{user.email} is disabled", "enable them first")
    links.revoke_open(session, Purpose.RESET, user.email)
    link = links.make(session, Purpose.RESET, user.email, by, user)
    session.add(link)
    raising.resolve(session, "system", [asked_key(user)])
    session.flush()
    return link


def asked_key(user: User) -> str:
    """The key of the notice that somebody asked for a link which no mail can bring."""
    return f"reset:{user.public_id}"


def send(session: Session, workspace: Workspace, user: User, by: User | None) -> str:
    """Make a link and mail it; gives its address where no mail can bring it, else ""."""
    link = make_link(session, user, by)
    subject, body = letters.reset(link, workspace.config.base_url)
    mailed = outbox.put(session, workspace, Purpose.RESET, user.email, subject, body, user=user, link=link)
    return "" if mailed else links.url_of(workspace, link)


def told(session: Session, workspace: Workspace, user: User, by: User | None) -> dict[str, Any]:
    """A new link with the keys of ``cms users reset-link --json``, to be handed over by a person."""
    link = make_link(session, user, by)
    return {"email": user.email, "link": links.url_of(workspace, link), "expires_at": link.expires_at}


def use(session: Session, workspace: Workspace, token: str, password: str) -> User:
    """Give the user of a link a new password and end all their sessions. Raises Gone, or Invalid for the password."""
    link = links.open_link(session, workspace, Purpose.RESET, token)
    secret = auth.checked_password(password)
    links.use(session, link)
    user = session.get_one(User, link.user_id)
    session.info["actor"] = (user.id, "web")
    auth.set_password(session, user, secret)
    audit.note(session, "reset", "user", user.public_id, {"link": link.public_id})
    subject, body = letters.changed(user.email, now(session), workspace.config.base_url)
    outbox.put(session, workspace, Purpose.CHANGED, user.email, subject, body, user=user)
    return user
