"""The ledger of one run: freezing the audience, claiming batches, settling them. All of it set-based."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    CompoundSelect,
    Integer,
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
from cms_core.connections import throttle
from cms_core.connections.throttle import Limits
from cms_core.db import UTCDateTime
from cms_core.dialect import insert_rows
from cms_core.publishing import capping, claim_rules, putting_off
from cms_core.publishing.claim_rules import Rules
from cms_core.publishing.claims import Held, write
from cms_core.publishing.experiments import HOLD_OUT, Division, Place
from cms_core.publishing.local_time import skip_late
from cms_core.publishing.models import Claim, Delivery, DeliveryState, Publication
from cms_core.publishing.models import PublicationState as S
from cms_core.publishing.snapshot import Snapshot
from cms_core.quick import write_many

BATCH = 500
FREEZE_BATCH = 2_000
D = Delivery
WANTED = aliased(Delivery)  # made once: its columns cost milliseconds
REAL = bindparam("real", type_=UTCDateTime())
DUE = bindparam("due", type_=UTCDateTime())
SIZE = bindparam("size", type_=Integer())


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
    if taken.audience.local is not None and (fresh or slept):
        skip_late(session, publication.id, [arm.id for arm in taken.arms], taken.audience.local, due, real)
    return True


def _freeze(
    session: Session,
    held: Held,
    publication: Publication,
    taken: Snapshot,
    channel: c.AddressedChannel,
    real: datetime,
) -> bool:
    segment = session.get_one(Segment, taken.audience.segment_id)
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
        rows = list(
            _delivery_rows(session, channel, taken.audience.division, ids[start : start + FREEZE_BATCH])
        )
        if taken.audience.local is not None:
            rows = [{**row, "due_at": taken.audience.local.due_at(row["tz"])} for row in rows]
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
    tz: str
    person: c.Contact


class Claimed(NamedTuple):
    """A claimed batch: the claim, those to send to, how many deliveries got a verdict, and when a throttle lets more through."""

    id: int
    taken: list[Taken]
    judged: int
    rests_until: datetime | None = None


class Lot(NamedTuple):
    """What a batch shall be of, and by what rules it is judged.

    ``tz`` is the zone of people whose own is not known; ``lease`` (seconds) bounds what a throttle lets through at once; ``ahead``
    counts whom the run has put off for one.
    """

    publication_id: int
    arm_id: int
    connection_id: int
    channel: str
    topic: str
    tz: str
    lease: float
    ahead: Counter[str]


def claim_batch(session: Session, lot: Lot, sender: str, boot: str, real: datetime, due: datetime) -> Claimed:
    """Take the next batch of an arm of what is due; who has no arm yet is left alone.

    One UPDATE gives every row its verdict, so a batch may hold nobody to send to; the end is a batch without any row.
    """
    rules = claim_rules.read(session, lot.connection_id, lot.channel, lot.lease)
    limits, caps = rules.limits, rules.caps
    level = _level(session, lot, limits, real)
    if limits.whole is not None and level < 1:
        return Claimed(0, [], 0, real + limits.whole.rest(level))
    claim = Claim(publication_id=lot.publication_id, sender=sender, boot=boot, at=real)
    session.add(claim)
    session.flush()
    given: dict[str, Any] = {"the_claim": claim.id, "publication": lot.publication_id, "arm": lot.arm_id}
    given |= {"real": real, "due": due, "size": min(BATCH, int(level))}
    if caps:
        capping.take_turns(session)
        given |= capping.since(caps, real)
    connection = session.connection()
    judged = connection.execute(_judge(lot.channel, lot.topic, caps, connection.dialect.name), given)
    taken, rests_until = _put_off(session, lot, claim.id, rules, (real, due))
    if limits.whole is not None:
        throttle.keep(session, lot.connection_id, {throttle.WHOLE: level - len(taken)}, real)
    if limits.domain is not None and not judged.rowcount:
        rests_until = putting_off.first_again(session, lot.publication_id)
    return Claimed(claim.id, taken, judged.rowcount, rests_until)


def _level(session: Session, lot: Lot, limits: Limits, real: datetime) -> float:
    """How many messages the connection may send at once; nobody else draws from it until the transaction ends."""
    if limits.whole is None:
        return BATCH
    return throttle.levels(session, lot.connection_id, (throttle.WHOLE,), limits.whole, real)[throttle.WHOLE]


def _put_off(
    session: Session, lot: Lot, claim_id: int, rules: Rules, at: tuple[datetime, datetime]
) -> tuple[list[Taken], datetime | None]:
    """Those of a claimed batch who may be sent to now, and when the first of those who wait for a throttle may."""
    (real, due), taken = at, _taken(session, claim_id)
    if rules.quiet is None and rules.limits.domain is None:
        return taken, None
    people = ((each.id, each.tz) for each in taken)
    quiet = putting_off.in_quiet_hours(rules.quiet, people, lot.tz, due)
    resting = {each.id for each in quiet}
    people = ((each.id, each.address) for each in taken if each.id not in resting)
    slowed = putting_off.over_the_limit(session, lot.connection_id, rules.limits, people, lot.ahead, real)
    if not quiet and not slowed:
        return taken, None
    putting_off.write(session, claim_id, [*quiet, *slowed])
    waiting = resting | {each.id for each in slowed}
    until = min((each.retry_at for each in slowed if each.retry_at), default=None)
    return [each for each in taken if each.id not in waiting], until


@lru_cache(maxsize=64)
def _judge(channel: str, topic: str, caps: capping.Caps, dialect: str) -> Update:
    """Claims the next deliveries, or skips them with the reason; made once, for it takes longer to write than to run.

    PostgreSQL, where it takes the table for empty, would look at the whole batch anew for each row that it updates.
    """
    made = _verdicts(channel, topic, caps)
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


def _verdicts(channel: str, topic: str, caps: capping.Caps) -> Select[int, str]:
    """The next deliveries with the reason why they must not be made, or ""; each is looked at once."""
    suppressed = is_suppressed(WANTED.address_hash, channel, REAL, topic)
    agreed = may_address(WANTED.contact_id, channel, topic)
    reason = case((suppressed, "suppressed"), (~agreed, "no consent"), else_="").label("reason")
    due = WANTED.id.in_(_due())
    if caps:
        return capping.capped(select(WANTED.id, WANTED.contact_id, reason).where(due).limit(SIZE), caps)
    return select(WANTED.id, reason).where(due).limit(SIZE)


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
    return union_all(*(select(each.limit(SIZE).subquery().c.id) for each in (at_once, in_time, waiting)))


TAKEN = (
    select(D.id, D.contact_id, D.address, D.address_hash, D.tries, D.tz, *PICTURE)
    .join(Contact, Contact.id == D.contact_id)
    .outerjoin(Company)
    .where(D.claim_id == bindparam("the_claim"), D.state == literal_column("'claimed'"))
    .order_by(D.id)
)


def _taken(session: Session, claim_id: int) -> list[Taken]:
    rows = session.connection().execute(TAKEN, {"the_claim": claim_id}).all()
    return [
        Taken(key, contact, address, hashed, tries, tz, c.Contact(*picture))
        for key, contact, address, hashed, tries, tz, *picture in rows
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
    write_many(
        session, SETTLE, GIVEN, ((*fate, None if fate.state in OPEN_AGAIN else real) for fate in fates)
    )
