"""The ticker when the clock of the machine is set: it goes on by the second, and makes up for nothing."""

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from cms_core import hookimpl
from cms_core.config import Config
from cms_core.contract import Job, JobContext
from cms_core.migrations import upgrade
from cms_core.queue import EmbeddedDispatcher
from cms_core.ticker import Ticker
from cms_core.workspace import Workspace, open_workspace


class Bell:
    """Counts how often it was rung."""

    def __init__(self) -> None:
        self.rung = 0
        self.heard = threading.Event()

    def ring(self) -> None:
        """Something may be due."""
        self.rung += 1
        self.heard.set()

    def run(self, plugin: str, job: Job) -> None:
        """The interval of a plugin's job may be over."""


@pytest.mark.sqlite
@pytest.mark.parametrize(
    "offset", [timedelta(days=3_652), timedelta(days=1), timedelta(hours=-1), timedelta(days=-20_000)]
)
def test_a_ticker_goes_on_when_the_clock_is_set(workspace: Workspace, offset: timedelta) -> None:
    bell = Bell()
    ticker = Ticker(workspace.plugins, bell)
    ticker.start()
    try:
        assert bell.heard.wait(5)
        with time_machine.travel(datetime.now(UTC) + offset, tick=True):
            assert_goes_on(bell)
        assert_goes_on(bell)
    finally:
        ticker.stop()


def assert_goes_on(bell: Bell) -> None:
    time.sleep(1.2)  # a wait that had begun before is over
    before = bell.rung
    time.sleep(2.5)
    assert 1 <= bell.rung - before <= 4, "it ticks, and not for every second that was jumped over"


class Daily:
    """A plugin with a job for once a day, which counts how often it was done."""

    def __init__(self) -> None:
        self.done = 0

    @hookimpl
    def register_jobs(self) -> list[Job]:
        return [Job("once-a-day", timedelta(days=1), self._do)]

    def _do(self, _context: JobContext) -> None:
        self.done += 1


@pytest.mark.sqlite
def test_a_daily_job_is_done_though_the_program_is_started_anew_each_day(config: Config) -> None:
    plugin = Daily()
    opened = open_workspace(config, plugins=[], extra_plugins=[("daily", plugin)])
    upgrade(opened.db.engine, opened.plugins)
    for _ in range(3):
        ticker = Ticker(opened.plugins, EmbeddedDispatcher(opened))
        ticker.start()
        deadline = time.monotonic() + 10
        while not plugin.done and time.monotonic() < deadline:
            time.sleep(0.05)
        ticker.stop()
    opened.db.dispose()
    assert plugin.done == 1, "at the first start, and not again before a day has passed"
