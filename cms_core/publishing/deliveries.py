"""The ledger of one run: freezing the audience, claiming batches, settling them. All of it set-based."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Dialect, Row, and_, bindparam, case, or_, select, update
from sqlalchemy.orm import Session

from cms_core import contract as c
from cms_core.audience import segments
from cms_core.audience.addresses import address_hash
from cms_core.audience.consent import may_address
from cms_core.audience.contacts import to_contract
from cms_core.audience.models import Contact, Segment
from cms_core.audience.suppression import is_suppressed
from cms_core.dialect import insert_rows
from cms_core.publishing.claims import Held, write
from cms_core.publishing.models import Claim, Delivery, DeliveryState, Publication
from cms_core.publishing.models import PublicationState as S
from cms_core.quick import QuickStatement

BATCH = 500
FREEZE_BATCH = 2_000
D = Delivery
TOLD = (
    Contact.id,
    Contact.public_id,
    Contact.email,
    Contact.first_name,
    Contact.last_name,
    Contact.company_id,
    Contact.country,
    Contact.language,
    Contact.timezone,
    Contact.extra,
)


def freeze_audience(
    session: Session,
    held: Held,
    channel: c.AddressedChannel,
    segment_id: int | None,
    arm_id: int,
    real: datetime,
) -> bool:
    """Write one delivery for every member of the segment, once, when the run starts. False: the claim was lost."""
    publication = session.get_one(Publication, held.publication_id, populate_existing=True)
    if publication.audience_at is not None:
        return True
    segment = session.get_one(Segment, segment_id)
    values = {
        "audience_at": real,
        "segment_rule": segment.rule or f"static segment, version {segment.version}",
    }
    if not write(session, held, (S.PREPARING,), **values):
        return False
    same = {"publication_id": publication.id, "arm_id": arm_id, "tries": 0, "dedupe_key": ""}
    members = segments.member_ids(session, segment)
    ids = session.scalars(select(Contact.id).where(Contact.id.in_(members)).order_by(Contact.id)).all()
    for start in range(0, len(ids), FREEZE_BATCH):
        batch = _contacts(session, ids[start : start + FREEZE_BATCH])
        insert_rows(session, Delivery, list(_delivery_rows(session, channel, batch)), **same)
    return True


def _delivery_rows(
    session: Session, channel: c.AddressedChannel, batch: Sequence[Row[Any]]
) -> Iterator[dict[str, Any]]:
    for contact, person in zip(batch, to_contract(session, batch), strict=True):
        address = channel.address(person)
        yield {
            "contact_id": contact.id,
            "address": address or f"#{contact.id}",
            "address_hash": address_hash(session, address) if address else "",
            "tz": contact.timezone,
            "state": DeliveryState.PENDING if address else DeliveryState.SKIPPED,
            "reason": "" if address else "no address",
        }


class Taken(NamedTuple):
    """One delivery of a claimed batch."""

    id: int
    contact_id: int
    address: str
    address_hash: str


def claim_batch(
    session: Session, publication_id: int, sender: str, boot: str, channel: str, topic: str, real: datetime
) -> tuple[int, list[Taken], int]:
    """Take the next batch: (claim, those to send to, how many rows got a verdict).

    One UPDATE gives every row its verdict, so a batch may hold nobody to send to; the end is a batch without any row.
    """
    claim = Claim(publication_id=publication_id, sender=sender, boot=boot, at=real)
    session.add(claim)
    session.flush()
    due = or_(D.state == DeliveryState.PENDING, and_(D.state == DeliveryState.RETRY_WAIT, D.retry_at <= real))
    wanted = select(D.id).where(D.publication_id == publication_id, due).order_by(D.id).limit(BATCH)
    suppressed = is_suppressed(D.address_hash, channel, real, topic)
    agreed = may_address(D.contact_id, channel, topic)
    rows = session.execute(
        update(D)
        .where(D.id.in_(wanted))
        .values(
            claim_id=claim.id,
            state=case(
                (suppressed, DeliveryState.SKIPPED),
                (~agreed, DeliveryState.SKIPPED),
                else_=DeliveryState.CLAIMED,
            ),
            reason=case((suppressed, "suppressed"), (~agreed, "no consent"), else_=""),
            settled_at=case((or_(suppressed, ~agreed), real), else_=None),
        )
        .returning(D.id, D.contact_id, D.address, D.address_hash, D.state)
        .execution_options(synchronize_session=False)
    ).all()
    to_send = [
        Taken(row.id, row.contact_id, row.address, row.address_hash) for row in rows if row.state == "claimed"
    ]
    return claim.id, sorted(to_send, key=lambda each: each.id), len(rows)


class Settled(NamedTuple):
    """The fate of one claimed delivery, ready to be written."""

    id: int
    claim_id: int
    state: DeliveryState
    reason: str
    at: datetime | None
    retry_at: datetime | None = None
    code: int | None = None
    provider_id: str | None = None
    tried: int = 1


GIVEN = ("b_id", "b_claim", "b_state", "b_reason", "b_at", "b_retry_at", "b_code", "b_provider", "b_tried")
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


def settle(session: Session, fates: Iterable[Settled]) -> None:
    """Write a batch of fates; a row whose claim was taken away meanwhile is left as it is."""
    connection = session.connection()
    _settle_in(connection.dialect).run_many(connection, fates)


@cache
def _settle_in(dialect: Dialect) -> QuickStatement:
    return QuickStatement(dialect, SETTLE, GIVEN)


def contacts_of(session: Session, batch: Sequence[Taken]) -> list[c.Contact]:
    """The people of a batch, in its order."""
    return to_contract(session, _contacts(session, [each.contact_id for each in batch]))


def _contacts(session: Session, ids: Sequence[int]) -> list[Row[Any]]:
    """What is told of these contacts, in the order of the ids; columns cost a third of what objects would."""
    by_id = {row.id: row for row in session.execute(select(*TOLD).where(Contact.id.in_(ids)))}
    return [by_id[each] for each in ids]
