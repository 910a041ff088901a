"""What the long proofs share: how much is asked of them, what must be true at their end, and who gets killed when."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, func, select

from cms_core.publishing.models import Attempt, Publication
from tests.fire.processes import Cluster

SEED = int(os.environ.get("CMS_SEED", "7"))
OTHER_PLUGINS = "ads email leads sales_enablement seo social"  # what is not needed makes each start slower
OPEN = ("scheduled", "preparing", "committing", "sending", "retry_wait")
CERTAIN = ("keyed", "natural", "lookup")  # kinds whose outcome is found out without a person

Process = subprocess.Popen[str]


def asked(name: str, default: int) -> int:
    """How many a proof is to do: the environment variable of this name, or the default."""
    return int(os.environ.get(name, str(default)))


def path_with(folder: Path, code: str) -> dict[str, str]:
    """What lets processes run some code before anything else: a ``sitecustomize`` in this folder."""
    folder.mkdir(exist_ok=True)
    (folder / "sitecustomize.py").write_text(code)
    return {"PYTHONPATH": os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])}


def just_now() -> datetime:
    """An instant at which something is due already."""
    return datetime.now(UTC) - timedelta(seconds=1)


def until(wanted: Callable[[], bool], seconds: float = 30, step: float = 0.05) -> float:
    """Wait until something is so; gives the seconds it took."""
    began = time.monotonic()
    while not wanted():
        assert time.monotonic() - began < seconds, "it never came to be"
        time.sleep(step)
    return time.monotonic() - began


def states(made: Cluster) -> Counter[str]:
    """How many publications are in each state."""
    query = select(Publication.state, func.count()).group_by(Publication.state)
    with made.workspace.db.session() as session:
        return Counter(dict(session.execute(query).all()))


def left(made: Cluster, *where: ColumnElement[bool]) -> int:
    """How many (of these) are still to be done: nobody has ended them, or an unknown one can still be found out."""
    undecided = Publication.state.in_(OPEN) | (
        (Publication.state == "unknown")
        & Publication.channel.in_(CERTAIN)
        & Publication.needs_person.is_(False)
    )
    with made.workspace.db.session() as session:
        return session.scalar(select(func.count()).select_from(Publication).where(undecided, *where)) or 0


def says_ready(made: Cluster, process: Process) -> bool:
    """Whether a process has said that it is ready; one that ended instead is a fault."""
    said = made.said[process].read_text()
    if any(word in said for word in ("ready", "serves")):
        return True
    assert process.poll() is None, f"{process.args!r} ended: {said}"
    return False


def stop(processes: Sequence[Process]) -> None:
    """Let these end in peace."""
    for process in processes:
        process.send_signal(signal.SIGTERM)
    for process in processes:
        process.wait(60)


def printed(made: Cluster, *command: str) -> Any:
    """What a ``cms … --json`` command prints."""
    environ = {**os.environ, "CMS_HOME": str(made.homes[0]), **made.environ}
    line = [sys.executable, "-m", "cms_core.cli", *command, "--json"]
    return json.loads(subprocess.run(line, env=environ, capture_output=True, text=True, check=True).stdout)


@dataclass
class Killer:
    """Keeps so many processes running, and kills each at a random instant after it is ready."""

    made: Cluster
    command: Sequence[str]
    dice: random.Random
    longest: float
    kills: int = 0
    running: dict[Process, float | None] = field(default_factory=dict)

    def start(self, count: int) -> None:
        """Begin with so many."""
        for _ in range(count):
            self.running[self.made.start(*self.command)] = None

    def go_on(self) -> None:
        """Look at each once: whose time has come is killed, and followed by another."""
        for process, end in list(self.running.items()):
            if end is None:
                if says_ready(self.made, process):
                    self.running[process] = time.monotonic() + self.dice.uniform(0, self.longest)
            elif time.monotonic() >= end:
                self.kill(process)
                self.start(1)

    def kill(self, process: Process) -> None:
        """Kill one with SIGKILL; it must have been alive."""
        assert process.poll() is None, f"it ended by itself: {self.made.said[process].read_text()}"
        process.kill()
        process.wait()
        del self.running[process]
        self.kills += 1

    def stop(self) -> None:
        """Let those that are left end in peace."""
        with suppress(ProcessLookupError):
            stop(list(self.running))


@dataclass(frozen=True)
class Verdict:
    """What became of the items of a proof, by the rows and by the wall."""

    states: Counter[str]
    by_channel: Counter[tuple[str, str]]
    lost: list[str]
    doubled: list[tuple[str, str]]
    strangers: list[tuple[str, str]]
    unsaid: list[str]

    def hold(self, items: int) -> None:
        """What must be true of every proof: nothing lost, nothing doubled, nothing on the wall that was not intended."""
        assert self.states.total() == items
        assert set(self.states) <= {"published", "failed", "unknown", "missed"}, self.states
        assert not self.lost, "called published, but not on the wall"
        assert not self.doubled, "on the wall twice"
        assert not self.strangers, "on the wall under a key that is none of its channel's items"
        assert not self.unsaid, "on the wall without an intent that was committed before"
        unknown = {channel for (channel, state), _ in self.by_channel.items() if state == "unknown"}
        assert unknown <= {"plain"}, "what can be found out is found out"


def judge(made: Cluster) -> Verdict:
    """Compare rows and wall."""
    with made.workspace.db.session() as session:
        rows = session.execute(select(Publication.public_id, Publication.channel, Publication.state)).all()
        intended = set(
            session.scalars(
                select(Publication.public_id).join(Attempt).where(Attempt.phase == "commit").distinct()
            )
        )
        never_ended = session.scalars(select(Attempt.id).where(Attempt.outcome.is_(None))).all()
    assert not never_ended, "an attempt without an end"
    known = {(row.channel, row.public_id) for row in rows}
    written = made.wall.written
    return Verdict(
        states=Counter(row.state for row in rows),
        by_channel=Counter((row.channel, row.state) for row in rows),
        lost=[
            row.public_id
            for row in rows
            if row.state == "published" and not written[row.channel, row.public_id]
        ],
        doubled=[name for name, count in written.items() if count > 1],
        strangers=[name for name, count in written.items() if count and name not in known],
        unsaid=[key for (_, key), count in written.items() if count and key not in intended],
    )
