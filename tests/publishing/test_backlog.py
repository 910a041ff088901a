"""What waits for a worker, and how long it has: also what a worker that died has left behind."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from cms_core.db import now
from cms_core.publishing import service, status
from cms_core.publishing.models import Attempt, Phase, Publication
from cms_core.workspace import Workspace
from tests.publishing.conftest import Arm

AGO = timedelta(minutes=5)
LATER = -AGO
WAITING: dict[str, dict[str, Any]] = {
    "due": {"state": "scheduled", "due_at": AGO},
    "prepared by one that died": {"state": "preparing", "lease_until": AGO},
    "made public by one that died": {"state": "committing", "lease_until": AGO},
    "sent by one that died": {"state": "sending", "lease_until": AGO},
    "given back in mid-sending": {"state": "sending", "due_at": AGO},
    "throttled until now": {"state": "sending", "retry_at": AGO},
    "asleep until now": {"state": "sending", "wake_at": AGO},
    "to be tried again": {"state": "retry_wait", "retry_at": AGO},
    "to be looked up": {"state": "unknown", "retry_at": AGO},
    "to be taken back": {"state": "published", "withdraw_asked_at": AGO},
}
NOT_WAITING: dict[str, dict[str, Any]] = {
    "due later": {"state": "scheduled", "due_at": LATER},
    "after another": {"state": "scheduled", "due_at": AGO, "awaits": "published"},
    "being prepared": {"state": "preparing", "lease_until": LATER},
    "being sent": {"state": "sending", "lease_until": LATER},
    "paused": {"state": "sending", "lease_until": AGO, "paused_at": AGO},
    "throttled": {"state": "sending", "retry_at": LATER},
    "asleep": {"state": "sending", "wake_at": LATER},
    "tried again later": {"state": "retry_wait", "retry_at": LATER},
    "a person's": {"state": "unknown", "needs_person": True},
    "public": {"state": "published"},
    "held": {"state": "held", "due_at": AGO},
}


def put(workspace: Workspace, public_id: str, values: dict[str, Any]) -> None:
    """Write values; a time is given as how long ago it was."""
    with workspace.db.transaction() as session:
        present = now(session)
        row = service.find(session, public_id)
        instants = {name: present - each for name, each in values.items() if isinstance(each, timedelta)}
        same = {"due_at": present - 2 * AGO} if values["state"] == "published" else {}
        session.execute(
            update(Publication).where(Publication.id == row.id).values({**same, **values, **instants})
        )


def told(workspace: Workspace) -> tuple[int, int | None]:
    with workspace.db.session() as session:
        document = status.document(session, workspace)
        return document["due"], document["oldest_due_seconds"]


def assert_waits(workspace: Workspace, age: timedelta) -> None:
    due, seconds = told(workspace)
    assert due == 1
    assert seconds is not None
    assert 0 <= seconds - age.total_seconds() < 60


@pytest.mark.parametrize("case", WAITING)
def test_what_waits_is_counted_with_its_age(workspace: Workspace, arm: Arm, case: str) -> None:
    put(workspace, arm("toy"), WAITING[case])
    assert_waits(workspace, AGO)


@pytest.mark.parametrize("case", NOT_WAITING)
def test_what_is_at_work_or_rests_waits_for_nobody(workspace: Workspace, arm: Arm, case: str) -> None:
    put(workspace, arm("toy"), NOT_WAITING[case])
    assert told(workspace) == (0, None)


def test_what_was_tried_waits_since_its_last_try(workspace: Workspace, arm: Arm) -> None:
    public_id = arm("toy")
    put(workspace, public_id, {"state": "scheduled", "due_at": 3 * AGO})
    with workspace.db.transaction() as session:
        present = now(session)
        ended = {
            "started_at": present - 2 * AGO,
            "ended_at": present - AGO,
            "outcome": "interrupted",
            "evidence": {},
        }
        row = service.find(session, public_id)
        session.add(Attempt(publication_id=row.id, n=1, phase=Phase.COMMIT, claim_no=1, **ended))
    assert_waits(workspace, AGO)


def test_a_pause_that_nobody_has_carried_out_is_counted(workspace: Workspace, arm: Arm) -> None:
    put(workspace, arm("toy"), {"state": "published", "switch_to": "pause"})
    assert told(workspace) == (1, None)


def test_the_oldest_is_told(workspace: Workspace, arm: Arm) -> None:
    put(workspace, arm("toy"), {"state": "sending", "lease_until": 3 * AGO})
    put(workspace, arm("toy", "Second"), {"state": "scheduled", "due_at": LATER})
    assert_waits(workspace, 3 * AGO)
    put(workspace, arm("toy", "Third"), {"state": "scheduled", "due_at": AGO})
    due, seconds = told(workspace)
    assert due == 2
    assert (seconds or 0) >= 3 * AGO.total_seconds()
