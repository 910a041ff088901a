"""The queue in the database: its tables, and the two kinds of job that go through it."""

from collections.abc import Callable
from datetime import timedelta

from procrastinate import App, JobContext, PsycopgConnector
from procrastinate.exceptions import UniqueViolation
from procrastinate.jobs import Status
from procrastinate.schema import SchemaManager
from psycopg.conninfo import make_conninfo
from sqlalchemy import func, inspect, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ProgrammingError

from cms_core.config import Config
from cms_core.db import Database
from cms_core.errors import CmsError

WORK, PLUGIN_JOBS = "work", "plugin_jobs"
QUEUES = (WORK, PLUGIN_JOBS)
CONNECTIONS = 4  # two listen, two ask
WAIT_SECONDS = 5.0  # for one of them, also by who is to end while the database is away
STALLED = timedelta(seconds=30)  # three heartbeats of procrastinate's
_INSTALLING = 7_041_776  # any number that nobody else locks


def make_app(config: Config, do_work: Callable[[], None], run_job: Callable[[str, str], None]) -> App:
    """The queue of this workspace, with what a worker does when a job reaches it."""
    app = App(
        connector=PsycopgConnector(
            conninfo=conninfo(config.database_url), min_size=1, max_size=CONNECTIONS, timeout=WAIT_SECONDS
        )
    )

    @app.task(name=WORK, queue=WORK)
    def _work() -> None:
        do_work()

    @app.task(name=PLUGIN_JOBS, queue=PLUGIN_JOBS)
    def _run_job(plugin: str, job: str) -> None:
        run_job(plugin, job)

    @app.periodic(cron="* * * * * */30")
    @app.task(name="rescue", queue=PLUGIN_JOBS, queueing_lock="rescue", pass_context=True)
    async def _rescue(_context: JobContext, timestamp: int) -> None:
        """Jobs whose worker has died are put back; ``timestamp`` is the half minute that this is for."""
        del timestamp
        stalled = await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED.total_seconds())
        for job in stalled:
            try:
                await app.job_manager.retry_job(job)
            except UniqueViolation:  # one of this name that nobody has begun yet is enough
                await app.job_manager.finish_job(job, Status.FAILED, delete_job=True)

    return app


def conninfo(database_url: str) -> str:
    """The address of the database as its driver takes it: SQLAlchemy leaves a space in a password as it is, libpq refuses it."""
    url = make_url(database_url).set(drivername="postgresql+psycopg")
    _, arguments = url.get_dialect()().create_connect_args(url)
    return make_conninfo(**arguments)


def install(db: Database) -> None:
    """Make the tables of the queue, unless they are there."""
    try:
        with db.writing() as connection:
            connection.execute(select(func.pg_advisory_xact_lock(_INSTALLING)))
            if not inspect(connection).has_table("procrastinate_jobs"):
                connection.exec_driver_sql(SchemaManager.get_schema().replace("%", "%%"))
    except ProgrammingError as error:
        raise CmsError(
            f"the tables of the queue cannot be made: {error.orig}",
            "start `cms scheduler` once as the owner of the other tables",
        ) from error
