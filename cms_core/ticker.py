"""The ticker: APScheduler as a heartbeat, never the holder of a user's schedule.

Its cron trigger loses whole days at some changes to daylight saving time; rows hold the schedule, the ticker only rings the bell
and says when the interval of a plugin's job is over. Any number of processes may tick: a round is taken by one of them.
"""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger
from sqlalchemy.exc import SQLAlchemyError

from cms_core.contract import Job
from cms_core.logs import tell_fault
from cms_core.migrations import load_models
from cms_core.plugins import Plugins
from cms_core.queue import Dispatcher

# It would tell each second that it has ticked, or that it has not while the database did not answer.
logging.getLogger("apscheduler").setLevel(logging.ERROR)

TICK_SECONDS = 1
LONGEST_SECONDS = 3_600

log = logging.getLogger(__name__)


class _Heart(BackgroundScheduler):  # type: ignore[misc]
    """Beats by the second whatever the clock of the machine does.

    Left alone it would count every second that a clock was set forward by, and wait for every one that it was set back.
    """

    def _process_jobs(self) -> float:
        present = datetime.now(UTC)
        for job in self.get_jobs():
            if abs(job.next_run_time - present) > job.trigger.interval:
                job.modify(next_run_time=present)
        return min(super()._process_jobs() or TICK_SECONDS, TICK_SECONDS)


def _tried(call: Callable[..., None], *given: Any) -> None:
    try:
        call(*given)
    except SQLAlchemyError as fault:
        tell_fault(log, "the ticker could not do its part; it tries again", fault)


class Ticker:
    """Rings each second, and calls for the jobs of plugins: at the start, then at their intervals, but each hour at least.

    Whether an interval is over is for the dispatcher to know, who remembers it over a restart.
    """

    def __init__(self, plugins: Plugins, dispatcher: Dispatcher) -> None:
        load_models(plugins)
        self._scheduler = _Heart(timezone=UTC, job_defaults={"coalesce": True, "misfire_grace_time": None})
        every_second = IntervalTrigger(seconds=TICK_SECONDS, timezone=UTC)
        self._scheduler.add_job(_tried, every_second, args=[dispatcher.ring], id="core:tick")
        for plugin, job in plugins.jobs:
            trigger = IntervalTrigger(seconds=_asked_every(job), timezone=UTC)
            self._scheduler.add_job(
                _tried,
                trigger,
                args=[dispatcher.run, plugin, job],
                id=f"{plugin}:{job.id}",
                next_run_time=datetime.now(UTC),
            )

    def start(self) -> None:
        """Begin to tick."""
        self._scheduler.start()

    def stop(self) -> None:
        """Stop ticking; a running job is finished."""
        self._scheduler.shutdown(wait=True)


def _asked_every(job: Job) -> int:
    return max(TICK_SECONDS, min(LONGEST_SECONDS, int(job.every.total_seconds())))
