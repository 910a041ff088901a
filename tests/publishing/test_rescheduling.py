"""Armed things move with their entries; blackouts hold at arming and when due; series and campaigns move as wholes."""

import threading
from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from cms_core.auth.service import acting_user
from cms_core.campaigns import blackouts, series, service, shifting
from cms_core.campaigns.blackouts import Wanted
from cms_core.campaigns.models import Campaign, Entry, EntryKind, EntryState
from cms_core.campaigns.service import Plan, plan
from cms_core.campaigns.when import parse_when
from cms_core.clock import FrozenClock
from cms_core.connections import service as connections
from cms_core.content import service as content
from cms_core.content.drafts import Draft
from cms_core.errors import Conflict, Invalid
from cms_core.publishing import arming, rescheduling
from cms_core.publishing.models import Publication
from cms_core.publishing.models import PublicationState as S
from cms_core.worker import Worker
from cms_core.workspace import Workspace
from tests.campaigns.times import wall
from tests.publishing.conftest import DUE, approve_words

PARIS = "Europe/Paris"
Planned = Callable[..., Entry]


@pytest.fixture
def planned(session: Session, workspace: Workspace) -> Planned:
    """An entry of approved words on the toy channel."""

    def make(when: str = "2026-05-04 09:00", title: str = "Words", tz: str = PARIS, **more: object) -> Entry:
        slug = f"s{len(session.scalars(select(Entry)).all())}"
        asset = approve_words(session, workspace, "toy", title, slug=slug)
        toy = connections.find(session, "toy", "main")
        return plan(session, Plan(parse_when(when, tz), asset=asset, channel="toy", connection=toy, **more))  # type: ignore[arg-type]

    return make


def freeze(session: Session, policy: str, first: str, last: str) -> None:
    blackouts.add(session, Wanted("Freeze", policy, PARIS, starts=wall(first), ends=wall(last)))


def state_of(workspace: Workspace, publication: Publication) -> Publication:
    with workspace.db.session() as session:
        return session.get_one(Publication, publication.id)


# --- blackouts --------------------------------------------------------------------------------------------------------------


def test_arming_is_refused_in_a_window_that_came_later(
    session: Session, workspace: Workspace, planned: Planned
) -> None:
    entry = planned()
    freeze(session, "block", "2026-05-04", "2026-05-05")
    with pytest.raises(Invalid, match="Freeze"):
        arming.arm(session, workspace, entry)
    assert entry.state == EntryState.PLANNED


def test_arming_puts_it_later_with_what_follows(
    session: Session, workspace: Workspace, planned: Planned
) -> None:
    entry = planned()
    follower = planned(f"after:{entry.public_id}+1h", after=entry)
    second = arming.arm(session, workspace, follower)
    freeze(session, "defer", "2026-05-04T08:00", "2026-05-04T12:00")
    publication = arming.arm(session, workspace, entry)
    assert publication.due_at == entry.instant == datetime.fromisoformat("2026-05-04T12:00+02:00")
    session.refresh(second)
    assert second.due_at == publication.due_at + timedelta(hours=1)


def test_when_due_it_is_held_by_a_window_that_blocks(
    session: Session, workspace: Workspace, planned: Planned
) -> None:
    publication = arming.arm(session, workspace, planned())
    freeze(session, "block", "2026-05-04", "2026-05-05")
    session.commit()
    Worker(workspace, FrozenClock(DUE)).run_until_idle()
    found = state_of(workspace, publication)
    assert found.state == S.HELD
    assert found.reason.startswith("falls into 'Freeze'")


def test_when_due_it_is_put_behind_a_window_that_defers_and_goes_out_then(
    session: Session, workspace: Workspace, planned: Planned
) -> None:
    publication = arming.arm(session, workspace, planned())
    freeze(session, "defer", "2026-05-04T08:00", "2026-05-04T12:00")
    session.commit()
    Worker(workspace, FrozenClock(DUE)).run_until_idle()
    found = state_of(workspace, publication)
    assert (found.state, found.due_at) == (S.SCHEDULED, datetime.fromisoformat("2026-05-04T12:00+02:00"))
    Worker(workspace, FrozenClock(found.due_at)).run_until_idle()
    assert state_of(workspace, publication).state == S.PUBLISHED


# --- moves --------------------------------------------------------------------------------------------------------------------


def test_who_saw_an_older_state_does_not_move_it(
    session: Session, workspace: Workspace, planned: Planned
) -> None:
    entry = planned()
    version = entry.row_version
    rescheduling.move(session, workspace.plugins, entry, "2026-05-05 09:00", version=version)
    with pytest.raises(Conflict, match="meanwhile"):
        rescheduling.move(session, workspace.plugins, entry, "2026-05-06 09:00", version=version)
    assert entry.instant == datetime.fromisoformat("2026-05-05T09:00+02:00")


