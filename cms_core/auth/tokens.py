"""Tokens of the REST interface: made, shown once, kept as a hash, and what each lets its bearer do.

A token acts as its user and may do what the user's role may, as far as its scopes go: ``read`` and ``write`` for all rooms,
``content:read`` or ``content:write`` for one (the first word of a permission names the room), ``admin`` for ``system.admin``. To
write is also to read.
"""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from cms_core.auth import service
from cms_core.auth.models import ApiToken, User
from cms_core.db import Database, now
from cms_core.errors import Invalid, NotFound
from cms_core.plugins import Plugins

ADMIN = "system.admin"
EVERYTHING = ("read", "write", "admin")
MAX_NAME = 100
USE_NOTED_EVERY = timedelta(minutes=5)
_LOOKS = re.compile(r"cms_[0-9a-f]{8}_[A-Za-z0-9_-]{43}")


@dataclass(frozen=True)
class Bearer:
    """Who calls: the user (detached from any session) and the scopes of the token."""

    token_id: int
    prefix: str
    user: User
    scopes: tuple[str, ...]

    def can(self, plugins: Plugins, permission: str) -> bool:
        """Whether both the role of the user and a scope of the token allow this."""
        return service.can(plugins, self.user, permission) and covers(self.scopes, permission)


def add(
    session: Session,
    plugins: Plugins,
    actor: User,
    owner: User,
    *,
    name: str = "",
    scopes: Sequence[str] = (),
    expires: str = "",
) -> tuple[ApiToken, str]:
    """A new token of ``owner`` and its text, which nobody can see again. Without scopes it may do all that its owner may.

    ``expires`` is a day (the last one, UTC) or an instant. Raises Forbidden when the actor is neither the owner nor an admin.
    """
    if actor.id != owner.id:
        service.require(plugins, actor, ADMIN)
    if owner.disabled_at is not None:
        raise Invalid(f"{owner.email} is disabled", "make a token for somebody who can sign in")
    prefix = f"cms_{secrets.token_hex(4)}"
    text = f"{prefix}_{secrets.token_urlsafe(32)}"
    token = ApiToken(
        user_id=owner.id,
        user=owner,
        name=_checked_name(name),
        prefix=prefix,
        token_hash=_digest(text),
        scopes=list(checked_scopes(plugins, scopes)),
        created_at=now(session),
        expires_at=_checked_expiry(expires, now(session)),
    )
    session.add(token)
    session.flush()
    return token, text


def authenticate(session: Session, text: str) -> Bearer | None:
    """Whose token this is, if it may be used now; None for whatever is wrong with it, a disabled user included."""
    if not _LOOKS.fullmatch(text):
        return None
    digest = _digest(text)
    found = session.scalar(select(ApiToken).where(ApiToken.token_hash == digest))
    if found is None:
        return None
    ended = found.expires_at is not None and found.expires_at <= now(session)
    if ended or found.revoked_at is not None or found.user.disabled_at is not None:
        return None
    return Bearer(found.id, found.prefix, found.user, tuple(found.scopes))


def note_use(db: Database, token_id: int) -> None:
    """Keep when a token was last used, at most every five minutes: a reading call should not wait for those who write."""
    at = db.clock.now()
    with db.session() as session:
        last = session.scalar(select(ApiToken.last_used_at).where(ApiToken.id == token_id))
    if last is None or last < at - USE_NOTED_EVERY:
        with db.writing() as connection:
            connection.execute(update(ApiToken).where(ApiToken.id == token_id).values(last_used_at=at))


def covers(scopes: Sequence[str], permission: str) -> bool:
    """Whether one of the scopes reaches this permission, whoever the user is."""
    if permission == ADMIN:
        return "admin" in scopes
    room, _, verb = permission.partition(".")
    wanted = {"write", f"{room}:write"}
    if verb == "read":
        wanted |= {"read", f"{room}:read"}
    return not wanted.isdisjoint(scopes)


def scopes_there_are(plugins: Plugins) -> list[str]:
    """All scopes: the three of everything, then those of each room and plugin with permissions."""
    rooms = sorted({name.partition(".")[0] for name in plugins.permissions if name != ADMIN})
    return [*EVERYTHING, *(f"{room}:{verb}" for room in rooms for verb in ("read", "write"))]


def checked_scopes(plugins: Plugins, scopes: Sequence[str]) -> tuple[str, ...]:
    """The scopes without doubles, all of them when none is given; raises Invalid naming those there are."""
    known = scopes_there_are(plugins)
    for scope in scopes:
        if scope not in known:
            raise Invalid(f"there is no scope {scope[:60]!r}", f"scopes: {', '.join(known)}", field="scopes")
    return tuple(name for name in known if name in scopes) or EVERYTHING


def listed(session: Session, owner: User | None = None) -> list[ApiToken]:
    """The tokens of a user, or of everybody, the newest first; revoked ones too."""
    query = select(ApiToken).order_by(ApiToken.id.desc())
    return list(session.scalars(query if owner is None else query.where(ApiToken.user_id == owner.id)))


def find(session: Session, named: str, owner: User | None = None) -> ApiToken:
    """The token of this id or prefix, among those of ``owner`` if given; raises NotFound."""
    query = select(ApiToken).where((ApiToken.public_id == named) | (ApiToken.prefix == named[:12]))
    if owner is not None:
        query = query.where(ApiToken.user_id == owner.id)
    found = session.scalars(query.limit(1)).first()
    if found is None:
        raise NotFound(f"there is no token {named[:40]!r}", "`cms tokens list` shows them")
    return found


def revoke(session: Session, plugins: Plugins, actor: User, token: ApiToken) -> None:
    """End a token at once, for good; raises Forbidden when the actor is neither its owner nor an admin."""
    if actor.id != token.user_id:
        service.require(plugins, actor, ADMIN)
    token.revoked_at = token.revoked_at or now(session)
    session.flush()


def document(token: ApiToken, at: datetime) -> dict[str, Any]:
    """A token as it may be shown: all but its text and hash."""
    return {
        "id": token.public_id,
        "user": token.user.email,
        "name": token.name,
        "prefix": token.prefix,
        "scopes": list(token.scopes),
        "state": _state(token, at),
        "created_at": token.created_at,
        "expires_at": token.expires_at,
        "last_used_at": token.last_used_at,
    }


def _state(token: ApiToken, at: datetime) -> str:
    if token.revoked_at is not None:
        return "revoked"
    return "expired" if token.expires_at is not None and token.expires_at <= at else "active"


def _digest(text: str) -> str:
    # 256 random bits need no slow hash.
    return sha256(text.encode()).hexdigest()


def _checked_name(name: str) -> str:
    tidy = " ".join(name.split())
    if len(tidy) > MAX_NAME or not tidy.isprintable():
        raise Invalid(
            f"the name of a token has at most {MAX_NAME} printable characters", "shorten it", field="name"
        )
    return tidy


def _checked_expiry(text: str, at: datetime) -> datetime | None:
    if not text:
        return None
    try:
        if len(text) == 10:
            ends = datetime.combine(date.fromisoformat(text) + timedelta(days=1), datetime.min.time(), UTC)
        else:
            ends = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        ends = None
    if ends is None or ends.tzinfo is None:
        remedy = "write 2026-12-31 or 2026-12-31T18:00+01:00"
        raise Invalid(f"{text[:40]!r} is neither a day nor an instant", remedy, field="expires")
    if ends <= at:
        raise Invalid(f"the token would have ended already, {text}", "give a later day", field="expires")
    return ends
