"""At each recipient's own time: 26 hours from the first zone to the last, each person once, nobody by surprise."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from cms_core.audience.models import Contact
from cms_core.campaigns import placing
from cms_core.campaigns.blackouts import Wanted, add
from cms_core.campaigns.models import Entry
from cms_core.campaigns.service import Plan, plan
from cms_core.campaigns.when import parse_when, zone
from cms_core.clock import FrozenClock
from cms_core.connections import service as connections
from cms_core.errors import Invalid
from cms_core.publishing import arming, deliveries, local_time, outcomes, rescheduling, service
from cms_core.publishing.experiment_plan import ExperimentPlan, parse
from cms_core.publishing.models import Delivery
from cms_core.worker import Worker
from cms_core.workspace import Workspace
from tests.publishing.conftest import _everybody, approve_words, people, shown
from tests.publishing.explaining import explained
from tests.publishing.toys import Toys

NINE = datetime(2026, 5, 4, 9, 0)  # noqa: DTZ001 - a wall clock
FIRST = datetime(2026, 5, 3, 19, 0, tzinfo=UTC)
LAST = datetime(2026, 5, 4, 21, 0, tzinfo=UTC)
ZONES = ("Pacific/Kiritimati", "Asia/Kolkata", "Europe/Paris", "", "America/New_York", "Etc/GMT+12")
ArmLocal = Callable[..., str]


@pytest.fixture
def arm_local(workspace: Workspace) -> ArmLocal:
    """Arm a letter to everybody at nine o'clock of their own; gives the publication's id."""

    def armed(
        when: str = "local 2026-05-04 09:00",
        tz: str = "Asia/Tokyo",
        channel: str = "letter",
        test: ExperimentPlan | None = None,
    ) -> str:
        with workspace.db.transaction() as session:
            wanted = Plan(
                parse_when(when, tz),
                asset=approve_words(session, workspace, channel, "Morning"),
                channel=channel,
                connection=connections.find(session, channel, "main"),
                segment=_everybody(session) if channel == "letter" else None,
            )
            return arming.arm(session, workspace, plan(session, wanted), test).public_id

    return armed


def in_zones(workspace: Workspace, *zones: str) -> None:
    """One person in each of these zones: p0 in the first, and so on."""
    people(workspace, len(zones))
    with workspace.db.transaction() as session:
        for n, tz in enumerate(zones):
            session.execute(update(Contact).where(Contact.email == f"p{n}@example.com").values(timezone=tz))


def at(workspace: Workspace, instant: datetime) -> None:
    Worker(workspace, FrozenClock(instant)).run_until_idle()


def skipped(workspace: Workspace) -> dict[str, str]:
    with workspace.db.session() as session:
        rows = session.execute(
            select(Delivery.address, Delivery.reason).where(Delivery.state == "skipped")
        ).all()
    return {row.address: row.reason for row in rows}


def test_everybody_gets_it_at_nine_of_their_own_over_26_hours(
    workspace: Workspace, toys: Toys, arm_local: ArmLocal
) -> None:
    in_zones(workspace, *ZONES)
    public_id = arm_local()
    document = shown(workspace, public_id)
    assert document["due_at"] == FIRST
    clocks: dict[str, datetime] = {}
    instant = FIRST - timedelta(minutes=30)
    while instant <= LAST:
        present = instant
        toys.letter.on_pull = lambda recipient, present=present: clocks.setdefault(  # type: ignore[misc]
            recipient.address, present
        )
        at(workspace, instant)
        state = shown(workspace, public_id)["state"]
        assert state == ("scheduled" if instant < FIRST else "sending" if instant < LAST else "published")
        instant += timedelta(minutes=30)
    wanted = {f"p{n}@example.com": tz or "Asia/Tokyo" for n, tz in enumerate(ZONES)}
    assert {
        address: each.astimezone(zone(wanted[address])).replace(tzinfo=None)
        for address, each in clocks.items()
    } == dict.fromkeys(wanted, NINE)
    assert sorted(toys.remote.mails) == sorted(wanted)
    attempts = shown(workspace, public_id)["attempts"]
    assert [each["outcome"] for each in attempts] == ["published"], (
        "one run that slept, not one for each zone"
    )


def test_between_zones_the_run_sleeps_without_a_lease(workspace: Workspace, arm_local: ArmLocal) -> None:
    in_zones(workspace, "Pacific/Kiritimati", "Europe/Paris")
    public_id = arm_local()
    at(workspace, FIRST)
    document = shown(workspace, public_id)
    assert document["wake_at"] == datetime(2026, 5, 4, 7, tzinfo=UTC)
    assert document["deliveries"] == {"accepted": 1, "pending": 1}
    with workspace.db.session() as session:
        assert service.find(session, public_id).lease_until is None


def test_who_is_late_by_more_than_the_grace_is_left_out_and_told_why(
    workspace: Workspace, toys: Toys, arm_local: ArmLocal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(toys.letter), "grace", timedelta(hours=1))
    in_zones(workspace, "Pacific/Kiritimati", "Pacific/Auckland", "Asia/Tokyo", "Europe/Paris")
    arm_local()
    at(
        workspace, datetime(2026, 5, 3, 22, 0, tzinfo=UTC)
    )  # Auckland's nine was an hour ago, Kiritimati's three
    assert toys.remote.mails == ["p1@example.com"]
    assert skipped(workspace) == {
        "p0@example.com": "2026-05-04 09:00 there was more than 1 h ago when the sending could begin"
    }


def test_a_run_that_wakes_too_late_makes_no_burst(
    workspace: Workspace, toys: Toys, arm_local: ArmLocal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(toys.letter), "grace", timedelta(hours=1))
    in_zones(workspace, *ZONES)
    public_id = arm_local()
    at(workspace, FIRST)
    at(workspace, LAST - timedelta(hours=1))  # nobody worked for a day
    assert set(skipped(workspace)) == {f"p{n}@example.com" for n in (1, 2, 3, 4)}
    at(workspace, LAST)
    assert toys.remote.mails == ["p0@example.com", "p5@example.com"]
    assert shown(workspace, public_id)["state"] == "published"


def test_missed_only_after_the_last_zone_and_its_grace(
    workspace: Workspace, toys: Toys, arm_local: ArmLocal
) -> None:
    in_zones(workspace, *ZONES)
    public_id = arm_local()
    at(workspace, LAST + toys.letter.grace)
    assert shown(workspace, public_id)["state"] == "published"
    assert toys.remote.mails == ["p5@example.com"]
    later = arm_local("local 2026-05-14 09:00")
    at(workspace, LAST + timedelta(days=10) + toys.letter.grace + timedelta(seconds=1))
    assert shown(workspace, later)["state"] == "missed"


@pytest.mark.parametrize(
    ("when", "tz", "utc"),
    [
        ("local 2026-03-29 02:30", "Europe/Paris", "2026-03-29T01:00"),  # the gap ends at 03:00
        ("local 2026-10-25 02:30", "Europe/Paris", "2026-10-25T00:30"),  # the first of two
    ],
)
def test_clock_changes_are_those_of_the_recipient(
    workspace: Workspace, arm_local: ArmLocal, when: str, tz: str, utc: str
) -> None:
    in_zones(workspace, tz)
    public_id = arm_local(when, "UTC")
    at(workspace, shown(workspace, public_id)["due_at"])
    with workspace.db.session() as session:
        assert session.scalars(select(Delivery.due_at)).all() == [datetime.fromisoformat(f"{utc}+00:00")]


def test_paused_in_the_night_it_goes_on_with_those_who_are_not_late(
    workspace: Workspace, toys: Toys, arm_local: ArmLocal
) -> None:
    in_zones(workspace, "Pacific/Kiritimati", "Europe/Paris")
    public_id = arm_local()
    at(workspace, FIRST)
    with workspace.db.transaction() as session:
        service.hold(session, service.find(session, public_id), "wait")
    at(workspace, datetime(2026, 5, 4, 7, tzinfo=UTC))
    assert toys.remote.mails == ["p0@example.com"]
    with workspace.db.transaction() as session:
        service.resume(session, service.find(session, public_id))
    at(workspace, datetime(2026, 5, 4, 7, 30, tzinfo=UTC))
    assert toys.remote.mails == ["p0@example.com", "p1@example.com"]


def test_who_is_to_be_tried_again_keeps_the_next_zone_not_waiting(
    workspace: Workspace, toys: Toys, arm_local: ArmLocal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Karachi is half an hour after Kolkata, whose server wants to be asked again in two hours."""
    monkeypatch.setattr(outcomes, "FIRST_DELAY", timedelta(hours=1))
    in_zones(workspace, "Asia/Kolkata", "Asia/Karachi")
    toys.letter.script["p0@example.com"] = ["retry"]
    public_id = arm_local()
    worker = Worker(workspace, FrozenClock(datetime(2026, 5, 4, 3, 30, tzinfo=UTC)))
    before = datetime.now(UTC)
    while worker.work_once():
        pass
    with workspace.db.session() as session:
        row = service.find(session, public_id)
        assert row.state == "sending"
        assert row.retry_at is not None
        assert row.retry_at <= before + timedelta(minutes=31)