def campaign_of(session: Session, name: str = "Spring") -> Campaign:
    return service.create_campaign(
        session, name, date(2026, 3, 23), date(2026, 4, 20), PARIS, budget="500 EUR"
    )


def test_a_campaign_moves_over_a_clock_change_at_the_same_times(
    session: Session, workspace: Workspace, planned: Planned
) -> None:
    campaign = campaign_of(session)
    first = planned("2026-03-24 09:00", campaign=campaign)
    follower = planned(f"after:{first.public_id}+2d", campaign=campaign, after=first)
    elsewhere = planned("2026-03-25 09:00", tz="America/New_York", campaign=campaign)
    done = planned("2026-03-23 09:00", campaign=campaign)
    done.state = EntryState.DONE
    ends = planned(
        "2026-03-25 00:00", campaign=campaign, ends_at=datetime.fromisoformat("2026-03-28T00:00+01:00")
    )
    publication = arming.arm(session, workspace, first)
    result = rescheduling.move_campaign(session, workspace.plugins, campaign, 7)
    assert [entry for entry, _ in result.stays] == [done]
    assert first.instant == datetime.fromisoformat("2026-03-31T09:00+02:00")
    assert follower.instant == datetime.fromisoformat("2026-04-02T09:00+02:00")
    assert elsewhere.instant == datetime.fromisoformat("2026-04-01T09:00-04:00")
    assert ends.ends_at == datetime.fromisoformat("2026-04-04T00:00+02:00")
    assert done.instant == datetime.fromisoformat("2026-03-23T09:00+01:00")
    assert publication.due_at == first.instant
    assert (campaign.starts_on, campaign.ends_on) == (date(2026, 3, 30), date(2026, 4, 27))
    assert {entry.id: old for entry, old in result.moved}[follower.id] == datetime.fromisoformat(
        "2026-03-26T09:00+01:00"
    )
    rescheduling.move_campaign(session, workspace.plugins, campaign, -7)
    assert first.instant == datetime.fromisoformat("2026-03-24T09:00+01:00")


def test_what_has_begun_to_go_out_stays(session: Session, workspace: Workspace, planned: Planned) -> None:
    campaign = campaign_of(session)
    entry = planned(campaign=campaign)
    publication = arming.arm(session, workspace, entry)
    publication.state = S.UNKNOWN
    session.flush()
    result = rescheduling.move_campaign(session, workspace.plugins, campaign, 7)
    assert [(each.id, reason) for each, reason in result.stays] == [(entry.id, "its publication is unknown")]
    assert publication.due_at == DUE


def test_a_copy_is_planned_and_its_parts_follow_each_other(
    session: Session, workspace: Workspace, planned: Planned
) -> None:
    campaign = campaign_of(session)
    first = planned("2026-03-24 09:00", campaign=campaign)
    second = planned(f"after:{first.public_id}:published+2d", campaign=campaign, after=first)
    third = planned(f"after:{second.public_id}+1h", campaign=campaign, after=second)
    arming.arm(session, workspace, first)
    service.drop(session, planned("2026-03-26 09:00", campaign=campaign))
    made, copies = shifting.copy(session, campaign, "Autumn", date(2026, 10, 19))
    assert (made.starts_on, made.ends_on, made.budget_micros) == (
        date(2026, 10, 19),
        date(2026, 11, 16),
        500_000_000,
    )
    assert [each.instant.isoformat() for each in copies] == [
        "2026-10-20T07:00:00+00:00", "2026-10-22T07:00:00+00:00", "2026-10-22T08:00:00+00:00",
    ]  # fmt: skip
    assert {each.state for each in copies} == {EntryState.PLANNED}
    assert [each.after_id for each in copies] == [None, copies[0].id, copies[1].id]
    assert copies[1].condition == "published"
    service.move(session, copies[0], "2026-10-27 09:00")
    assert copies[2].instant.isoformat() == "2026-10-29T09:00:00+00:00", "at ten, by the clock of winter"
    assert third.instant == datetime.fromisoformat("2026-03-26T10:00+01:00"), (
        "the first campaign stays as it is"
    )
    with pytest.raises(Conflict):
        shifting.copy(session, campaign, "Autumn", date(2026, 10, 19))


