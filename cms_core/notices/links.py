"""Links that are good once and for a time. Their addresses start with the configured base URL, never with what a browser said.

A token is base64url(id, 16 bytes ‖ keyed BLAKE2b of purpose and id, 16 bytes): it cannot be guessed or altered, and is good for
what it was made for alone.
"""

import base64
import hashlib
import hmac
import uuid
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from cms_core.auth import service as auth
from cms_core.auth.models import User
from cms_core.db import now
from cms_core.errors import CmsError
from cms_core.notices.models import AccessLink, Purpose
from cms_core.secrets import Vault
from cms_core.workspace import Workspace

LIVES = {Purpose.INVITATION: timedelta(days=7), Purpose.RESET: timedelta(hours=1)}
PATHS = {Purpose.INVITATION: "/app/join/", Purpose.RESET: "/app/reset/"}
ID_BYTES = MAC_BYTES = 16
TOKEN_LENGTH = 43
ASK = {
    Purpose.INVITATION: "ask whoever invited you for another invitation",
    Purpose.RESET: "ask for another one under “Forgot password” on the sign-in page",
}


class Gone(CmsError):
    """A link that leads nowhere (any more)."""

    status = 410


def url_of(workspace: Workspace, link: AccessLink) -> str:
    """The address of a link: whoever has it may use it."""
    return f"{workspace.config.base_url}{PATHS[Purpose(link.purpose)]}{_token(workspace.vault, link.purpose, link.public_id)}"


def open_link(session: Session, workspace: Workspace, purpose: Purpose, token: str) -> AccessLink:
    """The link of a token, if it can be used now; raises Gone with what is wrong in words."""
    public_id = _read(workspace.vault, purpose, token)
    query = select(AccessLink).where(AccessLink.public_id == public_id, AccessLink.purpose == purpose)
    found = session.scalar(query) if public_id else None
    if found is None:
        raise Gone("this link is not one of ours, or not whole", "open it from the mail again, whole")
    if trouble := trouble_of(session, workspace, found):
        raise Gone(trouble, ASK[purpose])
    return found


def trouble_of(session: Session, workspace: Workspace, link: AccessLink) -> str:
    """Why a link cannot be used now, in words; "" when it can."""
    if link.used_at is not None:
        return "this link was used already"
    if link.revoked_at is not None:
        return "this link was taken back, or replaced by a newer one"
    if link.expires_at <= now(session):
        return f"this link was good until {link.expires_at:%Y-%m-%d %H:%M} UTC"
    if link.purpose == Purpose.RESET:
        return "" if link.user is not None and link.user.disabled_at is None else "this account is disabled"
    # An invitation is worth what its maker may do: who was let go leaves no door open.
    by = link.made_by
    return (
        ""
        if by is None or auth.can(workspace.plugins, by, "system.admin")
        else "whoever invited you is no admin any more"
    )


def use(session: Session, link: AccessLink) -> None:
    """Mark a link as used, once: raises Gone for whoever comes second."""
    usable = AccessLink.id == link.id, AccessLink.used_at.is_(None), AccessLink.revoked_at.is_(None)
    marked = (
        update(AccessLink).where(*usable, AccessLink.expires_at > now(session)).values(used_at=now(session))
    )
    if session.scalar(marked.returning(AccessLink.id)) is None:
        raise Gone("this link was used already", ASK[Purpose(link.purpose)])


def make(
    session: Session, purpose: Purpose, email: str, by: User | None, user: User | None = None
) -> AccessLink:
    """A new link, not added to the session yet."""
    at = now(session)
    made_by_id, user_id = by.id if by else None, user.id if user else None
    link = AccessLink(purpose=purpose, email=email, made_by_id=made_by_id, user_id=user_id, created_at=at)
    link.expires_at = at + LIVES[purpose]
    return link


def revoke_open(session: Session, purpose: Purpose, email: str) -> int:
    """Take back the open links of this purpose for an address; returns how many there were."""
    found = session.scalars(
        select(AccessLink).where(
            is_open(now(session)), AccessLink.purpose == purpose, AccessLink.email == email
        )
    )
    rows = found.all()
    for link in rows:
        link.revoked_at = now(session)
    session.flush()
    return len(rows)


def is_open(at: datetime) -> ColumnElement[bool]:
    """SQL: the link was neither used nor taken back, and its time is not over."""
    return AccessLink.used_at.is_(None) & AccessLink.revoked_at.is_(None) & (AccessLink.expires_at > at)


def _token(vault: Vault, purpose: str, public_id: str) -> str:
    raw = uuid.UUID(public_id).bytes
    return base64.urlsafe_b64encode(raw + _mac(vault, purpose, raw)).decode().rstrip("=")


def _read(vault: Vault, purpose: str, token: str) -> str | None:
    if len(token) != TOKEN_LENGTH:
        return None
    try:
        raw = base64.b64decode(f"{token}=".encode("ascii"), altchars=b"-_", validate=True)
    except ValueError:
        return None
    given = raw[:ID_BYTES], raw[ID_BYTES:]
    # Decoded and written again: of the several spellings of one token only ours is good.
    whole = base64.urlsafe_b64encode(raw).decode().rstrip("=") == token
    sound = hmac.compare_digest(given[1], _mac(vault, purpose, given[0]))
    return str(uuid.UUID(bytes=given[0])) if whole and sound else None


def _mac(vault: Vault, purpose: str, raw: bytes) -> bytes:
    key = vault.derive("access-link")
    return hashlib.blake2b(purpose.encode() + b"\0" + raw, key=key, digest_size=MAC_BYTES).digest()
