"""What is kept about people: links and decks made for them, links whose lists name them, and what they looked at."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from cms_core import Contact, PersonalRecord, Services
from cms_sales_enablement import room_personal
from cms_sales_enablement.models import Code, Deck, Share, ShareRule, View


def data(svc: Services, contacts: Sequence[Contact], erase: bool) -> list[PersonalRecord]:
    """The records of these contacts. Erased, links name nobody, and looks cannot be told apart.

    A link that was made for them, or whose lists named them, ends: without the name it would open to others.
    """
    by_address = {contact.email: contact.id for contact in contacts if contact.email}
    ids = [contact.id for contact in contacts]
    with svc.transaction() as session:
        shares = session.scalars(select(Share).where(Share.contact.in_(ids)).order_by(Share.id)).all()
        decks = session.scalars(select(Deck).where(Deck.contact.in_(ids)).order_by(Deck.id)).all()
        records = [*map(_made, shares), *map(_deck, decks)]
        records += [
            *_listed(session, by_address),
            *_looked(session, by_address),
            *_asked(session, by_address),
            *room_personal.records(session, by_address),
        ]
        if erase:
            _erase_shares(svc, session, shares)
            _erase_decks(decks)
            _erase_addresses(svc, session, list(by_address))
            room_personal.erase(session, list(by_address))
    return records


def _made(share: Share) -> PersonalRecord:
    made = {**_what(share), "by": share.user_name, "at": share.created_at.isoformat()}
    return PersonalRecord(share.contact or "", "Link that was shared with you", made)


def _what(share: Share) -> dict[str, str]:
    """What a link leads to."""
    return {"asset": share.slug} if share.asset else {"room": share.title}


def _names_them(field: str, value: Mapping[str, Any]) -> bool:
    """Whether a value of a deck is known of its contact, or was said in the place of what is."""
    return value["source"] == "contact" or field.startswith("contact.")


def _deck(deck: Deck) -> PersonalRecord:
    known = {name: each["value"] for name, each in deck.values.items() if _names_them(name, each)}
    made = {"name": deck.name, "by": deck.user_name, "at": deck.created_at.isoformat(), **known}
    return PersonalRecord(deck.contact or "", "Deck that was made for you", made)


def _listed(session: Session, people: Mapping[str, str]) -> Iterable[PersonalRecord]:
    query = (
        select(ShareRule, Share).join(Share, Share.id == ShareRule.share_id).where(ShareRule.what.in_(people))
    )
    for rule, share in session.execute(query.order_by(Share.id)):
        said = {**_what(share), "by": share.user_name, "list": "deny" if rule.denied else "allow"}
        yield PersonalRecord(people[rule.what], "Link that names your address", said)


def _looked(session: Session, people: Mapping[str, str]) -> Iterable[PersonalRecord]:
    query = select(View, Share).join(Share, Share.id == View.share_id).where(View.email.in_(people))
    for view, share in session.execute(query.order_by(View.id)):
        look = {
            **_what(share),
            "at": view.at.isoformat(),
            "seconds": view.milliseconds // 1000,
            "address": view.email,
            "verified": view.verified,
            "downloaded": view.downloaded,
        }
        yield PersonalRecord(people[view.email], "Look at what was shared", look)


def _asked(session: Session, people: Mapping[str, str]) -> Iterable[PersonalRecord]:
    for code in session.scalars(select(Code).where(Code.address.in_(people)).order_by(Code.id)):
        yield PersonalRecord(people[code.address], "Code for a link", {"at": code.sent_at.isoformat()})


def _erase_shares(svc: Services, session: Session, shares: Sequence[Share]) -> None:
    keys = [share.id for share in shares]
    visits = select(View.public_id).where(View.share_id.in_(keys))
    mine = or_(View.share_id.in_(keys), View.visit.in_(visits))
    session.execute(update(View).where(mine).values(visitor=""))
    for share in shares:
        share.contact, share.contact_email = None, ""
        share.revoked_at = share.revoked_at or svc.now()


def _erase_decks(decks: Sequence[Deck]) -> None:
    for deck in decks:
        deck.contact = None
        deck.values = {name: each for name, each in deck.values.items() if not _names_them(name, each)}


def _erase_addresses(svc: Services, session: Session, addresses: Sequence[str]) -> None:
    mine = View.email.in_(addresses)
    session.execute(update(View).where(mine).values(visitor="", email="", verified=False))
    session.execute(delete(Code).where(Code.address.in_(addresses)))
    named = delete(ShareRule).where(ShareRule.what.in_(addresses)).returning(ShareRule.share_id)
    keys = session.scalars(named.execution_options(synchronize_session=False)).all()
    open_ones = select(Share).where(Share.id.in_(keys), Share.revoked_at.is_(None))
    for share in session.scalars(open_ones):
        share.revoked_at = svc.now()
