"""The worker's part: gather what needs somebody, write letters, send the system's mail; in a thread of its own."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import ColumnElement, or_, select

from cms_core.logs import tell_fault
from cms_core.notices import gathering, outbox, resets
from cms_core.notices.models import Mail, MailState, NoticePost, ResetRequest
from cms_core.notices.posting import post
from cms_core.notices.sending import send_due
from cms_core.workspace import Workspace

log = logging.getLogger(__name__)

SLEEP_SECONDS = 5.0
PURGE_SECONDS = 3600.0


@contextmanager
def telling_people(workspace: Workspace, stopping: threading.Event) -> Iterator[None]:
    """Tell people as long as the block runs: a slow mail server keeps nothing else waiting."""
    done = threading.Event()

    def stopped() -> bool:
        return done.is_set() or stopping.is_set()

    def run() -> None:
        purge_at = 0.0
        while not stopped():
            present = time.monotonic()
            try:
                raised, waiting = gathering.gather(workspace, _something(workspace))
                if raised or waiting:
                    _tell(workspace, stopped)
                if present >= purge_at:
                    purge_at = present + PURGE_SECONDS
                    purge(workspace)
            except Exception as fault:
                tell_fault(log, "people could not be told; trying again", fault)
            done.wait(SLEEP_SECONDS)

    thread = threading.Thread(target=run, name="cms-notices", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def tell_people(workspace: Workspace, stopped: Callable[[], bool] = lambda: False) -> int:
    """Do once what there is to do; returns how many mails the server took."""
    gathering.gather(workspace)
    return _tell(workspace, stopped)


def _tell(workspace: Workspace, stopped: Callable[[], bool]) -> int:
    resets.answer_requests(workspace)
    post(workspace)
    return send_due(workspace, stopped)


def _something(workspace: Workspace) -> ColumnElement[bool]:
    """SQL: somebody asked for a new password, or a letter or a mail is due."""
    at = workspace.db.clock.now()
    pending = select(Mail.id).where(Mail.state == MailState.PENDING, Mail.next_at <= at)
    letters = select(NoticePost.id).where(NoticePost.due_at <= at)
    return or_(select(ResetRequest.address).exists(), letters.exists(), pending.exists())


def purge(workspace: Workspace) -> None:
    """Forget what is old."""
    with workspace.db.transaction() as session:
        outbox.purge(session)
        gathering.purge(session)
