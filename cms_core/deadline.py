"""Calls of plugins that a page waits for: made by a few threads of their own, each with a deadline.

Python cannot end a thread, so a call that overruns keeps its thread until it returns; the page goes on without the answer. A plugin
that overruns again within a few minutes is set aside for a while, so that it cannot take all threads; it is asked again by itself
afterwards. The threads are daemons: a call that never returns does not keep the process from ending.
"""

import queue
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, field
from typing import Any

THREADS = 8
PAGE_SECONDS = 2.0
DECISION_SECONDS = 10.0  # where the answer decides whether something goes out, or was erased
OVERRUNS = 2
MEMORY_SECONDS = 600.0
ASIDE_SECONDS = 300.0

# Whoever makes a page puts a list here and gets the plugins that did not answer, in words.
UNANSWERED: ContextVar[list[str] | None] = ContextVar("unanswered", default=None)


class Overrun(TimeoutError):
    """The plugin did not answer in time, or is set aside because it has not before."""


@dataclass
class _Call:
    """One call on its way: its outcome is set before ``done``. ``given_up``: nobody waits for it any more."""

    plugin: str
    function: Callable[[], Any]
    done: threading.Event = field(default_factory=threading.Event)
    started: bool = False
    given_up: bool = False
    answer: Any = None
    error: BaseException | None = None

    def run(self) -> None:
        try:
            self.answer = self.function()
        except BaseException as error:  # told to whoever waits
            self.error = error
        self.done.set()


class Deadlines:
    """The threads of one app, and which plugins are set aside. ``clock`` counts seconds.

    A thread whose call overran is written off and replaced; it ends when the call returns. A plugin that holds some of those is not
    called at all, so there are never more of them than requests at one moment, however many plugins hang.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._calls: queue.SimpleQueue[_Call] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._threads = self._free = 0
        self._stuck: Counter[str] = Counter()
        self._overruns: dict[str, list[float]] = {}
        self._aside: dict[str, float] = {}

    def call(self, plugin: str, function: Callable[[], Any], seconds: float = PAGE_SECONDS) -> Any:
        """Call with this much time; what it raises is raised here. Raises Overrun, at once where the plugin is set aside.

        The thread sees what the caller's context holds (the app, the request), but no session of the caller's may be used there.
        """
        # A decision is asked all the same: a slow card of a page must not keep what is due from going out.
        if seconds < DECISION_SECONDS and (left := self.aside_for(plugin)):
            raise Overrun(f"{plugin} is set aside for {left:.0f} more seconds: it did not answer in time")
        if self._stuck[plugin] >= OVERRUNS:
            raise Overrun(f"{plugin} has not returned from earlier calls")
        context = copy_context()
        call = _Call(plugin, lambda: context.run(function))
        self._start(call)
        if not call.done.wait(seconds):
            self._give_up(call)
            raise Overrun(f"{plugin} did not answer within {seconds:g} s")
        if call.error is not None:
            raise call.error
        return call.answer

    def aside_for(self, plugin: str) -> float:
        """For how many seconds this plugin is still set aside; 0 when it is not."""
        return max(0.0, self._aside.get(plugin, 0.0) - self._clock())

    def _give_up(self, call: _Call) -> None:
        with self._lock:
            if call.done.is_set():
                return
            call.given_up = True
            if not call.started:  # all threads were busy: no fault of this plugin
                return
            self._threads -= 1
            self._stuck[call.plugin] += 1
            self._note(call.plugin)

    def _note(self, plugin: str) -> None:
        present = self._clock()
        lately = [at for at in self._overruns.get(plugin, []) if present - at < MEMORY_SECONDS]
        self._overruns[plugin] = [*lately, present]
        if len(lately) + 1 >= OVERRUNS:
            self._aside[plugin] = present + ASIDE_SECONDS
            self._overruns[plugin] = []

    def _start(self, call: _Call) -> None:
        with self._lock:
            if self._free <= 0 and self._threads < THREADS:
                self._threads += 1
                threading.Thread(target=self._work, name="cms-page-hook", daemon=True).start()
            else:
                self._free -= 1
        self._calls.put(call)

    def _work(self) -> None:
        while True:
            call = self._calls.get()
            with self._lock:
                call.started = not call.given_up
            if call.started:
                call.run()
            with self._lock:
                if call.started and call.given_up:
                    self._stuck[call.plugin] -= 1
                    return
                self._free += 1
