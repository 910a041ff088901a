"""What happens around a publication under fire: people act, rows change, hours pass, misdeeds never end."""

from datetime import timedelta
from typing import Any

from sqlalchemy import update

from cms_core.clock import FrozenClock
from cms_core.publishing import arming, service
from cms_core.publishing.models import Publication
from cms_core.worker import Worker
from cms_core.workspace import Workspace

STEPS = 150


def act(workspace: Workspace, public_id: str, name: str, **more: object) -> Any:
    """Do to a publication what a person does by its page or a command."""
    with workspace.db.transaction() as session:
        return getattr(service, name)(session, service.find(session, public_id), **more)


def change(workspace: Workspace, public_id: str, **values: object) -> None:
    """Write into the row of a publication."""
    with workspace.db.transaction() as session:
        session.execute(update(Publication).where(Publication.public_id == public_id).values(**values))


def disarm(workspace: Workspace, public_id: str) -> None:
    """Disarm the entry of a publication."""
    with workspace.db.transaction() as session:
        entry = service.find(session, public_id).entry
        assert entry is not None
        arming.disarm(session, entry)


def arm_again(workspace: Workspace, public_id: str) -> None:
    """Arm the entry of a publication anew."""
    with workspace.db.transaction() as session:
        entry = service.find(session, public_id).entry
        assert entry is not None
        arming.arm(session, workspace, entry)


def play(worker: Worker, hours: float = 0.0) -> int:
    """Run until idle, letting the real clock jump over each wait; then on over ``hours``. Returns the steps, which must end."""
    clock = FrozenClock(worker.runner.real)
    worker.runner.real_clock = clock
    until = clock.at + timedelta(hours=hours)
    worked = 0
    while worked < STEPS:
        if worker.work_once():
            worked += 1
            continue
        wait = worker._next_wait()
        if wait is None and clock.at >= until:
            return worked
        clock.at += timedelta(hours=2) if wait is None else timedelta(seconds=max(wait, 0.01))
    raise AssertionError(f"still not idle after {STEPS} pieces of work")


class Endless(list[Any]):
    """A misdeed that happens each time."""

    def pop(self, index: Any = 0) -> Any:
        return self[0]
