"""Two contacts that turn out to be one person: everything of the one becomes the other's, in one transaction.

What waits for both goes out once. Of consent and suppression the stricter holds: whoever said no under either address has said it,
and a yes to the one address is no yes to the other. The contact that is gone stays as a tombstone, so that neither an import nor an
old link makes a stranger of the person; its events stay as they were written and are joined when they are read.
"""

from typing import Any

from sqlalchemy import ColumnElement, delete, exists, select, update
from sqlalchemy.orm import Session, aliased

from cms_core.audience import consent
from cms_core.audience import contacts as people
from cms_core.audience.models import (
    Consent,
    ConsentAction,
    Contact,
    ContactChange,
    SegmentMember,
    Suppression,
    Visitor,
)
from cms_core.audience.suppression import suppress
from cms_core.audience.upsert import TEXT_FIELDS
from cms_core.auth import audit
from cms_core.db import lock, now
from cms_core.errors import Conflict, Invalid, NotFound
from cms_core.publishing.models import Delivery, DeliveryState

MERGED = "merged"
DOUBLE = "the person gets it under another address"
BOUNCED = "bounced"  # says something of an address, nothing of the person
REFUSALS = (ConsentAction.WITHDRAWN, ConsentAction.OBJECTED)
OPEN = (DeliveryState.PENDING, DeliveryState.RETRY_WAIT)
REACHED = (DeliveryState.CLAIMED, DeliveryState.ACCEPTED, DeliveryState.UNKNOWN)
Other = aliased(Delivery)


def find(session: Session, named: str) -> Contact:
    """The living contact of this address or id; raises NotFound."""
    found = people.find_or_none(session, named) if "@" in named else people.find_by_public_id(session, named)
    if found is None:
        raise NotFound(f"there is no contact {named[:80]!r}", "`cms contacts list` shows them")
    return found


def merge(session: Session, keep: Contact, gone: Contact) -> dict[str, Any]:
    """Make one contact of two; returns what moved: ``deliveries``, and how many of them were doubles (``skipped``).

    Empty fields of ``keep`` are filled from ``gone``. Raises Invalid for one with itself, Conflict when one of them lives no more.
    """
    if keep.id == gone.id:
        raise Invalid("a contact cannot be merged with itself", "name two contacts")
    for each in sorted(
        (keep, gone), key=lambda contact: contact.id
    ):  # so that two who do it wait and do not block
        lock(session, each)
        if each.merged_into_id is not None or each.erased_at is not None:
            raise Conflict(
                f"contact {each.public_id} was {MERGED if each.merged_into_id else 'erased'} already",
                "look again, then name the ones that are there",
            )
    fields = _fill(keep, gone)
    _refusals(session, keep, gone)
    _suppressions(session, keep, gone)
    skipped = _skip_doubles(session, keep.id, gone.id)
    moved = _move(session, keep.id, gone.id)
    gone.merged_into_id, gone.updated_at = keep.id, now(session)
    _tell(session, keep, gone, fields)
    return {"id": keep.public_id, "gone": gone.public_id, "deliveries": moved, "skipped": skipped}


def _fill(keep: Contact, gone: Contact) -> list[str]:
    """Take over what is not known of the one and known of the other; returns the names of these fields."""
    filled = [name for name in TEXT_FIELDS if not getattr(keep, name) and getattr(gone, name)]
    for name in filled:
        setattr(keep, name, getattr(gone, name))
    if keep.company_id is None and gone.company_id is not None:
        keep.company_id = gone.company_id
        filled.append("company")
    new = {name: value for name, value in gone.extra.items() if not keep.extra.get(name)}
    keep.extra = {**keep.extra, **new}
    return [*filled, *new]


