"""Invitations: an admin names an address and a role; who has the mail (or the link) chooses a password and is in."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from cms_core.auth import audit
from cms_core.auth import service as auth
from cms_core.auth.models import User
from cms_core.db import now
from cms_core.errors import Conflict, NotFound
from cms_core.notices import letters, links, outbox
from cms_core.notices.models import AccessLink, Purpose
from cms_core.workspace import Workspace

SHOWN = 200


@dataclass(frozen=True)
class Invited:
    """What became of an invitation: mailed, or (where the system sends no mail) a link to be handed over, shown this once."""

    link: AccessLink
    url: str

    @property
    def mailed(self) -> bool:
        """Whether a mail is on its way."""
        return not self.url


def invite(
    session: Session, workspace: Workspace, by: User, email: str, role: str, name: str = ""
) -> Invited:
    """Invite somebody; an earlier invitation of the address is replaced. Raises Conflict for who is here already, Invalid."""
    address = auth.checked_email(email)
    if session.scalar(select(User.id).where(User.email == address)) is not None:
        raise Conflict(
            f"{address} signs in here already",
            "a lost password is replaced by a link: `cms users reset-link`",
        )
    checked, called = auth.checked_role(role), auth.checked_name(name)
    links.revoke_open(session, Purpose.INVITATION, address)
    link = links.make(session, Purpose.INVITATION, address, by)
    link.role, link.name = checked, called
    session.add(link)
    session.flush()
    subject, body = letters.invitation(link, by.name or by.email, workspace.config.base_url)
    mailed = outbox.put(session, workspace, Purpose.INVITATION, address, subject, body, link=link)
    return Invited(link, "" if mailed else links.url_of(workspace, link))


def again(session: Session, workspace: Workspace, by: User, link: AccessLink) -> Invited:
    """The same invitation once more, with a new link; the old one is good for nothing then."""
    return invite(session, workspace, by, link.email, link.role, link.name)


def revoke(session: Session, link: AccessLink) -> None:
    """Take an invitation back; raises Conflict where somebody has accepted it."""
    if link.used_at is not None:
        raise Conflict(f"{link.email} has accepted this invitation", "disable the user instead")
    link.revoked_at = link.revoked_at or now(session)
    session.flush()


def accept(session: Session, workspace: Workspace, token: str, name: str, password: str) -> User:
    """Use an invitation: the user is there and can sign in. Raises Gone, Invalid, or Conflict when the address is here already."""
    link = links.open_link(session, workspace, Purpose.INVITATION, token)
    links.use(session, link)
    user = auth.create_user(session, link.email, name or link.name, link.role, password)
    session.info["actor"] = (user.id, "web")
    audit.note(session, "join", "user", user.public_id, {"invitation": link.public_id})
    return user


def waiting(session: Session) -> list[AccessLink]:
    """Invitations that nobody has accepted or taken back, the newest first; those whose time is over too."""
    return list(session.scalars(_waiting().limit(SHOWN)))


def _waiting() -> Select[AccessLink]:
    query = select(AccessLink).where(AccessLink.purpose == Purpose.INVITATION)
    query = query.where(AccessLink.used_at.is_(None), AccessLink.revoked_at.is_(None))
    return query.order_by(AccessLink.id.desc())


def find(session: Session, named: str) -> AccessLink:
    """The waiting invitation with this id or address (the newest); raises NotFound."""
    wanted = auth.as_stored(named)
    either = or_(AccessLink.public_id == wanted, AccessLink.email == wanted)
    if (found := session.scalars(_waiting().where(either).limit(1)).first()) is not None:
        return found
    raise NotFound(f"there is no invitation {named[:80]!r}", "`cms users invitations` shows those that wait")


def document(link: AccessLink, at: datetime) -> dict[str, Any]:
    """An invitation with the keys of ``cms users invitations --json``."""
    return {
        "id": link.public_id,
        "email": link.email,
        "name": link.name,
        "role": link.role,
        "state": state_of(link, at),
        "invited_by": link.made_by.email if link.made_by else None,
        "created_at": link.created_at,
        "expires_at": link.expires_at,
    }


def told(invited: Invited, at: datetime) -> dict[str, Any]:
    """An invitation that was just made, with its link where no mail brings it."""
    return {**document(invited.link, at), "mailed": invited.mailed, "link": invited.url or None}


def state_of(link: AccessLink, at: datetime) -> str:
    """open, expired, accepted or revoked."""
    if link.used_at is not None:
        return "accepted"
    if link.revoked_at is not None:
        return "revoked"
    return "open" if link.expires_at > at else "expired"
