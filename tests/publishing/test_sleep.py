"""Runs that sleep: no lease, by the clock of what is due or after the time itself; and plugins that come and go."""

from datetime import timedelta

import pytest

from cms_core import contract as c
from cms_core.clock import FrozenClock
from cms_core.publishing import service
from cms_core.publishing.models import Publication
from cms_core.worker import Worker
from cms_core.workspace import Workspace
from tests.publishing.conftest import DUE, Arm, people, shown
from tests.publishing.toys import Toys


def at(workspace: Workspace, after: timedelta = timedelta(0)) -> Worker:
    return Worker(workspace, FrozenClock(DUE + after))


@pytest.fixture
def slow(toys: Toys, monkeypatch: pytest.MonkeyPatch) -> list[c.Json | None]:
    """The toy channel takes three calls and three hours to prepare; gives the progress that it was called with."""
    seen: list[c.Json | None] = []

    def prepare(link: c.Link, placement: c.Placement, progress: c.Json | None) -> c.Prepared | c.Wait:
        seen.append(progress)
        done = (progress or {"done": 0})["done"] + 1
        return c.Prepared({"title": "ready"}) if done == 3 else c.Wait(timedelta(hours=1), {"done": done})

    monkeypatch.setattr(toys.toy, "prepare", prepare)
    return seen


def test_preparing_sleeps_by_the_frozen_clock_and_carries_on(
    workspace: Workspace, arm: Arm, slow: list[c.Json | None]
) -> None:
    public_id = arm()
    at(workspace).run_until_idle()
    document = shown(workspace, public_id)
    assert (document["state"], document["wake_at"]) == ("retry_wait", DUE + timedelta(hours=1))
    with workspace.db.session() as session:
        assert session.query(Publication.lease_until).scalar() is None
    at(workspace, timedelta(minutes=59)).run_until_idle()
    assert slow == [None], "it sleeps"
    at(workspace, timedelta(hours=1)).run_until_idle()
    at(workspace, timedelta(hours=9)).run_until_idle()
    assert slow == [None, {"done": 1}, {"done": 2}]
    assert shown(workspace, public_id)["state"] == "published", "what has begun is not missed for its sleep"


def test_preparing_wakes_when_the_time_itself_has_passed(
    workspace: Workspace, arm: Arm, toys: Toys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container that needs a second is ready after a second, whatever instant the worker takes for the present."""
    answers: list[c.Prepared | c.Wait] = [c.Wait(timedelta(seconds=0.3), {}), c.Prepared({"title": "ready"})]
    monkeypatch.setattr(toys.toy, "prepare", lambda link, placement, progress: answers.pop(0))
    public_id = arm()
    at(workspace).run_until_idle()
    assert shown(workspace, public_id)["state"] == "published"


def test_a_moved_entry_forgets_its_sleep(workspace: Workspace, arm: Arm, slow: list[c.Json | None]) -> None:
    from cms_core.publishing import arming

    public_id = arm()
    at(workspace).run_until_idle()
    with workspace.db.transaction() as session:
        entry = service.find(session, public_id).entry
        assert entry is not None
        entry.instant = DUE + timedelta(minutes=5)
        arming.follow(session, workspace.plugins, entry)
    assert shown(workspace, public_id)["wake_at"] is None
    at(workspace, timedelta(minutes=5)).run_until_idle()
    assert len(slow) == 2


# --- a plugin that is removed, and returns ----------------------------------------------------------------------------


def test_what_waits_for_a_removed_plugin_is_held_and_comes_back_with_it(
    workspace: Workspace, arm: Arm, toys: Toys
) -> None:
    public_id = arm(due=DUE + timedelta(hours=1))
    gone = workspace.plugins.channels.pop("toy")
    at(workspace).run_until_idle()
    document = shown(workspace, public_id)
    assert (document["state"], document["reason"]) == ("held", "plugin toys is missing")
    workspace.plugins.channels["toy"] = gone
    at(workspace).run_until_idle()
    assert shown(workspace, public_id)["state"] == "scheduled"
    at(workspace, timedelta(hours=1)).run_until_idle()
    assert shown(workspace, public_id)["state"] == "published"


def test_who_comes_back_too_late_asks_a_person(workspace: Workspace, arm: Arm) -> None:
    public_id = arm()
    gone = workspace.plugins.channels.pop("toy")
    at(workspace).run_until_idle()
    workspace.plugins.channels["toy"] = gone
    at(workspace, timedelta(days=3)).run_until_idle()
    assert shown(workspace, public_id)["state"] == "missed"


def test_what_a_person_held_stays_held_when_the_plugin_returns(workspace: Workspace, arm: Arm) -> None:
    public_id = arm()
    with workspace.db.transaction() as session:
        service.hold(session, service.find(session, public_id), "look at it first")
    gone = workspace.plugins.channels.pop("toy")
    at(workspace).run_until_idle()
    workspace.plugins.channels["toy"] = gone
    at(workspace).run_until_idle()
    assert shown(workspace, public_id)["reason"] == "look at it first"


def test_a_send_that_lost_its_plugin_goes_on_where_it_was(workspace: Workspace, arm: Arm, toys: Toys) -> None:
    people(workspace, 3)
    toys.letter.script["p1@example.com"] = ["retry"]
    public_id = arm("letter")
    worker = at(workspace)
    assert worker.work_once()
    assert shown(workspace, public_id)["state"] == "sending"
    gone = workspace.plugins.channels.pop("letter")
    at(workspace).run_until_idle()
    assert shown(workspace, public_id)["reason"] == "plugin toys is missing"
    workspace.plugins.channels["letter"] = gone
    at(workspace, timedelta(days=3)).run_until_idle()
    assert shown(workspace, public_id)["state"] == "published"
    assert sorted(toys.remote.mails) == ["p0@example.com", "p1@example.com", "p2@example.com"]
