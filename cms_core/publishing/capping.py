"""Frequency caps in the claim: whoever has got as many messages as a cap allows is skipped, and the reason says which cap.

What was accepted, what may have arrived (unknown), and what is claimed by whomever counts; and of one batch the first ones, for a
stream may hold several messages of one person. Claims that are held against a cap come one after another, so that two of them never
exceed it together: on SQLite writers do so anyway, on PostgreSQL by a lock that lasts as long as the claim's transaction.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, case, func, or_, select
from sqlalchemy.orm import Session, aliased

from cms_core.db import UTCDateTime
from cms_core.publishing.models import Delivery, DeliveryState, Publication

Caps = tuple[tuple[int, int, str], ...]  # (most, days, the channel that is counted or "" for all)
LOCK = 0x636D7363617073  # "cmscaps": the number by which PostgreSQL knows the lock
GOT = aliased(Delivery)  # made once, as in deliveries


def take_turns(session: Session) -> None:
    """Wait until no other claim is being held against caps."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(LOCK)))


def since(caps: Caps, real: datetime) -> dict[str, datetime]:
    """The instants from which on the caps count, as the statement wants them."""
    return {f"since_{days}": real - timedelta(days=days) for _, days, _ in caps}


def capped(verdicts: Select[int, int, str], caps: Caps) -> Select[int, str]:
    """The verdicts (id, contact_id, reason) with those over a cap refused as well."""
    judged = verdicts.subquery()
    turn = func.row_number().over(partition_by=(judged.c.contact_id, judged.c.reason), order_by=judged.c.id)
    ranked = select(judged.c.id, judged.c.contact_id, judged.c.reason, turn.label("turn")).subquery()
    over: list[tuple[ColumnElement[bool], str]] = [
        (_got(ranked.c.contact_id, days, channel) + ranked.c.turn > most, _reason(most, days, channel))
        for most, days, channel in caps
    ]
    free = ranked.c.reason == ""
    words = case((~free, ranked.c.reason), *over, else_="")
    return select(ranked.c.id, words.label("reason"))


def _reason(most: int, days: int, channel: str) -> str:
    return f"over the cap of {most} in {days} days" + (f" on {channel}" if channel else "")


def _got(contact_id: Any, days: int, channel: str) -> ColumnElement[int]:
    """How much a contact has got, or is about to get: read by the index of contacts, whose ledgers are short."""
    settled = and_(
        GOT.state.in_((DeliveryState.ACCEPTED, DeliveryState.UNKNOWN)),
        GOT.settled_at > bindparam(f"since_{days}", type_=UTCDateTime()),
    )
    counted = or_(settled, GOT.state == DeliveryState.CLAIMED)
    query = select(func.count()).select_from(GOT).where(GOT.contact_id == contact_id, counted)
    if channel:
        mine = Publication.channel == channel
        query = query.join(Publication, Publication.id == GOT.publication_id).where(mine)
    return query.correlate_except(GOT, Publication).scalar_subquery()
