"""Four schedulers and four workers on one database, by mistake or on purpose: each item is claimed and posted once."""

import time
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import func, select

from cms_core.publishing.models import Attempt, Publication
from tests.fire.conftest import MakeCluster, Tell
from tests.fire.processes import Cluster
from tests.fire.proofs import asked, judge, just_now, left, path_with, stop, until

ITEMS = asked("CMS_ITEMS", 5_000)
EACH = 4
LONG_LEASE = "30"  # eight processes on a small machine: whoever waits for the processor is not dead
# A module that is None is not installed, as far as anybody can find out: the workspace then does without the queue.
NO_QUEUE = "import sys\nsys.modules['procrastinate'] = None\n"


@pytest.mark.long
@pytest.mark.parametrize("mode", ["sqlite", "postgresql", "cluster"])
def test_four_schedulers_and_four_workers_claim_nothing_twice(
    mode: str, make_cluster: MakeCluster, tmp_path: Path, tell: Tell
) -> None:
    kind = "sqlite" if mode == "sqlite" else "postgresql"
    environ = path_with(tmp_path / "path", NO_QUEUE) if mode == "postgresql" else {}
    with make_cluster(kind, CMS_LEASE_SECONDS=LONG_LEASE, **environ) as made:
        made.arm(ITEMS, just_now())
        began = time.monotonic()
        running = [made.start(command) for command in ["scheduler", "worker"] * EACH]
        made.ready()
        until(lambda: not left(made), seconds=900, step=0.5)
        seconds, rung = time.monotonic() - began, uses_the_queue(made)
        stop(running)
        judge(made).hold(ITEMS)
        workers, claims, commits = counted(made)
        beats = made.wall.beats
    tell(items=ITEMS, seconds=f"{seconds:.0f}", beats=beats, per_worker=workers)
    assert rung is (mode == "cluster"), "the mode that was meant"
    assert len(made.wall.written) == ITEMS
    assert set(claims) == {1}, "one claim of each"
    assert set(commits) == {1}, "one commit of each"
    assert len(workers) == EACH, "all have worked"
    assert beats <= seconds / 0.9 + 2, "one of four runs the job"


def uses_the_queue(made: Cluster) -> bool:
    """Whether the tables of the queue are there: whoever uses it makes them."""
    from sqlalchemy import inspect

    return inspect(made.workspace.db.engine).has_table("procrastinate_jobs")


def counted(made: Cluster) -> tuple[list[int], Counter[int], Counter[int]]:
    """How many items each worker had; how often items were claimed, and how often they were committed."""
    with made.workspace.db.session() as session:
        workers = Counter(session.scalars(select(Publication.worker)))
        claims = Counter(session.scalars(select(Publication.claim_no)))
        tried = select(func.count()).where(Attempt.phase == "commit").group_by(Attempt.publication_id)
        commits = Counter(session.scalars(tried))
    return sorted(workers.values()), claims, commits
