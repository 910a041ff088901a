"""Users: who they are, what they may do, and what ends their sessions.

Permissions are registered by hooks (the core's stand in ``builtin.py``) and given to roles; an unknown permission is nobody's.
"""

from typing import Any
from unicodedata import normalize

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from cms_core import contract
from cms_core.addresses import normalise
from cms_core.auth.models import ApiToken, Role, User
from cms_core.db import now
from cms_core.errors import ConfigError, Conflict, Forbidden, Invalid, NotFound
from cms_core.plugins import Plugins
from cms_core.zones import zone

MIN_PASSWORD = 8
MAX_PASSWORD = 256
MAX_NAME = 200

# OWASP Password Storage Cheat Sheet, argon2id: a sign-in must not cost the memory that pages need.
hasher = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)


# --- people ---------------------------------------------------------------------------------------------------------------


def create_user(session: Session, email: str, name: str, role: str, password: str) -> User:
    """Add somebody who signs in; raises Invalid for a bad address, role or password, Conflict for a known address."""
    address = checked_email(email)
    checked = checked_role(role)
    secret = checked_password(password)
    if session.scalar(select(User.id).where(User.email == address)) is not None:
        raise Conflict(f"there is a user {address} already", "`cms users list` shows all of them")
    user = User(
        email=address,
        name=checked_name(name),
        role=checked,
        password_hash=hasher.hash(secret),
        session_epoch=1,
        created_at=now(session),
    )
    session.add(user)
    session.flush()
    return user


def find_user(session: Session, email: str) -> User:
    """The user with this address, disabled or not; raises NotFound."""
    user = session.scalar(select(User).where(User.email == as_stored(email)))
    if user is None:
        raise NotFound(f"there is no user {email.strip()!r}", "`cms users list` shows all of them")
    return user


def find_by_public_id(session: Session, public_id: str) -> User:
    """The user with this public id; raises NotFound."""
    user = session.scalar(select(User).where(User.public_id == public_id))
    if user is None:
        raise NotFound(f"there is no user {public_id!r}", "go back to the list of people")
    return user


def users(session: Session) -> list[User]:
    """All users, disabled ones too, by address."""
    return list(session.scalars(select(User).order_by(User.email)))


def acting_user(session: Session, email: str | None) -> User:
    """The user named by address, or the first admin; raises NotFound, Forbidden (disabled) or ConfigError (no admin)."""
    if email is not None:
        user = find_user(session, email)
        if user.disabled_at is not None:
            raise Forbidden(f"{user.email} is disabled", "act as another user with --as EMAIL")
        return user
    admin = session.scalar(select(User).where(_active(), User.role == Role.ADMIN).order_by(User.id).limit(1))
    if admin is None:
        raise ConfigError(
            "this workspace has no admin", "make a workspace with `cms init DIR --admin-email E`"
        )
    return admin


def update_profile(session: Session, user: User, name: str, timezone: str) -> None:
    """Change what people may change about themselves; raises Invalid for an unknown zone."""
    user.name, user.timezone = checked_name(name), zone(timezone).key
    session.flush()


def solo_mode(session: Session) -> bool:
    """Whether exactly one active user exists, who may then approve their own content."""
    return session.scalar(select(func.count()).select_from(User).where(_active())) == 1


def document(user: User) -> dict[str, Any]:
    """A user with the keys of ``cms users list --json``."""
    return {
        "id": user.public_id,
        "email": user.email,
        "name": user.name,
        "role": user.role,
        "state": "active" if user.disabled_at is None else "disabled",
    }


def as_contract(user: User) -> contract.User:
    """The user as plugins see them."""
    return contract.User(user.public_id, user.email, user.name, user.role)


# --- signing in -----------------------------------------------------------------------------------------------------------


def authenticate(session: Session, email: str, password: str) -> User | None:
    """The active user with this address and password, or None.

    argon2 runs exactly once whatever is wrong, so that neither the answer nor its time tells who has an account.
    """
    user = session.scalar(select(User).where(_active(), User.email == as_stored(email)))
    if user is None or not user.password_hash:  # nobody has given this user a password here yet
        hasher.hash(password)
        return None
    try:
        hasher.verify(user.password_hash, password)
    except VerificationError:
        return None
    return user


