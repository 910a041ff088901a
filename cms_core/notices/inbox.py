"""What a user is told in the app: their notices, how many are new, and what they want to be mailed about."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, exists, func, or_, select
from sqlalchemy.orm import Session

from cms_core.auth.models import User
from cms_core.db import now
from cms_core.dialect import insert_missing
from cms_core.errors import Invalid, NotFound
from cms_core.notices.kinds import How, Kind, kinds_for, label_of
from cms_core.notices.models import Notice, NoticeChoice, NoticeRead
from cms_core.plugins import Plugins

PAGE = 50


def visible(
    plugins: Plugins, user: User, reach: Callable[[str], bool] = lambda _: True
) -> ColumnElement[bool]:
    """SQL: the notice is for this user, by what their role may do now; of a token's user, as far as its scopes ``reach``."""
    may = [name for name, known in plugins.permissions.items() if user.role in known.roles and reach(name)]
    for_me = or_(Notice.user_id == user.id, and_(Notice.user_id.is_(None), Notice.permission.in_(may)))
    return and_(for_me, or_(Notice.except_id.is_(None), Notice.except_id != user.id))


def is_read(user: User) -> ColumnElement[bool]:
    """SQL: this user has seen the notice."""
    return exists().where(NoticeRead.notice_id == Notice.id, NoticeRead.user_id == user.id)


def unread(session: Session, plugins: Plugins, user: User) -> int:
    """How many notices a user has not seen yet, of those about which there is still something to do."""
    mine = visible(plugins, user), Notice.resolved_at.is_(None), ~is_read(user)
    return session.scalar(select(func.count()).select_from(Notice).where(*mine)) or 0


def listed(
    session: Session,
    plugins: Plugins,
    user: User,
    *,
    kind: str = "",
    everything: bool = False,
    before: int | None = None,
    limit: int = PAGE,
) -> list[tuple[Notice, bool]]:
    """The newest notices of a user, each with whether they have seen it; ``everything``: the closed ones too."""
    query = select(Notice, is_read(user)).where(visible(plugins, user))
    if not everything:
        query = query.where(Notice.resolved_at.is_(None))
    if kind:
        query = query.where(Notice.kind == kind)
    if before is not None:
        query = query.where(Notice.id < before)
    return [
        (notice, bool(seen))
        for notice, seen in session.execute(query.order_by(Notice.id.desc()).limit(limit))
    ]


def counts(session: Session, plugins: Plugins, user: User) -> list[tuple[str, str, int]]:
    """(kind, label, how many are open) of what concerns a user."""
    query = select(Notice.kind, func.count()).where(visible(plugins, user), Notice.resolved_at.is_(None))
    found = session.execute(query.group_by(Notice.kind)).all()
    return sorted(((kind, label_of(kind), number) for kind, number in found), key=lambda each: each[1])


def find(
    session: Session,
    plugins: Plugins,
    user: User,
    public_id: str,
    reach: Callable[[str], bool] = lambda _: True,
) -> Notice:
    """The notice with this id, if it concerns the user; raises NotFound."""
    mine = visible(plugins, user, reach)
    found = session.scalar(select(Notice).where(Notice.public_id == public_id, mine))
    if found is None:
        raise NotFound(f"there is no notice {public_id[:40]!r}", "`cms notices list --all` shows yours")
    return found


def mark_read(session: Session, user: User, notice: Notice) -> None:
    """Note that a user has seen a notice."""
    insert_missing(session, NoticeRead, [{"notice_id": notice.id, "user_id": user.id, "at": now(session)}])


def mark_all_read(
    session: Session, plugins: Plugins, user: User, reach: Callable[[str], bool] = lambda _: True
) -> int:
    """Note that a user has seen all that concerns them; returns how many were new."""
    mine = visible(plugins, user, reach)
    query = select(Notice.id).where(mine, Notice.resolved_at.is_(None), ~is_read(user))
    ids = session.scalars(query).all()
    at = now(session)
    insert_missing(session, NoticeRead, [{"notice_id": each, "user_id": user.id, "at": at} for each in ids])
    return len(ids)


# --- what they want to be mailed about --------------------------------------------------------------------------------


def choices(session: Session, plugins: Plugins, user: User) -> list[tuple[Kind, str]]:
    """The kinds that may concern a user, each with how they are mailed about it; "" where a plugin says how urgent it is."""
    rows = session.scalars(select(NoticeChoice).where(NoticeChoice.user_id == user.id))
    chosen = {row.kind: row.how for row in rows}
    return [
        (kind, chosen.get(kind.name, kind.default if kind.is_core else ""))
        for kind in kinds_for(session, plugins, user)
    ]


def choose(session: Session, plugins: Plugins, user: User, wanted: Mapping[str, str]) -> None:
    """Keep how a user wants to be mailed, by kind; raises Invalid for what is no way. Kinds that do not concern them are left."""
    known = {kind.name: kind for kind in kinds_for(session, plugins, user)}
    for name, how in wanted.items():
        if how not in (*How, ""):
            raise Invalid(f"{how[:20]!r} is no way to be told", f"choose one of {', '.join(How)}", field=name)
        if name in known:
            mine = NoticeChoice.user_id == user.id, NoticeChoice.kind == name
            session.execute(delete(NoticeChoice).where(*mine))
            if how and not (known[name].is_core and how == known[name].default):
                session.add(NoticeChoice(user_id=user.id, kind=name, how=how))
    session.flush()


def document(notice: Notice, base_url: str, seen: bool | None = None) -> dict[str, Any]:
    """A notice for programs."""
    told = {
        "id": notice.public_id,
        "kind": notice.kind,
        "label": label_of(notice.kind),
        "title": notice.title,
        "reason": notice.reason,
        "url": f"{base_url}{notice.path}" if notice.path else "",
        "at": notice.created_at,
        "times": notice.times,
        "resolved_at": notice.resolved_at,
    }
    return told if seen is None else {**told, "read": seen}


def documents(rows: Sequence[tuple[Notice, bool]], base_url: str) -> list[dict[str, Any]]:
    """Notices of a user with whether they have seen them."""
    return [document(notice, base_url, seen) for notice, seen in rows]
