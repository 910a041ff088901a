"""Codes that are mailed to an address and typed at the gate of a link: who has the code reads the mail of that address.

Whether the address is known or may open the link plays no part here, so nothing about it can be seen from outside.
"""

import hmac
import secrets
from datetime import timedelta

from sqlalchemy import delete, func, select, update

from cms_core import JobContext, Services
from cms_sales_enablement.models import Code, Share

DIGITS = 6
LIFE = timedelta(minutes=10)
TRIES = 5
PER = timedelta(hours=1)
MOST, MOST_OF_LINK = 3, 60  # within PER: to one address, and in all, so that a link fills nobody's mailbox


def ask(svc: Services, share: Share, address: str, key: bytes) -> None:
    """Mail a new code to an address, unless it got as many as it may; the one before is good for nothing then."""
    code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
    now = svc.now()
    of_link = select(func.count()).where(Code.share_id == share.id, Code.sent_at > now - PER)
    with svc.transaction() as session:
        session.execute(select(Share.id).where(Share.id == share.id).with_for_update())  # one after the other
        mine = session.scalar(of_link.where(Code.address == address)) or 0
        if mine >= MOST or (session.scalar(of_link) or 0) >= MOST_OF_LINK:
            return
        hashed = _hash(share, address, code, key)
        row = {"code_hash": hashed, "sent_at": now, "expires_at": now + LIFE}
        session.add(Code(share_id=share.id, address=address, **row))
        svc.send_mail(address, *_letter(code, svc.base_url))


def fits(svc: Services, share: Share, address: str, code: str, key: bytes) -> bool:
    """Whether this is the newest code that was mailed to the address for this link: within its time and tries, and once."""
    typed = "".join(code.split())
    if not (typed.isascii() and typed.isdigit() and len(typed) == DIGITS):
        return False
    newest = select(Code.id).where(Code.share_id == share.id, Code.address == address)
    newest = newest.order_by(Code.id.desc()).limit(1)
    alive = (
        Code.id == newest.scalar_subquery(),
        Code.tries < TRIES,
        Code.expires_at > svc.now(),
        Code.used_at.is_(None),
    )
    with (
        svc.transaction() as session
    ):  # counted before it is compared, so that tries at once are no more tries
        tried = update(Code).where(*alive).values(tries=Code.tries + 1).returning(Code.id, Code.code_hash)
        row = session.execute(tried.execution_options(synchronize_session=False)).one_or_none()
    if row is None or not hmac.compare_digest(row.code_hash, _hash(share, address, typed, key)):
        return False
    with svc.transaction() as session:
        used = update(Code).where(Code.id == row.id, Code.used_at.is_(None)).values(used_at=svc.now())
        return session.execute(used.returning(Code.id)).scalar() is not None


def forget(ctx: JobContext) -> None:
    """Codes, and the addresses they went to, are kept for as long as they count."""
    svc = ctx.services
    with svc.transaction() as session:
        session.execute(delete(Code).where(Code.sent_at <= svc.now() - PER))


def _hash(share: Share, address: str, code: str, key: bytes) -> str:
    """Keyed: there are only a million codes, so that a plain hash would tell them to whoever reads the table."""
    return hmac.digest(key, f"{share.token_hash}\n{address}\n{code}".encode(), "sha256").hex()


def _letter(code: str, base_url: str) -> tuple[str, str]:
    """Subject and body; nothing of what is shared or by whom, for nobody knows yet who reads it.

    The subject stands in the log of the system's mail, where others read it; the body is forgotten once it was sent.
    """
    minutes = int(LIFE.total_seconds() // 60)
    body = (
        f"Your code is {code}.\n\n"
        f"Type it on the page at {base_url} that asked for your address. It is good for {minutes} minutes, and once.\n\n"
        "If you did not ask for it, do nothing: somebody typed your address there, and sees nothing without the code.\n"
    )
    return "Your code", body
