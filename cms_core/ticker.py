"""The ticker: APScheduler as a heartbeat, never the holder of a user's schedule.

Its cron trigger loses whole days at some changes to daylight saving time; rows hold the schedule, the ticker only rings the bell
and runs plugins' interval jobs. One process ticks.
"""

import logging
from datetime import UTC

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from cms_core import services
from cms_core.contract import Job, JobContext
from cms_core.plugins import PLUGIN_FAULTS
from cms_core.queue import Queue
from cms_core.workspace import Workspace

log = logging.getLogger(__name__)
logging.getLogger("apscheduler").setLevel(logging.WARNING)  # it would tell each second that it has ticked

TICK_SECONDS = 1


class Ticker:
    """Rings the queue every second and runs the jobs of plugins at their intervals."""

    def __init__(self, workspace: Workspace, queue: Queue) -> None:
        self._workspace = workspace
        self._scheduler = BackgroundScheduler(
            timezone=UTC, job_defaults={"coalesce": True, "misfire_grace_time": None}
        )
        self._scheduler.add_job(
            queue.ring, IntervalTrigger(seconds=TICK_SECONDS, timezone=UTC), id="core:tick"
        )
        for plugin, job in workspace.plugins.jobs:
            trigger = IntervalTrigger(seconds=max(1, int(job.every.total_seconds())), timezone=UTC)
            self._scheduler.add_job(self._run, trigger, args=[plugin, job], id=f"{plugin}:{job.id}")

    def start(self) -> None:
        """Begin to tick."""
        self._scheduler.start()

    def stop(self) -> None:
        """Stop ticking; a running job is finished."""
        self._scheduler.shutdown(wait=True)

    def _run(self, plugin: str, job: Job) -> None:
        try:
            context = JobContext(self._workspace.db.clock.now(), services.Services(self._workspace, plugin))
            job.run(context)
        except PLUGIN_FAULTS as error:
            log.exception("job %s of plugin %s failed", job.id, plugin)
            self._workspace.plugins.report(plugin, f"job {job.id}", error)