def test_unsubscribing_between_the_zones_wins(workspace: Workspace, toys: Toys, arm_local: ArmLocal) -> None:
    from tests.publishing.test_deliveries import unsubscribe

    in_zones(workspace, "Pacific/Kiritimati", "Europe/Paris")
    arm_local()
    at(workspace, FIRST)
    unsubscribe(workspace, "p1@example.com")
    at(workspace, datetime(2026, 5, 4, 7, tzinfo=UTC))
    assert toys.remote.mails == ["p0@example.com"]


# --- planned, moved, refused ------------------------------------------------------------------------------------------


def test_only_what_goes_to_people_has_recipients_with_a_time(arm_local: ArmLocal) -> None:
    with pytest.raises(Invalid, match="has no recipients"):
        arm_local(channel="toy")


def test_a_winner_that_is_found_by_itself_is_refused(arm_local: ArmLocal) -> None:
    with pytest.raises(Invalid, match="after the first zones"):
        arm_local(test=parse(["A", "B=short"], share=20, decide="4h"))


def test_a_person_picks_for_those_who_wait_each_at_their_own_time(
    workspace: Workspace, toys: Toys, arm_local: ArmLocal
) -> None:
    from cms_core.publishing import experiments

    in_zones(workspace, *["Pacific/Kiritimati"] * 10, *["Etc/GMT+12"] * 10)
    public_id = arm_local(test=parse(["A", "B=short"], share=50, decide="by hand"))
    at(workspace, FIRST)
    early = len(toys.remote.mails)
    assert 0 < early < 10
    with workspace.db.transaction() as session:
        experiments.pick(session, service.find(session, public_id), "B", None)
    at(workspace, FIRST + timedelta(minutes=10))
    assert len(toys.remote.mails) == 10, "whose time has come meanwhile gets it now"
    at(workspace, LAST)
    assert len(toys.remote.mails) == len(set(toys.remote.mails)) == 20


