"""What is kept about one person: given to them as one document, and erased.

Erasing takes away everything that tells who somebody was. What stays counts, but names nobody: the tombstone, its deliveries and
events (so that figures stay what they were), and the keyed hash of the address, which is suppressed, so that no import of an old
file brings them back. Plugins delete what they keep; one that fails is asked again, and the erasure is not complete before.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, String, and_, cast, delete, func, literal, or_, select, update
from sqlalchemy.orm import Session

from cms_core import contract as c
from cms_core.addresses import spelling
from cms_core.audience import contacts as people
from cms_core.audience.addresses import address_hash
from cms_core.audience.models import (
    Company,
    Consent,
    Contact,
    ContactChange,
    Erasure,
    Segment,
    SegmentMember,
    Suppression,
    Visitor,
)
from cms_core.audience.suppression import GLOBAL, suppress
from cms_core.auth import audit
from cms_core.content.models import Asset
from cms_core.db import now
from cms_core.errors import NotFound
from cms_core.events.models import Event
from cms_core.notices.models import Mail, Notice, Purpose
from cms_core.publishing.models import Delivery, DeliveryState, Publication
from cms_core.webhooks.models import WebhookMessage
from cms_core.webhooks.service import NOTICE
from cms_core.workspace import Workspace

ERASED = "erased"
OPEN = (DeliveryState.PENDING, DeliveryState.RETRY_WAIT)
Actor = tuple[int | None, str]


def find(session: Session, address: str) -> Contact:
    """The contact of this address, erased or not (by the hash that is left); raises NotFound."""
    living = people.find_or_none(session, address)
    if living is not None:
        return living
    hashed = address_hash(session, spelling(address))
    erased = select(Contact).where(Contact.address_hash == hashed, Contact.erased_at.is_not(None))
    found = session.scalars(erased.order_by(Contact.id.desc()).limit(1)).first()
    if found is None:
        raise NotFound(f"there is no contact {address!r}", "`cms contacts list` shows them")
    return found


# --- giving it out ----------------------------------------------------------------------------------------------------


def export(workspace: Workspace, contact_id: int) -> dict[str, Any]:
    """Everything that the core and its plugins keep about a contact; plugins that gave no answer are named."""
    with workspace.db.session() as session:
        contact = session.get_one(Contact, contact_id)
        document = {
            "contact": _fields(session, contact),
            "consents": _rows(session, Consent, Consent.contact_id == contact_id),
            "suppressions": _rows(session, Suppression, Suppression.address_hash == contact.address_hash),
            "segments": list(session.scalars(_static_segments(contact_id))),
            "deliveries": _deliveries(session, contact_id),
            "events": _events(session, contact_id),
            "notices": _notices(session, contact.public_id),
            "mails": _mails(session, contact),
        }
        picture = people.to_contract(session, [contact])
    records, failed = _ask(workspace, picture, erase=False)
    return {**document, "plugins": records, "unanswered": failed}


def _fields(session: Session, contact: Contact) -> dict[str, Any]:
    company = session.get(Company, contact.company_id) if contact.company_id else None
    names = ("email", "first_name", "last_name", "country", "language", "timezone", "source", "created_at")
    plain = {name: getattr(contact, name) for name in names}
    return {
        "id": contact.public_id,
        **plain,
        "company": company.name if company else "",
        "fields": contact.extra,
    }


def _notices(session: Session, public_id: str) -> list[dict[str, Any]]:
    found = session.scalars(select(Notice).where(Notice.contact == public_id).order_by(Notice.id))
    return [{"at": each.created_at, "title": each.title, "reason": each.reason} for each in found]


def _to(contact: Contact) -> ColumnElement[bool]:
    """SQL: what plugins mailed to the address of a contact in the system's name."""
    return and_(Mail.purpose == Purpose.PLUGIN, Mail.address == contact.email)


def _mails(session: Session, contact: Contact) -> list[dict[str, Any]]:
    found = session.scalars(select(Mail).where(_to(contact)).order_by(Mail.id))
    return [{"at": each.created_at, "subject": each.subject} for each in found]


def _static_segments(contact_id: int) -> Any:
    mine = SegmentMember.contact_id == contact_id
    return select(Segment.name).join(SegmentMember, SegmentMember.segment_id == Segment.id).where(mine)


def _rows(session: Session, model: type[Consent] | type[Suppression], mine: ColumnElement[bool]) -> list[Any]:
    """The rows as they are, without keys and hashes."""
    hidden = {"id", "contact_id", "address_hash"}
    columns = [column for column in model.__table__.columns if column.name not in hidden]
    return [dict(row._mapping) for row in session.execute(select(*columns).where(mine).order_by(model.id))]


def _deliveries(session: Session, contact_id: int) -> list[dict[str, Any]]:
    query = (
        select(
            Publication.public_id.label("publication"),
            Asset.slug.label("asset"),
            Publication.channel,
            Delivery.address,
            Delivery.state,
            Delivery.reason,
            Delivery.settled_at,
        )
        .join(Publication, Publication.id == Delivery.publication_id)
        .join(Asset, Asset.id == Publication.asset_id)
        .where(Delivery.contact_id == contact_id)
        .order_by(Delivery.id)
    )
    return [dict(row) for row in session.execute(query).mappings()]


def _events(session: Session, contact_id: int) -> list[dict[str, Any]]:
    columns = (Event.public_id.label("id"), Event.kind, Event.at, Event.campaign, Event.channel, Event.url)
    query = select(*columns, Event.agent_class, Event.source, Event.props).where(_of(contact_id))
    return [dict(row) for row in session.execute(query.order_by(Event.id)).mappings()]


