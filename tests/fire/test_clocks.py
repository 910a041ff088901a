"""The clock of the machine jumps while things go out: nothing is lost, doubled or early, and what is too late is missed.

The processes run under libfaketime, which reads how far their clock is off from a file; their monotonic clock stays true.
``CMS_JUMPS``, ``CMS_PLANNED`` and ``CMS_SEED`` ask for more, or for the same again.
"""

import random
import time
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from cms_core.publishing.models import Publication
from tests.fire.conftest import MakeCluster, Tell
from tests.fire.processes import KINDS, Cluster
from tests.fire.proofs import SEED, asked, judge, just_now, left, path_with, states, stop, until

JUMPS, PLANNED = asked("CMS_JUMPS", 200), asked("CMS_PLANNED", 2_000)
LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
YEARS = timedelta(days=3_652)
GRACE = timedelta(hours=2)  # of the channels of the wall: the default
STAYS = 1.8  # seconds between two jumps
SLOW = 0.15  # seconds for each answer: a jump finds something under way
# Under libfaketime a sleep until an instant of the monotonic clock ends at once, or in an error; a wait for a lock does not.
PATIENT = "import threading, time\ntime.sleep = lambda seconds: threading.Event().wait(seconds) and None\n"
NOTICED = 10.0  # seconds from a claim to its post, with all that was claimed together, on a busy machine


def offsets() -> dict[timedelta, int]:
    """Where the clock may be, beside the true time, and how often: a jump by more than the grace leaves little to be posted."""
    since_1970 = datetime.now(UTC) - datetime(1970, 1, 2, tzinfo=UTC)
    small = dict.fromkeys([timedelta(0), SECOND, -SECOND, HOUR, -HOUR], 4)
    return small | dict.fromkeys([DAY, -DAY, -since_1970, YEARS], 1)


@dataclass
class Faked:
    """The clock that the processes see, and where it has been."""

    file: Path
    moves: list[tuple[float, timedelta]] = field(default_factory=list)

    def jump(self, offset: timedelta) -> None:
        """From now on it is off by this much."""
        following = self.file.with_suffix(".next")
        following.write_text(f"{offset.total_seconds():+.0f}\n")
        following.rename(self.file)
        self.moves.append((time.time(), offset))

    def environ(self) -> dict[str, str]:
        """What makes a process see it."""
        return {
            "LD_PRELOAD": str(LIBRARY),
            **path_with(self.file.parent, PATIENT),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DONT_RESET": "1",
        }

    def shown(self, at: float) -> list[datetime]:
        """What it may have shown to a process that acted at this (true) instant, or up to a moment before."""
        true = datetime.fromtimestamp(at, UTC)
        until_then = [(when, offset) for when, offset in self.moves if when <= at]
        recent = [offset for when, offset in until_then if when > at - NOTICED - SLOW]
        older = [offset for when, offset in until_then if when <= at - NOTICED - SLOW]
        return [true + offset for offset in [*older[-1:], *recent]]

    def latest(self, since: float) -> datetime:
        """The latest instant that it has shown since then."""
        ends = [when for when, _ in self.moves[1:]] + [time.time()]
        spans = zip(self.moves, ends, strict=True)
        return max(datetime.fromtimestamp(end, UTC) + offset for (_, offset), end in spans if end >= since)


@pytest.mark.long
@pytest.mark.skipif(LIBRARY is None, reason="libfaketime is not installed")
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_jumps_of_the_clock(kind: str, make_cluster: MakeCluster, tmp_path: Path, tell: Tell) -> None:
    tell(seed=SEED, planned=PLANNED, jumps=JUMPS)
    dice, clock, began = random.Random(SEED), Faked(tmp_path / "clock"), time.monotonic()
    clock.jump(timedelta(0))
    places = offsets()
    posted: dict[str, list[float]] = defaultdict(list)
    with make_cluster(kind, **clock.environ()) as made:
        made.wall.seconds = SLOW
        made.wall.answering = lambda name: posted[name[1]].append(time.time())
        running = [made.start(command) for command in ("scheduler", "worker", "worker")]
        made.ready()
        due: dict[str, tuple[datetime, float]] = {}
        for _ in range(JUMPS):
            offset = dice.choices(list(places), list(places.values()))[0]
            soon = datetime.now(UTC) + offset + timedelta(seconds=dice.uniform(-1, 1))
            for key in made.arm(PLANNED // JUMPS, soon, dice.sample(KINDS, len(KINDS))):
                due[key] = soon, time.time()
            clock.jump(offset)
            time.sleep(STAYS * dice.uniform(0.5, 1.5))
        clock.jump(timedelta(0))
        made.wall.seconds = 0.0
        settled = until(lambda: not due_and_open(made), 600, 0.5)
        beats = made.wall.beats
        time.sleep(10)
        beats_after = made.wall.beats
        clock.jump(2 * YEARS)
        until(lambda: not left(made), 600, 0.5)
        stop(running)
        verdict, rows = judge(made), all_rows(made)
        seconds = time.monotonic() - began
    tell(
        jumps=JUMPS,
        **verdict.states,
        settled_in=f"{settled:.0f} s",
        beats=beats_after,
        seconds=f"{seconds:.0f}",
    )
    verdict.hold(PLANNED)
    never = {row.public_id for row in rows if row.state == "missed"}
    assert not never & set(posted), "what is missed did not go out"
    for row in rows:
        planned_for, since = due[row.public_id]
        if row.state == "missed":
            assert clock.latest(since) > planned_for + GRACE, "missed, though it was never too late"
        for at in posted[row.public_id]:
            assert max(clock.shown(at)) >= planned_for, "before its time"
        if row.tries == 1 and posted[row.public_id]:
            assert min(clock.shown(posted[row.public_id][0])) <= planned_for + GRACE, "later than it may be"
    assert beats_after > beats, "jobs go on"


def due_and_open(made: Cluster) -> int:
    """How many are due by the true clock, and not ended."""
    return left(made, Publication.due_at <= datetime.now(UTC))


def all_rows(made: Cluster) -> list[Publication]:
    """Every publication."""
    with made.workspace.db.session() as session:
        return list(session.scalars(select(Publication)))


@pytest.mark.long
@pytest.mark.skipif(LIBRARY is None, reason="libfaketime is not installed")
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
@pytest.mark.parametrize("offset", [HOUR, YEARS])
def test_a_clock_that_is_set_forward_takes_no_lease_from_who_is_at_work(
    kind: str, offset: timedelta, make_cluster: MakeCluster, tmp_path: Path
) -> None:
    clock = Faked(tmp_path / "clock")
    clock.jump(timedelta(0))
    with make_cluster(kind, CMS_LEASE_SECONDS="30", **clock.environ()) as made:
        made.wall.seconds = 8.0  # whoever searches while it is under way does not find it
        running = [made.start("scheduler"), made.start("worker"), made.start("worker")]
        made.ready()
        made.arm(1, just_now(), ["lookup"])
        until(lambda: states(made)["committing"] == 1)
        clock.jump(offset)
        until(lambda: states(made)["published"] == 1)
        time.sleep(made.wall.seconds)  # a second one would arrive meanwhile
        stop(running)
    assert set(made.wall.written.values()) == {1}