def entry_of(session: Any, public_id: str) -> Entry:
    found = service.find(session, public_id).entry
    assert found is not None
    return found


def test_moved_it_stays_each_recipients_own(workspace: Workspace, arm_local: ArmLocal) -> None:
    public_id = arm_local()
    with workspace.db.transaction() as session:
        entry = entry_of(session, public_id)
        placing.put_at(session, entry, NINE + timedelta(days=1))  # as a campaign that moves does
        arming.follow(session, workspace.plugins, entry)
        assert placing.shown(entry) == NINE + timedelta(days=1)
    assert shown(workspace, public_id)["due_at"] == FIRST + timedelta(days=1)
    with workspace.db.transaction() as session:
        rescheduling.move(session, workspace.plugins, entry_of(session, public_id), "2026-05-06 09:00")
    assert shown(workspace, public_id)["due_at"] == datetime(2026, 5, 6, 0, tzinfo=UTC), (
        "for all at one instant"
    )


def test_a_blackout_that_defers_moves_everybodys_morning(workspace: Workspace, arm_local: ArmLocal) -> None:
    with workspace.db.transaction() as session:
        add(
            session,
            Wanted(
                name="Holiday",
                policy="defer",
                tz="Asia/Tokyo",
                starts=NINE.replace(hour=0),
                ends=NINE.replace(day=5, hour=0),
            ),
        )
    public_id = arm_local()
    with workspace.db.session() as session:
        assert placing.shown(entry_of(session, public_id)) == NINE + timedelta(days=1)
    assert shown(workspace, public_id)["due_at"] == FIRST + timedelta(days=1)
    at(workspace, FIRST + timedelta(days=1))  # still the holiday in Tokyo when the first zone begins
    assert shown(workspace, public_id)["state"] == "published"


