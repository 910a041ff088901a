"""Single publications: from armed to published, and every way it can go wrong."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import cast

import pytest

from cms_core.campaigns.service import Plan, plan
from cms_core.campaigns.when import Mode, When
from cms_core.clock import FrozenClock
from cms_core.connections import service as connections
from cms_core.contract import (
    Absent,
    Finding,
    Json,
    Level,
    Link,
    Measurement,
    NotConnected,
    OutcomeUnknown,
    Placement,
    Prepared,
    Receipt,
    Refused,
    Retryable,
    Wait,
)
from cms_core.errors import Conflict, Invalid
from cms_core.publishing import arming, runner, service
from cms_core.publishing.measuring import measure
from cms_core.publishing.models import Publication
from cms_core.publishing.runner import Pace
from cms_core.testing.pages import statements
from cms_core.worker import Worker
from cms_core.workspace import Workspace
from tests.publishing.conftest import DUE, Arm, approve_words, shown
from tests.publishing.toys import Toys


def act(workspace: Workspace, public_id: str, name: str, **more: object) -> None:
    with workspace.db.transaction() as session:
        getattr(service, name)(session, service.find(session, public_id), **more)


def make_due(workspace: Workspace, public_id: str) -> None:
    """Let a back-off be over."""
    with workspace.db.transaction() as session:
        found = service.find(session, public_id)
        if found.retry_at is not None:
            found.retry_at -= timedelta(hours=3)


def test_armed_entry_is_published_when_due(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm
) -> None:
    public_id = arm()
    result = worker.run_until_idle()
    assert result.document() == {"published": 1, "failed": 0, "unknown": 0, "missed": 0, "deliveries": {}}
    found = shown(workspace, public_id)
    assert found["state"] == "published"
    assert found["url"] == f"https://toy.example/{public_id}"
    assert [(each["phase"], each["outcome"]) for each in found["attempts"]] == [("commit", "published")]
    assert toys.remote.posts == {public_id: {"title": "Hello"}}
    assert not result.partly


def test_what_is_not_due_waits(workspace: Workspace, worker: Worker, arm: Arm) -> None:
    public_id = arm(due=DUE + timedelta(seconds=1))
    assert worker.run_until_idle().touched == set()
    assert shown(workspace, public_id)["state"] == "scheduled"


def test_too_late_is_missed_and_a_person_may_retry(workspace: Workspace, toys: Toys, arm: Arm) -> None:
    public_id = arm()
    late = Worker(workspace, FrozenClock(DUE + timedelta(hours=2, seconds=1)))
    result = late.run_until_idle()
    assert result.document()["missed"] == 1
    assert result.partly
    assert toys.remote.posts == {}
    act(workspace, public_id, "retry")
    late.run_until_idle()
    assert shown(workspace, public_id)["state"] == "published"


def test_within_grace_is_published(workspace: Workspace, arm: Arm) -> None:
    public_id = arm()
    Worker(workspace, FrozenClock(DUE + timedelta(hours=2))).run_until_idle()
    assert shown(workspace, public_id)["state"] == "published"


def test_refused_fails_and_is_not_repeated(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm
) -> None:
    public_id = arm()
    toys.remote.before = [Refused("no such page")]
    assert worker.run_until_idle().document()["failed"] == 1
    assert shown(workspace, public_id)["reason"] == "no such page"
    assert toys.remote.calls.count("publish") == 1


def test_retryable_waits_and_is_published_by_the_same_key(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm
) -> None:
    public_id = arm()
    toys.remote.before = [Retryable("busy", timedelta(hours=1))]
    worker.run_until_idle()
    assert shown(workspace, public_id)["state"] == "retry_wait"
    make_due(workspace, public_id)
    worker.run_until_idle()
    assert list(toys.remote.posts) == [public_id]
    assert toys.remote.calls.count("prepare") == 1


def test_near_retry_is_waited_for(workspace: Workspace, worker: Worker, toys: Toys, arm: Arm) -> None:
    public_id = arm()
    toys.remote.before = [Retryable("busy", timedelta(seconds=0.3))]
    worker.run_until_idle()
    assert shown(workspace, public_id)["state"] == "published"


def test_not_connected_holds_and_names_the_connection(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm
) -> None:
    public_id = arm()
    toys.remote.before = [NotConnected("the token has expired")]
    worker.run_until_idle()
    found = shown(workspace, public_id)
    assert (found["state"], found["reason"]) == ("held", "not connected: the token has expired")
    act(workspace, public_id, "resume")
    worker.run_until_idle()
    assert shown(workspace, public_id)["state"] == "published"


def test_unknown_of_a_client_id_channel_is_replayed_once(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm
) -> None:
    public_id = arm()
    toys.remote.after = [OutcomeUnknown("no answer")]
    worker.run_until_idle()
    make_due(workspace, public_id)
    worker.run_until_idle()
    found = shown(workspace, public_id)
    assert found["state"] == "published"
    assert list(toys.remote.posts) == [public_id]
    assert toys.remote.calls.count("prepare") == 1, "what was prepared is frozen"


def test_unknown_of_a_channel_without_idempotency_waits_for_a_person(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm
) -> None:
    public_id = arm("once")
    toys.remote.after = [OutcomeUnknown("no answer")]
    assert worker.run_until_idle().document()["unknown"] == 1
    make_due(workspace, public_id)
    worker.run_until_idle()
    assert toys.remote.calls.count("publish") == 1
    with pytest.raises(Conflict, match="may have gone out"):
        act(workspace, public_id, "retry")
    act(workspace, public_id, "resolve", published_url=None)
    assert shown(workspace, public_id)["state"] == "failed"
    act(workspace, public_id, "retry")
    worker.run_until_idle()
    assert shown(workspace, public_id)["state"] == "published"


def test_person_finds_it_published(workspace: Workspace, worker: Worker, toys: Toys, arm: Arm) -> None:
    public_id = arm("once")
    toys.remote.after = [OutcomeUnknown("no answer")]
    worker.run_until_idle()
    act(workspace, public_id, "resolve", published_url="https://toy.example/seen")
    found = shown(workspace, public_id)
    assert (found["state"], found["url"]) == ("published", "https://toy.example/seen")


@pytest.mark.parametrize(
    ("answer", "calls", "state"),
    [(Receipt("found", "https://toy.example/found"), 1, "published"), (Absent(), 2, "published")],
)
def test_look_up_settles_an_unknown(
    workspace: Workspace,
    worker: Worker,
    toys: Toys,
    arm: Arm,
    answer: Receipt | Absent,
    calls: int,
    state: str,
) -> None:
    public_id = arm()
    toys.toy.answer = answer
    toys.remote.after = [OutcomeUnknown("no answer")]
    worker.run_until_idle()
    make_due(workspace, public_id)
    worker.run_until_idle()
    assert shown(workspace, public_id)["state"] == state
    assert toys.remote.calls.count("publish") == calls


def test_fault_of_the_plugin_after_the_intent_is_unknown_and_named(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm
) -> None:
    public_id = arm("once")
    toys.remote.after = [ZeroDivisionError("oops")]
    worker.run_until_idle()
    found = shown(workspace, public_id)
    assert found["state"] == "unknown"
    assert "fault in plugin toys" in found["reason"]
    assert workspace.plugins.faults[-1].plugin == "toys"


def test_hold_of_a_check_stops_the_commit(workspace: Workspace, worker: Worker, toys: Toys, arm: Arm) -> None:
    public_id = arm(title="forbidden")
    worker.run_until_idle()
    found = shown(workspace, public_id)
    assert (found["state"], found["reason"]) == ("held", "title: this word is forbidden")
    assert toys.remote.calls == []


def test_newly_approved_words_go_out(workspace: Workspace, worker: Worker, toys: Toys, arm: Arm) -> None:
    public_id = arm()
    with workspace.db.transaction() as session:
        approve_words(session, workspace, "toy", "Better", "toy-hello")
    worker.run_until_idle()
    assert toys.remote.posts[public_id] == {"title": "Better"}


def test_unapproved_asset_cannot_be_armed(workspace: Workspace, arm: Arm) -> None:
    arm()
    with workspace.db.transaction() as session:
        found = service.find(session, shown(workspace, arm(title="Second"))["id"])
        found.revision.state = "draft"
        entry = found.entry
        assert entry is not None
        service.cancel(session, found)
        with pytest.raises(Invalid, match="not approved"):
            arming.arm(session, workspace, entry)


def test_approval_gone_before_publishing_holds(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm
) -> None:
    public_id = arm()
    with workspace.db.transaction() as session:
        service.find(session, public_id).revision.state = "draft"
    worker.run_until_idle()
    assert shown(workspace, public_id)["state"] == "held"
    assert toys.remote.posts == {}


def test_update_supersedes_and_only_the_head_is_withdrawn(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm
) -> None:
    first = arm()
    worker.run_until_idle()
    with workspace.db.transaction() as session:
        approve_words(session, workspace, "toy", "Better", "toy-hello")
        successor = service.update_content(session, workspace.plugins, service.find(session, first)).public_id
    worker.run_until_idle()
    assert toys.remote.posts == {first: {"title": "Better"}}
    assert shown(workspace, first)["superseded_by"] == successor
    with pytest.raises(Conflict, match="superseded"):
        act(workspace, first, "ask_withdrawal")
    act(workspace, successor, "ask_withdrawal")
    worker.run_until_idle()
    assert shown(workspace, successor)["state"] == "withdrawn"
    assert toys.remote.posts == {}


def test_end_withdraws(workspace: Workspace, worker: Worker, toys: Toys, arm: Arm) -> None:
    public_id = arm(ends_at=DUE + timedelta(days=1))
    worker.run_until_idle()
    Worker(workspace, FrozenClock(DUE + timedelta(days=2))).run_until_idle()
    assert shown(workspace, public_id)["state"] == "withdrawn"
    assert toys.remote.posts == {}


def test_what_expires_is_taken_back_and_not_armed_later(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm
) -> None:
    first = arm()
    with workspace.db.transaction() as session:
        entry = service.find(session, first).entry
        assert entry is not None
        assert entry.asset is not None
        arming.disarm(session, entry)
        entry.asset.unpublish_at = DUE + timedelta(hours=2)
        public_id = arming.arm(session, workspace, entry).public_id
    worker.run_until_idle()
    assert shown(workspace, public_id)["state"] == "published"
    Worker(workspace, FrozenClock(DUE + timedelta(hours=2, minutes=1))).run_until_idle()
    assert shown(workspace, public_id)["state"] == "withdrawn"
    assert toys.remote.posts == {}
    with workspace.db.transaction() as session:
        entry = service.find(session, public_id).entry
        assert entry is not None
        late = When(Mode.ABSOLUTE, instant=DUE + timedelta(days=1), tz="UTC")
        main = connections.find(session, "toy", "main")
        again = plan(session, Plan(late, asset=entry.asset, channel="toy", connection=main))
        with pytest.raises(Invalid, match="has expired"):
            arming.arm(session, workspace, again)


def test_cancel_and_hold_win_before_the_commit(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm
) -> None:
    cancelled, held = arm(title="One"), arm(title="Two")
    act(workspace, cancelled, "cancel")
    act(workspace, held, "hold", reason="wait for legal")
    worker.run_until_idle()
    assert toys.remote.posts == {}
    assert shown(workspace, held)["reason"] == "wait for legal"


def test_cancel_during_prepare_wins(workspace: Workspace, worker: Worker, toys: Toys, arm: Arm) -> None:
    public_id = arm()
    held = worker.runner.claim()
    act(workspace, public_id, "cancel")
    worker.runner.run(held)
    assert shown(workspace, public_id)["state"] == "cancelled"
    assert toys.remote.posts == {}


def test_dead_worker_before_the_intent_goes_back_to_scheduled(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm
) -> None:
    public_id = arm()
    assert worker.runner.claim()  # and then it dies
    worker.run_until_idle()
    assert shown(workspace, public_id)["state"] == "published"
    assert len(toys.remote.posts) == 1


def test_missing_plugin_holds(workspace: Workspace, worker: Worker, arm: Arm) -> None:
    public_id = arm()
    workspace.plugins.channels.pop("toy")
    worker.run_until_idle()
    assert shown(workspace, public_id)["reason"] == "plugin toys is missing"


def test_channel_that_measures_is_asked_for_its_numbers(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm
) -> None:
    public_id = arm()
    worker.run_until_idle()
    now = worker.runner.real
    toys.toy.numbers = [Measurement(public_id, "likes", Decimal(7), now)]
    assert measure(workspace, now) == 1
    assert measure(workspace, now) == 0, "the same number at the same instant is kept once"
    assert toys.toy.asked == [[public_id]] * 3, "once at the end of the worker's run, and twice here"


def test_secrets_stay_out_of_reasons_and_faults(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm
) -> None:
    canary = "canary-4f1d9c"
    with workspace.db.transaction() as session:
        row = connections.find(session, "toy", "main")
        connections.update(session, workspace.vault, workspace.plugins, row, {"token": canary})
    toys.remote.before = [NotConnected(f"the token {canary} has expired")]
    refused = arm()
    worker.run_until_idle()
    with workspace.db.session() as session:
        reason = connections.find(session, "toy", "main").reason
    toys.remote.before = [ZeroDivisionError(canary)]
    faulty = arm(title="Second")
    worker.run_until_idle()
    told = [
        reason,
        str(workspace.plugins.faults),
        *(str(shown(workspace, each)) for each in (refused, faulty)),
    ]
    assert not [text for text in told if canary in text]
    assert reason == "the token (hidden) has expired"


def test_what_the_channel_finds_wrong_is_not_armed(workspace: Workspace, toys: Toys, arm: Arm) -> None:
    toys.toy.finding = Finding(Level.ERROR, "text", "line 2, column 5: there is no field 'frist_name'")
    with pytest.raises(Invalid, match="line 2, column 5"):
        arm()
    with workspace.db.session() as session:
        assert session.query(Publication).count() == 0


def test_what_many_need_is_read_by_as_many_statements_as_what_two_need(
    workspace: Workspace, worker: Worker, arm: Arm
) -> None:
    for number in range(9):
        arm(title=f"Piece {number}")
    asked: list[int] = []
    for most in (2, 7):
        worker.runner.paces = defaultdict(partial(Pace, most))
        worker.runner.sweep()
        batch = worker.runner.claim()
        assert len(batch) == most
        with statements(workspace.db.engine) as counter:
            assert len(worker.runner._pictures(batch)) == most
        asked.append(next(counter))
    assert asked[0] == asked[1]


@dataclass(frozen=True, slots=True)
class OddReceipt(Receipt):
    """As a plugin may make one."""


ODD: dict[str, tuple[Json, Receipt, str]] = {
    "a number that nobody can write": ({"n": 10**5000}, Receipt("1"), "failed"),
    "no number at all": ({"n": float("nan")}, Receipt("1"), "failed"),
    "a receipt with such a number": ({}, Receipt("1", data={"n": 10**5000}), "unknown"),
    "a receipt without a number": ({}, Receipt("1", data={"n": [float("inf")]}), "unknown"),
    "an id that is too long": ({}, Receipt("1" * 301), "unknown"),
    "a receipt of one's own": ({"n": 1}, OddReceipt("1"), "published"),
}


@pytest.mark.parametrize("case", ODD)
def test_an_answer_that_cannot_be_kept_costs_its_own_piece_only(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    prepared, receipt, state = ODD[case]
    ids = [arm(title=title) for title in ("First", "Odd", "Third")]
    prepare, publish = toys.toy.prepare, toys.toy.publish

    def oddly_prepare(link: Link, placement: Placement, progress: Json | None) -> Prepared | Wait:
        odd = placement.publication == ids[1]
        return Prepared(prepared) if odd else prepare(link, placement, progress)

    def oddly_publish(link: Link, made: Prepared, key: str, previous: Receipt | None) -> Receipt:
        return receipt if key == ids[1] else publish(link, made, key, previous)

    monkeypatch.setattr(toys.toy, "prepare", oddly_prepare)
    monkeypatch.setattr(toys.toy, "publish", oddly_publish)
    worker.runner.paces = defaultdict(partial(Pace, len(ids)))
    assert worker.work_once()
    assert [shown(workspace, each)["state"] for each in ids] == ["published", state, "published"]


def test_a_slow_batch_lets_others_come_to_their_turn(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "TURN_SECONDS", -1.0)
    ids = [arm(title=title) for title in ("First", "Second", "Third")]
    worker.runner.paces = defaultdict(partial(Pace, len(ids)))
    for public in (1, 2, 3):
        assert worker.work_once()
        found = [shown(workspace, each) for each in ids]
        assert [each["state"] for each in found] == ["published"] * public + ["scheduled"] * (3 - public)
        assert [len(each["attempts"]) for each in found] == [1] * public + [0] * (3 - public)


def test_what_fails_for_all_is_tried_one_by_one(
    worker: Worker, arm: Arm, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        arm(title=f"Piece {number}")
    worker.runner.paces = defaultdict(partial(Pace, 3))

    def fail(*_: object) -> None:
        raise RuntimeError("no database takes this")

    monkeypatch.setattr(worker.runner, "_intend_all", fail)
    with pytest.raises(RuntimeError, match="no database"):
        worker.work_once()
    assert [each.most for each in worker.runner.paces.values()] == [1]


def test_a_plugin_that_writes_into_one_piece_spoils_no_other(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm, monkeypatch: pytest.MonkeyPatch
) -> None:
    def prepare(link: Link, placement: Placement, progress: Json | None) -> Prepared:
        words = cast("dict[str, str]", placement.asset.body)
        words["text"] += "!"
        return Prepared({"title": words["text"], "publication": placement.publication})

    monkeypatch.setattr(toys.toy, "prepare", prepare)
    ids = [arm(due=DUE - timedelta(minutes=minutes)) for minutes in range(3)]
    worker.runner.paces = defaultdict(partial(Pace, len(ids)))
    assert worker.work_once()
    assert toys.remote.posts == {each: {"title": "Words of Hello!", "publication": each} for each in ids}
