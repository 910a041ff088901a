"""What follows another: waits for it, goes when it has happened, is held when it fails, moves when it moves."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from cms_core import contract as c
from cms_core.auth.service import acting_user
from cms_core.campaigns import service as entries
from cms_core.campaigns.models import Entry, EntryKind, EntryState
from cms_core.campaigns.service import Plan, plan
from cms_core.campaigns.when import parse_when
from cms_core.clock import FrozenClock
from cms_core.connections import service as connections
from cms_core.content import service as content
from cms_core.content.drafts import Draft
from cms_core.content.review import approve_newest
from cms_core.publishing import arming, followers, rescheduling, service
from cms_core.publishing.followers import Verdict, judge
from cms_core.publishing.models import Publication
from cms_core.publishing.models import PublicationState as S
from cms_core.worker import Worker
from cms_core.workspace import Workspace
from tests.publishing.conftest import DUE, approve_words
from tests.publishing.toys import Toys


class Pair:
    """Two entries, the second after the first; both armed."""

    def __init__(
        self, workspace: Workspace, after: str = ":published+2h", channel: str = "toy", *, first: bool = True
    ) -> None:
        self.workspace = workspace
        with workspace.db.transaction() as session:
            ahead = self._entry(session, "2026-05-04 09:00", "First", channel)
            behind = self._entry(session, f"after:{ahead.public_id}{after}", "Second", "toy", ahead)
            if first:
                arming.arm(session, workspace, ahead)
            arming.arm(session, workspace, behind)
            self.ids = ahead.public_id, behind.public_id

    def _entry(
        self, session: Session, when: str, title: str, channel: str, after: Entry | None = None
    ) -> Entry:
        asset = approve_words(session, self.workspace, channel, title, slug=title.lower())
        wanted = Plan(
            parse_when(when, "Europe/Paris"),
            asset=asset,
            channel=channel,
            connection=connections.find(session, channel, "main"),
            after=after,
        )
        return plan(session, wanted)

    def run(self, at: datetime) -> None:
        Worker(self.workspace, FrozenClock(at)).run_until_idle()

    def states(self) -> list[str]:
        return [each.state for each in self.publications()]

    def publications(self) -> list[Publication]:
        with self.workspace.db.session() as session:
            found = [arming.of_entry(session, entries.find_entry(session, each)) for each in self.ids]
            return [each[-1] for each in found if each]


def test_it_waits_and_its_time_counts_from_when_it_happened(workspace: Workspace) -> None:
    pair = Pair(workspace)
    late = DUE + timedelta(minutes=30)
    with workspace.db.session() as session:
        behind = entries.find_entry(session, pair.ids[1])
        assert followers.waits_for(session, behind) == "waits until 'First' is published"
        assert behind.instant == DUE + timedelta(hours=2)
    pair.run(late)
    assert pair.states() == [S.PUBLISHED, S.SCHEDULED]
    assert pair.publications()[1].due_at == late + timedelta(hours=2)
    pair.run(late + timedelta(hours=1, minutes=59))
    assert pair.states()[1] == S.SCHEDULED
    pair.run(late + timedelta(hours=2))
    assert pair.states()[1] == S.PUBLISHED


def test_it_is_never_late_while_it_waits(workspace: Workspace) -> None:
    pair = Pair(workspace, first=False)
    pair.run(DUE + timedelta(days=3))
    assert pair.states() == [S.SCHEDULED]


@pytest.mark.parametrize("after", [":published+2h", ":finished+2h", "+2h"])
def test_when_the_first_fails_the_second_is_held_with_the_reason(
    workspace: Workspace, toys: Toys, after: str
) -> None:
    pair = Pair(workspace, after)
    toys.remote.before.append(c.Refused("the words are too rude"))
    pair.run(DUE)
    assert pair.states() == [S.FAILED, S.HELD]
    assert pair.publications()[1].reason == "'First', which it follows, has failed"
    pair.run(DUE + timedelta(hours=2))
    assert pair.states()[1] == S.HELD


def test_missed_cancelled_or_dropped_hold_it_too(workspace: Workspace) -> None:
    pair = Pair(workspace)
    pair.run(DUE + timedelta(days=10))
    assert pair.states() == [S.MISSED, S.HELD]
    assert "was missed" in pair.publications()[1].reason


def test_a_cancelled_or_dropped_one_holds_it(workspace: Workspace) -> None:
    pair = Pair(workspace, "+2h")
    with workspace.db.transaction() as session:
        service.cancel(session, arming.of_entry(session, entries.find_entry(session, pair.ids[0]))[0])
    pair.run(DUE)
    assert pair.states() == [S.CANCELLED, S.HELD]


def test_dropping_holds_it_and_a_person_who_resumes_is_obeyed(workspace: Workspace) -> None:
    pair = Pair(workspace)
    with workspace.db.transaction() as session:
        first = entries.find_entry(session, pair.ids[0])
        arming.disarm(session, first)
        entries.drop(session, first)
    pair.run(DUE)
    assert pair.publications()[1].reason == "'First', which it follows, was taken off the calendar"
    with workspace.db.transaction() as session:
        service.resume(session, arming.of_entry(session, entries.find_entry(session, pair.ids[1]))[0])
    pair.run(DUE + timedelta(hours=2))
    assert pair.states()[1] == S.PUBLISHED


def test_after_approval(workspace: Workspace) -> None:
    with workspace.db.transaction() as session:
        user = acting_user(session, None)
        draft = Draft(kind="article", title="Draft", slug="draft", body={"text": "Words"})
        content.save(session, workspace.plugins, None, draft, user)
        asset = content.find(session, "draft")
        toy = connections.find(session, "toy", "main")
        when = parse_when("2026-05-20 09:00", "Europe/Paris")
        ahead = plan(session, Plan(when, asset=asset, channel="toy", connection=toy))
        words = approve_words(session, workspace, "toy", "Second", slug="second")
        behind = parse_when(f"after:{ahead.public_id}:approved+1d", "Europe/Paris")
        entry = plan(session, Plan(behind, asset=words, channel="toy", connection=toy, after=ahead))
        publication = arming.arm(session, workspace, entry)
    worker = Worker(workspace, FrozenClock(DUE))
    worker.run_until_idle()
    with workspace.db.transaction() as session:
        assert session.get_one(Publication, publication.id).awaits == "approved"
        approve_newest(session, workspace, content.find(session, "draft"), acting_user(session, None))
    worker.run_until_idle()
    with workspace.db.session() as session:
        found = session.get_one(Publication, publication.id)
        assert (found.awaits, found.due_at) == ("", DUE + timedelta(days=1))


def test_a_task_that_is_ticked_off_lets_it_go(workspace: Workspace) -> None:
    with workspace.db.transaction() as session:
        task = plan(session, Plan(parse_when("2026-05-04 09:00", "UTC"), "Print", EntryKind.TASK))
        words = approve_words(session, workspace, "toy", "Second", slug="second")
        when = parse_when(f"after:{task.public_id}:finished", "UTC")
        toy = connections.find(session, "toy", "main")
        entry = plan(session, Plan(when, asset=words, channel="toy", connection=toy, after=task))
        publication = arming.arm(session, workspace, entry)
    worker = Worker(workspace, FrozenClock(DUE + timedelta(days=30)))
    worker.run_until_idle()
    with workspace.db.transaction() as session:
        assert session.get_one(Publication, publication.id).state == S.SCHEDULED
        entries.tick_off(session, entries.find_entry(session, task.public_id))
    worker.run_until_idle()
    with workspace.db.session() as session:
        assert session.get_one(Publication, publication.id).state == S.PUBLISHED


def test_moving_the_first_moves_the_second(workspace: Workspace) -> None:
    pair = Pair(workspace)
    with workspace.db.transaction() as session:
        first = entries.find_entry(session, pair.ids[0])
        rescheduling.move(session, workspace.plugins, first, "2026-05-06 10:00")
    assert [each.due_at for each in pair.publications()] == [
        DUE + timedelta(days=2, hours=1),
        DUE + timedelta(days=2, hours=3),
    ]


ENTRY = st.sampled_from([EntryState.PLANNED, EntryState.ARMED, EntryState.DONE, EntryState.DROPPED])
STATE = st.one_of(st.none(), st.sampled_from(list(S)))


@settings(deadline=None)
@given(st.sampled_from(["published", "approved", "finished", "sound"]), ENTRY, STATE, st.booleans())
def test_what_has_happened_goes_and_what_cannot_happen_is_held(
    awaits: str, entry: EntryState, state: S | None, approved: bool
) -> None:
    verdict = judge(awaits, entry, state, approved=approved)
    if entry == EntryState.DONE or (awaits == "approved" and approved):
        assert verdict is Verdict.GO
    elif entry == EntryState.DROPPED:
        assert verdict is Verdict.HOLD
    elif verdict is Verdict.HOLD:
        assert entry == EntryState.ARMED
        assert state in (S.FAILED, S.MISSED, S.CANCELLED)
    elif verdict is Verdict.GO:
        assert awaits == "published"
        assert state in (S.SENDING, S.PUBLISHED, S.WITHDRAWN)
