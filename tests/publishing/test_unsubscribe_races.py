"""Whoever was answered that they are unsubscribed gets no mail that went on the wire later: raced against a running send."""

import threading
import time
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from cms_core.audience.suppression import suppress
from cms_core.publishing.journal import Journal
from cms_core.publishing.models import Delivery
from cms_core.publishing.tokens import Tokens
from cms_core.testing.pages import app_of
from cms_core.worker import Worker
from cms_core.workspace import Workspace
from tests.publishing.conftest import Arm, people
from tests.publishing.toys import Toys

RACES = [100, pytest.param(1_000, marks=pytest.mark.long)]
AHEAD = 4  # up to so many are still to be pulled before the one who is about to say no: answers come before and after


class Watch:
    """When each delivery went on the wire, and how many have been pulled."""

    def __init__(self) -> None:
        self.wired: dict[int, float] = {}
        self.pulled = 0

    def watch(self, toys: Toys, monkeypatch: pytest.MonkeyPatch) -> None:
        told = Journal.on_wire

        def on_wire(journal: Journal, key: int) -> None:
            told(journal, key)
            self.wired[key] = time.monotonic()

        def on_pull(recipient: object) -> None:
            self.pulled += 1
            time.sleep(0.008)  # as a server that takes its time

        monkeypatch.setattr(Journal, "on_wire", on_wire)
        toys.letter.on_pull = on_pull

    def wait_for(self, count: int, sending: threading.Thread) -> None:
        while self.pulled < count and sending.is_alive():
            time.sleep(0.0002)


def by_link(workspace: Workspace) -> Callable[[Delivery], None]:
    """They press the button of the mail before."""
    app = app_of(workspace)
    client: FlaskClient = app.test_client()
    tokens = Tokens(workspace.vault.derive("token"))

    def unsubscribe(delivery: Delivery) -> None:
        answer = client.post(f"/t/{tokens.make(delivery.id)}/u", data={"List-Unsubscribe": "One-Click"})
        assert answer.status_code == 200

    return unsubscribe


def by_list(workspace: Workspace) -> Callable[[Delivery], None]:
    """Their address is put on the list of those who must not be reached."""

    def suppressed(delivery: Delivery) -> None:
        with workspace.db.transaction() as session:
            suppress(session, delivery.address_hash, "letter", "global", "complained")

    return suppressed


@pytest.mark.parametrize("races", RACES)
@pytest.mark.parametrize(("how", "door"), [(by_link, True), (by_list, True), (by_link, False)])
def test_no_mail_is_later_than_the_answer(
    workspace: Workspace,
    worker: Worker,
    toys: Toys,
    arm: Arm,
    monkeypatch: pytest.MonkeyPatch,
    races: int,
    how: Callable[[Workspace], Callable[[Delivery], None]],
    door: bool,
) -> None:
    monkeypatch.setattr(type(toys.letter), "door", door)
    people(workspace, 2 * races)
    arm("letter")
    say_no, watch = how(workspace), Watch()
    watch.watch(toys, monkeypatch)
    sending = threading.Thread(target=worker.run_until_idle)
    sending.start()
    rows = _claimed(workspace, sending)
    answered: dict[int, float] = {}
    for n, row in enumerate(rows[1::2]):  # every other one, each when the sender is about to come to them
        watch.wait_for(2 * n + 1 - n % AHEAD, sending)
        say_no(row)
        answered[row.id] = time.monotonic()
    sending.join(timeout=300)
    assert not sending.is_alive()
    sent = set(toys.remote.mails)
    late = [
        row.address
        for row in rows
        if row.address in sent and watch.wired[row.id] > answered.get(row.id, 1e12)
    ]
    assert late == []
    assert len(answered) == races
    with workspace.db.session() as session:
        fates = dict(session.execute(select(Delivery.address, Delivery.state)).all())
    assert {address for address, state in fates.items() if state == "accepted"} == sent
    assert set(fates.values()) <= {"accepted", "skipped"}


def _claimed(workspace: Workspace, sending: threading.Thread) -> list[Delivery]:
    """The deliveries, as soon as the audience is frozen."""
    while sending.is_alive():
        with workspace.db.session() as session:
            if rows := list(session.scalars(select(Delivery).order_by(Delivery.id))):
                return rows
        time.sleep(0.001)
    raise AssertionError("nobody was to be sent to")
