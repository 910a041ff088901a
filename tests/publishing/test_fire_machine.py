"""A model of the dispatcher: whatever people, remotes, crashes and clocks do, in any order, the promises hold at every step."""

import os
import tempfile
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select

from cms_core import contract as c
from cms_core import models
from cms_core.audience import consent
from cms_core.audience.models import Contact
from cms_core.auth.service import create_user
from cms_core.campaigns.service import Plan, plan
from cms_core.campaigns.when import Mode, When
from cms_core.clock import FrozenClock
from cms_core.config import load_config, write_config
from cms_core.connections import service as connections
from cms_core.errors import CmsError
from cms_core.publishing import arming, listing, sending, service
from cms_core.publishing.models import Delivery, DeliveryState, Publication, PublicationState
from cms_core.worker import Worker
from cms_core.workspace import open_workspace
from tests.publishing.conftest import DUE, _everybody, approve_words, people
from tests.publishing.toys import Toys

PEOPLE = 4
CHANNELS = ("toy", "once", "letter")
ENDED = {"published", "withdrawn", "failed", "unknown", "missed", "held", "cancelled"}
MISDEEDS = {
    "fine": None,
    "busy": c.Retryable("busy"),
    "refused": c.Refused("no"),
    "disconnected": c.NotConnected("sign in again"),
    "no answer": c.OutcomeUnknown("no answer"),
    "fault": ZeroDivisionError("oops"),
}


class _Death(BaseException):
    """Kills a worker in the middle of a call: nothing that would come after it happens."""


