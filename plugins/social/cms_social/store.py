"""Reads and writes of this plugin's tables. Two workers may meet in each of them: a unique key or one UPDATE decides."""

import contextlib
import hashlib
from collections.abc import Iterable, Sequence

from sqlalchemy import case, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cms_core import Link
from cms_social import tid
from cms_social.models import Account, Post


def digest_of(texts: Iterable[str]) -> str:
    """The same for the same words, so that two posts that a search could not tell apart are known as such."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


def account(link: Link, channel: str) -> Account:
    """The account of a connection, made when it is first asked for."""
    key = {"channel": channel, "connection": link.connection}
    with link.services.session() as session:
        found: Account | None = session.scalar(select(Account).filter_by(**key))
    if found is not None:
        return found
    with (
        contextlib.suppress(IntegrityError),
        link.services.transaction() as session,
    ):  # or somebody else has just made it
        session.add(Account(**key))
    with link.services.session() as session:
        made: Account = session.scalars(select(Account).filter_by(**key)).one()
    return made


def reserve(link: Link, channel: str, publication: str, digest: str, parts: int) -> Post:
    """What is kept for a publication: the same as before, unless it has more parts now, and always the digest of these words."""
    row = account(link, channel)
    try:
        return _reserved(link, row, publication, digest, parts)
    except IntegrityError:  # somebody else has just kept it
        return _reserved(link, row, publication, digest, parts)


def _reserved(link: Link, row: Account, publication: str, digest: str, parts: int) -> Post:
    key = {"channel": row.channel, "connection": row.connection, "publication": publication}
    with link.services.transaction() as session:
        post: Post | None = session.scalar(select(Post).filter_by(**key))
        if post is None:
            post = Post(**key, micros=0, parts=0, digest=digest)
            session.add(post)
        if post.parts < parts:
            post.micros, post.parts = _next_micros(session, row, tid.micros_of(link.now()), parts), parts
        post.digest = digest
        session.flush()
        return post


def _next_micros(session: Session, row: Account, present: int, count: int) -> int:
    """The first of ``count`` instants that no record of this account has: now, or right after the last one."""
    first = case((Account.micros < present, present), else_=Account.micros + 1)
    moved = update(Account).where(Account.id == row.id).values(micros=first + count - 1)
    moved = moved.returning(Account.micros).execution_options(synchronize_session=False)
    return session.scalars(moved).one() - count + 1


def others_with(link: Link, channel: str, publication: str, digest: str) -> Sequence[str]:
    """The other publications of a connection that were made ready with these same words."""
    same = (Post.channel == channel, Post.connection == link.connection, Post.digest == digest)
    with link.services.session() as session:
        rows: Sequence[str] = session.scalars(
            select(Post.publication).where(*same, Post.publication != publication)
        ).all()
    return rows


def begin_renewal(link: Link, row: Account, seconds: int) -> bool:
    """Take the right to renew the session that ``row`` shows; False when somebody else has it or has renewed it meanwhile."""
    present = link.now()
    until = tid.instant_of(tid.micros_of(present) + seconds * 1_000_000)
    free = (Account.renewing_until.is_(None)) | (Account.renewing_until < present)
    taken = update(Account).where(Account.id == row.id, Account.session_no == row.session_no, free)
    taken = taken.values(renewing_until=until).returning(Account.id)
    with link.services.transaction() as session:
        return session.scalar(taken.execution_options(synchronize_session=False)) is not None


def end_renewal(link: Link, row: Account, sealed: str | None) -> None:
    """Give the right back, with the new session if there is one."""
    values = {"session": sealed, "session_no": row.session_no + 1} if sealed is not None else {}
    ended = update(Account).where(Account.id == row.id, Account.session_no == row.session_no)
    with link.services.transaction() as session:
        session.execute(
            ended.values(renewing_until=None, **values).execution_options(synchronize_session=False)
        )
