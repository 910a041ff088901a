"""Calls with a deadline: what comes in time comes through, what hangs is left behind, and nobody else pays for it."""

import threading
import time
from collections.abc import Iterator
from contextvars import ContextVar

import pytest

from cms_core.deadline import ASIDE_SECONDS, THREADS, Deadlines, Overrun

WORD: ContextVar[str] = ContextVar("word")


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def deadlines(clock: Clock) -> Deadlines:
    return Deadlines(clock)


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """What hanging calls wait for; opened at the end."""
    opened = threading.Event()
    yield opened
    opened.set()


def hang(deadlines: Deadlines, gate: threading.Event, name: str = "slow") -> None:
    with pytest.raises(Overrun, match=name):
        deadlines.call(name, lambda: gate.wait(30), seconds=0.02)


def test_answers_errors_and_the_context_come_through(deadlines: Deadlines) -> None:
    WORD.set("here")
    assert deadlines.call("a", WORD.get) == "here"
    with pytest.raises(ZeroDivisionError):
        deadlines.call("a", lambda: 1 / 0)
    with pytest.raises(SystemExit):
        deadlines.call("a", lambda: (_ for _ in ()).throw(SystemExit(3)))
    assert deadlines.call("a", threading.get_ident) != threading.get_ident()


def test_one_overrun_is_forgiven_two_set_aside_and_it_is_asked_again_by_itself(
    deadlines: Deadlines, clock: Clock, gate: threading.Event
) -> None:
    hang(deadlines, gate)
    assert deadlines.aside_for("slow") == 0
    hang(deadlines, gate)
    assert deadlines.aside_for("slow") == ASIDE_SECONDS
    began = time.monotonic()
    with pytest.raises(Overrun, match="set aside for 300 more seconds"):
        deadlines.call("slow", lambda: "now quick")
    assert time.monotonic() - began < 0.5
    assert deadlines.call("other", lambda: "fine") == "fine"
    clock.seconds += ASIDE_SECONDS
    with pytest.raises(Overrun, match="has not returned"):
        deadlines.call("slow", lambda: "now quick")
    gate.set()
    for _ in range(100):
        try:
            assert deadlines.call("slow", lambda: "now quick") == "now quick"
            break
        except Overrun:
            time.sleep(0.02)
    else:
        pytest.fail("it was never asked again")


def test_overruns_long_ago_are_forgotten(deadlines: Deadlines, clock: Clock, gate: threading.Event) -> None:
    hang(deadlines, gate)
    clock.seconds += 601
    hang(deadlines, gate)
    assert deadlines.aside_for("slow") == 0


def test_many_that_hang_leave_threads_for_the_others(deadlines: Deadlines, gate: threading.Event) -> None:
    callers = [threading.Thread(target=hang, args=(deadlines, gate, f"slow{n}")) for n in range(3 * THREADS)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert deadlines.call("other", lambda: "fine") == "fine"


def test_threads_are_used_again(deadlines: Deadlines) -> None:
    used = {deadlines.call("a", threading.get_ident) for _ in range(50)}
    assert len(used) <= 2