class Dispatcher(RuleBasedStateMachine):
    """Three publications, two workers and a clock."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(prefix="cms-fire-")
        self.patch = pytest.MonkeyPatch()
        self.unsubscribed: dict[str, int] = {}

    @initialize(ends=st.booleans())
    def begin(self, ends: bool) -> None:
        home = Path(self.folder.name) / "home"
        write_config(home, None, None)
        self.toys = Toys()
        self.clock = FrozenClock(DUE)
        self.patch.setattr(sending, "SystemClock", lambda: self.clock)
        config = load_config(home, {"CMS_LEASE_SECONDS": "30"})
        self.workspace = open_workspace(
            config, clock=self.clock, plugins=[], extra_plugins=[("toys", self.toys)]
        )
        models.metadata.create_all(self.workspace.db.engine)
        self.channels = dict(self.workspace.plugins.channels)
        ends_at = DUE + timedelta(hours=3) if ends else None
        with self.workspace.db.transaction() as session:
            create_user(session, "admin@example.com", "Ada", "admin", "correct horse battery")
            for channel in CHANNELS:
                connections.add(session, self.workspace.vault, self.workspace.plugins, channel, "main", {})
        people(self.workspace, PEOPLE)
        self.ids = [self._arm(channel, ends_at if channel == "toy" else None) for channel in CHANNELS]
        self.workers = [self._worker(), self._worker()]

    def _arm(self, channel: str, ends_at: datetime | None) -> str:
        with self.workspace.db.transaction() as session:
            wanted = Plan(
                When(Mode.ABSOLUTE, instant=DUE, tz="UTC"),
                asset=approve_words(session, self.workspace, channel, "Hello"),
                channel=channel,
                connection=connections.find(session, channel, "main"),
                segment=_everybody(session) if channel == "letter" else None,
                ends_at=ends_at,
            )
            return arming.arm(session, self.workspace, plan(session, wanted)).public_id

    def _worker(self) -> Worker:
        worker = Worker(self.workspace, self.clock)
        worker.runner.real_clock = self.clock
        return worker

    def teardown(self) -> None:
        if hasattr(self, "workspace"):
            self._comes_to_rest()
            self.workspace.db.dispose()
        self.patch.undo()
        self.folder.cleanup()

    # --- what happens -------------------------------------------------------------------------------------------------

    @rule(which=st.integers(0, 1))
    def work(self, which: int) -> None:
        self.workers[which].work_once()

    @rule(which=st.integers(0, 1), moment=st.sampled_from(["prepare", "publish", "reconcile", "pull"]))
    def die_at_work(self, which: int, moment: str) -> None:
        """The worker dies the next time it calls the channel; whatever it did before is done."""

        def death(*_: object) -> Any:
            raise _Death

        toy, letter = self.toys.toy, self.toys.letter
        if moment == "pull":
            letter.on_pull = death
        else:
            setattr(toy, moment, death)
        try:
            self.workers[which].work_once()
        except _Death:
            self.workers[which] = self._worker()
        finally:
            toy.__dict__.pop(moment, None)
            letter.on_pull = lambda recipient: None

    @rule(seconds=st.sampled_from([1, 31, 600, 7_000, 40_000]))
    def wait(self, seconds: int) -> None:
        self.clock.at += timedelta(seconds=seconds)

    @rule(misdeed=st.sampled_from(sorted(MISDEEDS)), after=st.booleans())
    def spoil(self, misdeed: str, after: bool) -> None:
        """The next call fails: before it did anything, or after it did."""
        self.toys.remote.before, self.toys.remote.after = [], []
        error = MISDEEDS[misdeed]
        if error is None:
            return
        surely_not = isinstance(error, c.Retryable | c.Refused | c.NotConnected)
        (self.toys.remote.after if after and not surely_not else self.toys.remote.before).append(error)

    @rule(answer=st.sampled_from(["nothing", "what is there"]))
    def tell_when_asked(self, answer: str) -> None:
        key = self.ids[0]
        there = c.Receipt(key) if key in self.toys.remote.posts else None
        self.toys.toy.answer = there if answer == "what is there" else None

    @rule(
        who=st.integers(0, PEOPLE - 1),
        step=st.sampled_from(["refuse", "retry", "unknown", "crash-before", "crash-after"]),
    )
    def spoil_letter(self, who: int, step: str) -> None:
        self.toys.letter.script[f"p{who}@example.com"] = [step]

    @rule(who=st.integers(0, PEOPLE - 1))
    def unsubscribe(self, who: int) -> None:
        address = f"p{who}@example.com"
        with self.workspace.db.transaction() as session:
            contact_id = session.scalars(select(Contact.id).where(Contact.email == address)).one()
            consent.unsubscribe(session, contact_id, "letter", "", source="test", evidence={})
        self.unsubscribed.setdefault(address, self.toys.remote.mails.count(address))

    @rule(
        which=st.integers(0, 2),
        what=st.sampled_from(
            ["hold", "resume", "cancel", "retry", "ask_withdrawal", "published", "not published"]
        ),
    )
    def act(self, which: int, what: str) -> None:
        more: dict[str, Any] = {"hold": {"reason": "wait"}}.get(what, {})
        name = what
        if what in ("published", "not published"):
            name, more = "resolve", {"published_url": "https://x.example" if what == "published" else None}
        try:
            with self.workspace.db.transaction() as session:
                getattr(service, name)(session, service.find(session, self.ids[which]), **more)
        except CmsError:
            return

    @rule(which=st.integers(0, 2), here=st.booleans())
    def plugin(self, which: int, here: bool) -> None:
        """A plugin is taken away, or comes back."""
        name = CHANNELS[which]
        if here:
            self.workspace.plugins.channels[name] = self.channels[name]
        else:
            self.workspace.plugins.channels.pop(name, None)

    # --- what always holds --------------------------------------------------------------------------------------------

    def _rows(self) -> list[Publication]:
        with self.workspace.db.session() as session:
            return list(session.scalars(select(Publication).order_by(Publication.id)))

    @invariant()
    def states_are_of_the_closed_lists(self) -> None:
        if not hasattr(self, "workers"):
            return
        for row in self._rows():
            assert row.state in set(PublicationState)
            assert row.lease_until is not None or row.state not in ("preparing", "committing")
        with self.workspace.db.session() as session:
            states = session.scalars(select(Delivery.state)).all()
            counts = listing.delivery_counts(session, [row.id for row in self._rows()])
        assert set(states) <= set(DeliveryState)
        assert sum(counts.values()) == len(states) in (0, PEOPLE), "counts add up"

    @invariant()
    def nobody_is_reached_twice(self) -> None:
        if not hasattr(self, "workers"):
            return
        remote = self.toys.remote
        assert set(remote.posts) <= set(self.ids), "one post for each key"
        mails = Counter(remote.mails)
        assert max(mails.values(), default=0) <= 1
        for address, before in self.unsubscribed.items():
            assert mails[address] == before, "unsubscribing wins"
        with self.workspace.db.session() as session:
            accepted = set(session.scalars(select(Delivery.address).where(Delivery.state == "accepted")))
        assert accepted <= set(mails)

    def _comes_to_rest(self) -> None:
        """Everything claimable ends; what is left waits for a person."""
        for name in CHANNELS:
            self.workspace.plugins.channels[name] = self.channels[name]
        self.toys.remote.before, self.toys.remote.after = [], []
        worker, worked = self._worker(), 0
        for _ in range(400):
            if worker.work_once():
                worked += 1
                assert worked < 100, "it never ends"
                continue
            wait = worker._next_wait()
            self.clock.at += timedelta(hours=2) if wait is None else timedelta(seconds=max(wait, 0.01))
            if wait is None and all(self._rests(row) for row in self._rows()):
                break
        else:
            raise AssertionError(
                [(row.channel, row.state, row.retry_at, row.lease_until) for row in self._rows()]
            )
        self.states_are_of_the_closed_lists()
        self.nobody_is_reached_twice()
        letter = self._rows()[2]
        with self.workspace.db.session() as session:
            states = set(session.scalars(select(Delivery.state)))
        if letter.state in ("published", "cancelled"):
            assert states <= {"accepted", "failed", "unknown", "skipped", "cancelled"}
        assert "claimed" not in states

    def _rests(self, row: Publication) -> bool:
        return (row.state in ENDED and row.withdraw_asked_at is None) or (
            row.state == "sending" and row.paused_at is not None
        )


TestDispatcher = Dispatcher.TestCase
TestDispatcher.settings = settings(
    max_examples=15,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


class Counted(Dispatcher):
    """Counts the steps of all runs together."""

    steps = 0

    @invariant()
    def one_more(self) -> None:
        type(self).steps += 1


@pytest.mark.long
def test_the_promises_hold_over_many_steps() -> None:
    """``CMS_STEPS`` asks for more; what fails is printed as a program that does the same again."""
    wanted = int(os.environ.get("CMS_STEPS", "10000"))
    while Counted.steps < wanted:  # some runs end early
        run_state_machine_as_test(
            Counted, settings=settings(TestDispatcher.settings, max_examples=50, stateful_step_count=50)
        )
