"""Pausing and resuming what is live: asked of the channel with an intent, asked again when nobody knows, honest when refused."""

import pytest

from cms_core import contract as c
from cms_core.errors import Conflict
from cms_core.publishing import live, service
from cms_core.services import Services
from cms_core.worker import Worker
from cms_core.workspace import Workspace
from tests.publishing.conftest import DUE, Arm, approve_words, people, shown
from tests.publishing.toys import Toys


@pytest.fixture
def public_id(workspace: Workspace, worker: Worker, toys: Toys, arm: Arm) -> str:
    """A publication that is live on the toy channel."""
    made = arm()
    worker.run_until_idle()
    toys.remote.calls.clear()
    return made


def pause(workspace: Workspace, public_id: str, reason: str = "too dear") -> None:
    Services(workspace, "toys").pause(public_id, reason)


def phases(workspace: Workspace, public_id: str) -> list[tuple[str, str | None]]:
    return [(each["phase"], each["outcome"]) for each in shown(workspace, public_id)["attempts"]][1:]


def test_a_live_one_is_paused_and_resumed_by_the_worker(
    workspace: Workspace, worker: Worker, toys: Toys, public_id: str
) -> None:
    pause(workspace, public_id)
    document = shown(workspace, public_id)
    assert (document["state"], document["paused"], document["switching_to"]) == ("published", "", "pause")
    worker.run_until_idle()
    document = shown(workspace, public_id)
    assert (document["state"], document["paused"], document["switching_to"]) == (
        "published",
        "too dear",
        None,
    )
    Services(workspace, "toys").resume(public_id)
    worker.run_until_idle()
    document = shown(workspace, public_id)
    assert (document["paused"], document["switching_to"]) == ("", None)
    assert toys.remote.calls == ["pause", "activate"]
    assert phases(workspace, public_id) == [("pause", "paused"), ("resume", "resumed")]


def test_not_knowing_is_asked_again(workspace: Workspace, worker: Worker, toys: Toys, public_id: str) -> None:
    toys.remote.after = [c.OutcomeUnknown("the line went dead"), ConnectionResetError("and again")]
    pause(workspace, public_id)
    worker.run_until_idle()
    assert toys.remote.calls == ["pause"] * 3
    assert phases(workspace, public_id) == [("pause", "unknown"), ("pause", "unknown"), ("pause", "paused")]
    assert shown(workspace, public_id)["paused"] == "too dear"


def test_refused_is_said_and_it_stays_live(
    workspace: Workspace, worker: Worker, toys: Toys, public_id: str
) -> None:
    toys.remote.before = [c.Refused("not on this plan")]
    pause(workspace, public_id)
    worker.run_until_idle()
    document = shown(workspace, public_id)
    assert (document["state"], document["paused"], document["switching_to"]) == ("published", "", None)
    assert document["reason"] == "could not be paused: not on this plan"
    assert toys.remote.calls == ["pause"]


def test_a_worker_that_dies_meanwhile_leaves_an_intent_and_another_asks_again(
    workspace: Workspace, worker: Worker, toys: Toys, public_id: str
) -> None:
    pause(workspace, public_id)
    toys.remote.after = [KeyboardInterrupt()]
    with pytest.raises(KeyboardInterrupt):
        worker.run_until_idle()
    assert phases(workspace, public_id) == [("pause", None)], "the intent stands before the socket opens"
    Worker(workspace, worker.runner.due_clock).run_until_idle()
    assert phases(workspace, public_id) == [("pause", "interrupted"), ("pause", "paused")]


def test_who_changes_their_mind_while_it_is_asked_is_served_next(
    workspace: Workspace, worker: Worker, toys: Toys, public_id: str
) -> None:
    pause(workspace, public_id)

    original, toys.remote.call = toys.remote.call, None  # type: ignore[method-assign]

    def call(name: str, act: object) -> None:
        toys.remote.call = original  # type: ignore[method-assign]
        toys.remote.calls.append(name)
        Services(workspace, "toys").resume(public_id)

    toys.remote.call = call  # type: ignore[method-assign,assignment]
    worker.run_until_idle()
    assert toys.remote.calls == ["pause", "activate"]
    assert (shown(workspace, public_id)["paused"], shown(workspace, public_id)["switching_to"]) == ("", None)


def test_a_channel_that_cannot_pause_says_so_at_once(workspace: Workspace, worker: Worker, arm: Arm) -> None:
    people(workspace, 1)
    sent = arm("letter")
    worker.run_until_idle()
    with pytest.raises(Conflict, match="channel letter cannot pause what is public"):
        pause(workspace, sent)
    with pytest.raises(Conflict, match="is not paused"):
        Services(workspace, "toys").resume(sent)


def test_words_that_replace_a_paused_one_are_paused_too(
    workspace: Workspace, worker: Worker, toys: Toys, public_id: str
) -> None:
    pause(workspace, public_id)
    worker.run_until_idle()
    with workspace.db.transaction() as session:
        approve_words(session, workspace, "toy", "Hello again", slug="toy-hello")
        found = service.find(session, public_id)
        successor = service.update_content(session, workspace.plugins, found).public_id
    worker.run_until_idle()
    assert toys.remote.calls == ["pause", "prepare", "publish", "pause"]
    assert shown(workspace, successor)["paused"] == "too dear"
    with workspace.db.transaction() as session, pytest.raises(Conflict, match="was superseded"):
        live.pause(session, workspace.plugins, service.find(session, public_id), "again")


def test_a_paused_one_can_be_taken_back(
    workspace: Workspace, worker: Worker, toys: Toys, public_id: str
) -> None:
    pause(workspace, public_id)
    with workspace.db.transaction() as session:
        service.ask_withdrawal(session, service.find(session, public_id))
    worker.run_until_idle()
    document = shown(workspace, public_id)
    assert (document["state"], document["switching_to"]) == ("withdrawn", None)
    assert toys.remote.calls == ["withdraw"]


def test_before_it_goes_out_a_pause_is_a_hold(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm
) -> None:
    made = arm()
    pause(workspace, made)
    worker.run_until_idle()
    assert shown(workspace, made)["state"] == "held"
    Services(workspace, "toys").resume(made)
    worker.run_until_idle()
    assert shown(workspace, made)["state"] == "published"
    assert shown(workspace, made)["due_at"] == DUE
