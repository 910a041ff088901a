"""The ledger of one run: freezing the audience, claiming batches, settling them. All of it set-based."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import cache, lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    CompoundSelect,
    Dialect,
    Select,
    Update,
    bindparam,
    case,
    literal_column,
    select,
    union_all,
    update,
)
from sqlalchemy.orm import Session, aliased

from cms_core import contract as c
from cms_core.audience import segments
from cms_core.audience.addresses import address_hash
from cms_core.audience.consent import may_address
from cms_core.audience.contacts import PICTURE
from cms_core.audience.models import Company, Contact, Segment
from cms_core.audience.suppression import is_suppressed
from cms_core.db import UTCDateTime
from cms_core.dialect import insert_rows
from cms_core.publishing.claims import Held, write
from cms_core.publishing.experiments import HOLD_OUT, Division, Place
from cms_core.publishing.local_time import skip_late
from cms_core.publishing.models import Claim, Delivery, DeliveryState, Publication
from cms_core.publishing.models import PublicationState as S
from cms_core.publishing.snapshot import Snapshot
from cms_core.quick import QuickStatement

BATCH = 500
FREEZE_BATCH = 2_000
D = Delivery
WANTED = aliased(Delivery)  # made once: its columns cost milliseconds
REAL = bindparam("real", type_=UTCDateTime())
DUE = bindparam("due", type_=UTCDateTime())


def freeze_audience(
    session: Session, held: Held, taken: Snapshot, channel: c.AddressedChannel, real: datetime, due: datetime
) -> bool:
    """Write one delivery for every member of the segment, once, when the run starts; people who share an address get one.

    At recipients' own time, those for whom it has passed are left out, each time the run wakes. False: the claim was lost.
    """
    publication = session.get_one(Publication, held.publication_id, populate_existing=True)
    fresh = publication.audience_at is None
    slept = publication.wake_at is not None
    if fresh and not _freeze(session, held, publication, taken, channel, real):
        return False
    if taken.local is not None and (fresh or slept):
        skip_late(session, publication.id, [arm.id for arm in taken.arms], taken.local, due, real)
    return True


def _freeze(
    session: Session,
    held: Held,
    publication: Publication,
    taken: Snapshot,
    channel: c.AddressedChannel,
    real: datetime,
) -> bool:
    segment = session.get_one(Segment, taken.segment_id)
    values = {
        "audience_at": real,
        "segment_rule": segment.rule or f"static segment, version {segment.version}",
    }
    if not write(session, held, (S.PREPARING,), **values):
        return False
    same = {"publication_id": publication.id, "tries": 0, "dedupe_key": ""}
    members = segments.member_ids(session, segment)
    ids = session.scalars(select(Contact.id).where(Contact.id.in_(members)).order_by(Contact.id)).all()
    for start in range(0, len(ids), FREEZE_BATCH):
        rows = list(_delivery_rows(session, channel, taken.division, ids[start : start + FREEZE_BATCH]))
        if taken.local is not None:
            rows = [{**row, "due_at": taken.local.due_at(row["tz"])} for row in rows]
        insert_rows(session, Delivery, rows, leave_existing=True, **same)
    return True


def _delivery_rows(
    session: Session, channel: c.AddressedChannel, division: Division, ids: Sequence[int]
) -> Iterator[dict[str, Any]]:
    everybody = Place(division.arms[0][0]) if division.plain else None
    query = select(Contact.id, *PICTURE).outerjoin(Company).where(Contact.id.in_(ids)).order_by(Contact.id)
    for contact_id, *picture in session.connection().execute(query).all():
        person = c.Contact(*picture)
        address = channel.address(person)
        place = everybody or division.of(person.id)
        reason = "" if address and not place.held_out else HOLD_OUT if address else "no address"
        yield {
            "contact_id": contact_id,
            "arm_id": place.arm_id,
            "address": address or f"#{contact_id}",
            "address_hash": address_hash(session, address) if address else "",
            "tz": person.timezone,
            "state": DeliveryState.SKIPPED if reason else DeliveryState.PENDING,
            "reason": reason,
        }


class Taken(NamedTuple):
    """One delivery of a claimed batch."""

    id: int
    contact_id: int
    address: str
    address_hash: str
    tries: int
    person: c.Contact


class Claimed(NamedTuple):
    """A claimed batch: the claim, those to send to, and how many deliveries got a verdict."""

    id: int
    taken: list[Taken]
    judged: int


class Lot(NamedTuple):
    """What a batch shall be of, and by what rules it is judged."""

    publication_id: int
    arm_id: int
    channel: str
    topic: str


def claim_batch(session: Session, lot: Lot, sender: str, boot: str, real: datetime, due: datetime) -> Claimed:
    """Take the next batch of an arm of what is due; who has no arm yet is left alone.

    One UPDATE gives every row its verdict, so a batch may hold nobody to send to; the end is a batch without any row.
    """
    claim = Claim(publication_id=lot.publication_id, sender=sender, boot=boot, at=real)
    session.add(claim)
    session.flush()
    given: dict[str, Any] = {"the_claim": claim.id, "publication": lot.publication_id, "arm": lot.arm_id}
    given |= {"real": real, "due": due}
    connection = session.connection()
    judged = connection.execute(_judge(lot.channel, lot.topic, connection.dialect.name), given)
    return Claimed(claim.id, _taken(session, claim.id), judged.rowcount)


@lru_cache(maxsize=64)
def _judge(channel: str, topic: str, dialect: str) -> Update:
    """Claims the next deliveries, or skips them with the reason; made once, for it takes longer to write than to run.

    PostgreSQL, where it takes the table for empty, would look at the whole batch anew for each row that it updates.
    """
    made = _verdicts(channel, topic)
    once = made.cte("verdict").prefix_with("MATERIALIZED")
    verdict = once if dialect == "postgresql" else made.subquery()
    refused = verdict.c.reason != ""
    return (
        update(D)
        .where(D.id == verdict.c.id)
        .values(
            claim_id=bindparam("the_claim"),
            state=case((refused, DeliveryState.SKIPPED), else_=DeliveryState.CLAIMED),
            reason=verdict.c.reason,
            settled_at=case((refused, REAL), else_=None),
        )
    )


def _verdicts(channel: str, topic: str) -> Select[int, str]:
    """The next deliveries with the reason why they must not be made, or ""; each is looked at once."""
    suppressed = is_suppressed(WANTED.address_hash, channel, REAL, topic)
    agreed = may_address(WANTED.contact_id, channel, topic)
    return (
        select(WANTED.id, case((suppressed, "suppressed"), (~agreed, "no consent"), else_="").label("reason"))
        .where(WANTED.id.in_(_due()))
        .limit(BATCH)
    )


def _due() -> CompoundSelect[int]:
    """What may be claimed: read by index (so the states are literal), however long the ledger is."""
    of_publication = select(D.id).where(
        D.publication_id == bindparam("publication"), D.arm_id == bindparam("arm")
    )
    pending = of_publication.where(D.state == literal_column("'pending'")).order_by(D.due_at, D.id)
    at_once, in_time = pending.where(D.due_at.is_(None)), pending.where(D.due_at <= DUE)
    waiting = of_publication.where(D.state == literal_column("'retry_wait'"), D.retry_at <= REAL).order_by(
        D.retry_at
    )
    return union_all(*(select(each.limit(BATCH).subquery().c.id) for each in (at_once, in_time, waiting)))


TAKEN = (
    select(D.id, D.contact_id, D.address, D.address_hash, D.tries, *PICTURE)
    .join(Contact, Contact.id == D.contact_id)
    .outerjoin(Company)
    .where(D.claim_id == bindparam("the_claim"), D.state == literal_column("'claimed'"))
    .order_by(D.id)
)


def _taken(session: Session, claim_id: int) -> list[Taken]:
    rows = session.connection().execute(TAKEN, {"the_claim": claim_id}).all()
    return [
        Taken(key, contact, address, hashed, tries, c.Contact(*picture))
        for key, contact, address, hashed, tries, *picture in rows
    ]


class Settled(NamedTuple):
    """The fate of one claimed delivery, ready to be written."""

    id: int
    claim_id: int
    state: DeliveryState
    reason: str
    retry_at: datetime | None = None
    code: int | None = None
    provider_id: str | None = None
    tried: int = 1


OPEN_AGAIN = (DeliveryState.PENDING, DeliveryState.RETRY_WAIT)
GIVEN = ("b_id", "b_claim", "b_state", "b_reason", "b_retry_at", "b_code", "b_provider", "b_tried", "b_at")
SETTLE = (
    update(D)
    .where(D.id == bindparam("b_id"), D.claim_id == bindparam("b_claim"), D.state == DeliveryState.CLAIMED)
    .values(
        state=bindparam("b_state"),
        reason=bindparam("b_reason"),
        settled_at=bindparam("b_at"),
        retry_at=bindparam("b_retry_at"),
        code=bindparam("b_code"),
        provider_id=bindparam("b_provider"),
        tries=D.tries + bindparam("b_tried"),
    )
)


def settle(session: Session, fates: Iterable[Settled], real: datetime) -> None:
    """Write a batch of fates; a row whose claim was taken away meanwhile is left as it is."""
    connection = session.connection()
    rows = ((*fate, None if fate.state in OPEN_AGAIN else real) for fate in fates)
    _settle_in(connection.dialect).run_many(connection, rows)


@cache
def _settle_in(dialect: Dialect) -> QuickStatement:
    return QuickStatement(dialect, SETTLE, GIVEN)
