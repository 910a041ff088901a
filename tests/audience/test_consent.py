"""Consent and suppression: who may be addressed, and that unsubscribing beats everything."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import case, func, literal, select, update
from sqlalchemy.orm import Session

from cms_core.audience import consent, unsubscribing
from cms_core.audience.consent import may_address, standing, unsubscribe
from cms_core.audience.imports import ImportResult
from cms_core.audience.models import Consent, ConsentAction, Contact, Suppression
from cms_core.audience.suppression import is_suppressed, suppress, suppress_many, suppressed_among
from cms_core.auth.models import AuditEntry
from cms_core.auth.service import create_user
from cms_core.clock import FrozenClock
from cms_core.db import now
from cms_core.errors import Invalid
from cms_core.events.models import Event

ImportText = Callable[..., ImportResult]
Person = Callable[[str], Contact]
PROOF = {"source": "test"}


@pytest.fixture
def ann(bring: ImportText, person: Person) -> Contact:
    bring("email\na@x.de\nb@x.de\n")
    return person("a@x.de")


def give(session: Session, contact: Contact, action: ConsentAction, topic: str = "") -> None:
    consent.record(session, [contact.id], action, "email", topic, basis="form", source="test", evidence=PROOF)


def may(session: Session, contact: Contact, topic: str = "", channel: str = "email") -> bool:
    agreed = may_address(Contact.id, channel, topic)
    blocked = is_suppressed(Contact.address_hash, channel, now(session), topic)
    return bool(session.scalar(select(agreed & ~blocked).where(Contact.id == contact.id)))


def stand(session: Session, contact: Contact, topic: str = "") -> str:
    word = standing(Contact.id, Contact.address_hash, "email", now(session), topic)
    return str(session.scalar(select(word).where(Contact.id == contact.id)))


def test_nobody_is_addressed_without_consent(session: Session, ann: Contact) -> None:
    assert not may(session, ann)
    assert session.scalar(select(may_address(Contact.id, "email")).where(Contact.id == ann.id)) is not None


def test_the_newest_entry_is_in_force(session: Session, ann: Contact) -> None:
    for action, allowed in [
        (ConsentAction.GRANTED, True),
        (ConsentAction.WITHDRAWN, False),
        (ConsentAction.CONFIRMED, True),
        (ConsentAction.OBJECTED, False),
        (ConsentAction.GRANTED, True),
    ]:
        give(session, ann, action)
        assert may(session, ann) is allowed
    assert not may(session, ann, channel="sms")


def test_a_topic_without_an_entry_follows_consent_in_general(session: Session, ann: Contact) -> None:
    give(session, ann, ConsentAction.GRANTED)
    assert may(session, ann, "news")
    give(session, ann, ConsentAction.WITHDRAWN, "news")
    assert not may(session, ann, "news")
    assert may(session, ann)
    assert may(session, ann, "offers")


def test_unsubscribing_from_everything(session: Session, ann: Contact) -> None:
    consent.grant(session, [ann.id], "email", basis="form", source="test", evidence=PROOF)
    consent.grant(session, [ann.id], "email", "news", basis="form", source="test", evidence=PROOF)
    assert unsubscribe(session, ann.id, "email", "", source="link", evidence={"how": "one-click"})
    assert stand(session, ann) == "unsubscribed"
    assert not may(session, ann)
    assert not may(session, ann, "news")
    consent.grant(session, [ann.id], "email", basis="form", source="test", evidence=PROOF)
    assert not may(session, ann)
    last = session.scalars(select(Consent).where(Consent.basis == "unsubscribe")).one()
    assert (last.action, last.source, last.evidence) == ("withdrawn", "link", {"how": "one-click"})


def test_unsubscribing_from_a_topic_leaves_the_rest(session: Session, ann: Contact) -> None:
    give(session, ann, ConsentAction.GRANTED)
    assert unsubscribe(session, ann.id, "email", "news", source="link", evidence=PROOF)
    assert not may(session, ann, "news")
    assert may(session, ann, "offers")
    give(session, ann, ConsentAction.GRANTED, "news")
    assert not may(session, ann, "news")


def test_unsubscribing_again_changes_nothing(session: Session, ann: Contact) -> None:
    assert unsubscribe(session, ann.id, "email", "", source="link", evidence=PROOF)
    assert not unsubscribe(session, ann.id, "email", "", source="link", evidence=PROOF)
    assert not unsubscribe(session, 999, "email", "", source="link", evidence=PROOF)
    assert session.scalar(select(func.count()).select_from(Consent)) == 1
    assert session.scalar(select(func.count()).select_from(Suppression)) == 1


def test_erased_people_can_still_unsubscribe(session: Session, ann: Contact) -> None:
    ann.email, ann.erased_at = None, now(session)
    session.flush()
    assert unsubscribe(session, ann.id, "email", "", source="link", evidence=PROOF)
    assert suppressed_among(session, [str(ann.address_hash)], "email") == {ann.address_hash}


def test_one_persons_unsubscription_is_nobody_elses(session: Session, ann: Contact, person: Person) -> None:
    bob = person("b@x.de")
    give(session, bob, ConsentAction.GRANTED)
    unsubscribe(session, ann.id, "email", "", source="link", evidence=PROOF)
    assert may(session, bob)


@pytest.mark.parametrize(
    ("channel", "scope", "blocked"),
    [
        ("email", "global", (True, True)),
        ("", "global", (True, True)),
        ("email", "news", (False, True)),
        ("sms", "global", (False, False)),
    ],
)
def test_scopes(session: Session, ann: Contact, channel: str, scope: str, blocked: tuple[bool, bool]) -> None:
    give(session, ann, ConsentAction.GRANTED)
    suppress(session, str(ann.address_hash), channel, scope, "bounced")
    assert (not may(session, ann), not may(session, ann, "news")) == blocked


def test_a_suppression_ends_at_its_instant_and_is_only_made_longer(
    session: Session, ann: Contact, clock: FrozenClock
) -> None:
    def until(moment: datetime | None) -> None:
        suppress(session, str(ann.address_hash), "email", "global", "mailbox full", until=moment)

    give(session, ann, ConsentAction.GRANTED)
    start = clock.now()
    until(start + timedelta(days=2))
    until(start + timedelta(days=1))
    clock.at = start + timedelta(days=1, hours=1)
    assert not may(session, ann)
    clock.at = start + timedelta(days=2)
    assert may(session, ann)
    until(None)
    until(start + timedelta(days=3))
    clock.at = start + timedelta(days=400)
    assert not may(session, ann)
    assert session.scalar(select(func.count()).select_from(Suppression)) == 1


def test_the_clauses_serve_in_an_update(session: Session, ann: Contact) -> None:
    give(session, ann, ConsentAction.GRANTED)
    agreed = may_address(Contact.id, "email")
    blocked = is_suppressed(Contact.address_hash, "email", now(session))
    session.execute(
        update(Contact)
        .values(language=case((blocked, literal("blocked")), (~agreed, literal("none")), else_=literal("ok")))
        .execution_options(synchronize_session=False)
    )
    assert session.execute(select(Contact.email, Contact.language).order_by(Contact.email)).all() == [
        ("a@x.de", "ok"),
        ("b@x.de", "none"),
    ]


def suppressed(session: Session) -> list[tuple[str, str, str, str]]:
    session.expire_all()
    found = session.scalars(select(Suppression).order_by(Suppression.address_hash))
    return [(each.address_hash, each.channel, each.scope, each.reason) for each in found]


def test_many_are_suppressed_once_each_with_a_reason_that_fits(session: Session) -> None:
    suppress_many(session, ["b", "a", "b"], "email", "news", "x" * 300)
    assert suppressed(session) == [("a", "email", "news", "x" * 200), ("b", "email", "news", "x" * 200)]
    suppress_many(session, [], "email", "news", "nobody")
    assert len(suppressed(session)) == 2


def test_what_makes_a_suppression_longer_gives_its_reason_and_its_instant(
    session: Session, clock: FrozenClock
) -> None:
    start = clock.now()

    def again(reason: str, until: datetime | None) -> tuple[str, datetime | None, datetime]:
        clock.at += timedelta(minutes=1)
        suppress(session, "a", "email", "global", reason, until=until)
        session.expire_all()
        found = session.scalars(select(Suppression)).one()
        return found.reason, found.until, found.at

    day, minute = timedelta(days=1), timedelta(minutes=1)
    assert again("full", start + day) == ("full", start + day, start + minute)
    assert again("as long", start + day) == ("full", start + day, start + minute)
    assert again("longer", start + 2 * day) == ("longer", start + 2 * day, start + 3 * minute)
    assert again("for good", None) == ("for good", None, start + 4 * minute)
    assert again("for good again", None) == ("for good", None, start + 4 * minute)


def test_those_suppressed_now_are_found_among_many(session: Session, clock: FrozenClock) -> None:
    suppress(session, "all", "", "global", "complaint")
    suppress(session, "mail", "email", "global", "bounced")
    suppress(session, "news", "email", "news", "unsubscribed")
    suppress(session, "sms", "sms", "global", "unsubscribed")
    suppress(session, "over", "email", "global", "full", until=clock.now())
    suppress(session, "not asked for", "email", "global", "bounced")
    asked = ["all", "mail", "news", "sms", "over", "nobody"]
    assert suppressed_among(session, asked, "email") == {"all", "mail"}
    assert suppressed_among(session, asked, "email", "news") == {"all", "mail", "news"}
    assert suppressed_among(session, [], "email") == set()


def test_a_withdrawal_by_hand_is_on_record_once_with_its_reason(
    session: Session, ann: Contact, clock: FrozenClock
) -> None:
    by = create_user(session, "ada@example.com", "Ada", "admin", "correct horse battery")
    for _ in range(2):
        unsubscribing.unsubscribe(session, ann, f"  by   phone {'x' * 600}", by, "page")
    reason = f"by phone {'x' * 600}"[:500]
    entry = session.scalars(select(Consent).where(Consent.basis == "unsubscribe")).one()
    assert (entry.channel, entry.topic, entry.source) == ("email", "", "page")
    assert entry.evidence == {"reason": reason, "by": "ada@example.com"}
    event = session.scalars(select(Event).where(Event.kind == "unsubscribed")).one()
    assert (event.source, event.contact_id, event.channel, event.at) == (
        "page",
        ann.id,
        "email",
        now(session),
    )
    assert event.source_id == f"unsubscribe:{ann.public_id}:{now(session).isoformat()}"
    assert (event.agent_class, event.props) == ("human", {"how": "by hand", "reason": reason})
    noted = session.scalars(select(AuditEntry).where(AuditEntry.action == "unsubscribe")).one()
    assert (noted.kind, noted.subject) == ("contact", ann.public_id)
    assert noted.changes["reason"].startswith("by phone x")
    with pytest.raises(Invalid, match="the reason is missing"):
        unsubscribing.unsubscribe(session, ann, " \n", by, "page")
