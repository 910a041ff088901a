"""What all benchmarks share: rows, fair turns, servers that are certainly the ones we started."""

import gc
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

WAIT_SECONDS = 20.0


@dataclass(frozen=True)
class Row:
    """One comparison. ``goal`` is what the ratio must reach (or with ``at_most`` not exceed); None: only reported."""

    name: str
    ours: float
    baseline: float
    unit: str
    against: str
    goal: float | None = None
    at_most: bool = False
    spread: tuple[float, float] | None = None

    @property
    def ratio(self) -> float:
        """Ours over the baseline, both at their best."""
        return self.ours / self.baseline if self.baseline else 0.0

    @property
    def ok(self) -> bool:
        """Whether the goal is met; a row without a goal is only reported."""
        if self.goal is None:
            return True
        return self.ratio <= self.goal if self.at_most else self.ratio >= self.goal

    def document(self) -> dict[str, Any]:
        """The row as JSON."""
        return {
            "name": self.name,
            "ours": round(self.ours, 4),
            "baseline": round(self.baseline, 4),
            "ratio": round(self.ratio, 4),
            "goal": self.goal,
            "ok": self.ok,
            "goal_is": "at most" if self.at_most else "at least",
            "unit": self.unit,
            "against": self.against,
            "ratios": [round(each, 4) for each in self.spread] if self.spread else None,
        }


def take_turns(cases: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Run each case once a round, one after the other, so that a machine whose speed drifts is as fair to one as to the next."""
    found: dict[str, list[float]] = {name: [] for name in cases}
    for number in range(rounds):
        order = list(cases)
        for name in order if number % 2 == 0 else reversed(order):
            gc.collect()
            found[name].append(cases[name]())
            say(f"  round {number + 1}: {name} {found[name][-1]:.4g}")
    return found


def compare(
    name: str,
    ours: Sequence[float],
    baseline: Sequence[float],
    *,
    unit: str,
    against: str,
    goal: float | None = None,
    at_most: bool = False,
) -> Row:
    """A row of the best round of each side; the spread is that of the ratios round by round."""
    best = min if at_most else max
    ratios = [mine / theirs for mine, theirs in zip(ours, baseline, strict=True)]
    spread = (min(ratios), max(ratios))
    return Row(name, best(ours), best(baseline), unit, against, goal, at_most, spread)


def say(line: str) -> None:
    """Tell how it goes, on stderr."""
    print(line, file=sys.stderr, flush=True)


def free_port() -> int:
    """A port of loopback on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
    return port


@contextmanager
def serving(command: Sequence[str], port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Start a server and wait until it listens; raises RuntimeError when it ended or something else answers there."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        _await(process, port)
        yield process
    finally:
        process.kill()
        process.wait()


def _await(process: subprocess.Popen[bytes], port: int) -> None:
    end = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with {process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"{process.args!r} does not listen on port {port}")