# --- what it costs ----------------------------------------------------------------------------------------------------


def test_a_claim_is_read_by_index_however_many_wait(workspace: Workspace) -> None:
    """Both who has no time and who is due are found by the index; who waits for later is never looked at."""
    with workspace.db.session() as session:
        plan_text = explained(
            session, deliveries._due(), publication=1, arm=1, due=FIRST, real=FIRST, size=500
        )
    assert plan_text.count("ix_core_delivery_state") == 2, plan_text
    assert "TEMP B-TREE" not in plan_text, plan_text
    assert "SCAN core_delivery" not in plan_text, plan_text
    assert "Sort Key: core_delivery.due_at" not in plan_text, plan_text


# --- who is late, row by row ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "late"),
    [
        ({}, True),
        ({"due_at": FIRST - timedelta(hours=1)}, False),  # just within the grace
        ({"due_at": None}, False),
        ({"state": "claimed"}, False),
        ({"state": "accepted"}, False),
        ({"arm_id": None}, False),  # waits for the end of the test
        ({"reason": "quiet hours"}, False),
    ],
)
def test_only_who_waits_without_a_reason_for_longer_than_the_grace_is_late(
    workspace: Workspace, arm_local: ArmLocal, values: dict[str, Any], late: bool
) -> None:
    people(workspace, 2)
    ids = [arm_local(), arm_local()]
    with workspace.db.session() as session:
        mine, other = (service.find(session, each) for each in ids)
        arms = [mine.arms[0].id]
    local = local_time.LocalTime(NINE, "UTC", timedelta(hours=1))
    row = {"due_at": FIRST - timedelta(hours=1, seconds=1), "arm_id": arms[0], "state": "pending"}
    row |= {"contact_id": 1, "address_hash": "h", **values}
    with workspace.db.transaction() as session:
        session.add(Delivery(publication_id=mine.id, address="mine", **row))
        session.add(Delivery(publication_id=other.id, address="other", **row))
        session.flush()
        local_time.skip_late(session, mine.id, arms, local, FIRST, LAST)
    with workspace.db.session() as session:
        found = {each.address: each for each in session.scalars(select(Delivery))}
    assert (found["mine"].state == "skipped", found["mine"].settled_at == LAST) == (late, late)
    assert found["other"].state == row["state"]
    if late:
        assert (
            found["mine"].reason
            == "2026-05-04 09:00 there was more than 1 h ago when the sending could begin"
        )


def test_whose_zone_is_not_known_has_that_of_the_entry() -> None:
    local = local_time.LocalTime(NINE, "Asia/Tokyo", timedelta(0))
    assert local.due_at("Europe/Paris") == datetime(2026, 5, 4, 7, tzinfo=UTC)
    for unknown in ("", "Mars/Olympus"):
        assert local.due_at(unknown) == datetime(2026, 5, 4, 0, tzinfo=UTC)