def test_a_campaigns_series_moves_and_is_copied_with_it(
    session: Session, workspace: Workspace, planned: Planned
) -> None:
    campaign = campaign_of(session)
    wanted = Plan(parse_when("2026-05-04 09:00", PARIS), "Weekly", EntryKind.TASK, campaign=campaign)
    made = series.create(session, wanted, "FREQ=WEEKLY;BYDAY=MO;COUNT=3")
    rescheduling.move_campaign(session, workspace.plugins, campaign, 1)
    assert [each.instant.weekday() for each in series.entries_of(session, made)] == [1, 1, 1]
    assert not any(series.is_moved(each, made) for each in series.entries_of(session, made))
    _, copies = shifting.copy(session, campaign, "Later", campaign.starts_on + timedelta(days=14))
    assert [each.instant.isoformat()[:10] for each in copies] == ["2026-05-19", "2026-05-26", "2026-06-02"]


@pytest.mark.parametrize("days", [10**6, -(10**6), 10**12])
def test_a_move_out_of_the_calendar_is_refused(session: Session, workspace: Workspace, days: int) -> None:
    with pytest.raises(Invalid):
        rescheduling.move_campaign(session, workspace.plugins, campaign_of(session), days)


# --- series --------------------------------------------------------------------------------------------------------------------


def test_an_armed_series_arms_what_it_makes_if_the_words_are_approved(
    session: Session, workspace: Workspace
) -> None:
    words = approve_words(session, workspace, "toy", "Weekly", slug="weekly")
    toy = connections.find(session, "toy", "main")
    when = parse_when("2026-05-04 09:00", PARIS)
    made = series.create(session, Plan(when, asset=words, channel="toy", connection=toy), "FREQ=WEEKLY")
    armed, problems = rescheduling.arm_series(session, workspace, made)
    assert problems == []
    assert {each.state for each in armed} == {EntryState.ARMED}
    made_until = made.made_until
    session.commit()
    assert made_until is not None
    assert rescheduling.extend_all(workspace, made_until) > 0
    assert rescheduling.extend_all(workspace, made_until) == 0, "twice makes none twice"
    with workspace.db.session() as reading:
        found = series.entries_of(reading, series.find(reading, made.public_id))
        assert {each.state for each in found} == {EntryState.ARMED}
        assert len(reading.scalars(select(Publication)).all()) == len(found)


def test_without_approval_what_it_makes_stays_planned(session: Session, workspace: Workspace) -> None:
    user = acting_user(session, None)
    draft = Draft(kind="article", title="Draft", slug="draft", body={"text": "Words"})
    content.save(session, workspace.plugins, None, draft, user)
    toy = connections.find(session, "toy", "main")
    wanted = Plan(
        parse_when("2026-05-04 09:00", PARIS),
        asset=content.find(session, "draft"),
        channel="toy",
        connection=toy,
    )
    made = series.create(session, wanted, "FREQ=WEEKLY;COUNT=4")
    armed, problems = rescheduling.arm_series(session, workspace, made)
    assert (armed, len(problems)) == ([], 4)
    assert "not approved" in problems[0]
    assert {each.state for each in series.entries_of(session, made)} == {EntryState.PLANNED}


def test_a_moved_series_takes_its_publications_along_and_disarming_takes_them_back(
    session: Session, workspace: Workspace
) -> None:
    words = approve_words(session, workspace, "toy", "Weekly", slug="weekly")
    toy = connections.find(session, "toy", "main")
    start = parse_when("2099-05-04 09:00", PARIS)
    made = series.create(
        session, Plan(start, asset=words, channel="toy", connection=toy), "FREQ=WEEKLY;COUNT=3"
    )
    series.extend(session, made, datetime.fromisoformat("2099-06-30T00:00+00:00"))
    rescheduling.arm_series(session, workspace, made)
    first = series.entries_of(session, made)[0]
    moved = rescheduling.move(session, workspace.plugins, first, "2099-05-05 10:00", series.Scope.ALL)
    assert len(moved) == 3
    due = [arming.of_entry(session, each)[0].due_at for each in moved]
    assert due == [each.instant for each in moved]
    assert len(rescheduling.disarm_series(session, made)) == 3
    assert {each.state for each in session.scalars(select(Publication))} == {S.CANCELLED}


def test_two_workers_that_extend_at_once_make_each_occurrence_once(
    session: Session, workspace: Workspace
) -> None:
    made = series.create(
        session, Plan(parse_when("2026-05-04 09:00", PARIS), "Daily", EntryKind.TASK), "FREQ=DAILY"
    )
    session.commit()
    assert made.made_until is not None
    present, barrier, counts = made.made_until, threading.Barrier(3), list[int]()

    def extend() -> None:
        barrier.wait()
        counts.append(rescheduling.extend_all(workspace, present))

    threads = [threading.Thread(target=extend) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(counts)[:2] == [0, 0]
    assert sorted(counts)[2] > 80
    with workspace.db.session() as reading:
        walls = [
            each.original_wall for each in series.entries_of(reading, series.find(reading, made.public_id))
        ]
    assert len(walls) == len(set(walls))
