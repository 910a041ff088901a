"""Two processes send at once on PostgreSQL, each a publication of its own to everybody: ``python processes.py HOME PUBLICATION``.

A process says ``ready`` when it may begin and waits for a line; at its end it says when its sending began and ended.
"""

import gc
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import place

from cms_core.cli import OBJECTS_BETWEEN_COLLECTIONS
from cms_core.publishing import listing, runner
from cms_core.publishing.sending import Sending
from cms_core.worker import Worker
from cms_core.workspace import Workspace


class Timed(Sending):
    """Keeps when the sending began, after its audience was written, and when its last row was settled."""

    began = ended = 0.0

    def __init__(self, *arguments: Any) -> None:
        Timed.began = time.time()
        super().__init__(*arguments)

    def close(self) -> None:
        super().close()
        Timed.ended = time.time()


def send_together(workspace: Workspace, connections: Sequence[str], people: int) -> float:
    """Mails a second over all processes, from the first claim of one to the last settled row of the other."""
    publications = [place.arm(workspace, name) for name in connections]
    home = workspace.config.home
    with ExitStack() as stack:
        started = [stack.enter_context(_process(home, each)) for each in publications]
        for process in started:
            _hear(process)
        for process in started:
            _say(process)
        said = [json.loads(_hear(process)) for process in started]
    with workspace.db.session() as session:
        counts = listing.delivery_counts(session, publications)
    if counts != {"accepted": people * len(publications)}:
        raise RuntimeError(f"not everything was sent: {counts}")
    seconds: float = max(each["ended"] for each in said) - min(each["began"] for each in said)
    return people * len(publications) / seconds


def _process(home: Path, publication: int) -> "subprocess.Popen[str]":
    command = [sys.executable, __file__, str(home), str(publication)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _hear(process: "subprocess.Popen[str]") -> str:
    if process.stdout is None or not (line := process.stdout.readline()):
        raise RuntimeError("a sending process has ended")
    return line


def _say(process: "subprocess.Popen[str]") -> None:
    if process.stdin is not None:
        process.stdin.write("go\n")
        process.stdin.flush()


def main(home: str, publication: str) -> None:
    """One of the processes."""
    vars(runner)[Sending.__name__] = Timed
    worker = Worker(place.open_home(Path(home)).for_publishing())
    gc.freeze()  # as a worker does when it starts
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
    print("ready", flush=True)
    sys.stdin.readline()
    worker.run_one(int(publication))
    print(json.dumps({"began": Timed.began, "ended": Timed.ended}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