def change_password(session: Session, user: User, current: str, new: str) -> None:
    """Change one's own password; raises Invalid when the present one is wrong."""
    if authenticate(session, user.email, current) is None:
        raise Invalid("the present password is wrong", "type the password with which you signed in")
    set_password(session, user, new)


def set_password(session: Session, user: User, password: str) -> None:
    """Give a user a new password and end all sessions of theirs."""
    user.password_hash = hasher.hash(checked_password(password))
    end_sessions(session, user)


def end_sessions(session: Session, user: User) -> None:
    """End all sessions of a user, in every browser, also those whose cookie somebody has copied."""
    user.session_epoch += 1
    session.flush()


def change_role(session: Session, user: User, role: str) -> None:
    """Give a user another role and end all sessions of theirs; the last active admin stays one."""
    checked = checked_role(role)
    if checked != Role.ADMIN:
        _keep_an_admin(session, user)
    if checked != user.role:
        user.role = checked
        end_sessions(session, user)


def disable(session: Session, user: User) -> None:
    """Keep a user from signing in, end all sessions and revoke all tokens of theirs; their work and name stay."""
    _keep_an_admin(session, user)
    if user.disabled_at is None:
        user.disabled_at = now(session)
        for token in session.scalars(
            select(ApiToken).where(ApiToken.user_id == user.id, ApiToken.revoked_at.is_(None))
        ):
            token.revoked_at = user.disabled_at
        end_sessions(session, user)


def enable(session: Session, user: User) -> None:
    """Let a disabled user sign in again."""
    user.disabled_at = None
    session.flush()


# --- what they may do -----------------------------------------------------------------------------------------------------


def can(plugins: Plugins, user: User, permission: str) -> bool:
    """Whether this user's role has the permission; disabled users may do nothing, unknown permissions nobody has."""
    known = plugins.permissions.get(permission)
    return known is not None and user.disabled_at is None and user.role in known.roles


def require(plugins: Plugins, user: User, permission: str) -> None:
    """Raise Forbidden, saying who may, unless the user has the permission."""
    if can(plugins, user, permission):
        return
    known = plugins.permissions.get(permission)
    roles = ", ".join(known.roles) if known and known.roles else "nobody"
    what = known.label if known else permission
    raise Forbidden(
        f"{user.email} ({user.role}) may not do this: {what}", f"it needs one of these roles: {roles}"
    )


# --- what is accepted -----------------------------------------------------------------------------------------------------


def checked_email(text: str) -> str:
    """The address in the one form in which it is stored; admin@localhost will do. Raises Invalid."""
    return normalise(text, intranet=True)


def checked_role(role: str) -> Role:
    """The role of this name; raises Invalid naming those that exist."""
    try:
        return Role(role)
    except ValueError:
        raise Invalid(f"there is no role {role!r}", f"roles: {', '.join(Role)}") from None


def checked_name(name: str) -> str:
    """The name without surrounding space; raises Invalid when it is too long."""
    stripped = " ".join(name.split())
    if len(stripped) > MAX_NAME:
        raise Invalid(f"the name is longer than {MAX_NAME} characters", "shorten it")
    return stripped


def checked_password(password: str) -> str:
    """The password, if its length will do; no rules of composition (NIST SP 800-63B §3.1.1.2). Raises Invalid."""
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise Invalid(
            f"the password has {len(password)} characters",
            f"choose one with {MIN_PASSWORD} to {MAX_PASSWORD} characters; a few words are better than signs",
        )
    return password


def as_stored(email: str) -> str:
    """What somebody typed, as it would be stored if it were an address; PostgreSQL refuses to compare with a NUL."""
    return normalize("NFC", email.replace("\0", "").strip().lower())


def _active() -> ColumnElement[bool]:
    return User.disabled_at.is_(None)


def _keep_an_admin(session: Session, user: User) -> None:
    # All of them are locked: two admins who take the role from each other at once must not both succeed.
    admins = select(User.id).where(_active(), User.role == Role.ADMIN).order_by(User.id).with_for_update()
    if set(session.scalars(admins)) == {user.id}:
        raise Invalid(f"{user.email} is the only admin", "make somebody else an admin first")
