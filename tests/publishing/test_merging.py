"""Two contacts that are one person: nothing is sent twice, no refusal is lost, and what is in flight is settled."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from cms_core import contract as c
from cms_core import joining, personal
from cms_core.audience import consent, segments
from cms_core.audience.models import Contact, ContactChange, SegmentMember
from cms_core.audience.suppression import suppress
from cms_core.auth.audit import SYSTEM
from cms_core.connections import service as connections
from cms_core.errors import Conflict, Invalid
from cms_core.publishing import listing, service, streams
from cms_core.publishing.models import Delivery
from cms_core.worker import Worker
from cms_core.workspace import Workspace
from tests.publishing.conftest import Arm, approve_words, people, shown
from tests.publishing.toys import Toys

Cms = Callable[..., Result]
KEEP, GONE = "p0@example.com", "p1@example.com"


def one(session: Session, address: str) -> Contact:
    return session.scalars(select(Contact).where(Contact.email == address)).one()


def merge(workspace: Workspace, keep: str = KEEP, gone: str = GONE) -> dict[str, Any]:
    with workspace.db.transaction() as session:
        return joining.merge(session, one(session, keep), one(session, gone))


def states(workspace: Workspace) -> dict[str, tuple[str, str]]:
    with workspace.db.session() as session:
        rows = session.execute(select(Delivery.address, Delivery.state, Delivery.reason)).all()
    return {row.address: (row.state, row.reason) for row in rows}


def wait(workspace: Workspace, worker: Worker, toys: Toys, arm: Arm, *addresses: str) -> str:
    """A letter that has reached everybody but these, who wait for another try."""
    people(workspace, 3)
    for address in addresses:
        toys.letter.script[address] = ["retry"]
    public_id = arm("letter")
    worker.work_once()
    return public_id


def test_what_waits_for_both_goes_out_once(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm
) -> None:
    public_id = wait(workspace, worker, toys, arm, KEEP, GONE)
    assert merge(workspace) | {"id": "", "gone": ""} == {"id": "", "gone": "", "deliveries": 1, "skipped": 1}
    worker.run_until_idle()
    assert sorted(toys.remote.mails) == [KEEP, "p2@example.com"]
    assert states(workspace)[GONE] == ("skipped", "the person gets it under another address")
    assert shown(workspace, public_id)["state"] == "published"
    with workspace.db.session() as session:
        assert {
            row.contact_id
            for row in session.scalars(select(Delivery).where(Delivery.address.in_((KEEP, GONE))))
        } == {one(session, KEEP).id}


@pytest.mark.parametrize("waiting", [KEEP, GONE])
def test_who_has_got_it_under_one_address_does_not_get_it_under_the_other(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm, waiting: str
) -> None:
    wait(workspace, worker, toys, arm, waiting)
    merge(workspace)
    worker.run_until_idle()
    assert waiting not in toys.remote.mails
    assert states(workspace)[waiting][0] == "skipped"


def test_what_waits_for_the_one_that_goes_alone_is_sent(
    workspace: Workspace, worker: Worker, toys: Toys
) -> None:
    people(workspace, 2)
    with workspace.db.transaction() as session:
        words = approve_words(session, workspace, "letter", "Step")
        standing = streams.Standing(words, connections.find(session, "letter", "main"), "drip")
        streams.send(session, workspace, standing, [one(session, GONE).public_id], "a")
    merge(workspace)
    with workspace.db.transaction() as session:
        streams.send(session, workspace, standing, [one(session, KEEP).public_id], "a")  # has it already
    worker.run_until_idle()
    assert toys.remote.mails == [GONE]


def test_what_is_in_flight_is_settled_all_the_same(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm
) -> None:
    people(workspace, 3)

    def on_pull(recipient: c.Recipient) -> None:
        if recipient.address == GONE:
            merge(workspace)

    toys.letter.on_pull = on_pull
    public_id = arm("letter")
    worker.run_until_idle()
    assert sorted(toys.remote.mails) == [KEEP, GONE, "p2@example.com"]
    assert shown(workspace, public_id)["deliveries"] == {"accepted": 3}


@pytest.mark.parametrize("who", [KEEP, GONE])
def test_a_no_of_either_is_a_no_of_both_even_for_what_is_in_flight(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm, who: str
) -> None:
    people(workspace, 2)
    with workspace.db.transaction() as session:
        consent.withdraw(session, [one(session, who).id], "letter", basis="asked", source="test", evidence={})
    other = GONE if who == KEEP else KEEP

    def on_pull(recipient: c.Recipient) -> None:
        merge(workspace)

    toys.letter.on_pull = on_pull
    arm("letter")
    worker.run_until_idle()
    assert toys.remote.mails == []
    assert states(workspace)[other] == ("skipped", "no consent")


def test_a_yes_of_the_one_that_goes_is_no_yes_of_the_other(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm
) -> None:
    people(workspace, 2, agreed=False)
    with workspace.db.transaction() as session:
        consent.grant(session, [one(session, GONE).id], "letter", basis="asked", source="test", evidence={})
    merge(workspace)
    arm("letter")
    worker.run_until_idle()
    assert toys.remote.mails == []


@pytest.mark.parametrize(
    ("reason", "kept"), [("unsubscribed", True), ("complained", True), ("bounced: 550", False)]
)
def test_what_the_person_asked_for_holds_for_both_addresses_and_a_bounce_for_its_own(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm, reason: str, kept: bool
) -> None:
    people(workspace, 2)
    with workspace.db.transaction() as session:
        suppress(session, one(session, GONE).address_hash or "", "letter", "global", reason)
    merge(workspace)
    arm("letter")
    worker.run_until_idle()
    assert toys.remote.mails == ([] if kept else [KEEP])


def test_fields_segments_and_older_tombstones_follow(workspace: Workspace) -> None:
    people(workspace, 3)
    with workspace.db.transaction() as session:
        values = {"first_name": "Ann", "country": "FR", "extra": {"size": "L"}}
        session.execute(update(Contact).where(Contact.email == GONE).values(**values))
        session.execute(update(Contact).where(Contact.email == KEEP).values(country="DE"))
        segments.create_static(session, "Fans", [one(session, GONE).id])
    merge(workspace, GONE, "p2@example.com")
    merge(workspace)
    with workspace.db.session() as session:
        kept, gone, older = (one(session, f"p{n}@example.com") for n in range(3))
        assert (kept.first_name, kept.country, kept.extra) == ("Ann", "DE", {"size": "L"})
        assert gone.merged_into_id == older.merged_into_id == kept.id
        assert session.scalars(select(SegmentMember.contact_id)).all() == [kept.id]
        told = session.execute(select(ContactChange.contact_id, ContactChange.change)).all()
        assert (gone.id, "merged") in told
        assert (kept.id, "updated") in told


def test_what_cannot_be_merged_is_refused(workspace: Workspace) -> None:
    people(workspace, 3)
    with pytest.raises(Invalid, match="with itself"):
        merge(workspace, KEEP, KEEP)
    merge(workspace)
    with pytest.raises(Conflict, match="was merged already"):
        merge(workspace, "p2@example.com", GONE)
    with workspace.db.session() as session:
        kept = one(session, KEEP).id
    personal.erase(workspace, kept, SYSTEM)
    with workspace.db.transaction() as session, pytest.raises(Conflict, match="was erased already"):
        joining.merge(session, one(session, "p2@example.com"), session.get_one(Contact, kept))


def test_a_merged_person_is_erased_whole(workspace: Workspace, worker: Worker, arm: Arm) -> None:
    """Both got the same letter under their addresses; neither is left."""
    people(workspace, 2)
    arm("letter")
    worker.run_until_idle()
    merge(workspace)
    with workspace.db.session() as session:
        kept = one(session, KEEP).id
    assert personal.erase(workspace, kept, SYSTEM)["complete"]
    with workspace.db.session() as session:
        addresses = session.scalars(select(Delivery.address)).all()
        assert len(set(addresses)) == 2
        assert all(each.startswith("#") for each in addresses)
        assert session.scalars(select(Contact.email)).all() == [None, None]


# --- late outcomes ----------------------------------------------------------------------------------------------------


def late(workspace: Workspace, status: c.OutcomeStatus) -> bool:
    with workspace.db.transaction() as session:
        return streams.settle(session, ["letter"], "id-1", status, "said later")


@pytest.mark.parametrize("fate", ["as it was", "merged", "erased"])
def test_a_late_outcome_settles_an_unknown_one_once_whatever_became_of_the_person(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm, fate: str
) -> None:
    people(workspace, 2)
    toys.letter.script[GONE] = ["unknown"]
    public_id = arm("letter")
    worker.run_until_idle()
    with workspace.db.transaction() as session:
        session.execute(update(Delivery).where(Delivery.address == GONE).values(provider_id="id-1"))
    if fate == "merged":
        merge(workspace)
    elif fate == "erased":
        with workspace.db.session() as session:
            gone = one(session, GONE).id
        personal.erase(workspace, gone, SYSTEM)
    assert late(workspace, c.OutcomeStatus.ACCEPTED)
    assert not late(workspace, c.OutcomeStatus.ACCEPTED), "the same again changes nothing"
    assert not late(workspace, c.OutcomeStatus.FAILED), "what was accepted is never taken back"
    with workspace.db.session() as session:
        assert listing.delivery_counts(session, [service.find(session, public_id).id]) == {"accepted": 2}


def test_a_late_failure_stays_one(workspace: Workspace, worker: Worker, toys: Toys, arm: Arm) -> None:
    people(workspace, 2)
    toys.letter.script[GONE] = ["unknown"]
    arm("letter")
    worker.run_until_idle()
    with workspace.db.transaction() as session:
        session.execute(update(Delivery).where(Delivery.address == GONE).values(provider_id="id-1"))
    assert late(workspace, c.OutcomeStatus.FAILED)
    assert not late(workspace, c.OutcomeStatus.ACCEPTED)
    assert states(workspace)[GONE] == ("failed", "said later")
    with pytest.raises(Invalid):
        late(workspace, c.OutcomeStatus.UNKNOWN)


# --- on the command line ----------------------------------------------------------------------------------------------


def test_the_command_names_both_by_address_or_id(cms: Cms, tmp_path: Path) -> None:
    def said(result: Result, code: int = 0) -> Any:
        assert result.exit_code == code, result.output
        return json.loads(result.stdout)

    cms(
        "init", tmp_path / "ws", "--admin-email", "a@example.com", "--admin-password", "correct horse battery"
    )
    (tmp_path / "people.csv").write_text("email,consent\nana@example.com,yes\nann@example.com,unsubscribed\n")
    cms("contacts", "import", tmp_path / "people.csv")
    ids = {row["email"]: row["id"] for row in said(cms("contacts", "list", "--json"))}
    done = said(cms("contacts", "merge", " ANA@example.com", ids["ann@example.com"], "--json"))
    assert done == {
        "id": ids["ana@example.com"],
        "gone": ids["ann@example.com"],
        "deliveries": 0,
        "skipped": 0,
    }
    (left,) = said(cms("contacts", "list", "--json"))
    assert (left["email"], left["consent"]) == ("ana@example.com", "unsubscribed")
    assert (
        "there is no contact"
        in said(cms("contacts", "merge", "ana@example.com", "ann@example.com", "--json"), 1)["error"][
            "message"
        ]
    )
