"""Quiet hours by the clock of the recipient: put off to their end, never skipped."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update

from cms_core.audience import quiet
from cms_core.audience.models import Contact
from cms_core.audience.quiet import Quiet
from cms_core.clock import FrozenClock
from cms_core.errors import Invalid
from cms_core.publishing.models import Delivery
from cms_core.worker import Worker
from cms_core.workspace import Workspace
from tests.publishing.conftest import DUE, Arm, people, shown
from tests.publishing.toys import Toys

NIGHT = Quiet(21 * 60, 8 * 60)


@pytest.fixture
def nights(workspace: Workspace) -> None:
    """No letters between nine in the evening and eight in the morning."""
    with workspace.db.transaction() as session:
        quiet.set_hours(session, "letter", "21:00", "08:00")


def live_in(workspace: Workspace, *zones: str) -> None:
    people(workspace, len(zones))
    with workspace.db.transaction() as session:
        for n, tz in enumerate(zones):
            session.execute(update(Contact).where(Contact.email == f"p{n}@example.com").values(timezone=tz))


def at(workspace: Workspace, instant: datetime) -> None:
    Worker(workspace, FrozenClock(instant)).run_until_idle()


@pytest.mark.usefixtures("nights")
def test_who_sleeps_gets_it_in_the_morning(workspace: Workspace, toys: Toys, arm: Arm) -> None:
    live_in(workspace, "Europe/Paris", "America/New_York", "", "America/Los_Angeles")
    public_id = arm("letter")  # due at 07:00 UTC: nine in Paris, three in New York, midnight in Los Angeles
    at(workspace, DUE)
    assert toys.remote.mails == ["p0@example.com"], "without a zone it is the entry's, UTC: seven o'clock"
    document = shown(workspace, public_id)
    assert document["deliveries"] == {"accepted": 1, "pending": 3}
    assert (document["state"], document["wake_at"]) == ("sending", datetime(2026, 5, 4, 8, tzinfo=UTC))
    with workspace.db.session() as session:
        waiting = session.execute(
            select(Delivery.address, Delivery.due_at).where(Delivery.state == "pending")
        ).all()
        assert {row.address: row.due_at for row in waiting} == {
            "p1@example.com": datetime(2026, 5, 4, 12, tzinfo=UTC),
            "p2@example.com": datetime(2026, 5, 4, 8, tzinfo=UTC),
            "p3@example.com": datetime(2026, 5, 4, 15, tzinfo=UTC),
        }
    for hour, sent in ((8, 2), (12, 3), (15, 4)):
        at(workspace, datetime(2026, 5, 4, hour, tzinfo=UTC))
        assert len(toys.remote.mails) == sent
    assert shown(workspace, public_id)["state"] == "published"


@pytest.mark.usefixtures("nights")
def test_never_skipped_however_late_the_worker_comes(workspace: Workspace, toys: Toys, arm: Arm) -> None:
    live_in(workspace, "America/New_York")
    arm("letter")
    at(workspace, DUE)
    at(workspace, DUE + timedelta(days=2, hours=8))
    assert toys.remote.mails == ["p0@example.com"]


@pytest.mark.usefixtures("nights")
def test_quiet_hours_of_another_channel_do_not_hold(workspace: Workspace, toys: Toys, arm: Arm) -> None:
    with workspace.db.transaction() as session:
        quiet.remove(session, quiet.find(session, "letter"))
        quiet.set_hours(session, "sms", "21:00", "08:00")
    live_in(workspace, "America/New_York")
    arm("letter")
    at(workspace, DUE)
    assert toys.remote.mails == ["p0@example.com"]


@pytest.mark.usefixtures("nights")
def test_unsubscribed_while_asleep_they_get_nothing(workspace: Workspace, toys: Toys, arm: Arm) -> None:
    from tests.publishing.test_deliveries import unsubscribe

    live_in(workspace, "America/New_York")
    arm("letter")
    at(workspace, DUE)
    unsubscribe(workspace, "p0@example.com")
    at(workspace, DUE + timedelta(hours=6))
    assert toys.remote.mails == []


@pytest.mark.parametrize(
    ("hours", "instant", "tz", "over"),
    [
        (NIGHT, "2026-05-04T21:00+02:00", "Europe/Paris", "2026-05-05T08:00+02:00"),
        (NIGHT, "2026-05-04T20:59+02:00", "Europe/Paris", None),
        (NIGHT, "2026-05-04T07:59+02:00", "Europe/Paris", "2026-05-04T08:00+02:00"),
        (NIGHT, "2026-05-04T08:00+02:00", "Europe/Paris", None),
        (Quiet(12 * 60, 14 * 60), "2026-05-04T13:00+02:00", "Europe/Paris", "2026-05-04T14:00+02:00"),
        (Quiet(12 * 60, 14 * 60), "2026-05-04T11:00+02:00", "Europe/Paris", None),
        (
            Quiet(0, 150),
            "2026-03-29T01:30+01:00",
            "Europe/Paris",
            "2026-03-29T03:00+02:00",
        ),  # 02:30 is left out
        (
            NIGHT,
            "2026-03-28T23:00+01:00",
            "Europe/Paris",
            "2026-03-29T08:00+02:00",
        ),  # a night of an hour less
    ],
)
def test_when_they_are_over(hours: Quiet, instant: str, tz: str, over: str | None) -> None:
    wanted = datetime.fromisoformat(over) if over else None
    assert hours.over_at(datetime.fromisoformat(instant), tz) == wanted


MINUTE = st.integers(0, 1439)
ZONE = st.sampled_from(
    ["Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "UTC"]
)
INSTANT = st.datetimes(datetime(2024, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001


@given(MINUTE, MINUTE, INSTANT, ZONE)
def test_they_end_after_they_began_and_soon(starts: int, ends: int, instant: datetime, tz: str) -> None:
    over = Quiet(starts, ends).over_at(instant, tz)
    if over is not None:
        assert instant < over <= instant + timedelta(hours=26)


@pytest.mark.parametrize(
    ("starts", "ends"), [("21:00", "21:00"), ("9", "10:00"), ("24:00", "08:00"), ("", "08:00")]
)
def test_what_are_no_quiet_hours_is_refused(workspace: Workspace, starts: str, ends: str) -> None:
    with workspace.db.transaction() as session, pytest.raises(Invalid):
        quiet.set_hours(session, "letter", starts, ends)
