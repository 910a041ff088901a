"""What people agreed to: an append-only record per contact, channel and topic; the newest entry is in force.

Without an entry nobody is addressed. The topic "" is consent in general: it holds for every topic that has no entry of its own.
Unsubscribing beats everything: it withdraws the consent and suppresses the address, so that no later import brings it back.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, func, literal, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from cms_core.audience.models import Consent, ConsentAction, Contact
from cms_core.audience.suppression import GLOBAL, is_suppressed, suppress_many
from cms_core.db import now
from cms_core.dialect import insert_rows

IMPORTED = "import"
FOR_GOOD = datetime.max.replace(tzinfo=UTC)  # what is suppressed then is suppressed without end
_AGREED = (ConsentAction.GRANTED, ConsentAction.CONFIRMED)


class Standing(StrEnum):
    """How a contact stands to a channel, in the words of the import's ``consent`` column."""

    YES = "yes"
    NO = "no"
    UNSUBSCRIBED = "unsubscribed"


def record(
    session: Session,
    contact_ids: Sequence[int],
    action: ConsentAction,
    channel: str,
    topic: str,
    *,
    basis: str,
    source: str,
    evidence: Mapping[str, Any] | Sequence[Mapping[str, Any]],
) -> None:
    """Add one entry for each contact; ``evidence`` is one for all, or one for each."""
    if not contact_ids:
        return
    proofs = [evidence] * len(contact_ids) if isinstance(evidence, Mapping) else evidence
    insert_rows(
        session,
        Consent,
        [{"contact_id": each, "evidence": proof} for each, proof in zip(contact_ids, proofs, strict=True)],
        action=action,
        channel=channel,
        topic=topic,
        basis=basis[:60],
        source=source[:100],
        at=now(session),
    )


def grant(
    session: Session,
    contact_ids: Sequence[int],
    channel: str,
    topic: str = "",
    *,
    basis: str,
    source: str,
    evidence: Mapping[str, Any],
) -> None:
    """These people agreed to be addressed; a suppressed address stays suppressed all the same."""
    record(
        session,
        contact_ids,
        ConsentAction.GRANTED,
        channel,
        topic,
        basis=basis,
        source=source,
        evidence=evidence,
    )


def withdraw(
    session: Session,
    contact_ids: Sequence[int],
    channel: str,
    topic: str = "",
    *,
    basis: str,
    source: str,
    evidence: Mapping[str, Any],
) -> None:
    """These people do not agree any more."""
    record(
        session,
        contact_ids,
        ConsentAction.WITHDRAWN,
        channel,
        topic,
        basis=basis,
        source=source,
        evidence=evidence,
    )


def unsubscribe(
    session: Session,
    contact_id: int,
    channel: str,
    topic: str,
    *,
    source: str,
    evidence: Mapping[str, Any],
    written_to: str | None = None,
) -> bool:
    """Withdraw and suppress: the topic alone, or with the topic "" everything on the channel.

    Idempotent; says whether anything changed, so that the caller records the event once. Works for erased contacts too. An
    address that is suppressed for a time only (it bounced) is suppressed for good. ``written_to`` is the hash of the address that
    was written to, which may not be the contact's any more: it is suppressed too.
    """
    if written_to:
        suppress_many(session, [written_to], channel, topic or GLOBAL, "unsubscribed")
    kept = standing(Contact.id, Contact.address_hash, channel, FOR_GOOD, topic)
    found = session.execute(select(Contact.address_hash, kept).where(Contact.id == contact_id)).one_or_none()
    if found is None or found[1] == Standing.UNSUBSCRIBED:
        return False
    withdraw(session, [contact_id], channel, topic, basis="unsubscribe", source=source, evidence=evidence)
    if found[0] is not None:
        suppress_many(session, [found[0]], channel, topic or GLOBAL, "unsubscribed")
    return True


def may_address(
    contact_id: ColumnElement[int] | InstrumentedAttribute[int], channel: str, topic: str = ""
) -> ColumnElement[bool]:
    """SQL, never NULL: the consent in force of this contact (a column with its id) lets us address it; erased, it never does."""
    latest: ColumnElement[Any] = _latest(Consent.action, contact_id, channel, topic)
    if topic:
        latest = func.coalesce(latest, _latest(Consent.action, contact_id, channel, ""))
    erased = select(Contact.id).where(Contact.id == contact_id, Contact.erased_at.is_not(None))
    return and_(func.coalesce(latest, "").in_(_AGREED), ~exists(erased.correlate_except(Contact)))


def standing(
    contact_id: ColumnElement[int] | InstrumentedAttribute[int],
    address_hash: ColumnElement[str | None] | InstrumentedAttribute[str | None],
    channel: str,
    at: datetime,
    topic: str = "",
) -> ColumnElement[str]:
    """SQL: the ``Standing`` of a contact, given the columns with its id and its address's hash.

    A consent withdrawn by an import's "no" may be granted again by an import; what a person withdrew may not.
    """
    word = case(
        (Consent.action.in_(_AGREED), literal(Standing.YES.value)),
        (
            and_(Consent.action == ConsentAction.WITHDRAWN, Consent.basis == IMPORTED),
            literal(Standing.NO.value),
        ),
        else_=literal(Standing.UNSUBSCRIBED.value),
    )
    return case(
        (is_suppressed(address_hash, channel, at, topic), literal(Standing.UNSUBSCRIBED.value)),
        else_=func.coalesce(_latest(word, contact_id, channel, topic), literal(Standing.NO.value)),
    )


def _latest(column: Any, contact_id: Any, channel: str, topic: str) -> ColumnElement[Any]:
    return (
        select(column)
        .where(Consent.contact_id == contact_id, Consent.channel == channel, Consent.topic == topic)
        .order_by(Consent.id.desc())
        .limit(1)
        .correlate_except(Consent)
        .scalar_subquery()
    )