def _of(contact_id: int) -> ColumnElement[bool]:
    """SQL: the events of a contact, and those of browsers that are known to be theirs."""
    browsers = select(Visitor.visitor).where(Visitor.contact_id == contact_id)
    return or_(Event.contact_id == contact_id, and_(Event.contact_id.is_(None), Event.visitor.in_(browsers)))


def _ask(
    workspace: Workspace, contacts: Sequence[c.Contact], *, erase: bool, only: Iterable[str] | None = None
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """What plugins keep, and the words of those that failed; no transaction is open meanwhile."""
    records: list[dict[str, Any]] = []
    failed: dict[str, str] = {}
    for plugin, found, error in workspace.plugins.personal_data(contacts, erase, only):
        records += [{"plugin": plugin, "label": each.label, "data": dict(each.data)} for each in found]
        if error is not None:
            failed[plugin] = f"{type(error).__name__}: {error}"
    return records, failed


# --- erasing ----------------------------------------------------------------------------------------------------------


def erase(workspace: Workspace, contact_id: int, actor: Actor) -> dict[str, Any]:
    """Erase a contact; asked again, it goes on with the plugins that have not done it yet.

    Gives ``id``, ``complete`` and ``pending``, the plugins that failed with their words. Plugins are told who it is the first time;
    later only the id is left.
    """
    with workspace.db.session() as session:
        contact = session.get_one(Contact, contact_id)
        begun = session.get(Erasure, contact_id)
        picture = people.to_contract(session, [contact])
    if begun is None or begun.completed_at is None:
        _, failed = _ask(workspace, picture, erase=True, only=begun.pending if begun else None)
        gone = [name for name in begun.pending if name not in workspace.plugins.loaded] if begun else []
        failed |= dict.fromkeys(gone, "its package is missing")
        with workspace.db.transaction() as session:
            session.info["actor"] = actor
            _keep(session, contact_id, sorted(failed), first=begun is None)
    else:
        failed = {}
    return {"id": contact.public_id, "complete": not failed, "pending": failed}


def retry_erasures(workspace: Workspace) -> int:
    """Ask the plugins again that have not deleted what they keep; returns how many erasures are still open."""
    with workspace.db.session() as session:
        opened = session.scalars(select(Erasure.contact_id).where(Erasure.completed_at.is_(None))).all()
    outcomes = [erase(workspace, each, audit.SYSTEM) for each in opened]
    return sum(not outcome["complete"] for outcome in outcomes)


def _keep(session: Session, contact_id: int, pending: list[str], *, first: bool) -> None:
    present = now(session)
    if first:
        _erase_rows(session, session.get_one(Contact, contact_id))
    row = session.get(Erasure, contact_id)
    if row is None:
        row = Erasure(contact_id=contact_id, asked_at=present, pending=[], tries=0)
        session.add(row)
    row.pending, row.tries = pending, row.tries + 1
    row.completed_at = None if pending else present
    session.flush()


def _erase_rows(session: Session, contact: Contact) -> None:
    if contact.erased_at is not None:
        return
    merged = session.scalars(select(Contact).where(Contact.merged_into_id == contact.id)).all()
    for each in [contact, *merged]:
        _erase_contact(session, each)
    audit.note(session, "erase", "contact", contact.public_id, {})
    session.add(ContactChange(contact_id=contact.id, change=ERASED, fields=[], at=now(session)))
    session.flush()


def _erase_contact(session: Session, contact: Contact) -> None:
    if contact.address_hash is not None:
        suppress(session, contact.address_hash, "", GLOBAL, ERASED)
    _erase_deliveries(session, contact)
    blank: dict[str, Any] = {"visitor": None, "client": None, "props": {}}
    _update(session, Event, _of(contact.id), blank)
    _erase_notices(session, contact.public_id)
    session.execute(delete(Mail).where(_to(contact)).execution_options(synchronize_session=False))
    _update(session, Consent, Consent.contact_id == contact.id, {"evidence": {}})
    session.execute(delete(SegmentMember).where(SegmentMember.contact_id == contact.id))
    session.execute(delete(Visitor).where(Visitor.contact_id == contact.id))
    contact.email = contact.company_id = None
    contact.first_name = contact.last_name = contact.country = contact.language = contact.timezone = ""
    contact.extra, contact.source = {}, ""
    contact.erased_at = contact.updated_at = now(session)


def _erase_notices(session: Session, public_id: str) -> None:
    """Notices that name the person go, and what webhooks were told of notices since the first of them."""
    named = Notice.contact == public_id
    first = session.scalar(select(func.min(Notice.created_at)).where(named))
    if first is not None:
        told = WebhookMessage.kind == NOTICE, WebhookMessage.settled_at >= first
        session.execute(delete(WebhookMessage).where(*told))
        session.execute(delete(Notice).where(named).execution_options(synchronize_session=False))


def _erase_deliveries(session: Session, contact: Contact) -> None:
    """What waits is skipped; addresses go, also from what remote servers answered."""
    mine = Delivery.contact_id == contact.id
    waiting = {"state": DeliveryState.SKIPPED, "reason": ERASED, "settled_at": now(session)}
    _update(session, Delivery, mine & Delivery.state.in_(OPEN), waiting)
    for address in session.scalars(select(Delivery.address).where(mine).distinct()).all():
        without = func.replace(Delivery.reason, address, f"({ERASED})")
        _update(session, Delivery, mine & (Delivery.address == address), {"reason": without})
    # Of a merged contact there may be two in one publication: each gets a name of its own.
    _update(session, Delivery, mine, {"address": literal(f"#{contact.id}:") + cast(Delivery.id, String)})


def _update(session: Session, model: Any, where: ColumnElement[bool], values: Mapping[str, Any]) -> None:
    session.execute(update(model).where(where).values(**values).execution_options(synchronize_session=False))
