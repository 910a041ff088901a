"""Workers that are killed again and again, at random instants: nothing is lost, and what cannot be known is said.

``CMS_ITEMS``, ``CMS_KILLS`` and ``CMS_SEED`` ask for more, or for the same again.
"""

import random
import time

import pytest

from tests.fire.conftest import MakeCluster, Tell
from tests.fire.proofs import SEED, Killer, asked, judge, just_now, left, printed, until

ITEMS, KILLS = asked("CMS_ITEMS", 5_000), asked("CMS_KILLS", 200)
WORKERS = 2
IN_FLIGHT = 1  # of those whose outcome cannot be found out, one worker commits one at a time
LONGEST = 2.5  # seconds that a worker lives
SLOW = 0.02  # seconds for each answer of the wall
SLOWEST = 1.0


def slowed(seconds: float, work: float, kills: float) -> float:
    """How long an answer of the wall takes, so that there is work as long as there are kills (both as the share that is left)."""
    return min(SLOWEST, seconds * 1.2) if work < kills else max(SLOW, seconds / 1.2)


@pytest.mark.long
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_killed_at_random_nothing_is_lost_and_nothing_doubled(
    kind: str, make_cluster: MakeCluster, tell: Tell
) -> None:
    tell(seed=SEED, items=ITEMS, kills=KILLS)
    with make_cluster(kind) as made:
        made.arm(ITEMS, just_now())
        made.wall.seconds = SLOW
        began = time.monotonic()
        killer = Killer(made, ["worker"], random.Random(SEED), LONGEST)
        killer.start(WORKERS)
        while killer.kills < KILLS and (work := left(made)):
            made.wall.seconds = slowed(made.wall.seconds, work / ITEMS, 1 - killer.kills / KILLS)
            for _ in range(50):  # it is not asked more often than that how much is left
                killer.go_on()
                time.sleep(0.01)
        killed = time.monotonic() - began
        made.wall.seconds = 0.0
        remaining = left(made)
        until(lambda: not left(made), seconds=900, step=0.5)
        killer.stop()
        verdict = judge(made)
        listed = printed(made, "publications", "list", "--state", "unknown")
    tell(
        kills=killer.kills,
        killed_for=f"{killed:.0f} s",
        left_after_kills=remaining,
        **verdict.states,
        posts=sum(made.wall.written.values()),
        seconds=f"{time.monotonic() - began:.0f}",
    )
    verdict.hold(ITEMS)
    assert not verdict.states["missed"], "each began in time"
    assert verdict.states["unknown"] <= killer.kills * IN_FLIGHT
    assert len(listed) == verdict.states["unknown"], "each is listed"
    assert all(row["reason"] for row in listed), "with what is known of it"
    assert killer.kills >= KILLS * 0.9, "killed often enough while there was work"