def _refusals(session: Session, keep: Contact, gone: Contact) -> None:
    """A no of either is a no of both: also of the one that goes, for what is on its way to it is asked for leave under its name."""
    refused = {each.id: _refused(session, each.id) for each in (keep, gone)}
    for one, other in ((gone, keep), (keep, gone)):
        for channel, topic in refused[one.id] - refused[other.id]:
            consent.withdraw(
                session,
                [other.id],
                channel,
                topic,
                basis="unsubscribe",
                source=MERGED,
                evidence={"from": one.public_id},
            )


def _refused(session: Session, contact_id: int) -> set[tuple[str, str]]:
    """The channels and topics of which the newest word of a contact is no."""
    words = select(Consent.channel, Consent.topic, Consent.action).where(Consent.contact_id == contact_id)
    newest = {(row.channel, row.topic): row.action for row in session.execute(words.order_by(Consent.id))}
    return {place for place, action in newest.items() if action in REFUSALS}


def _suppressions(session: Session, keep: Contact, gone: Contact) -> None:
    """What the person asked for holds for both addresses; that one of them bounces says nothing of the other."""
    for one, other in ((gone, keep), (keep, gone)):
        if one.address_hash is None or other.address_hash is None:
            continue
        asked = Suppression.address_hash == one.address_hash, ~Suppression.reason.startswith(BOUNCED)
        for row in session.scalars(select(Suppression).where(*asked)).all():
            suppress(session, other.address_hash, row.channel, row.scope, row.reason, until=row.until)


def _skip_doubles(session: Session, keep: int, gone: int) -> int:
    """Of what waits, leave out what the other one of the two has got, or waits for as well."""
    reached = _skip(session, keep, _has(gone, REACHED)) + _skip(session, gone, _has(keep, REACHED))
    return reached + _skip(session, gone, _has(keep, OPEN))


def _has(contact_id: int, states: tuple[DeliveryState, ...]) -> ColumnElement[bool]:
    """SQL: this contact has the same message in one of these states."""
    same = Other.publication_id == Delivery.publication_id, Other.dedupe_key == Delivery.dedupe_key
    return exists(
        select(Other.id)
        .where(Other.contact_id == contact_id, Other.state.in_(states), *same)
        .correlate(Delivery)
    )


def _skip(session: Session, contact_id: int, double: ColumnElement[bool]) -> int:
    skipped = session.scalars(
        update(Delivery)
        .where(Delivery.contact_id == contact_id, Delivery.state.in_(OPEN), double)
        .values(state=DeliveryState.SKIPPED, reason=DOUBLE, settled_at=now(session))
        .returning(Delivery.id)
        .execution_options(synchronize_session=False)
    )
    return len(skipped.all())


def _move(session: Session, keep: int, gone: int) -> int:
    """Everything that points to the one points to the other; a delivery in flight is settled by its own id, whoever's it is."""
    in_both = select(SegmentMember.segment_id).where(SegmentMember.contact_id == keep)
    session.execute(
        delete(SegmentMember)
        .where(SegmentMember.contact_id == gone, SegmentMember.segment_id.in_(in_both))
        .execution_options(synchronize_session=False)
    )
    for model in (SegmentMember, Visitor):
        _repoint(session, model, model.contact_id == gone, contact_id=keep)
    _repoint(session, Contact, Contact.merged_into_id == gone, merged_into_id=keep)
    moved: Any = _repoint(session, Delivery, Delivery.contact_id == gone, contact_id=keep)
    return int(moved.rowcount)


def _repoint(session: Session, model: Any, where: ColumnElement[bool], **values: int) -> Any:
    return session.execute(
        update(model).where(where).values(**values).execution_options(synchronize_session=False)
    )


def _tell(session: Session, keep: Contact, gone: Contact, fields: list[str]) -> None:
    present = now(session)
    session.add(ContactChange(contact_id=gone.id, change=MERGED, fields=[], at=present))
    session.add(ContactChange(contact_id=keep.id, change="updated", fields=fields, at=present))
    session.flush()
    audit.note(session, "merge", "contact", keep.public_id, {"gone": gone.public_id})
