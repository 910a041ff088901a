"""Frequency caps: counted in the claim over all publications, and never exceeded, however many claim at once."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from sqlalchemy import func, select, update

from cms_core.audience import caps
from cms_core.audience.models import Contact
from cms_core.connections import service as connections
from cms_core.errors import Conflict, Invalid
from cms_core.publishing import capping, deliveries, service, streams
from cms_core.publishing.deliveries import Lot, claim_batch
from cms_core.publishing.models import Delivery, Publication
from cms_core.worker import Worker
from cms_core.workspace import Workspace
from tests.publishing.conftest import Arm, approve_words, people
from tests.publishing.explaining import explained
from tests.publishing.test_deliveries import counts
from tests.publishing.toys import Toys


def cap(workspace: Workspace, most: int, days: int, channel: str = "") -> None:
    with workspace.db.transaction() as session:
        caps.add(session, most, days, channel)


def reasons(workspace: Workspace, public_id: str) -> set[str]:
    with workspace.db.session() as session:
        found = service.find(session, public_id).id
        query = select(Delivery.reason).where(Delivery.publication_id == found, Delivery.state == "skipped")
        return set(session.scalars(query))


def test_who_has_got_enough_is_skipped_and_the_reason_says_of_what(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm
) -> None:
    people(workspace, 3)
    cap(workspace, 2, 7)
    ids = [arm("letter", title) for title in ("One", "Two", "Three")]
    worker.run_until_idle()
    assert [counts(workspace, each) for each in ids] == [{"accepted": 3}, {"accepted": 3}, {"skipped": 3}]
    assert reasons(workspace, ids[2]) == {"over the cap of 2 in 7 days"}
    assert Counter(toys.remote.mails) == {f"p{n}@example.com": 2 for n in range(3)}


def test_the_days_roll(workspace: Workspace, worker: Worker, toys: Toys, arm: Arm) -> None:
    people(workspace, 2)
    cap(workspace, 1, 7)
    arm("letter", "One")
    worker.run_until_idle()
    with workspace.db.transaction() as session:
        week = datetime.now(UTC) - timedelta(days=7)
        first, second = session.scalars(select(Delivery.id).order_by(Delivery.id))
        session.execute(update(Delivery).where(Delivery.id == first).values(settled_at=week))
        within = week + timedelta(minutes=1)
        session.execute(update(Delivery).where(Delivery.id == second).values(settled_at=within))
    public_id = arm("letter", "Two")
    worker.run_until_idle()
    assert counts(workspace, public_id) == {"accepted": 1, "skipped": 1}


@pytest.mark.parametrize(("step", "counted"), [("accept", True), ("unknown", True), ("refuse", False)])
def test_what_may_have_arrived_counts_and_what_was_refused_does_not(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm, step: str, counted: bool
) -> None:
    people(workspace, 1)
    cap(workspace, 1, 7)
    toys.letter.script["p0@example.com"] = [step]
    arm("letter", "One")
    worker.run_until_idle()
    public_id = arm("letter", "Two")
    worker.run_until_idle()
    assert counts(workspace, public_id) == {"skipped" if counted else "accepted": 1}


def test_a_cap_of_another_channel_does_not_hold_and_one_of_all_counts_all(
    workspace: Workspace, worker: Worker, arm: Arm
) -> None:
    people(workspace, 1)
    cap(workspace, 1, 7, "sms")
    cap(workspace, 2, 7)
    ids = [arm("letter", title) for title in ("One", "Two", "Three")]
    with workspace.db.transaction() as session:  # the first went out on another channel, as it were
        session.execute(update(Publication).where(Publication.public_id == ids[0]).values(channel="letter"))
    worker.run_until_idle()
    assert [counts(workspace, each) for each in ids] == [{"accepted": 1}, {"accepted": 1}, {"skipped": 1}]


def test_a_cap_of_this_channel_counts_this_channel_alone(
    workspace: Workspace, worker: Worker, arm: Arm
) -> None:
    people(workspace, 1)
    cap(workspace, 1, 7, "letter")
    first = arm("letter", "One")
    worker.run_until_idle()
    with workspace.db.transaction() as session:
        session.execute(update(Publication).where(Publication.public_id == first).values(channel="sms"))
    second, third = arm("letter", "Two"), arm("letter", "Three")
    worker.run_until_idle()
    assert [counts(workspace, each) for each in (second, third)] == [{"accepted": 1}, {"skipped": 1}]
    assert reasons(workspace, third) == {"over the cap of 1 in 7 days on letter"}


def test_several_messages_of_one_person_in_one_batch_are_counted_too(
    workspace: Workspace, worker: Worker, toys: Toys
) -> None:
    people(workspace, 2)
    cap(workspace, 2, 7)
    with workspace.db.transaction() as session:
        standing = streams.Standing(
            approve_words(session, workspace, "letter", "Step"),
            connections.find(session, "letter", "main"),
            "drip",
        )
        ids = session.scalars(select(Contact.public_id)).all()
        for key in ("a", "b", "c", "d"):
            streams.send(session, workspace, standing, ids, key)
    worker.run_until_idle()
    assert Counter(toys.remote.mails) == {"p0@example.com": 2, "p1@example.com": 2}


def test_who_may_not_be_addressed_uses_nothing_up(workspace: Workspace, worker: Worker, arm: Arm) -> None:
    people(workspace, 1, agreed=False)
    cap(workspace, 1, 7)
    public_id = arm("letter")
    worker.run_until_idle()
    assert reasons(workspace, public_id) == {"no consent"}


def test_caps_are_checked_named_and_removed(workspace: Workspace) -> None:
    with workspace.db.transaction() as session:
        made = caps.add(session, 3, 7)
        with pytest.raises(Conflict, match="a cap of 3 in 7 days already"):
            caps.add(session, 4, 7)
        for most, days in ((0, 7), (1, 0), (1, 400), (10_000, 7)):
            with pytest.raises(Invalid):
                caps.add(session, most, days)
        assert caps.holding_for(session, "letter") == ((3, 7, ""),)
        caps.remove(session, caps.find(session, made.public_id))
        assert caps.list_all(session) == []


# --- two at once ------------------------------------------------------------------------------------------------------


def lot_of(publication: Publication, **more: object) -> Lot:
    values = {"tz": "UTC", "lease": 30.0, "ahead": Counter[str](), **more}
    return Lot(
        publication.id,
        publication.arms[0].id,
        publication.connection_id,
        "letter",
        "",
        **values,  # type: ignore[arg-type]
    )


@contextmanager
def two_publications(workspace: Workspace, arm: Arm, count: int) -> Iterator[list[Lot]]:
    """Two letters to the same people, each person waiting in both of them."""
    people(workspace, count)
    ids = [arm("letter", title) for title in ("One", "Two")]
    with workspace.db.transaction() as session:
        lots = [lot_of(service.find(session, each)) for each in ids]
        contacts = session.execute(
            select(Contact.id, Contact.email, Contact.address_hash).order_by(Contact.id)
        ).all()
        for lot in lots:
            session.add_all(
                Delivery(
                    publication_id=lot.publication_id,
                    arm_id=lot.arm_id,
                    contact_id=row.id,
                    address=row.email or "",
                    address_hash=row.address_hash or "",
                )
                for row in contacts
            )
    yield lots


def race(workspace: Workspace, lots: list[Lot], rounds: int) -> None:
    """Both take the next person again and again, at the same instant."""
    start = Barrier(len(lots))

    def claim(lot: Lot) -> None:
        for n in range(rounds):
            start.wait(timeout=60)
            with workspace.db.transaction() as session:
                present = datetime.now(UTC)
                claim_batch(session, lot, f"sender-{lot.publication_id}-{n}", "boot", present, present)

    with ThreadPoolExecutor(len(lots)) as pool:
        list(pool.map(claim, lots))


def most_claimed(workspace: Workspace) -> int:
    with workspace.db.session() as session:
        each = (
            select(func.count().label("n")).where(Delivery.state == "claimed").group_by(Delivery.contact_id)
        )
        return session.scalar(select(func.max(each.subquery().c.n))) or 0


@pytest.mark.parametrize("rounds", [100, pytest.param(1_000, marks=pytest.mark.long)])
def test_two_claims_at_once_never_exceed_a_cap(
    workspace: Workspace, arm: Arm, monkeypatch: pytest.MonkeyPatch, rounds: int
) -> None:
    monkeypatch.setattr(deliveries, "BATCH", 1)
    cap(workspace, 1, 7)
    with two_publications(workspace, arm, rounds) as lots:
        race(workspace, lots, rounds)
    assert most_claimed(workspace) == 1
    with workspace.db.session() as session:
        states = dict(session.execute(select(Delivery.state, func.count()).group_by(Delivery.state)).all())
    assert states == {"claimed": rounds, "skipped": rounds}


def test_the_count_of_a_contact_is_read_by_index(workspace: Workspace) -> None:
    """Of the ledger only what is the contact's is looked at, however long it is."""
    query = select(capping._got(Contact.id, 7, "")).where(Contact.id == 1)
    with workspace.db.session() as session:
        words = explained(session, query, since_7=datetime.now(UTC))
    assert "ix_core_delivery_contact" in words, words
    assert "SCAN core_delivery" not in words, words
